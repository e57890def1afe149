"""The serial terminal: the offer of the console after power-on or reset, and lines in and answers out.

The commands themselves are in `console.py`; they give their memory back after each line.
"""

import select
import sys
from time import ticks_add, ticks_diff, ticks_ms

from micropython import const

from lyhord_node.scoped_import import ScopedImport

_OFFER_MS = const(3_000)
_PROMPT = "> "
_LINE_MAX = const(200)  # bytes
_LOOK_MS = const(1_000)  # the watchdog is fed this often
_IDLE_MS = const(600_000)
_BACKSPACE = const(8)
_LF = const(10)
_CR = const(13)
_CTRL_C = const(3)
_CTRL_U = const(21)
_DELETE = const(127)
_ESC = const(27)
_CSI = const(91)  # [
_SS3 = const(79)  # O
_BEGUN = const(1)
_FOLLOWS = const(2)


def offer(node):
    """One line, and three seconds to press Enter. Returns the byte that Enter was, None if there was none."""
    import image

    if node.boot_guard.is_safe:
        print("Safe mode: %d starts came to no end. exit ends it." % node.boot_guard.count)
    who = "not provisioned" if node.identity is None else "node %06x" % node.identity.node
    print("Lyhord %s, %s. Press Enter for the console." % (image.VERSION, who))
    waiting = select.poll()
    waiting.register(sys.stdin, select.POLLIN)
    until_ms = ticks_add(ticks_ms(), _OFFER_MS)
    left_ms = _OFFER_MS
    while left_ms > 0 and waiting.poll(left_ms):  # an open line may bring noise without end
        byte = sys.stdin.buffer.read(1)[0]
        if byte in (_LF, _CR):
            return byte
        left_ms = ticks_diff(until_ms, ticks_ms())
    return None


def converse(node, staged, enter):
    """Answers line after line until one asks for more than an answer. Returns the name in `jobs` of what does
    it, False when nobody came; and the byte that Enter was, for the next time. Ten minutes after the last
    command that it knew the node sleeps: noise on an open line must not keep it here.

    staged: what `set` has collected for `save`, name → text as typed. enter: None makes the offer first.
    """
    if enter is None:
        enter = offer(node) or 0
        if not enter and node.identity:  # a node that is nobody has nothing else to do
            return False, enter
        node.power.light = False
        if not node.boot_guard.is_safe:
            node.boot_guard.completed()  # somebody is here
        print("ok")
    terminal = Terminal(node.power, enter == _CR)
    known_ms = ticks_ms()
    while True:
        line = terminal.read_line(ticks_add(known_ms, _IDLE_MS))
        if line is None:
            from lyhord_node.sleeping import sleep

            print("\nidle: going to sleep; reset to come back")
            sleep(node, 1 if node.identity else None)
        job = _answer(node, staged, line)
        if job:
            return job, enter
        if job is not False:
            known_ms = ticks_ms()


def _answer(node, staged, line):
    with ScopedImport():
        from lyhord_node.console import answer

        return answer(node, staged, line)


class Terminal:
    """Lines from the serial port, echoed, with backspace and Ctrl-U or Ctrl-C. `after_cr`: a LF may belong to
    a CR."""

    def __init__(self, power, after_cr):
        self._power = power
        self._after_cr = after_cr
        self._escape = 0
        self._input = select.poll()
        self._input.register(sys.stdin, select.POLLIN)

    def read_line(self, until_ms):
        """A line without its end; None when there is none by `until_ms` (`ticks_ms`)."""
        print(_PROMPT, end="")
        typed = bytearray()
        while ticks_diff(until_ms, ticks_ms()) > 0:
            self._power.feed()
            if not self._input.poll(_LOOK_MS):
                continue
            byte = sys.stdin.buffer.read(1)[0]
            second = byte == _LF and self._after_cr  # CR LF is one end of line
            self._after_cr = byte == _CR
            if second:
                continue
            if self._escapes(byte):
                continue
            if byte in (_LF, _CR):
                print()
                if len(typed) <= _LINE_MAX:
                    return _text(typed)
                print("error: over %d bytes, nothing was done" % _LINE_MAX)
                print(_PROMPT, end="")
                typed = bytearray()
                continue
            _edit(typed, byte)
        return None

    def _escapes(self, byte):
        """True for a byte of an arrow key or the like (ECMA-48): ESC, and all that follows up to its end."""
        if byte == _ESC:
            self._escape = _BEGUN
        elif self._escape == _BEGUN:
            self._escape = _FOLLOWS if byte in (_CSI, _SS3) else 0
        elif self._escape:
            if byte < 64 and byte not in (_LF, _CR):
                return True  # a parameter
            self._escape = 0
            return byte not in (_LF, _CR)
        else:
            return False
        return byte not in (_LF, _CR)


def _edit(typed, byte):
    if byte in (_BACKSPACE, _DELETE):
        if typed:
            shown = not _secret(typed)
            while typed and typed[-1] & 0xC0 == 0x80:  # a UTF-8 letter goes whole
                typed[:] = typed[:-1]
            typed[:] = typed[:-1]
            if shown:
                print("\b \b", end="")
    elif byte in (_CTRL_C, _CTRL_U):
        if not _secret(typed):
            letters = len([one for one in typed if one & 0xC0 != 0x80])
            print("\b \b" * letters, end="")
        typed[:] = b""
    elif byte >= 32 and len(typed) <= _LINE_MAX:  # one more shows that it is too long
        if len(typed) < _LINE_MAX and not _secret(typed):
            sys.stdout.buffer.write(bytes((byte,)))
        typed.append(byte)


def _secret(typed):
    """True where a key or a password is being typed: terminals and logs keep what they are shown."""
    typed = bytes(typed).lstrip()
    return typed[:10] == b"provision " or (typed[:4] == b"set " and b"password " in typed)


def _text(typed):
    try:
        return bytes(typed).decode()
    except (UnicodeError, ValueError):
        return "?"  # no command; the answer says so
