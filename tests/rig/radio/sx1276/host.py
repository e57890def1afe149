"""The SPI transfers of a careful driver to an emulated SX1276, and two such chips in one ether."""

from lyhord_rig import Line
from lyhord_rig.radio.sx1276 import Sx1276
from tests.rig.radio.radio_pair import RadioPair

SLEEP, STANDBY, FS_TX, TX, RX_CONTINUOUS, RX_SINGLE, CAD = 0, 1, 2, 3, 5, 6, 7
RX_TIMEOUT, RX_DONE, CRC_ERROR, VALID_HEADER, TX_DONE, CAD_DONE, CAD_DETECTED = (
    0x80,
    0x40,
    0x20,
    0x10,
    8,
    4,
    1,
)
SYMBOL_US = 1024


class Host:
    """One chip and the SPI transfers of a careful driver."""

    def __init__(self, ether, name, position_m):
        self.dio0, self.dio1 = Line(26), Line(33)
        self.edges = []
        self.world = ether.world
        self.dio0.listen(lambda line: self.edges.append((self.world.now_us, line.level)))
        self.chip = Sx1276(ether.world, ether.attach(position_m, name), self.dio0, self.dio1)

    def transfer(self, *parts):
        self.chip.select()
        answers = [self.chip.transfer(bytes(part)) for part in parts]
        self.chip.deselect()
        return answers[-1]

    def read(self, address, count=1):
        answer = self.transfer(bytes([address]) + bytes(count))[1:]
        return answer[0] if count == 1 else answer

    def write(self, address, *values):
        self.transfer(bytes([address | 0x80, *values]))

    def mode(self, mode):
        self.write(0x01, 0x80 | mode)

    def start(self, sf=7, crc=True, freq=0xD90666, boost=0x8C):
        """LoRa standby, tuned: 868.1 MHz, 125 kHz, 4/5, sync word 0x34, 14 dBm at PA_BOOST."""
        self.write(0x01, SLEEP)
        self.mode(SLEEP)
        self.mode(STANDBY)
        self.write(0x06, freq >> 16, freq >> 8 & 0xFF, freq & 0xFF)
        self.write(0x09, boost)
        self.write(0x0E, 0, 0)
        self.write(0x1D, 0x72, sf << 4 | (4 if crc else 0))
        self.write(0x26, 0x0C if sf > 10 else 0x04)
        self.write(0x39, 0x34)
        return self

    def invert(self, first=0x67, second=0x19):
        self.write(0x33, first)
        self.write(0x3B, second)

    def load(self, data):
        self.write(0x0D, 0)
        self.transfer(b"\x80", data)
        self.write(0x22, len(data))

    def send(self, data):
        self.mode(STANDBY)
        self.write(0x40, 0x40)
        self.load(data)
        self.mode(TX)

    def listen(self, mode=RX_CONTINUOUS, symbols=100):
        self.mode(STANDBY)
        self.write(0x40, 0x00)
        self.write(0x1F, symbols)
        self.mode(mode)

    def take(self):
        self.write(0x0D, self.read(0x10))
        return self.read(0x00, self.read(0x13))


class Pair(RadioPair):
    def __init__(self, loss=0.0):
        super().__init__(Host, loss)

    @property
    def violations(self):
        return self.a.chip.violations + self.b.chip.violations
