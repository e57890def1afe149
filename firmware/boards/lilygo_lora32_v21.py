"""LilyGO LoRa32 V2.1_1.6 (ESP32 with 4 MB flash, SX1276): pins and capabilities, nothing else.

Also sold as T3 V1.6.1. The radio, battery, LED and I2C pins are the board's; the sensors' are ours, on its
header. An SD card would want 2, 13, 14 and 15. On units with a TCXO, pin 33 switches its supply and
is not DIO1: they want another file.

Plain constants, so that tools, rig and documents read the same wiring as the firmware. None: the board has
no such thing.
"""

NAME = "lilygo_lora32_v21"

# What esptool and the image builder need: MicroPython's ESP32_GENERIC partition table.
CHIP = "esp32"
FLASH_SIZE = 0x400000
FIRMWARE_OFFSET = 0x1000
VFS_OFFSET = 0x200000
VFS_SIZE = 0x200000
VFS_BLOCK_SIZE = 4096

HAS_LORA = True
HAS_WIFI = True

# Radio
RADIO = "sx127x"
RADIO_MIN_DBM = 2
RADIO_MAX_DBM = 20
SPI_BUS = 2
SPI_HZ = 5_000_000
SPI_SCK = 5
SPI_MISO = 19
SPI_MOSI = 27
RADIO_NSS = 18
RADIO_RESET = 23
RADIO_DIO0 = 26

# Sensors; the header has no switched supply, so a transistor at SENSOR_POWER
SENSOR_POWER = 13
SENSOR_POWER_ON = 1
ULTRASONIC_TRIGGER = 14
ULTRASONIC_ECHO = 34
ULTRASONIC_UART = 2
ONE_WIRE = 4
I2C_BUS = 0
I2C_SCL = 22
I2C_SDA = 21
# A strapping pin: low at a start, it only silences the ROM's messages.
PULSE_INPUT = 15
TILT_SWITCH = None
MOTION = None

BATTERY_ADC = 35
BATTERY_DIVIDER_NUM = 2
BATTERY_DIVIDER_DEN = 1
BATTERY_ENABLE = None
BATTERY_ENABLE_ON = None

LED = 25
