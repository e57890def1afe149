"""The one error family that these tools show as a single line and exit code 2."""


class ToolError(Exception):
    """The user's, the device's or the network's fault. The message is one line, without secrets."""
