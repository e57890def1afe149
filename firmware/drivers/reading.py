"""One rule for every sensor: what was not measured is null, never a number.

A driver takes a number off the wire, and this decides whether it may leave the driver. A number is a reading
only if all four hold:

    it was asked for     the measurement was begun after the last reading was given
    it was measured      the part has shown that it measured since then: `proven`
    it is no code        the part has no word for "nothing" that looks the same: `never`
    it can be            it lies within what the part is specified for

Checksums are the drivers' own: they tell that bytes arrived as sent, not that anything was measured. A value
that a part also shows without measuring (85.0 °C of a DS18B20, 25.0 °C of its clones) is therefore neither
refused nor believed for itself: the proof decides.
"""

NOT_MEASURED = "not measured"  # nothing shows that the part has measured since it was asked
NO_VALUE = "no value"  # the part's own word for "I have nothing"
RANGE = "range"  # outside of what the part can measure


def objection(number, lowest, highest, proven=True, raw=None, never=()):
    """The reason why `number` is not a reading: NOT_MEASURED, NO_VALUE or RANGE; None if it is one.

    raw: the word it was made of, `never`: words that stand for nothing. number None: there is none.
    """
    if not proven:
        return NOT_MEASURED
    if number is None or raw in never:
        return NO_VALUE
    return None if lowest <= number <= highest else RANGE
