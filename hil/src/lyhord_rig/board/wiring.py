"""Wiring by the pins of a board file: the bare chip, and the radio at the pins where the board has it."""

from __future__ import annotations

import importlib
from types import ModuleType

from ..radio.ether import Antenna
from ..radio.sx1262 import Sx1262
from ..radio.sx1276 import Sx1276
from ..world.clock import World
from .ports import ESP32, ESP32_S3, Ports

Radio = Sx1276 | Sx1262
_SOCS = {"esp32": ESP32, "esp32s3": ESP32_S3}


def board_pins(name: str) -> ModuleType:
    """The board file `firmware/boards/<name>.py`."""
    return importlib.import_module(f"lyhord_firmware.boards.{name}")


def board_ports(pins: ModuleType) -> Ports:
    """The bare chip of this board, nothing wired to it."""
    return Ports(_SOCS[pins.CHIP])


def flash_blocks(pins: ModuleType) -> int:
    """Blocks of the board's file system."""
    blocks: int = pins.VFS_SIZE // pins.VFS_BLOCK_SIZE
    return blocks


def wire_radio(world: World, ports: Ports, antenna: Antenna, pins: ModuleType) -> Radio:
    """The board's radio, which has its supply with the board."""
    radio: Radio
    if pins.RADIO == "sx126x":
        busy, dio1 = ports.line(pins.RADIO_BUSY), ports.line(pins.RADIO_DIO1)
        radio = Sx1262(world, antenna, busy, dio1, pins.RADIO_TCXO_MV, pins.RADIO_DIO2_SWITCH)
    else:
        radio = Sx1276(world, antenna, ports.line(pins.RADIO_DIO0))
    ports.spi(pins.SPI_BUS, pins.RADIO_NSS, radio)
    ports.output(pins.RADIO_RESET, radio.reset, floating=1)
    ports.on_power(radio.power)
    return radio
