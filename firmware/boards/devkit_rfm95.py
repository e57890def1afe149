"""ESP32 DevKit (4 MB flash) with an RFM95 module (SX1276): pins and capabilities, nothing else.

Plain constants, so that tools, rig and documents read the same wiring as the firmware. None: the board has
no such thing. The pins keep clear of the ESP32's strapping pins 0, 2, 12 and 15. RFM95 modules wire only
PA_BOOST.
"""

NAME = "devkit_rfm95"

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
SPI_SCK = 18
SPI_MISO = 19
SPI_MOSI = 23
RADIO_NSS = 5
RADIO_RESET = 14
RADIO_DIO0 = 26

# Sensors. SENSOR_POWER at the level SENSOR_POWER_ON switches their supply on. An ultrasonic sensor with
# serial output has its TX at ULTRASONIC_ECHO and its RX at ULTRASONIC_TRIGGER.
SENSOR_POWER = 13
SENSOR_POWER_ON = 1
ULTRASONIC_TRIGGER = 32
ULTRASONIC_ECHO = 33
ULTRASONIC_UART = 2
ONE_WIRE = 25
I2C_BUS = 0
I2C_SCL = 22
I2C_SDA = 21
# All can wake the chip from deep sleep. Pin 36 has no pull-up of its own: the switch brings 1 MOhm to 3.3 V.
PULSE_INPUT = 4
TILT_SWITCH = 36
MOTION = 35

# Battery: the ADC pin sees the battery's voltage divided by NUM/DEN, on some boards only while BATTERY_ENABLE
# has the level BATTERY_ENABLE_ON
BATTERY_ADC = 34
BATTERY_DIVIDER_NUM = 2
BATTERY_DIVIDER_DEN = 1
BATTERY_ENABLE = None
BATTERY_ENABLE_ON = None

LED = 27
