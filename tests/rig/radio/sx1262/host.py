"""A careful driver's SPI transfers to an emulated SX1262, and two of them one metre apart."""

from functools import partial

from lyhord_rig import Line
from lyhord_rig.radio.sx1262 import Sx1262
from tests.rig.radio.radio_pair import RadioPair

TX_DONE, RX_DONE, PREAMBLE, HEADER_VALID, HEADER_ERROR, CRC_ERROR = 0x01, 0x02, 0x04, 0x10, 0x20, 0x40
CAD_DONE, CAD_DETECTED, TIMEOUT = 0x80, 0x100, 0x200
ALL = 0x3FF
XOSC_START = 0x20
FREQ_868_1 = 0x3641999A
TCXO_DELAY_US = 5_000
CONTINUOUS = 0xFFFFFF
SYMBOL_US = 1024  # SF7, 125 kHz


class Host:
    """One chip; `do` waits for BUSY as the data sheet demands, `raw` does not."""

    def __init__(self, ether, name, position_m, **options):
        self.world = ether.world
        self.busy, self.dio1 = Line(13), Line(14)
        self.edges = []
        self.dio1.listen(lambda line: self.edges.append((self.world.now_us, line.level)))
        self.chip = Sx1262(ether.world, ether.attach(position_m, name), self.busy, self.dio1, **options)

    def raw(self, *data):
        self.chip.select()
        answer = self.chip.transfer(bytes(data))
        self.chip.deselect()
        return answer

    async def ready(self, limit_us=100_000):
        """Wait for BUSY low; returns for how long it was high (us)."""
        began_us = self.world.now_us
        await self.world.run_until(lambda: not self.busy.level, limit_us / 1e6)
        assert not self.busy.level
        return self.world.now_us - began_us

    async def do(self, *data):
        """The command and its answer, and how long BUSY was high afterwards."""
        await self.ready()
        answer = self.raw(*data)
        self.busy_us = await self.ready()
        return answer

    async def read(self, address, count=1):
        return (await self.do(0x1D, address >> 8, address & 0xFF, 0, *bytes(count)))[4:]

    async def write(self, address, *values):
        await self.do(0x0D, address >> 8, address & 0xFF, *values)

    async def irq(self):
        return int.from_bytes((await self.do(0x12, 0, 0, 0))[2:], "big")

    async def errors(self):
        return int.from_bytes((await self.do(0x17, 0, 0, 0))[2:], "big")

    async def status(self):
        """Chip mode and command status."""
        status = (await self.do(0xC0, 0))[1]
        return status >> 4, status >> 1 & 7

    async def clock(self, code=2, delay_us=TCXO_DELAY_US):
        """TCXO at 1.8 V, then everything calibrated for 863 to 870 MHz."""
        ticks = delay_us * 64 // 1000
        await self.do(0x97, code, *ticks.to_bytes(3, "big"))
        await self.do(0x07, 0, 0)
        await self.do(0x89, 0x7F)
        await self.do(0x98, 0xD7, 0xDB)

    async def modulate(self, sf=7, bandwidth=4, inverted=0, crc=1, size=255, ldro=None):
        if ldro is None:
            ldro = int((1 << sf) * 1000 // {4: 125, 5: 250, 6: 500}[bandwidth] >= 16_000)
        await self.do(0x8B, sf, bandwidth, 1, ldro)
        await self.do(0x8C, 0, 8, 0, size, crc, inverted)
        polarity = (await self.read(0x0736))[0]
        await self.write(0x0736, polarity & ~4 if inverted else polarity | 4)
        self.packet = (crc, inverted)

    async def start(self, clock=True, switch=True, dio1=ALL, **modulation):
        """Standby, tuned: 868.1 MHz, 125 kHz, 4/5, sync word 0x34, 14 dBm."""
        await self.do(0x80, 0)
        if clock:
            await self.clock()
        await self.do(0x96, 1)
        await self.do(0x9D, int(switch))
        await self.do(0x8A, 1)
        await self.do(0x86, *FREQ_868_1.to_bytes(4, "big"))
        await self.do(0x95, 2, 2, 0, 1)
        await self.do(0x8E, 22, 4)
        await self.write(0x08D8, (await self.read(0x08D8))[0] | 0x1E)
        await self.write(0x0889, (await self.read(0x0889))[0] | 0x04)
        await self.write(0x0740, 0x34, 0x44)
        await self.do(0x8F, 0, 128)
        await self.do(0x08, ALL >> 8, ALL & 0xFF, dio1 >> 8, dio1 & 0xFF, 0, 0, 0, 0)
        await self.modulate(**modulation)
        return self

    async def send(self, data, ticks=0):
        await self.do(0x0E, 0, *data)
        await self.do(0x8C, 0, 8, 0, len(data), *self.packet)
        await self.do(0x83, *ticks.to_bytes(3, "big"))

    async def listen(self, ticks=CONTINUOUS):
        await self.do(0x8C, 0, 8, 0, 255, *self.packet)
        await self.do(0x82, *ticks.to_bytes(3, "big"))

    async def take(self):
        size, start = (await self.do(0x13, 0, 0, 0))[2:]
        return (await self.do(0x1E, start, 0, *bytes(size)))[3:]


class Pair(RadioPair):
    def __init__(self, loss=0.0, **options):
        super().__init__(partial(Host, **options), loss)

    @property
    def violations(self):
        """Without their times."""
        return [text.split(" us: ", 1)[1] for host in (self.a, self.b) for text in host.chip.violations]
