"""The emulated SX1262's power, by PA configuration, setting and current limit."""

import pytest


@pytest.mark.parametrize(
    ("config", "asked", "dbm"),
    [
        ((4, 7), 22, 22),
        ((4, 7), 14, 14),
        ((3, 5), 22, 20),
        ((2, 3), 22, 17),
        ((2, 2), 22, 14),
        ((2, 2), 14, 6),  # the trap: 22 asks for what the configuration gives
        ((4, 7), -9, -9),
    ],
)
async def test_power_at_the_antenna(pair, config, asked, dbm):
    await pair.a.start()
    await pair.a.do(0x95, *config, 0, 1)
    await pair.a.do(0x8E, asked & 0xFF, 4)
    await pair.a.send(b"x")
    await pair.run(1)
    assert pair.sent[0].power_dbm == dbm
    assert pair.violations == []


@pytest.mark.parametrize(
    ("config", "asked", "dbm"),
    [
        ((1, 4), 20, 14),  # how RadioLib asks for 14 dBm
        ((1, 4), 19, 13),
        ((1, 4), 22, 16),
        ((3, 3), 20, 15),
        ((2, 5), 19, 16),
        ((2, 5), 22, 18),
        ((1, 6), 22, 17),
        ((4, 6), 22, 21),
        ((1, 1), 22, 4),
        ((1, 2), 20, 9),
    ],
)
async def test_power_as_it_was_measured(pair, config, asked, dbm):
    await pair.a.start()
    await pair.a.do(0x95, *config, 0, 1)
    await pair.a.do(0x8E, asked & 0xFF, 4)
    await pair.a.send(b"x")
    await pair.run(1)
    assert pair.sent[0].power_dbm == dbm
    assert pair.violations == []


@pytest.mark.parametrize("config", [(0, 0), (0, 7), (4, 5)])
async def test_a_configuration_that_nobody_has_measured(pair, config):
    await pair.a.start()
    await pair.a.do(0x95, *config, 0, 1)
    await pair.a.send(b"x")
    await pair.run(1)
    assert pair.violations == [f"SetPaConfig {bytes(config).hex()}0001 is in no table"]


@pytest.mark.parametrize(("dbm", "sends"), [(22, True), (23, False), (-9, True), (-10, False)])
async def test_the_range_of_power(pair, dbm, sends):
    await pair.a.start()
    await pair.a.do(0x8E, dbm & 0xFF, 4)
    await pair.a.send(b"x")
    assert len(pair.sent) == sends
    assert (await pair.a.status())[1] == (1 if sends else 5)
    assert len(pair.violations) == (not sends)


async def test_the_current_limit_is_set_again_by_every_pa_config(pair):
    await pair.a.start()
    await pair.a.do(0x95, 4, 7, 0, 1)
    assert await pair.a.read(0x08E7) == b"\x38"
    await pair.a.write(0x08E7, 0x18)
    await pair.a.send(b"x")
    await pair.run(50_000)
    assert pair.violations == ["over-current protection at 60 mA with 22 dBm"]
    assert pair.sent[0].power_dbm < 22
