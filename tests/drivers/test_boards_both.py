"""Board files: plain constants, no two functions on one pin, none on a pin the chip needs for itself."""

from boards import devkit_rfm95
from tests.drivers.every_board import BOARDS

EVERY_BOARD = (
    "NAME", "CHIP", "FLASH_SIZE", "FIRMWARE_OFFSET", "VFS_OFFSET", "VFS_SIZE", "VFS_BLOCK_SIZE",
    "HAS_LORA", "HAS_WIFI", "RADIO", "RADIO_MIN_DBM", "RADIO_MAX_DBM", "SPI_BUS", "SPI_HZ",
    "SPI_SCK", "SPI_MISO", "SPI_MOSI", "RADIO_NSS", "RADIO_RESET", "SENSOR_POWER", "SENSOR_POWER_ON",
    "ULTRASONIC_TRIGGER", "ULTRASONIC_ECHO", "ULTRASONIC_UART", "ONE_WIRE", "I2C_BUS", "I2C_SCL", "I2C_SDA",
    "PULSE_INPUT", "TILT_SWITCH", "MOTION", "BATTERY_ADC", "BATTERY_DIVIDER_NUM", "BATTERY_DIVIDER_DEN",
    "BATTERY_ENABLE", "BATTERY_ENABLE_ON", "LED",
)  # fmt: skip
OF_RADIO = {
    "sx127x": ("RADIO_DIO0",),
    "sx126x": ("RADIO_BUSY", "RADIO_DIO1", "RADIO_TCXO_MV", "RADIO_DIO2_SWITCH"),
}
TCXO_MV = (None, 1600, 1700, 1800, 2200, 2400, 2700, 3000, 3300)

MAKERS_PINS = (
    "SPI_SCK", "SPI_MISO", "SPI_MOSI", "RADIO_NSS", "RADIO_RESET", "RADIO_DIO0", "RADIO_BUSY", "RADIO_DIO1",
    "BATTERY_ADC", "BATTERY_ENABLE", "LED", "I2C_SCL", "I2C_SDA",
)  # fmt: skip
OUR_PINS = (
    "SENSOR_POWER", "ULTRASONIC_TRIGGER", "ULTRASONIC_ECHO", "ONE_WIRE", "PULSE_INPUT", "TILT_SWITCH",
)  # fmt: skip
INPUTS = (
    "SPI_MISO", "RADIO_DIO0", "RADIO_BUSY", "RADIO_DIO1", "ULTRASONIC_ECHO", "PULSE_INPUT", "TILT_SWITCH",
    "BATTERY_ADC",
)  # fmt: skip

# Of each chip: pins for the start's choices, flash, console; inputs only; what ends deep sleep; ADC1.
STRAPPING = {"esp32": (0, 2, 12, 15), "esp32s3": (0, 3, 45, 46)}
FLASH = {"esp32": (6, 7, 8, 9, 10, 11), "esp32s3": (26, 27, 28, 29, 30, 31, 32)}
CONSOLE = {"esp32": (1, 3), "esp32s3": (19, 20, 43, 44)}
INPUTS_ONLY = {"esp32": (34, 35, 36, 39), "esp32s3": ()}
WAKES = {
    "esp32": (0, 2, 4, 12, 13, 14, 15, 25, 26, 27, 32, 33, 34, 35, 36, 37, 38, 39),
    "esp32s3": tuple(range(22)),
}
ADC1 = {"esp32": tuple(range(32, 40)), "esp32s3": tuple(range(1, 11))}  # ADC2 is WiFi's
LOADER_AT = {"esp32": 0x1000, "esp32s3": 0}
PULLED_UP_STRAP = {"lilygo_lora32_v21": 15}  # low at a start, it silences the ROM, and no more


def test_every_board_has_the_same_constants():
    for board in BOARDS:
        expected = set(EVERY_BOARD + OF_RADIO[board.RADIO])
        assert {name for name in dir(board) if not name.startswith("__")} == expected, board.NAME
        for name in expected:
            assert isinstance(getattr(board, name), (bool, int, str, type(None))), name


def test_a_board_is_named_as_its_file():
    for board in BOARDS:
        assert board.__name__ == "boards." + board.NAME


def test_a_motion_detector_has_a_pin_of_its_own_or_the_tilt_switchs():
    for board in BOARDS:
        others = [pin for _, pin in pins_of(board, MAKERS_PINS + OUR_PINS) if pin != board.TILT_SWITCH]
        assert board.MOTION is None or board.MOTION not in others, board.NAME


def pins_of(board, names):
    return [(name, getattr(board, name)) for name in names if getattr(board, name, None) is not None]


def test_pins_are_free_and_distinct():
    for board in BOARDS:
        chip = board.CHIP
        pins = pins_of(board, MAKERS_PINS + OUR_PINS)
        assert len({pin for _, pin in pins}) == len(pins), board.NAME
        for name, pin in pins:
            assert pin not in FLASH[chip] + CONSOLE[chip], (board.NAME, name)
            assert name in INPUTS or pin not in INPUTS_ONLY[chip], (board.NAME, name)
        ours = OUR_PINS if board is not devkit_rfm95 else MAKERS_PINS + OUR_PINS
        for name, pin in pins_of(board, ours):
            strap = pin in STRAPPING[chip] and pin != PULLED_UP_STRAP.get(board.NAME)
            assert not strap, (board.NAME, name)


def test_what_wakes_and_what_measures_is_on_pins_that_can():
    for board in BOARDS:
        for name, pin in pins_of(board, ("PULSE_INPUT", "TILT_SWITCH", "MOTION")):
            assert pin in WAKES[board.CHIP], (board.NAME, name)
        assert board.BATTERY_ADC in ADC1[board.CHIP], board.NAME
        assert (board.BATTERY_ENABLE is None) == (board.BATTERY_ENABLE_ON is None)
        # The converter is good to 3.1 V; a lithium cell has 4.2 V.
        assert 4200 * board.BATTERY_DIVIDER_DEN <= 3100 * board.BATTERY_DIVIDER_NUM


def test_the_radio_gets_what_its_chip_bears():
    for board in BOARDS:
        if board.RADIO == "sx126x":
            assert -9 <= board.RADIO_MIN_DBM < board.RADIO_MAX_DBM <= 22 and board.SPI_HZ <= 16_000_000
            assert board.RADIO_TCXO_MV in TCXO_MV
        else:
            assert 2 <= board.RADIO_MIN_DBM < board.RADIO_MAX_DBM <= 20 and board.SPI_HZ <= 10_000_000


def test_the_file_system_lies_within_the_flash():
    for board in BOARDS:
        assert board.VFS_OFFSET % board.VFS_BLOCK_SIZE == 0 and board.VFS_SIZE % board.VFS_BLOCK_SIZE == 0
        assert board.VFS_OFFSET + board.VFS_SIZE <= board.FLASH_SIZE
        assert LOADER_AT[board.CHIP] == board.FIRMWARE_OFFSET
        assert board.FIRMWARE_OFFSET < board.VFS_OFFSET
