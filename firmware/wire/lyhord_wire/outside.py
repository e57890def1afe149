"""Text from outside: files, devices and the air, as it is read and as it may be shown. Not for the node.

    file    ──text_of, first_line──▶ text as its writer meant it, or one line that says why not
    stranger ──printable──▶ a terminal, a log        ──csv_cell──▶ a spreadsheet

Every file of the gateway and the tools is read through here, and nothing that came from outside reaches a
person in another way. The functions of the gateway and of the tools that print (`lyhord_gateway.cli.show`,
`lyhord_tools.show`) and log (`lyhord_gateway.log`) use them, so nobody else has to think of it.
"""

_BOM = b"\xef\xbb\xbf"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
# OWASP, "CSV Injection": cells that begin with these are formulas to a spreadsheet.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


class NotText(ValueError):
    """Bytes that are no UTF-8 text. The message ends a sentence that begins with the file's name."""


def text_of(data: bytes) -> str:
    """UTF-8 text, without the byte order mark that some editors put before it. Raises NotText."""
    if data[:2] in _UTF16:
        raise NotText("expected UTF-8 text, this is UTF-16; save it as UTF-8")
    try:
        text = (data[len(_BOM) :] if data[: len(_BOM)] == _BOM else data).decode()
    except UnicodeError as error:
        raise NotText("expected UTF-8 text") from error
    if "\0" in text:
        raise NotText("expected text, found a zero byte")
    return text


def lines_of(data: bytes) -> list[str]:
    """The lines of a text, without their ends: LF, or CR LF. Spaces at either end of a line are the
    writer's own. Raises NotText."""
    lines = text_of(data).split("\n")
    if not lines[-1]:
        del lines[-1]
    return [line[:-1] if line[-1:] == "\r" else line for line in lines]


def first_line(data: bytes) -> str:
    """The only line of a text, as passwords and keys are kept. Raises NotText if it has none or more."""
    lines = lines_of(data)
    if len(lines) != 1:
        raise NotText("expected one line")
    return lines[0]


def printable(text: str) -> str:
    """The text with a space for everything that is not printed: line ends, escape codes, the marks that turn
    the direction of writing, lone surrogates."""
    return "".join([letter if letter.isprintable() else " " for letter in text])


def one_line(text: str) -> str:
    """The text as a name is kept: without line ends around it, and printable."""
    return printable(text.strip("\r\n"))


def typed(argument: str) -> str:
    """A word of a command line as it was meant: bytes that the locale does not know are UTF-8."""
    try:
        return argument.encode("utf-8", "surrogateescape").decode()
    except UnicodeError:
        return argument


def csv_cell(value: object) -> object:
    """The value as a cell of a CSV file: a text that a spreadsheet would take for a formula begins with an
    apostrophe. Numbers are what they are."""
    if not isinstance(value, str):
        return value
    shown = printable(value)
    return "'" + shown if value[:1] in _FORMULA or shown.lstrip()[:1] in _FORMULA else shown


def escaped(json_text: str) -> str:
    """A JSON text in which nothing commands a terminal: what is not printed is escaped, as JSON may have it.
    Between its tokens a JSON text of ours has printed letters only."""
    if json_text.isprintable():
        return json_text
    return "".join([letter if letter.isprintable() else _escape(letter) for letter in json_text])


def _escape(letter: str) -> str:
    code = ord(letter)
    if code < 0x10000:
        return "\\u%04x" % code
    code -= 0x10000
    return "\\u%04x\\u%04x" % (0xD800 | code >> 10, 0xDC00 | code & 0x3FF)


def forgive(stream: object) -> None:
    """A terminal that lacks a letter shows a question mark, and the command goes on."""
    reconfigure = getattr(stream, "reconfigure", None)  # a stream of a test has none
    if reconfigure is not None:
        reconfigure(errors="replace")
