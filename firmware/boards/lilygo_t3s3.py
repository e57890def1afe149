"""LilyGO T3-S3 with SX1262 and TCXO (ESP32-S3 with 4 MB flash): pins and capabilities, nothing else.

The radio, battery, LED and I2C pins are the board's; the sensors' are ours, on its header. The T3-S3 is sold
with an SX1276 as well: that one wants another file.

Plain constants, so that tools, rig and documents read the same wiring as the firmware. None: the board has
no such thing.
"""

NAME = "lilygo_t3s3"

# What esptool and the image builder need: MicroPython's partition table for 4 MB.
CHIP = "esp32s3"
FLASH_SIZE = 0x400000
FIRMWARE_OFFSET = 0x0
VFS_OFFSET = 0x200000
VFS_SIZE = 0x200000
VFS_BLOCK_SIZE = 4096

HAS_LORA = True
HAS_WIFI = True

# Radio
RADIO = "sx126x"
RADIO_MIN_DBM = -9
RADIO_MAX_DBM = 22
RADIO_TCXO_MV = 1800
RADIO_DIO2_SWITCH = True
SPI_BUS = 2
SPI_HZ = 8_000_000
SPI_SCK = 5
SPI_MISO = 3
SPI_MOSI = 6
RADIO_NSS = 7
RADIO_RESET = 8
RADIO_BUSY = 34
RADIO_DIO1 = 33

# Sensors; the header has no switched supply, so a transistor at SENSOR_POWER
SENSOR_POWER = 38
SENSOR_POWER_ON = 1
ULTRASONIC_TRIGGER = 39
ULTRASONIC_ECHO = 40
ULTRASONIC_UART = 1
ONE_WIRE = 41
I2C_BUS = 0
I2C_SCL = 17
I2C_SDA = 18
PULSE_INPUT = 15
TILT_SWITCH = 16
MOTION = 16  # a tilt switch or a motion detector

BATTERY_ADC = 1
BATTERY_DIVIDER_NUM = 2
BATTERY_DIVIDER_DEN = 1
BATTERY_ENABLE = None
BATTERY_ENABLE_ON = None

LED = 37
