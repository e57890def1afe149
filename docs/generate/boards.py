"""The table of docs/boards.md, from the board files."""

from collections.abc import Callable, Mapping
from types import ModuleType

from docs.generate.firmware import FIRMWARE, module

RADIOS = {"sx127x": "SX1276", "sx126x": "SX1262"}


def boards() -> list[ModuleType]:
    """Every board file as a module, by name."""
    names = sorted(path.stem for path in (FIRMWARE / "boards").glob("*.py") if path.stem != "__init__")
    return [module(f"boards.{name}") for name in names]


def _title(board: ModuleType) -> str:
    return (board.__doc__ or "").partition(" (")[0]


def _radio(board: ModuleType) -> str:
    text = f"{RADIOS[board.RADIO]}, {board.RADIO_MIN_DBM}…{board.RADIO_MAX_DBM} dBm"
    if board.RADIO == "sx126x":
        clock = "crystal" if board.RADIO_TCXO_MV is None else f"TCXO {board.RADIO_TCXO_MV} mV at DIO3"
        text += f", {clock}" + (", DIO2 switches the antenna" if board.RADIO_DIO2_SWITCH else "")
    return text


def _radio_pins(board: ModuleType) -> str:
    pins = [f"SCK {board.SPI_SCK}", f"MISO {board.SPI_MISO}", f"MOSI {board.SPI_MOSI}"]
    pins += [f"NSS {board.RADIO_NSS}", f"RST {board.RADIO_RESET}"]
    names = ("BUSY", "DIO1") if board.RADIO == "sx126x" else ("DIO0",)
    return ", ".join(pins + [f"{name} {getattr(board, f'RADIO_{name}')}" for name in names])


def _switched(pin: int | None, on: int | None) -> str:
    return "–" if pin is None else f"{pin}, {'high' if on else 'low'} = on"


def _divider(board: ModuleType) -> str:
    whole, tenths = divmod(10 * board.BATTERY_DIVIDER_NUM // board.BATTERY_DIVIDER_DEN, 10)
    return f"{board.BATTERY_ADC}, × {whole}" + (f".{tenths}" if tenths else "")


def _pin(pin: int | None) -> str:
    return "–" if pin is None else str(pin)


ROWS: Mapping[str, Callable[[ModuleType], str]] = {
    "board (`--board`)": lambda board: f"`{board.NAME}`",
    "chip, flash": lambda board: f"{board.CHIP}, {board.FLASH_SIZE >> 20} MB",
    "MicroPython at": lambda board: f"{board.FIRMWARE_OFFSET:#x}",
    "file system at, size": lambda board: f"{board.VFS_OFFSET:#x}, {board.VFS_SIZE >> 10} KiB",
    "radio": _radio,
    "radio pins": _radio_pins,
    "sensor supply": lambda board: _switched(board.SENSOR_POWER, board.SENSOR_POWER_ON),
    "ultrasonic trigger, echo": lambda board: f"{board.ULTRASONIC_TRIGGER}, {board.ULTRASONIC_ECHO}",
    "DS18B20": lambda board: _pin(board.ONE_WIRE),
    "I2C SCL, SDA": lambda board: f"{board.I2C_SCL}, {board.I2C_SDA}",
    "pulse input": lambda board: _pin(board.PULSE_INPUT),
    "tilt switch": lambda board: _pin(board.TILT_SWITCH),
    "motion detector": lambda board: _pin(board.MOTION),
    "battery ADC, divider": _divider,
    "battery divider's switch": lambda board: _switched(board.BATTERY_ENABLE, board.BATTERY_ENABLE_ON),
    "LED": lambda board: _pin(board.LED),
}


def table() -> str:
    """The table in Markdown, one column per board."""
    found = boards()
    lines = ["| | " + " | ".join(_title(board) for board in found) + " |", "|---" * (len(found) + 1) + "|"]
    lines += [
        f"| {name} | " + " | ".join(cell(board) for board in found) + " |" for name, cell in ROWS.items()
    ]
    return "\n".join(lines) + "\n"
