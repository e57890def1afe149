"""A radio driver on its board, the chip emulated in the ether, for the tests of both chips."""

from lyhord_rig import Board, State
from lyhord_rig.board.wiring import board_ports, wire_radio
from lyhord_rig.radio.ether import Ether
from lyhord_rig.radio.model import Transmission
from tests.bridge.host import Peer
from tests.fakes.board_image import write_image

OPEN = """
from time import sleep_ms, ticks_diff, ticks_us
from boards import {board} as board
from drivers.lora_radio import TIMEOUT, RadioError
from drivers.radio import open_radio

def show(packet):
    if packet is TIMEOUT:
        print("timeout")
    else:
        print("packet", packet.data, packet.rssi_dbm, packet.snr_q4, packet.crc_ok, packet.end_us)
"""

# An uplink, and a window of `symbols` that opens `after_us` after its end; then asleep.
UPLINK_AND_WINDOW = """
radio = open_radio(board)
radio.configure(868_100_000, {sf}, power_dbm={power_dbm})
radio.send(b"uplink")
print("sent", radio.sent_us)
radio.sleep()
radio.configure(868_100_000, {sf}, invert_iq=True, crc=False)
while ticks_diff(ticks_us(), radio.sent_us) < {after_us}:
    pass
radio.start_receive({symbols})
packet = None
while packet is None:
    sleep_ms(2)
    packet = radio.poll_receive()
show(packet)
radio.sleep()
print("done")
"""


class Bench:
    """A board with its chip, and a peer 40 m away; `main` is what the board runs behind OPEN."""

    def __init__(self, world, folder, main, pins):
        self.world = world
        self.ether = Ether(world)
        self.sent = []
        self.ether.on_event(self._note)
        ports = board_ports(pins)
        self.chip = wire_radio(world, ports, self.ether.attach((0, 0), "node"), pins)
        self.peer = Peer(self.ether.attach((40, 0), "peer"))
        image = write_image(folder / "node.img", OPEN.format(board=pins.NAME) + main)
        self.board = Board(world, "node", image, folder / "work", ports)
        self.board.power_on()

    def _note(self, event):
        if isinstance(event, Transmission) and event.transmitter == "node":
            self.sent.append(event)

    async def ready(self):
        """Until it has said so, and the 5 ms that the TCXO takes have gone by."""
        await self.board.expect(rb"ready\r\n", 5)
        await self.world.run(self.world.now_us + 8_000)

    async def finish(self, timeout_s=30):
        """The lines that it printed up to "done"; nothing that the chip forbids was done."""
        match = await self.board.expect(rb"(?s).*?done\r\n", timeout_s)
        assert await self.world.run_until(lambda: self.board.state is State.HALTED, 1)
        assert self.chip.violations == []
        return match[0].decode().split("\r\n")
