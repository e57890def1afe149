"""Text that comes from outside, as it may reach a terminal, a log and a spreadsheet."""


def printable(text: str) -> str:
    """The text with a space for everything that is not printed: line ends, escape codes, lone surrogates."""
    return "".join(character if character.isprintable() else " " for character in text)
