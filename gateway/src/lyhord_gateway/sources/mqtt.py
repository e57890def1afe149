"""WiFi nodes: frames in lyhord/v1/<node id>/up, answers to …/down (docs/protocol.md section 5).

A broker's PUBACK to a node proves nothing; only our own *stored* does. So what does not fit here is
dropped and counted, and the node sends it again.
"""

import asyncio
import logging
import re
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial

import aiomqtt

from lyhord_gateway.model.uplink import Uplink
from lyhord_gateway.mqtt.client import WINDOW, watch, why_lost
from lyhord_gateway.sources.source import SourceContext
from lyhord_gateway.support.backoff import Backoff
from lyhord_gateway.support.errors import first_cause
from lyhord_gateway.support.log_rate_limit import LogRateLimit, more
from lyhord_gateway.support.metrics import Metrics

_log = logging.getLogger(__name__)

NAME = "mqtt"
_FILTER = "lyhord/v1/+/up"
_TOPIC = re.compile(r"lyhord/v1/([0-9a-f]{6})/up")
_FRAME_MAX = 4096  # longer payloads are not even looked at
_INBOX = 10_000  # messages that may wait for ingest
_ANSWERS = 1000  # answers that may wait for the broker
_SENDERS = WINDOW
_COUNTERS = (
    "connections_lost",
    "inbox_dropped",
    "answers_sent",
    "answers_dropped",
    *(f"refused.{reason}" for reason in ("impossible_topic", "junk", "retained", "size", "topic")),
)


class Inbox:
    """Messages that wait for ingest: bounded in number and size, with a counter instead of a log line per
    drop."""

    def __init__(self, metrics: Metrics) -> None:
        self.waiting: deque[aiomqtt.Message] = deque()
        self.arrived = asyncio.Event()
        self._metrics = metrics

    def queue_type(self) -> type[asyncio.Queue[aiomqtt.Message]]:
        """A queue for aiomqtt that puts into this inbox and itself stays empty: whoever iterates over the
        client's messages learns when the connection is lost, and nothing else. Taking messages from the
        iterator costs a task each; from here one wake-up takes all that have come."""

        class Funnel(asyncio.Queue[aiomqtt.Message]):
            def put_nowait(funnel, item: aiomqtt.Message) -> None:
                self._put(item)

        return Funnel

    def impossible(self) -> None:
        self._metrics.count("mqtt.refused.impossible_topic")

    def _put(self, message: aiomqtt.Message) -> None:
        if len(message.payload) > _FRAME_MAX:
            self._metrics.count("mqtt.refused.size")
        elif message.retain:  # old by definition; a node's frame is live
            self._metrics.count("mqtt.refused.retained")
        elif len(self.waiting) >= _INBOX:
            self._metrics.count("mqtt.inbox_dropped")
        else:
            self.waiting.append(message)
            self.arrived.set()


class MqttSource:
    """connect: makes a client, its arguments are those of `make_client`. While the store has no room,
    messages wait here."""

    def __init__(self, connect: Callable[..., aiomqtt.Client], around: SourceContext) -> None:
        self._connect = connect
        self._hear, self._room = around.hear, around.room
        self._metrics, self._times = around.metrics, around.times
        self._answers: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue(_ANSWERS)
        self._lines = LogRateLimit()
        self._backoff = Backoff(cap_s=10.0)
        self._metrics.hears(NAME)
        self._metrics.declare(*_COUNTERS, under=[NAME])

    @property
    def name(self) -> str:
        return NAME

    @property
    def parts(self) -> Sequence[str]:
        return [NAME]

    async def run(self) -> None:
        """Connects, listens, and connects again, until cancelled."""
        backoff = self._backoff
        while True:
            try:
                inbox = Inbox(self._metrics)
                async with self._connect(
                    queue_type=inbox.queue_type(), impossible=inbox.impossible
                ) as client:
                    await client.subscribe(_FILTER, qos=1)
                    backoff.opened()
                    if not backoff.unsteady:
                        self._up()
                    async with asyncio.TaskGroup() as group:
                        group.create_task(watch(client), name="mqtt-watch")
                        group.create_task(self._receive(inbox), name="mqtt-receive")
                        group.create_task(self._settle(), name="mqtt-steady")
                        for number in range(_SENDERS):
                            group.create_task(self._send(client), name=f"mqtt-send-{number}")
            except* (aiomqtt.MqttError, OSError) as lost:  # the latter: certificate files
                self._metrics.count("mqtt.connections_lost")
                self._lost(why_lost(first_cause(lost)))
            await asyncio.sleep(backoff.next_s())

    def _up(self) -> None:
        if self._metrics.state(NAME, "up"):
            _log.info("mqtt: listening to nodes")

    async def _settle(self) -> None:
        await self._backoff.settled()
        self._up()

    def _lost(self, why: str) -> None:
        known = self._metrics.why.get(NAME)
        if self._metrics.state(NAME, "down", why) or why != known:
            held_back = self._lines.admit("lost", self._times.mono_s())
            if held_back is not None:
                _log.warning("mqtt: node broker lost (%s)%s", why, more(held_back))

    async def _receive(self, inbox: Inbox) -> None:
        while True:
            await inbox.arrived.wait()
            inbox.arrived.clear()
            while inbox.waiting:
                self._take(inbox.waiting.popleft())
                if not self._room.is_set():
                    await self._room.wait()

    def _take(self, message: aiomqtt.Message) -> None:
        topic = str(message.topic)
        payload = message.payload
        match = _TOPIC.fullmatch(topic)
        if match is None or not isinstance(payload, bytes):
            self._refuse("junk", topic)
            return
        if len(payload) >= 5 and payload[2:5].hex() != match[1]:
            self._refuse("topic", topic)
            return
        self._backoff.delivered()
        self._hear(
            Uplink(
                raw=payload,
                source=NAME,
                heard_s=self._times.wall_s(),
                heard_us=self._times.now_us(),
                rssi_dbm=None,
                snr_q4=None,
                reply=partial(self._reply, match[1]),
            )
        )

    def _refuse(self, reason: str, topic: str) -> None:
        self._metrics.count(f"mqtt.refused.{reason}")
        held_back = self._lines.admit(reason, self._times.mono_s())
        if held_back is not None:
            _log.warning("refused topic=%.60r reason=%s source=mqtt%s", topic, reason, more(held_back))

    def _reply(self, node: str, frame: bytes, aborted: Callable[[], None]) -> None:
        try:
            self._answers.put_nowait((f"lyhord/v1/{node}/down", frame))
        except asyncio.QueueFull:
            self._metrics.count("mqtt.answers_dropped")
            aborted()

    async def _send(self, client: aiomqtt.Client) -> None:
        while True:
            topic, frame = await self._answers.get()
            await client.publish(topic, frame, qos=1)
            self._metrics.count("mqtt.answers_sent")
