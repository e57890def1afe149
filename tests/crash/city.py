"""The platform's side of a crash: every reading by identity, held to what the node measured."""

import asyncio
import json

from tests.crash.fleet import FIRST_S, PERIOD_S, values
from tests.gateway import senml_resolver
from tests.gateway.parts import connected

Identity = tuple[int, int]


class City:
    """readings: by (node, seq); doubled: a second reading under the same identity that is not the same;
    wrong: not what the node measured; again: the same reading once more, which a platform overwrites."""

    def __init__(self) -> None:
        self.readings: dict[Identity, object] = {}
        self.doubled: list[Identity] = []
        self.wrong: list[Identity] = []
        self.again = 0

    async def collect(self, port: int, ready: asyncio.Event) -> None:
        """Runs until cancelled."""
        async with connected(port, "lyhord/#") as client:
            ready.set()
            async for message in client.messages:
                assert isinstance(message.payload, bytes)
                for identity, reading in senml_resolver.readings(json.loads(message.payload)).items():
                    self._take(identity, reading)

    def _take(self, identity: Identity, reading: dict[str, object]) -> None:
        known = self.readings.setdefault(identity, reading)
        if known is reading:
            node, seq = identity
            measured = values(node, seq)
            if reading["temperature"] != (measured[3] / 10, "Cel") or reading["time"] != FIRST_S + (
                PERIOD_S * seq
            ):
                self.wrong.append(identity)
        elif known != reading:
            self.doubled.append(identity)
        else:
            self.again += 1
