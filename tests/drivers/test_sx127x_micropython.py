"""The SX127x driver against a chip of registers, in a time that wraps in the middle."""

from drivers.lora_radio import TIMEOUT, RadioError
from tests.drivers.fake_radios import make_sx127x
from tests.fakes.refuses import refuses
from tests.fakes.sx1276_chip import FS_TX, RX_SINGLE, STANDBY, TX
from tests.fakes.ticks import PERIOD


def test_an_absent_chip_is_found_at_once():
    for floating in (0x00, 0xFF):
        refused = refuses(RadioError, make_sx127x, version=floating)
        assert "0x%02x" % floating in str(refused)


def test_the_start_calibrates_for_868_mhz_and_ends_in_lora_sleep():
    _, chip, _ = make_sx127x()
    assert len(chip.calibrated_hz) == 1 and abs(chip.calibrated_hz[0] - 868_000_000) < 100
    assert chip.calibration_reads == 0  # it waited for the end
    assert chip.registers[0x01] == 0x80
    assert chip.violations == []


def test_a_calibration_that_never_ends_is_a_fault():
    refuses(RadioError, make_sx127x, calibration_reads=1_000_000)


def test_configure_writes_the_modem_of_the_protocol():
    frf = ((868_100_000, 0xD90666), (868_300_000, 0xD91333), (868_500_000, 0xD92000), (869_525_000, 0xD9619A))
    _, chip, radio = make_sx127x()
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
            assert chip.mode == STANDBY
    radio.configure(868_100_000, 9, crc=False, sync_word=0x12, preamble=300)
    assert chip.registers[0x1E] == 0x90
    assert chip.registers[0x39] == 0x12
    assert chip.registers[0x20] << 8 | chip.registers[0x21] == 300
    assert chip.violations == []


def test_power_uses_the_boost_pin_and_the_dac_from_18_dbm_on():
    _, chip, radio = make_sx127x()
    for power_dbm in range(2, 21):
        radio.configure(868_100_000, 7, power_dbm=power_dbm)
        config, dac, ocp = chip.registers[0x09], chip.registers[0x4D], chip.registers[0x0B]
        assert config & 0x80  # RFM95 wires nothing else
        boost = 3 if dac == 0x87 else 0
        assert 2 + boost + (config & 0x0F) == power_dbm
        assert (dac, ocp) == ((0x87, 0x31) if power_dbm > 17 else (0x84, 0x2B))


def test_configure_refuses_what_the_chip_cannot_do():
    _, _, radio = make_sx127x()
    for arguments in ((433_000_000, 7), (868_100_000, 6), (868_100_000, 13)):
        refuses(ValueError, radio.configure, *arguments)
    for power_dbm in (1, 21):
        refuses(ValueError, radio.configure, 868_100_000, 7, power_dbm=power_dbm)
    refuses(ValueError, radio.configure, 868_100_000, 7, preamble=5)


def test_send_loads_the_fifo_and_reports_the_time_of_the_interrupt():
    ticks, chip, radio = make_sx127x()
    radio.configure(868_100_000, 7)
    radio.start_send(b"lyhord")
    registers, data = chip.sent[0]
    assert data == b"lyhord"
    assert registers[0x40] & 0xC0 == 0x40  # DIO0 is TxDone
    assert (registers[0x33], registers[0x3B]) == (0x27, 0x1D)
    end_us = ticks.now_us + 36_000
    ticks.at(end_us, chip.finish_send)
    assert radio.poll_send() is False
    ticks.pass_us(60_000)  # polled late, the time is right all the same
    assert radio.poll_send() is True
    assert 0 <= radio.sent_us - (end_us & PERIOD - 1) <= 2 * ticks.read_us
    assert chip.registers[0x12] == 0
    assert chip.modes[-3:] == [FS_TX, TX, STANDBY]
    refuses(RuntimeError, radio.poll_send)
    assert chip.violations == []


def test_inversion_differs_between_sending_and_receiving():
    _, chip, radio = make_sx127x()
    radio.configure(868_100_000, 7, invert_iq=True)
    radio.start_send(b"down")
    registers, _ = chip.sent[0]
    assert (registers[0x33], registers[0x3B]) == (0x26, 0x19)  # bit 0 clear: transmission inverted
    chip.finish_send()
    assert radio.poll_send()
    radio.start_receive()
    assert (chip.registers[0x33], chip.registers[0x3B]) == (0x67, 0x19)  # bit 6: reception inverted
    radio.configure(868_100_000, 7)
    radio.start_receive()
    assert (chip.registers[0x33], chip.registers[0x3B]) == (0x27, 0x1D)


def test_prepared_frames_start_with_one_write():
    ticks, chip, radio = make_sx127x()
    radio.configure(869_525_000, 12, power_dbm=20, invert_iq=True, crc=False)
    radio.prepare_send(b"abc")
    assert chip.mode == FS_TX and chip.sent == []
    transfers = len(chip.modes)
    radio.start_send()
    assert chip.sent[0][1] == b"abc" and len(chip.modes) == transfers + 1
    assert chip.violations == []


def test_signal_strength_has_the_offset_of_the_hf_port_and_the_noise():
    _, chip, radio = make_sx127x()
    radio.configure(868_100_000, 7)
    radio.start_receive()
    for rssi_register, snr_register, rssi_dbm, snr_q4 in (
        (57, 40, -100, 40),
        (157, 0, 0, 0),
        (30, 0xFC, -128, -4),
        (20, 0x100 - 50, -150, -50),
        (20, 0x80, -169, -128),
    ):
        chip.deliver(b"x", rssi_register, snr_register)
        packet = radio.poll_receive()
        assert (packet.rssi_dbm, packet.snr_q4) == (rssi_dbm, snr_q4)


def test_single_reception_sets_the_symbol_timeout_and_ends():
    ticks, chip, radio = make_sx127x()
    for timeout_symbols in (4, 255, 256, 1023):
        radio.configure(868_100_000, 9)
        radio.start_receive(timeout_symbols)
        assert chip.mode == RX_SINGLE
        assert (chip.registers[0x1E] & 3) << 8 | chip.registers[0x1F] == timeout_symbols
        assert chip.registers[0x1E] >> 2 == 0x94 >> 2  # SF and CRC are still there
        assert radio.poll_receive() is None
        chip.time_out()
        assert radio.poll_receive() is TIMEOUT
        assert chip.registers[0x12] == 0
        refuses(RuntimeError, radio.poll_receive)
    assert chip.violations == []
