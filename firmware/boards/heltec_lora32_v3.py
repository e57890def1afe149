"""Heltec WiFi LoRa 32 V3 (ESP32-S3 with 8 MB flash, SX1262 with TCXO): pins and capabilities, nothing else.

The radio, battery, LED and Vext pins are the board's; the sensors' are ours, on its header. Vext supplies the
header's Ve pins and the display; a pull-up keeps it off in deep sleep.

Plain constants, so that tools, rig and documents read the same wiring as the firmware. None: the board has
no such thing.
"""

NAME = "heltec_lora32_v3"

# What esptool and the image builder need: MicroPython's ESP32_GENERIC_S3 partition table.
CHIP = "esp32s3"
FLASH_SIZE = 0x800000
FIRMWARE_OFFSET = 0x0
VFS_OFFSET = 0x200000
VFS_SIZE = 0x600000
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
SPI_SCK = 9
SPI_MISO = 11
SPI_MOSI = 10
RADIO_NSS = 8
RADIO_RESET = 12
RADIO_BUSY = 13
RADIO_DIO1 = 14

# Sensors; their supply is Vext, on when the pin is low
SENSOR_POWER = 36
SENSOR_POWER_ON = 0
ULTRASONIC_TRIGGER = 5
ULTRASONIC_ECHO = 6
ULTRASONIC_UART = 1
ONE_WIRE = 7
I2C_BUS = 0
I2C_SCL = 42
I2C_SDA = 41
PULSE_INPUT = 4
TILT_SWITCH = 2
MOTION = 2  # the header has no other pin that wakes the chip: a tilt switch or a motion detector

BATTERY_ADC = 1
BATTERY_DIVIDER_NUM = 49
BATTERY_DIVIDER_DEN = 10
BATTERY_ENABLE = 37
BATTERY_ENABLE_ON = 0

LED = 35
