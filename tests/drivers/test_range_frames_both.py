"""Messages of serial rangers in a stream of bytes: whole, in pieces, among junk, and never a wrong one."""

from drivers.range_frames import BinaryFrames, TextFrames


def binary_frame(mm, header_in_sum=True):
    """The message of A02YYUW, JSN-SR04T and (without the header in its sum) AJ-SR04M."""
    body = bytes((mm >> 8, mm & 0xFF))
    return b"\xff" + body + bytes((sum(body) + (0xFF if header_in_sum else 0) & 0xFF,))


def text_frame(mm):
    """The message of a MaxBotix HRXL sensor."""
    return b"R%04d\r" % mm


def found(frames, data):
    return [mm for mm in [frames.feed(byte) for byte in data] if mm is not None]


def test_the_frame_of_the_data_sheet():
    assert found(BinaryFrames(), b"\xff\x07\xa1\xa7") == [1953]
    assert binary_frame(1953) == b"\xff\x07\xa1\xa7"


def test_both_checksums():
    for mm in range(0, 6000, 7):
        jsn, aj = binary_frame(mm), binary_frame(mm, header_in_sum=False)
        assert jsn[3] == (aj[3] - 1) & 0xFF
        assert found(BinaryFrames(), jsn) == [mm]
        assert found(BinaryFrames(False), aj) == [mm]
        assert found(BinaryFrames(), aj) == [] and found(BinaryFrames(False), jsn) == []


def test_junk_before_a_frame_costs_nothing():
    for junk in (b"", b"\x00", b"\xff", b"\xff\xff", b"\xff\xff\xff", b"\x07\xa1\xa7", b"\xff\x07\xa1"):
        assert found(BinaryFrames(), junk + binary_frame(1953)) == [1953], junk


def test_a_data_byte_may_look_like_a_header():
    for mm in range(0, 4501):
        for start in range(1, 4):
            stream = binary_frame(mm)[start:] + binary_frame(mm)
            assert found(BinaryFrames(), stream) == [mm], (mm, start)


def test_a_changed_bit_is_no_frame():
    for mm in range(30, 4500, 11):
        frame = binary_frame(mm)
        for bit in range(32):
            broken = bytearray(frame)
            broken[bit // 8] ^= 1 << bit % 8
            assert found(BinaryFrames(), broken) == [], (mm, bit)


def test_codes_are_found_where_a_make_has_them():
    for code in (0xFFFD, 0xFFFE):
        for junk in (b"", b"\xff", b"\xff\xff", b"\x07\xa1"):
            assert found(BinaryFrames(codes=(0xFFFD, 0xFFFE)), junk + binary_frame(code)) == [code]
        assert found(BinaryFrames(), binary_frame(code)) == []
    assert found(BinaryFrames(codes=(0xFFFD,)), binary_frame(0xFFFC)) == []
    assert found(BinaryFrames(codes=(0xFFFD, 0xFFFE)), b"\xff" * 64) == []


def test_half_a_message_is_forgotten():
    frames = BinaryFrames()
    found(frames, b"\xff\x07\xa1")
    frames.reset()
    assert found(frames, b"\xa7") == []
    frames = TextFrames()
    found(frames, b"R123")
    frames.reset()
    assert found(frames, b"4\r") == []


def test_text():
    for mm in (0, 300, 301, 1234, 4999, 5000, 9999):
        assert found(TextFrames(), text_frame(mm)) == [mm]
    assert found(TextFrames(), text_frame(1111) * 3) == [1111] * 3


def test_text_between_stray_bytes_and_torn_messages():
    for data, expected in (
        (b"\xff\xffR12\xff34\r\xff", [1234]),
        (b"34\rR1234\r", [1234]),
        (b"R12R1234\r", [1234]),
        (b"R12345\r", []),
        (b"R123\r", []),
        (b"R12a4\r", []),
        (b"R1234 \r", []),
        (b"R1234\n", []),
        (b"\x00" * 50, []),
        (b"HRXL-MaxSonar-WRMT\rPN:MB7389\rCopyright 2011-2013\rMaxBotix Inc.\rRoHS 1.8b090\rTempI\r", []),
    ):
        assert found(TextFrames(), data) == expected, data
