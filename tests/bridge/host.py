"""The gateway's end of a virtual bridge's serial line, and a bench with a radio across the street."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TypeVar

from boards import devkit_rfm95
from lyhord_rig import Board, World
from lyhord_rig.board.wiring import board_ports, wire_radio
from lyhord_rig.radio.ether import Antenna, Ether
from lyhord_rig.radio.model import Event, Modulation, Reception, Transmission
from lyhord_wire import bridge, cobs
from tests.fakes.board_image import write_image

MAIN = """
from boards import {board} as board
from lyhord_bridge.bridge import run
run(board)
"""
FREQ_HZ, SF = 868_100_000, 7
Message = TypeVar("Message")


class Host:
    """Messages to and from a bridge, in virtual time; `junk` counts what it printed that was no message."""

    def __init__(self, board: Board) -> None:
        self.board = board
        self.messages: list[tuple[int, object]] = []  # (virtual time, message)
        self._deframer = cobs.Deframer()

    @property
    def junk(self) -> int:
        return self._deframer.dropped

    def send(self, message: object) -> None:
        self.board.serial_feed(cobs.encode(bridge.encode(message)))

    def all(self, kind: type[Message]) -> list[Message]:
        self._collect()
        return [message for _, message in self.messages if isinstance(message, kind)]

    async def next(self, kind: type[Message], timeout_s: float = 5) -> Message:
        """The next message of that kind from now on."""
        before = len(self.all(kind))
        await self.until(lambda: len(self.all(kind)) > before, timeout_s)
        return self.all(kind)[before]

    async def until(self, condition: Callable[[], bool], timeout_s: float) -> None:
        assert await self.board.world.run_until(condition, timeout_s)

    def _collect(self) -> None:
        unread = self.board.console.unread
        for frame in self._deframer.feed(bytes(unread)):
            self.messages.append((self.board.world.now_us, bridge.decode(frame)))
        unread.clear()


class Peer:
    """A radio across the street that hears downlinks as a node does, and sends what a test wants."""

    def __init__(self, antenna: Antenna) -> None:
        self.antenna = antenna
        self.heard: list[Reception] = []

    def listen(self, freq_hz: int, sf: int) -> None:
        self.antenna.listen((Modulation(freq_hz, sf, inverted=True, crc=False),), self)

    def send(self, data: bytes, freq_hz: int = FREQ_HZ, sf: int = SF, crc: bool = True) -> Transmission:
        return self.antenna.transmit(Modulation(freq_hz, sf, crc=crc), 14, data)

    def preamble_detected(self) -> None: ...

    def header_received(self, modulation: Modulation) -> None: ...

    def frame_dropped(self) -> None: ...

    def frame_received(self, reception: Reception) -> None:
        self.heard.append(reception)


class Bench:
    """One bridge on its board with its chip, in an ether with one peer; `before` runs on the board first."""

    def __init__(self, world: World, folder: Path, before: str = "", pins: ModuleType = devkit_rfm95) -> None:
        self.world = world
        self.ether = Ether(world)
        self.on_air: list[Transmission] = []
        self.ether.on_event(self._note)
        ports = board_ports(pins)
        self.chip = wire_radio(world, ports, self.ether.attach((0, 0), "bridge"), pins)
        self.peer = Peer(self.ether.attach((50, 0), "peer"))
        image = write_image(folder / "bridge.img", before + MAIN.format(board=pins.NAME))
        self.board = Board(world, "bridge", image, folder / "work", ports)
        self.host = Host(self.board)

    def _note(self, event: Event) -> None:
        if isinstance(event, Transmission):
            self.on_air.append(event)

    async def start(self) -> None:
        """Power on, until the radio listens."""
        self.board.power_on()
        await self.host.next(bridge.Status)

    async def epoch_us(self) -> int:
        """Virtual time at which the bridge's clock (tmst) was 0, from a frame that it heard."""
        sent = self.peer.send(b"what time is it")
        received = await self.host.next(bridge.Received)
        return sent.end_us - received.tmst_us

    def downlinks(self) -> list[Transmission]:
        return [sent for sent in self.on_air if sent.transmitter == "bridge"]
