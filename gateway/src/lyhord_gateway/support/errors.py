"""Two families of errors: the user's faults, told in one line with exit code 2, and our bugs."""

from lyhord_wire.outside import printable


class UserError(Exception):
    """The message is one line that names the file, key, port or argument and what was expected. Whatever a
    file had in it, nothing in the message breaks the line or commands the terminal."""

    def __init__(self, message: str) -> None:
        super().__init__(printable(message))


class UnknownNode(UserError):
    def __init__(self, node: int) -> None:
        super().__init__(f"{node:06x}: expected a node of the registry")


class StoreDamaged(Exception):
    """The store holds something that was never written into it; the message says what."""


class StoreMoved(Exception):
    """Somebody has deleted or replaced the store's files while the gateway worked on them; the message says
    what was saved."""


def first_cause(group: BaseException) -> BaseException:
    """The first plain exception in a group of groups, for a log line."""
    error = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
