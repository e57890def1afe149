"""The duties of both radio drivers, each on the rig's chip, in a time that wraps."""

from drivers.lora_radio import TIMEOUT, RadioError
from tests.drivers.emulated import PERIOD
from tests.drivers.emulated_radio import make_sx1262, make_sx1276, poll_until_it_ends
from tests.fakes.refuses import refuses


def with_both(test):
    """Runs `test(ticks, chip, radio)` with either radio."""
    for make in (make_sx1262, make_sx1276):
        ticks, chip, radio = make()
        print(type(radio).__name__)
        test(ticks, chip, radio)
        assert chip.violations == []


def overlong(ticks, chip, radio):
    radio.configure(868_100_000, 12)
    started_us = ticks.now_us
    refused = refuses(RadioError, radio.send, bytes(64))
    lasted_us = ticks.now_us - started_us
    assert 2_793_472 + 100_000 <= lasted_us <= 2_793_472 + 200_000  # over the wrap of the ticks
    assert started_us < PERIOD < ticks.now_us
    assert "transmission" in str(refused)
    assert chip.mode is chip.IDLE


def lost_edge(ticks, chip, radio):
    radio.configure(868_100_000, 7)
    chip.interrupts = False
    radio.start_send(b"x")
    end_us = ticks.now_us + 30_000
    ticks.at(end_us, chip.finish_send)
    while not radio.poll_send():
        ticks.pass_us(1000)
    assert 0 <= radio.sent_us - (end_us & PERIOD - 1) <= 22_000
    radio.start_receive()
    end_us = ticks.now_us + 30_000
    ticks.at(end_us, lambda: chip.deliver(b"y"))
    packet = radio.poll_receive()
    while packet is None:
        ticks.pass_us(1000)
        packet = radio.poll_receive()
    assert packet.data == b"y"
    assert 0 <= packet.end_us - (end_us & PERIOD - 1) <= 22_000


def continuous(ticks, chip, radio):
    radio.configure(868_100_000, 7)
    radio.start_receive()
    assert radio.poll_receive() is None
    for data in (b"first", b"second", bytes(range(240)), b"over the end of the FIFO"):
        end_us = ticks.now_us + 20_000
        ticks.at(end_us, lambda data=data: chip.deliver(data))
        ticks.pass_us(40_000)
        packet = radio.poll_receive()
        assert packet.data == data and packet.crc_ok
        assert 0 <= packet.end_us - (end_us & PERIOD - 1) <= 2 * ticks.read_us
        assert chip.mode is chip.RECEIVING
        ticks.pass_us(30_000)
        assert radio.poll_receive() is None


def crc_due(ticks, chip, radio):
    for expected, has_crc, crc_error, crc_ok in (
        (True, True, False, True),
        (True, True, True, False),
        (True, False, False, False),
        (False, False, False, True),
        (False, True, True, False),
    ):
        radio.configure(868_100_000, 7, crc=expected)
        radio.start_receive()
        chip.deliver(b"x", has_crc=has_crc, crc_error=crc_error)
        assert radio.poll_receive().crc_ok is crc_ok


def prepared(ticks, chip, radio):
    radio.configure(869_525_000, 12, invert_iq=True, crc=False)
    radio.prepare_send(b"abc")
    assert chip.sent == []
    radio.start_send()
    ticks.pass_us(1000)
    assert chip.sent == [b"abc"]
    chip.finish_send()
    assert radio.poll_send()
    refuses(RuntimeError, radio.start_send)
    refuses(ValueError, radio.start_send, b"")
    refuses(ValueError, radio.start_send, bytes(256))


def window(ticks, chip, radio):
    radio.configure(868_100_000, 9)
    for timeout_symbols in (3, 1024):
        refuses(ValueError, radio.start_receive, timeout_symbols)
    radio.start_receive(8)
    ticks.at(ticks.now_us + 25_000, chip.notice_preamble)  # 8 symbols are 33 ms
    ticks.at(ticks.now_us + 50_000, lambda: chip.deliver(b"answer"))
    ticks.pass_us(60_000)
    assert radio.poll_receive().data == b"answer"
    refuses(RuntimeError, radio.poll_receive)


def broken_header(ticks, chip, radio):
    radio.configure(868_100_000, 9)
    radio.start_receive(8)
    chip.break_header()
    result, lasted_us = poll_until_it_ends(ticks, radio)
    assert result is TIMEOUT and lasted_us <= 34_000  # when the window would have ended, at the latest
    assert chip.mode is chip.IDLE


def endless_window(ticks, chip, radio):
    radio.configure(868_100_000, 7)
    radio.start_receive(100)
    chip.stop_timer()
    result, lasted_us = poll_until_it_ends(ticks, radio)
    assert isinstance(result, RadioError)
    assert 102_400 + 399_616 <= lasted_us < 1_000_000
    assert chip.mode is chip.IDLE


def brown_out(ticks, chip, radio):
    for timeout_symbols in (None, 500):
        radio.configure(868_100_000, 7)
        radio.start_receive(timeout_symbols)
        chip.brown_out()
        ticks.pass_us(25_000)
        assert "left receiving" in str(refuses(RadioError, radio.poll_receive))
        radio.restart()
    radio.configure(868_100_000, 7)
    radio.start_receive()
    chip.deliver(b"back")
    assert radio.poll_receive().data == b"back"


def shells(ticks, chip, radio):
    radio.configure(868_100_000, 7)
    ticks.at(ticks.now_us + 30_000, chip.finish_send)
    radio.send(b"ping")
    ticks.at(ticks.now_us + 100_000, lambda: chip.deliver(b"pong"))
    assert radio.receive(200).data == b"pong"
    assert chip.mode is chip.IDLE
    before_us = ticks.now_us
    assert radio.receive(200) is TIMEOUT
    assert 199_000 < ticks.now_us - before_us < 212_000
    radio.sleep()
    assert chip.mode is chip.ASLEEP


def test_a_transmission_that_never_ends_is_a_fault_after_its_time_on_air():
    with_both(overlong)


def test_a_lost_edge_of_the_interrupt_costs_20_ms_only():
    with_both(lost_edge)


def test_continuous_reception_reads_from_where_the_chip_put_the_frame():
    with_both(continuous)


def test_a_frame_without_the_crc_that_is_due_is_not_believed():
    with_both(crc_due)


def test_prepared_frames_are_sent_once_and_neither_empty_nor_too_long():
    with_both(prepared)


def test_a_frame_ends_a_single_reception():
    with_both(window)


def test_a_broken_header_ends_a_single_reception_as_a_timeout():
    with_both(broken_header)


def test_a_single_reception_that_never_ends_is_a_fault():
    with_both(endless_window)


def test_a_chip_that_has_reset_itself_is_noticed():
    with_both(brown_out)


def test_the_blocking_shells():
    with_both(shells)
