"""The common part of the tables' rows.

`key` is a row's number on the wire, `name` its name everywhere, `low` and `high` the range in the wire's
integers, `meaning` the text in docs/protocol.md, `constant` the number's name in `codes.py`. What follows
from other columns is computed when it is asked for, as tests load the tables on MicroPython too.
"""


def words(name: str) -> str:
    """A name as the words of a label: fill_level → Fill level."""
    text = name.replace("_", " ")
    return text[:1].upper() + text[1:]
