"""The gateway's health as a retained message at a platform, and the last will that replaces it."""

import asyncio
import time
from collections.abc import Callable

import aiomqtt

from lyhord_gateway.model.reading import Message
from lyhord_gateway.operation.health import Report
from lyhord_gateway.profiles import Words

_LOOK_S = 2.0
_AGAIN_S = 300.0  # the same news again, so that its time shows that it is still true


def summary(gateway: str, version: str, report: Report) -> dict[str, object]:
    """The report as it is told outside, at /health and at the platforms."""
    return {
        "gateway": gateway,
        "version": version,
        "time": int(time.time()),
        "state": "healthy" if report.healthy else "unhealthy",
        "reasons": [{"code": r.code, "part": r.part, "text": r.text} for r in report.reasons],
        "notes": list(report.notes),
        "platforms": [
            {"name": p.name, "state": p.state, "waiting": p.waiting, "oldest_age_s": p.oldest_age_s}
            for p in report.platforms
        ],
        "nodes": report.facts.nodes,
        "store_bytes": report.facts.store_bytes,
        "disk_free_bytes": report.facts.disk_free_bytes,
    }


class StatusPublisher:
    """topic: where it is told, "" for nowhere. report: the health at this moment. profile: the
    platform's words for it."""

    def __init__(
        self,
        topic: str,
        gateway: str,
        version: str,
        report: Callable[[], Report],
        profile: Words | None = None,
    ) -> None:
        self._topic = topic
        self._gateway = gateway
        self._version = version
        self._report = report
        self._words = profile or Words()

    @property
    def will(self) -> aiomqtt.Will | None:
        word = self._words.will(self._topic, self._gateway)
        return None if word is None else aiomqtt.Will(word.topic, word.payload, 1, word.retain)

    async def tell(self, client: aiomqtt.Client) -> None:
        """Tells every change of the reasons, until cancelled."""
        loop = asyncio.get_running_loop()
        told: object = None
        due_mono_s = 0.0
        while True:
            report = self._report()
            news = [(reason.code, reason.part) for reason in report.reasons], report.notes
            if news != told or loop.time() >= due_mono_s:
                word = self._words.health(self._topic, summary(self._gateway, self._version, report))
                await _say(client, word)
                told, due_mono_s = news, loop.time() + _AGAIN_S
            await asyncio.sleep(_LOOK_S)

    async def leave(self, client: aiomqtt.Client) -> None:
        """The broker speaks the last will only for whom it loses."""
        await _say(client, self._words.gone(self._topic, self._gateway))


async def _say(client: aiomqtt.Client, word: Message | None) -> None:
    if word is not None:
        await client.publish(word.topic, word.payload, qos=1, retain=word.retain)
