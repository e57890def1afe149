"""Class-A timing while the gateway has much to do: every acknowledgement is planned into RX1, once.

Time stands still while the gateway works, so its rules are tested; how fast a machine is,
`make bench ONLY=rx1` says.
"""

import base64
from pathlib import Path

from lyhord_wire.instructions import STORED
from tests.bench.rx1 import CROWD, EVERY_S, acknowledgements
from tests.fakes.packet_forwarder import PacketForwarder
from tests.gateway.bench import NOW_S
from tests.gateway.parts import Node, until
from tests.gateway.virtual_times import VirtualTimes

ASKED = 12


async def test_acknowledgements_make_rx1_beside_four_hundred_frames_a_second(tmp_path: Path) -> None:
    times = VirtualTimes(NOW_S)

    async def answered(number: int, node: Node, near: PacketForwarder) -> None:
        await until(lambda: times.waiting, "its answer waits for a better copy")
        times.next_timer()
        txpk = await near.downlink()
        assert node.open(base64.b64decode(txpk["data"]))[STORED] == 1
        assert txpk["freq"] == 868.1, "RX1"
        times.pass_time(int(EVERY_S * 1e6))

    counters = await acknowledgements(tmp_path, ASKED, answered, times)
    assert counters["udp.rx1_answers"] == counters["downlink.answers"] == ASKED
    assert not [name for name in counters if name.startswith("udp.tx_refused")]
    assert counters["store.frames"] == ASKED * (CROWD + 1)
