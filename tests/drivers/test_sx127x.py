"""The SX127x driver on the rig's SX1276, in a time that wraps in the middle."""

import pytest

from drivers.lora_radio import TIMEOUT, RadioError
from lyhord_rig.radio import sx1276
from lyhord_rig.radio.sx1276 import Fault
from lyhord_rig.radio.sx1276_registers import Mode
from tests.drivers.emulated import PERIOD
from tests.drivers.emulated_radio import EmulatedSx1276, make_sx1276, radio_time
from tests.fakes.refuses import refuses


def test_an_absent_chip_is_found_at_once():
    for fault, floating in ((Fault.GROUNDED, 0x00), (Fault.FLOATING, 0xFF)):
        chip = EmulatedSx1276(radio_time())
        chip.chip.fault = fault
        assert "0x%02x" % floating in str(refuses(RadioError, chip.open))


def test_the_start_calibrates_for_868_mhz_and_ends_in_lora_sleep():
    time, chip, _ = make_sx1276()
    (calibration,) = [at for at, transfer in enumerate(chip.log) if transfer[:1] == b"\xbb"]
    written = {transfer[0]: transfer[1] for transfer in chip.log[:calibration] if len(transfer) == 2}
    steps = written[0x86] << 16 | written[0x87] << 8 | written[0x88]
    assert abs(steps * 32_000_000 / (1 << 19) - 868_000_000) < 100
    assert 0 < chip.chip._calibrated_us <= time.world.now_us  # it waited for the end
    assert chip.registers[0x01] == 0x80
    assert chip.violations == []


def test_a_calibration_that_never_ends_is_a_fault(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sx1276, "_CALIBRATION_US", 1 << 60)
    refuses(RadioError, make_sx1276)


def test_configure_writes_the_modem_of_the_protocol():
    frf = ((868_100_000, 0xD90666), (868_300_000, 0xD91333), (868_500_000, 0xD92000), (869_525_000, 0xD9619A))
    _, chip, radio = make_sx1276()
    for freq_hz, steps in frf:
        for sf in range(7, 13):
            radio.configure(freq_hz, sf)
            r = chip.registers
            assert r[0x06] << 16 | r[0x07] << 8 | r[0x08] == steps
            assert r[0x1D] == 0x72  # 125 kHz, 4/5, explicit header
            assert r[0x1E] == sf << 4 | 0x04  # CRC on
            assert r[0x26] == (0x0C if sf >= 11 else 0x04)  # LDRO from symbols of 16 ms on, AGC
            assert (r[0x31], r[0x37]) == (0x03, 0x0A)
            assert r[0x20] << 8 | r[0x21] == 8
            assert r[0x39] == 0x34
            assert chip.mode is Mode.STANDBY
    radio.configure(868_100_000, 9, crc=False, sync_word=0x12, preamble=300)
    assert chip.registers[0x1E] == 0x90
    assert chip.registers[0x39] == 0x12
    assert chip.registers[0x20] << 8 | chip.registers[0x21] == 300
    assert chip.violations == []


def test_power_uses_the_boost_pin_and_the_dac_from_18_dbm_on():
    _, chip, radio = make_sx1276()
    for power_dbm in range(2, 21):
        radio.configure(868_100_000, 7, power_dbm=power_dbm)
        config, dac, ocp = chip.registers[0x09], chip.registers[0x4D], chip.registers[0x0B]
        assert config & 0x80  # RFM95 wires nothing else
        boost = 3 if dac == 0x87 else 0
        assert 2 + boost + (config & 0x0F) == power_dbm
        assert (dac, ocp) == ((0x87, 0x31) if power_dbm > 17 else (0x84, 0x2B))


def test_configure_refuses_what_the_chip_cannot_do():
    _, _, radio = make_sx1276()
    for arguments in ((433_000_000, 7), (868_100_000, 6), (868_100_000, 13)):
        refuses(ValueError, radio.configure, *arguments)
    for power_dbm in (1, 21):
        refuses(ValueError, radio.configure, 868_100_000, 7, power_dbm=power_dbm)
    refuses(ValueError, radio.configure, 868_100_000, 7, preamble=5)


def test_send_loads_the_fifo_and_reports_the_time_of_the_interrupt():
    ticks, chip, radio = make_sx1276()
    radio.configure(868_100_000, 7)
    radio.start_send(b"lyhord")
    assert chip.sent == [b"lyhord"] and chip.mode is Mode.TX
    assert chip.registers[0x40] & 0xC0 == 0x40  # DIO0 is TxDone
    assert (chip.registers[0x33], chip.registers[0x3B]) == (0x27, 0x1D)
    end_us = ticks.now_us + 36_000
    ticks.at(end_us, chip.finish_send)
    assert radio.poll_send() is False
    ticks.pass_us(60_000)  # polled late, the time is right all the same
    assert radio.poll_send() is True
    assert 0 <= radio.sent_us - (end_us & PERIOD - 1) <= 2 * ticks.read_us
    assert chip.registers[0x12] == 0
    assert modes(chip)[-2:] == [Mode.FS_TX, Mode.TX] and chip.mode is Mode.STANDBY
    refuses(RuntimeError, radio.poll_send)
    assert chip.violations == []


def test_inversion_differs_between_sending_and_receiving():
    _, chip, radio = make_sx1276()
    radio.configure(868_100_000, 7, invert_iq=True)
    radio.start_send(b"down")
    assert chip.air.sent[0][0].inverted
    assert (chip.registers[0x33], chip.registers[0x3B]) == (0x26, 0x19)  # bit 0 clear: transmission inverted
    chip.finish_send()
    assert radio.poll_send()
    radio.start_receive()
    assert (chip.registers[0x33], chip.registers[0x3B]) == (0x67, 0x19)  # bit 6: reception inverted
    radio.configure(868_100_000, 7)
    radio.start_receive()
    assert (chip.registers[0x33], chip.registers[0x3B]) == (0x27, 0x1D)


def modes(chip):
    """Those that the driver has ordered, in turn."""
    return [Mode(transfer[1] & 7) for transfer in chip.log if transfer[:1] == b"\x81"]


def test_prepared_frames_start_with_one_write():
    _, chip, radio = make_sx1276()
    radio.configure(869_525_000, 12, power_dbm=20, invert_iq=True, crc=False)
    radio.prepare_send(b"abc")
    assert chip.mode is Mode.FS_TX and chip.sent == []
    transfers = len(chip.log)
    radio.start_send()
    assert chip.sent == [b"abc"] and len(chip.log) == transfers + 1
    assert chip.violations == []


def test_signal_strength_has_the_offset_of_the_hf_port_and_the_noise():
    _, chip, radio = make_sx1276()
    radio.configure(868_100_000, 7)
    radio.start_receive()
    for rssi_dbm, snr_q4 in ((-100, 40), (0, 0), (-128, -4), (-150, -50), (-157, -128)):
        chip.deliver(b"x", rssi_dbm, snr_q4 / 4)
        packet = radio.poll_receive()
        assert abs(packet.rssi_dbm - rssi_dbm) <= 1 and packet.snr_q4 == snr_q4


def test_single_reception_sets_the_symbol_timeout_and_ends():
    ticks, chip, radio = make_sx1276()
    for timeout_symbols in (4, 255, 256, 1023):
        radio.configure(868_100_000, 9)
        radio.start_receive(timeout_symbols)
        assert chip.mode is Mode.RX_SINGLE
        assert (chip.registers[0x1E] & 3) << 8 | chip.registers[0x1F] == timeout_symbols
        assert chip.registers[0x1E] >> 2 == 0x94 >> 2  # SF and CRC are still there
        assert radio.poll_receive() is None
        ticks.pass_us(timeout_symbols * 4096 - 1_000)
        assert radio.poll_receive() is None
        ticks.pass_us(25_000)
        assert radio.poll_receive() is TIMEOUT
        assert chip.registers[0x12] == 0
        refuses(RuntimeError, radio.poll_receive)
    assert chip.violations == []
