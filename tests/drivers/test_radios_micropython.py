"""What both radio drivers owe their callers, each against a fake of its chip, in a time that wraps."""

from drivers.lora_radio import RadioError
from tests.drivers import test_sx126x_micropython as sx126x
from tests.drivers import test_sx127x_micropython as sx127x
from tests.fakes.ticks import PERIOD

# Modes by their chip: idle after a fault, receiving without an end.
_IDLE = {sx126x: sx126x.STANDBY_RC, sx127x: sx127x.STANDBY}
_RECEIVING = {sx126x: sx126x.RX, sx127x: sx127x.RX_CONTINUOUS}


def with_both(test):
    """Runs `test(ticks, chip, radio, module)` with either radio; `module`: the tests of that driver alone."""
    for module in (sx126x, sx127x):
        print(module.__name__)
        ticks, chip, radio = module.make()
        test(ticks, chip, radio, module)
        assert chip.violations == []


def overlong(ticks, chip, radio, module):
    radio.configure(868_100_000, 12)
    started_us = ticks.now_us
    refused = module.refuses(RadioError, radio.send, bytes(64))
    lasted_us = ticks.now_us - started_us
    assert 2_793_472 + 100_000 <= lasted_us <= 2_793_472 + 200_000  # over the wrap of the ticks
    assert started_us < PERIOD < ticks.now_us
    assert "transmission" in str(refused)
    assert chip.mode == _IDLE[module]


def lost_edge(ticks, chip, radio, _):
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


def continuous(ticks, chip, radio, module):
    radio.configure(868_100_000, 7)
    radio.start_receive()
    assert radio.poll_receive() is None
    for at, data in ((0, b"first"), (5, b"second"), (250, b"over the end of the FIFO")):
        end_us = ticks.now_us + 20_000
        ticks.at(end_us, lambda data=data, at=at: chip.deliver(data, at=at))
        ticks.pass_us(40_000)
        packet = radio.poll_receive()
        assert packet.data == data and packet.crc_ok
        assert 0 <= packet.end_us - (end_us & PERIOD - 1) <= 2 * ticks.read_us
        assert chip.mode == _RECEIVING[module]
        ticks.pass_us(30_000)
        assert radio.poll_receive() is None


def crc_due(_ticks, chip, radio, _):
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


def test_a_transmission_that_never_ends_is_a_fault_after_its_time_on_air():
    with_both(overlong)


def test_a_lost_edge_of_the_interrupt_costs_20_ms_only():
    with_both(lost_edge)


def test_continuous_reception_reads_from_where_the_chip_put_the_frame():
    with_both(continuous)


def test_a_frame_without_the_crc_that_is_due_is_not_believed():
    with_both(crc_due)
