"""The SX126x driver on the rig's SX1262, in a time that wraps in the middle."""

from drivers.lora_radio import TIMEOUT, RadioError
from lyhord_rig.radio.sx1262 import Fault
from lyhord_rig.radio.sx1262_tables import Irq, Mode
from tests.drivers.emulated import PERIOD
from tests.drivers.emulated_radio import EmulatedSx1262, make_sx1262, poll_until_it_ends, radio_time
from tests.fakes.refuses import refuses


def opcodes(chip):
    return [op for op, _ in chip.commands]


def test_an_absent_chip_is_found_at_once():
    for fault, floating in ((Fault.GROUNDED, 0x00), (Fault.FLOATING, 0xFF)):
        chip = EmulatedSx1262(radio_time())
        chip.chip.fault = fault
        assert "register 0x%02x%02x" % (floating, floating) in str(refuses(RadioError, chip.open))


def test_a_chip_that_stays_busy_is_a_fault_with_a_deadline():
    ticks = radio_time(PERIOD - 20_000)
    chip = EmulatedSx1262(ticks)
    chip.chip.fault = Fault.BUSY_STUCK
    assert "busy" in str(refuses(RadioError, chip.open))
    assert 50_000 <= ticks.now_us - (PERIOD - 20_000) <= 80_000
    assert chip.commands == []


def test_the_start_has_the_order_of_a_tcxo_and_ends_asleep():
    _, chip, _ = make_sx1262()
    order = opcodes(chip)
    assert order[0] == 0x80 and chip.commands[0][1] == b"\x00"
    start = order.index(0x97)
    assert order[start : start + 4] == [0x97, 0x07, 0x89, 0x98]
    assert chip.last(0x97) == b"\x02\x00\x01\x40"  # 1.8 V, 320 steps of 15.625 us
    assert (chip.last(0x89), chip.last(0x98)) == (b"\x7f", b"\xd7\xdb")
    assert order.index(0x96) < start and chip.last(0x96) == b"\x01"
    assert chip.last(0x9D) == b"\x01" and chip.last(0x8A) == b"\x01"
    assert chip.registers[0x08D8] == 0xC8 | 0x1E
    assert chip.commands[-1] == (0x84, b"\x04") and chip.mode is Mode.SLEEP
    assert chip.violations == []


def test_a_crystal_gets_no_voltage():
    chip = EmulatedSx1262(radio_time(), tcxo_mv=None)
    chip.open(tcxo_mv=None, dio2_switch=False)
    assert chip.last(0x97) is None and chip.last(0x9D) is None
    assert chip.violations == []


def test_a_clock_that_does_not_start_is_a_fault():
    for fault, tcxo_mv in ((Fault.NO_CLOCK, 1800), (None, None)):
        chip = EmulatedSx1262(radio_time())
        chip.chip.fault = fault
        assert "0x0020" in str(refuses(RadioError, chip.open, tcxo_mv=tcxo_mv))
    refuses(ValueError, EmulatedSx1262(radio_time()).open, tcxo_mv=1750)


def test_configure_sets_the_modem_of_the_protocol():
    steps = (
        (868_100_000, b"\x36\x41\x99\x9a"),
        (868_300_000, b"\x36\x44\xcc\xcd"),
        (868_500_000, b"\x36\x48\x00\x00"),
        (869_525_000, b"\x36\x58\x66\x66"),
    )
    _, chip, radio = make_sx1262()
    for freq_hz, expected in steps:
        for sf in range(7, 13):
            radio.configure(freq_hz, sf)
            assert chip.last(0x86) == expected
            assert chip.last(0x8B) == bytes((sf, 4, 1, 1 if sf >= 11 else 0))
            assert (chip.registers[0x0740], chip.registers[0x0741]) == (0x34, 0x44)
            assert chip.mode is Mode.STANDBY_XOSC
    radio.configure(868_100_000, 9, sync_word=0x12)
    assert (chip.registers[0x0740], chip.registers[0x0741]) == (0x14, 0x24)
    assert chip.violations == []


def test_power_uses_the_setting_of_the_pa_that_wastes_least():
    _, chip, radio = make_sx1262()
    optimal_dbm = {b"\x02\x02\x00\x01": 14, b"\x04\x07\x00\x01": 22}
    for power_dbm in range(-9, 23):
        radio.configure(868_100_000, 7, power_dbm=power_dbm)
        setting, ramp = chip.last(0x8E)
        setting = setting - 256 if setting > 127 else setting
        assert -9 <= setting <= 22 and ramp == 2
        assert optimal_dbm[chip.last(0x95)] - (22 - setting) == power_dbm
        assert (chip.last(0x95) == b"\x04\x07\x00\x01") is (power_dbm > 14)


def test_configure_refuses_what_the_chip_cannot_do():
    _, _, radio = make_sx1262()
    for arguments in ((862_900_000, 7), (870_100_000, 7), (868_100_000, 6), (868_100_000, 13)):
        refuses(ValueError, radio.configure, *arguments)
    for power_dbm in (-10, 23):
        refuses(ValueError, radio.configure, 868_100_000, 7, power_dbm=power_dbm)
    refuses(ValueError, radio.configure, 868_100_000, 7, preamble=5)


def test_send_loads_the_buffer_and_reports_the_time_of_the_interrupt():
    ticks, chip, radio = make_sx1262()
    radio.configure(868_100_000, 7, preamble=300)
    radio.start_send(b"lyhord")
    assert chip.last(0x8C) == b"\x01\x2c\x00\x06\x01\x00"
    assert chip.last(0x83) == b"\x00\x00\x00"
    assert chip.registers[0x0736] & 4 and chip.registers[0x0889] & 4
    end_us = ticks.now_us + 36_000
    ticks.at(end_us, chip.finish_send)
    assert radio.poll_send() is False
    ticks.pass_us(60_000)  # polled late, the time is right all the same
    assert radio.poll_send() is True
    assert chip.sent == [b"lyhord"]
    assert 0 <= radio.sent_us - (end_us & PERIOD - 1) <= 2 * ticks.read_us
    assert chip.chip._irq == 0
    refuses(RuntimeError, radio.poll_send)
    assert chip.violations == []


def test_inversion_is_told_to_the_modem_and_worked_around():
    ticks, chip, radio = make_sx1262()
    for invert_iq, crc in ((True, False), (False, True)):
        radio.configure(868_100_000, 7, invert_iq=invert_iq, crc=crc)
        radio.start_send(b"down")
        assert (chip.last(0x8C)[4], chip.last(0x8C)[5]) == (int(crc), int(invert_iq))
        assert chip.registers[0x0736] == (0x09 if invert_iq else 0x0D)
        ticks.pass_us(1000)
        assert (chip.air.sent[-1][0].crc, chip.air.sent[-1][0].inverted) == (crc, invert_iq)
        chip.finish_send()
        assert radio.poll_send()
        radio.start_receive()
        assert chip.last(0x8C)[5] == int(invert_iq)
        assert chip.registers[0x0736] == (0x09 if invert_iq else 0x0D)


def test_what_a_warm_start_forgets_is_there_again():
    ticks, chip, radio = make_sx1262()
    radio.configure(868_100_000, 7, invert_iq=True)
    radio.sleep()
    radio.sleep()
    assert chip.mode is Mode.SLEEP and opcodes(chip)[-2:] == [0x80, 0x84]  # the second one lets it lie
    ticks.pass_us(1000)
    radio.start_receive()
    assert (chip.registers[0x0736], chip.registers[0x08AC]) == (0x09, 0x96)
    radio.sleep()
    ticks.pass_us(1000)
    radio.start_send(b"x")
    ticks.pass_us(1000)
    assert chip.registers[0x0889] & 4 and chip.sent == [b"x"]
    assert chip.violations == []


def test_prepared_frames_start_with_one_command():
    ticks, chip, radio = make_sx1262()
    radio.configure(869_525_000, 12, power_dbm=22, invert_iq=True, crc=False)
    radio.prepare_send(b"abc")
    assert chip.mode is Mode.FS and chip.sent == []
    before, began_us = len(chip.commands), ticks.now_us
    ticks.pass_us(1000)
    radio.start_send()
    assert opcodes(chip)[before:] == [0x83] and chip.mode is Mode.TX
    assert ticks.now_us - began_us <= 1000 + 2 * ticks.read_us
    assert chip.violations == []


def test_a_broken_header_does_not_spoil_the_next_frames_time():
    ticks, chip, radio = make_sx1262()
    radio.configure(868_100_000, 7)
    radio.start_receive()
    chip.break_header()
    assert chip.irq_pin.level == 0
    end_us = ticks.now_us + 10_000
    ticks.at(end_us, lambda: chip.deliver(b"good"))
    ticks.pass_us(15_000)
    packet = radio.poll_receive()
    assert packet.data == b"good" and 0 <= packet.end_us - (end_us & PERIOD - 1) <= 2 * ticks.read_us
    chip.break_header()
    ticks.pass_us(25_000)
    assert radio.poll_receive() is None and not chip.chip._irq & Irq.HEADER_ERROR and chip.mode is Mode.RX


def test_signal_strength_is_the_signals_own():
    _, chip, radio = make_sx1262()
    radio.configure(868_100_000, 7)
    radio.start_receive()
    assert chip.last(0x82) == b"\xff\xff\xff"  # without an end
    for rssi_dbm, snr_q4 in ((-101, 40), (-120, 0), (-118, -4), (-127, -128)):
        chip.deliver(b"x", rssi_dbm, snr_q4 / 4)
        packet = radio.poll_receive()
        assert (packet.rssi_dbm, packet.snr_q4) == (rssi_dbm, snr_q4)
        assert chip.chip._irq == 0


def test_single_reception_sets_the_timer_and_ends():
    ticks, chip, radio = make_sx1262()
    for sf, timeout_symbols in ((9, 4), (7, 57), (12, 255), (12, 1023)):
        radio.configure(868_100_000, sf)
        radio.start_receive(timeout_symbols)
        assert chip.last(0x9F) == b"\x01"
        steps = int.from_bytes(chip.last(0x82), "big")
        assert 0 <= timeout_symbols * (8 << sf) - steps * 125 // 8 <= 16  # microseconds
        assert radio.poll_receive() is None
        ticks.pass_us(timeout_symbols * (8 << sf) + 2_000)
        assert chip.irq_pin.level == 1
        assert radio.poll_receive() is TIMEOUT
        assert chip.mode is Mode.STANDBY_RC
        refuses(RuntimeError, radio.poll_receive)
    assert chip.violations == []


def test_noise_that_stopped_the_timer_ends_the_window_when_no_header_follows():
    ticks, chip, radio = make_sx1262()
    radio.configure(868_100_000, 9)
    radio.start_receive(20)
    chip.notice_preamble()
    result, lasted_us = poll_until_it_ends(ticks, radio)
    assert result is TIMEOUT
    assert (20 + 8 + 12) * 4096 <= lasted_us <= (20 + 8 + 14) * 4096 + 25_000
    assert chip.mode is Mode.STANDBY_RC and chip.violations == []


def test_a_chip_that_stays_busy_later_raises_where_it_matters_and_sleep_never_does():
    _, chip, radio = make_sx1262()
    radio.configure(868_100_000, 7)
    chip.chip.fault = Fault.BUSY_STUCK
    for call in (radio.standby, radio.start_receive, lambda: radio.start_send(b"x")):
        refuses(RadioError, call)
    radio.sleep()
    assert chip.reset.level == 0  # whatever it was doing, it does not send any more
    refuses(RadioError, radio.configure, 868_100_000, 7)
    chip.chip.fault = None
    radio.restart()
    radio.configure(868_100_000, 7)
    assert chip.mode is Mode.STANDBY_XOSC and chip.nss.level == 1
