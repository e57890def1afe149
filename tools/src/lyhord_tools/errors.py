"""The one error family that these tools show as a single line and exit code 2."""

from lyhord_wire.outside import printable


class ToolError(Exception):
    """The user's, the device's or the network's fault. The message is one line, without secrets; whatever a
    file or a device had in it, nothing in the message breaks the line or commands the terminal."""

    def __init__(self, message: str) -> None:
        super().__init__(printable(message))
