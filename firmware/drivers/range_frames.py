"""The two messages that serial rangers send, found in a stream of bytes. Pure.

A reader has `feed(byte)`, which gives millimetres as the sensor says them when that byte ends a
whole message, else None; and `reset()`, which forgets half a message.
"""

_START = 0xFF
_CARRIAGE_RETURN = 0x0D
_LETTER_R = 0x52
_DIGIT_0 = 0x30
_DIGITS = 4


class BinaryFrames:
    """`FF high low sum`: A02YYUW, JSN-SR04T and AJ-SR04M. The sum is the low byte of FF + high + low,
    or without `header_in_sum` of high + low.

    FF may also stand inside a message: the window slides by one byte until the sum is right and the
    number is below 32768, which rules out most of what the end of one message and the next can feign, or
    one of `codes`, by which some makes say why they have no number.
    """

    def __init__(self, header_in_sum=True, codes=()):
        self._base = _START if header_in_sum else 0
        self._codes = codes
        self._window = 0

    def reset(self):
        self._window = 0

    def feed(self, byte):
        window = (self._window << 8 | byte) & 0xFFFFFFFF
        self._window = window
        mm = window >> 8 & 0xFFFF
        if window >> 24 != _START or (mm & 0x8000 and mm not in self._codes):
            return None
        if (self._base + (mm >> 8) + mm) & 0xFF != byte:
            return None
        self._window = 0
        return mm


class TextFrames:
    """`R1234` and a carriage return: MaxBotix HRXL-MaxSonar-WR of 5 m. Stray FF bytes are passed over;
    the text that the sensor sends at power-on has an R as well, but never four digits behind it."""

    def __init__(self):
        self._digits = -1  # before the R
        self._mm = 0

    def reset(self):
        self._digits = -1

    def feed(self, byte):
        if byte == _START:
            return None
        digits = self._digits
        if byte == _LETTER_R:
            self._digits = self._mm = 0
        elif 0 <= digits < _DIGITS and _DIGIT_0 <= byte < _DIGIT_0 + 10:
            self._mm = self._mm * 10 + byte - _DIGIT_0
            self._digits = digits + 1
        else:
            self._digits = -1
            if digits == _DIGITS and byte == _CARRIAGE_RETURN:
                return self._mm
        return None
