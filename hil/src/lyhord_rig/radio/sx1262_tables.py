"""Commands, registers and bits of the SX1262: Semtech DS.SX1261-2.W.APP rev 2.1, chapters 11 to 13."""

from __future__ import annotations

from enum import Enum, IntEnum, IntFlag

NOP = 0x00  # and RESET_STATS, which has six more zeros behind it
RESET_STATS = 0x00
CLEAR_IRQ_STATUS = 0x02
CLEAR_DEVICE_ERRORS = 0x07
SET_DIO_IRQ_PARAMS = 0x08
WRITE_REGISTER = 0x0D
WRITE_BUFFER = 0x0E
GET_STATS = 0x10
GET_PACKET_TYPE = 0x11
GET_IRQ_STATUS = 0x12
GET_RX_BUFFER_STATUS = 0x13
GET_PACKET_STATUS = 0x14
GET_RSSI_INST = 0x15
GET_DEVICE_ERRORS = 0x17
READ_REGISTER = 0x1D
READ_BUFFER = 0x1E
SET_STANDBY = 0x80
SET_RX = 0x82
SET_TX = 0x83
SET_SLEEP = 0x84
SET_RF_FREQUENCY = 0x86
SET_CAD_PARAMS = 0x88
CALIBRATE = 0x89
SET_PACKET_TYPE = 0x8A
SET_MODULATION_PARAMS = 0x8B
SET_PACKET_PARAMS = 0x8C
SET_TX_PARAMS = 0x8E
SET_BUFFER_BASE_ADDRESS = 0x8F
SET_RX_TX_FALLBACK_MODE = 0x93
SET_PA_CONFIG = 0x95
SET_REGULATOR_MODE = 0x96
SET_DIO3_AS_TCXO_CTRL = 0x97
CALIBRATE_IMAGE = 0x98
SET_DIO2_AS_RF_SWITCH_CTRL = 0x9D
STOP_TIMER_ON_PREAMBLE = 0x9F
SET_LORA_SYMB_NUM_TIMEOUT = 0xA0
GET_STATUS = 0xC0
SET_FS = 0xC1
SET_CAD = 0xC5

# Parameter bytes of each command, least and most: a transfer of another length is not executed.
LENGTHS = {
    RESET_STATS: (6, 6),
    CLEAR_IRQ_STATUS: (2, 2),
    CLEAR_DEVICE_ERRORS: (2, 2),
    SET_DIO_IRQ_PARAMS: (8, 8),
    WRITE_REGISTER: (3, 257),
    WRITE_BUFFER: (2, 256),
    SET_STANDBY: (1, 1),
    SET_RX: (3, 3),
    SET_TX: (3, 3),
    SET_SLEEP: (1, 1),
    SET_RF_FREQUENCY: (4, 4),
    SET_CAD_PARAMS: (7, 7),
    CALIBRATE: (1, 1),
    SET_PACKET_TYPE: (1, 1),
    SET_MODULATION_PARAMS: (4, 8),  # LoRa uses four of eight
    SET_PACKET_PARAMS: (6, 9),
    SET_TX_PARAMS: (2, 2),
    SET_BUFFER_BASE_ADDRESS: (2, 2),
    SET_RX_TX_FALLBACK_MODE: (1, 1),
    SET_PA_CONFIG: (4, 4),
    SET_REGULATOR_MODE: (1, 1),
    SET_DIO3_AS_TCXO_CTRL: (4, 4),
    CALIBRATE_IMAGE: (2, 2),
    SET_DIO2_AS_RF_SWITCH_CTRL: (1, 1),
    STOP_TIMER_ON_PREAMBLE: (1, 1),
    SET_LORA_SYMB_NUM_TIMEOUT: (1, 1),
    SET_FS: (0, 0),
    SET_CAD: (0, 0),
}

# What the chip answers: bytes after the opcode and the status byte.
ANSWERS = {
    GET_STATUS: 0,
    GET_STATS: 6,
    GET_PACKET_TYPE: 1,
    GET_IRQ_STATUS: 2,
    GET_RX_BUFFER_STATUS: 2,
    GET_PACKET_STATUS: 3,
    GET_RSSI_INST: 1,
    GET_DEVICE_ERRORS: 2,
}

# In the chip, but not modelled here.
NOT_MODELLED = {0x94: "SetRxDutyCycle", 0xD1: "SetTxContinuousWave", 0xD2: "SetTxInfinitePreamble"}

# Parameters of the LoRa modem: while it sends or listens they wait for the next time.
MODEM = {
    SET_RF_FREQUENCY,
    SET_MODULATION_PARAMS,
    SET_PACKET_PARAMS,
    SET_TX_PARAMS,
    SET_PA_CONFIG,
    SET_BUFFER_BASE_ADDRESS,
}

GFSK, LORA = 0, 1
RX_SINGLE, RX_CONTINUOUS = 0, 0xFFFFFF
TICK_NS = 15_625


class Mode(Enum):
    """The value is the chip mode in the status byte, None where no status can be read."""

    SLEEP = None
    STANDBY_RC = 2
    STANDBY_XOSC = 3
    FS = 4
    RX = 5
    TX = 6
    CAD = 0x15  # reads as RX


class Result(IntEnum):
    """Command status in the status byte, table 13-76."""

    OK = 1
    DATA_AVAILABLE = 2
    TIMEOUT = 3
    INVALID = 4
    FAILED = 5
    TX_DONE = 6


class Irq(IntFlag):
    TX_DONE = 0x001
    RX_DONE = 0x002
    PREAMBLE = 0x004
    SYNC_WORD = 0x008
    HEADER_VALID = 0x010
    HEADER_ERROR = 0x020
    CRC_ERROR = 0x040
    CAD_DONE = 0x080
    CAD_DETECTED = 0x100
    TIMEOUT = 0x200


class DeviceError(IntFlag):
    """Table 13-85."""

    RC64K_CALIBRATION = 0x001
    RC13M_CALIBRATION = 0x002
    PLL_CALIBRATION = 0x004
    ADC_CALIBRATION = 0x008
    IMAGE_CALIBRATION = 0x010
    XOSC_START = 0x020
    PLL_LOCK = 0x040
    PA_RAMP = 0x100


CALIBRATE_ALL = 0x7F
CALIBRATE_IMAGE_BIT = 0x40
BLOCKS = 0x3F  # the oscillators, the PLL and the ADC

SYNC_TIMEOUT = 0x0706
IQ_POLARITY = 0x0736
SYNC_MSB, SYNC_LSB = 0x0740, 0x0741
HEADER_CODING_RATE = 0x0749
HEADER_CRC = 0x076B
RANDOM = 0x0819
TX_MODULATION = 0x0889
RX_GAIN = 0x08AC
TX_CLAMP = 0x08D8
OCP = 0x08E7
RTC_CONTROL = 0x0902
XTA_TRIM, XTB_TRIM = 0x0911, 0x0912
EVENT_MASK = 0x0944
RETENTION = 0x029F  # how many registers a warm start keeps beside its own, then their addresses
RETENTION_MAX = 4
VERSION = 0x0320
VERSION_TEXT = b"SX1261 V2D 2D02\0"  # an SX1262 says so too

RESET_VALUES = {
    SYNC_TIMEOUT: 0x00,
    IQ_POLARITY: 0x0D,
    SYNC_MSB: 0x14,
    SYNC_LSB: 0x24,
    HEADER_CODING_RATE: 0x00,
    HEADER_CRC: 0x00,
    TX_MODULATION: 0x01,
    RX_GAIN: 0x94,
    TX_CLAMP: 0xC8,
    OCP: 0x18,
    RTC_CONTROL: 0x00,
    XTA_TRIM: 0x05,
    XTB_TRIM: 0x05,
    EVENT_MASK: 0x00,
    **{RETENTION + at: 0 for at in range(1 + 2 * RETENTION_MAX)},
    **{VERSION + at: value for at, value in enumerate(VERSION_TEXT)},
    **{RANDOM + at: 0 for at in range(4)},
}

READ_ONLY = {
    HEADER_CODING_RATE,
    HEADER_CRC,
    *range(VERSION, VERSION + len(VERSION_TEXT)),
    *range(RANDOM, RANDOM + 4),
}

# Registers that a warm start forgets unless they are in the retention list (section 9.6; Semtech's own driver
# puts these three into it).
FORGOTTEN = {RX_GAIN, TX_MODULATION, IQ_POLARITY}

BANDWIDTH_KHZ = {4: 125, 5: 250, 6: 500}
TCXO_MV = (1600, 1700, 1800, 2200, 2400, 2700, 3000, 3300)
RAMP_CODES = 8

# SetPaConfig (paDutyCycle, hpMax) to dBm with 22 in SetTxParams: table 13-21, SX1262. Below 22, dB for dB.
PA_DBM = {(4, 7): 22, (3, 5): 20, (2, 3): 17, (2, 2): 14}
PA_MA = {14: 90, 17: 96, 20: 104, 22: 118}  # what it draws then, for the over-current protection

# Configurations beside that table, as RadioLib measured them at 0 dBm and over (issue 1628 there; SX1262.cpp,
# paOptTable): (paDutyCycle, hpMax) to {value in SetTxParams: dBm}.
PA_MEASURED_DBM = {
    (1, 1): {11: -1, 14: 1, 20: 3, 22: 4},
    (2, 1): {11: 0, 14: 2},
    (3, 1): {21: 6},
    (4, 1): {6: -2},
    (1, 2): {17: 7, 20: 9, 22: 10},
    (3, 2): {21: 12},
    (4, 2): {13: 8},
    (3, 3): {20: 15},
    (1, 4): {19: 13, 20: 14},
    (2, 5): {19: 16, 22: 18},
    (1, 6): {22: 17},
    (3, 6): {22: 20},
    (4, 6): {22: 21},
}
