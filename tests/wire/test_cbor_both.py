"""CBOR: what we encode and decode (RFC 8949 appendix A), and everything else refused (section 4.2.1)."""

from binascii import hexlify, unhexlify

from lyhord_wire import cbor
from tests.wire.helpers import raises, refusal

MICROPYTHON_HEAPS = ("1m", "128k")

# RFC 8949 appendix A, as far as our messages go
EXAMPLES: tuple = (
    (0, "00"),
    (1, "01"),
    (10, "0a"),
    (23, "17"),
    (24, "1818"),
    (25, "1819"),
    (100, "1864"),
    (255, "18ff"),
    (256, "190100"),
    (1000, "1903e8"),
    (65535, "19ffff"),
    (65536, "1a00010000"),
    (1000000, "1a000f4240"),
    (4294967295, "1affffffff"),
    (4294967296, "1b0000000100000000"),
    (1000000000000, "1b000000e8d4a51000"),
    (18446744073709551615, "1bffffffffffffffff"),
    (-18446744073709551616, "3bffffffffffffffff"),
    (-1, "20"),
    (-10, "29"),
    (-24, "37"),
    (-25, "3818"),
    (-100, "3863"),
    (-1000, "3903e7"),
    (None, "f6"),
    (b"", "40"),
    (b"\x01\x02\x03\x04", "4401020304"),
    ("", "60"),
    ("a", "6161"),
    ("IETF", "6449455446"),
    ('"\\', "62225c"),
    ("\u00fc", "62c3bc"),
    ("\u6c34", "63e6b0b4"),
    ("\U00010151", "64f0908591"),
    ([], "80"),
    ([1, 2, 3], "83010203"),
    ([1, [2, 3], [4, 5]], "8301820203820405"),
    (list(range(1, 26)), "98190102030405060708090a0b0c0d0e0f101112131415161718181819"),
    ({}, "a0"),
    ({1: 2, 3: 4}, "a201020304"),
    ({"a": 1, "b": [2, 3]}, "a26161016162820203"),
    (["a", {"b": "c"}], "826161a161626163"),
)

REFUSED = (
    ("", "nothing"),
    ("0000", "a second value"),
    ("00f6", "trailing null"),
    ("1800", "0 in two bytes"),
    ("1817", "23 in two bytes"),
    ("190000", "0 in three bytes"),
    ("1900ff", "255 in three bytes"),
    ("1a0000ffff", "65535 in five bytes"),
    ("1b00000000ffffffff", "2^32 - 1 in nine bytes"),
    ("3817", "-24 in two bytes"),
    ("580141", "a byte string with a length that is too wide"),
    ("780161", "a text with a length that is too wide"),
    ("980101", "an array with a length that is too wide"),
    ("b8010101", "a map with a length that is too wide"),
    ("1c", "reserved argument 28"),
    ("1d", "reserved argument 29"),
    ("1e", "reserved argument 30"),
    ("1f", "indefinite integer"),
    ("5f4101ff", "indefinite byte string"),
    ("7f6161ff", "indefinite text"),
    ("9fff", "indefinite array"),
    ("9f01ff", "indefinite array with an element"),
    ("bfff", "indefinite map"),
    ("ff", "break alone"),
    ("c000", "a tag"),
    ("c24101", "a bignum"),
    ("d81800", "a tag of two bytes"),
    ("f4", "false"),
    ("f5", "true"),
    ("f7", "undefined"),
    ("e0", "simple value 0"),
    ("f8ff", "simple value 255"),
    ("f8f6", "null in two bytes"),
    ("f90000", "half float"),
    ("fa47c35000", "single float"),
    ("fb3ff199999999999a", "double float"),
    ("8101f6", "a trailing byte after an array"),
    ("a203010302", "a key twice"),
    ("a203010102", "keys not sorted"),
    ("a2616101616102", "a text key twice"),
    ("a261610101f6", "text before integer"),
    ("a220010102", "negative before positive"),
    ("a1f601", "null as a key"),
    ("a1410101", "bytes as a key"),
    ("a1800001", "an array as a key"),
    ("a1a00001", "a map as a key"),
    ("62c328", "text that is not UTF-8"),
    ("61ff", "a byte that UTF-8 does not know"),
    ("61c3", "half a character"),
    ("62c080", "U+0000 in two bytes"),
    ("63e0809f", "U+001F in three bytes"),
    ("64f0808080", "U+0000 in four bytes"),
    ("63eda080", "a surrogate"),
    ("64f4908080", "beyond U+10FFFF"),
)


def test_the_examples_of_rfc_8949_in_both_directions():
    for value, encoded in EXAMPLES:
        assert hexlify(cbor.encode(value)).decode() == encoded, value
        assert cbor.decode(unhexlify(encoded)) == value, encoded


def test_map_keys_are_sorted_by_their_encoded_bytes():
    # RFC 8949 section 4.2.1
    mixed = {"aa": 6, 100: 2, "z": 5, -1: 4, 10: 1}
    assert hexlify(cbor.encode(mixed)) == b"a50a011864022004617a0562616106"
    assert cbor.decode(cbor.encode(mixed)) == mixed


def test_arrays_may_be_tuples_and_byte_strings_bytearrays():
    assert cbor.encode((1, (2,))) == cbor.encode([1, [2]])
    assert cbor.encode(bytearray(b"ab")) == cbor.encode(b"ab")


def test_whatever_is_not_deterministic_or_not_ours_is_refused():
    for encoded, what in REFUSED:
        assert refusal(cbor.decode, unhexlify(encoded)) == "cbor", what


def test_every_cut_and_every_byte_too_many_is_refused():
    whole = cbor.encode([1, -70000, {1: [1, 2, None], 2: "text", "k": b"bytes"}, 1 << 40])
    for size in range(len(whole)):
        assert refusal(cbor.decode, whole[:size]) == "cbor", size
    for byte in range(256):
        assert refusal(cbor.decode, whole + bytes((byte,))) == "cbor", byte


def test_a_huge_declared_length_costs_nothing():
    # With a heap of 128 KiB an allocation of what is declared would be a MemoryError.
    for head in ("58ff", "59ffff", "5a00ffffff", "5affffffff", "5bffffffffffffffff"):
        for major in range(4):
            data = bytearray(unhexlify(head))
            data[0] += major << 5
            assert refusal(cbor.decode, bytes(data)) == "cbor", hexlify(data)
            assert refusal(cbor.decode, bytes(data) + bytes(50)) == "cbor", hexlify(data)


def test_nesting_is_bounded():
    assert cbor.decode(unhexlify("818181f6")) == [[[None]]]
    for opening in (b"\x81", b"\xa1\x01"):
        for depth in (cbor.MAX_DEPTH + 1, 100, 5000):
            assert refusal(cbor.decode, opening * depth + b"\x01") == "cbor", depth
        assert refusal(cbor.decode, opening * cbor.MAX_DEPTH + b"\x01") is None


def test_what_has_no_place_in_our_messages_cannot_be_encoded():
    half = 1 / 2
    for value in (True, False, half, [half], {1: True}, {1, 2}, object()):
        assert raises(TypeError, cbor.encode, value), value
    for value in (1 << 64, -(1 << 64) - 1):
        assert raises(ValueError, cbor.encode, value), value
