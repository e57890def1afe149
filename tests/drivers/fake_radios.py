"""Each radio driver on a fake of its chip, in a time that wraps in the middle."""

import drivers.lora_radio as lora_radio
import drivers.sx126x as sx126x
import drivers.sx126x_chip as sx126x_chip
import drivers.sx127x_chip as sx127x_chip
from drivers.sx127x import SX127x
from tests.fakes import sx1262_chip, sx1276_chip
from tests.fakes.ticks import PERIOD, Ticks

TWO_SECONDS_BEFORE_THE_WRAP_US = PERIOD - 2_000_000


def start_time(now_us=TWO_SECONDS_BEFORE_THE_WRAP_US):
    """The time of all radio drivers from here on."""
    ticks = Ticks(now_us)
    for module in (lora_radio, sx126x, sx126x_chip, sx127x_chip):
        ticks.install(module)
    return ticks


def open_sx126x(chip, tcxo_mv=1800, dio2_switch=True):
    return sx126x.SX126x(
        chip, chip.nss, chip.reset, chip.busy, chip.dio1, tcxo_mv=tcxo_mv, dio2_switch=dio2_switch
    )


def make_sx126x():
    """(ticks, chip, radio)"""
    ticks = start_time()
    chip = sx1262_chip.Chip(ticks)
    return ticks, chip, open_sx126x(chip)


def make_sx127x(**chip_options):
    """(ticks, chip, radio)"""
    ticks = start_time()
    chip = sx1276_chip.Chip(**chip_options)
    return ticks, chip, SX127x(chip, chip.nss, chip.reset, chip.dio0)


def poll_until_it_ends(ticks, radio):
    """(result, microseconds) of a single reception that nobody ends from outside."""
    started_us = ticks.now_us
    result = None
    while result is None:
        ticks.pass_us(1000)
        assert ticks.now_us - started_us < 5_000_000
        try:
            result = radio.poll_receive()
        except lora_radio.RadioError as error:
            result = error
    return result, ticks.now_us - started_us
