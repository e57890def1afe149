"""The gateway's own stages inside a world: ingest, SQLite store, answers, duty ledgers, on the world's clock.

    concentrator ─┐                                        ┌─▶ concentrator, in the window that was planned
                  ├─▶ ingest ─▶ store (commit, fsync) ─▶ answer
    MQTT broker ──┘                                        └─▶ MQTT broker

Only the sources are ours here: the real ones read the wall clock. For the world it is an actor: from a frame
to the commit and the answer virtual time stands still, as it does while a board computes.
"""

import asyncio
import contextlib
from functools import partial

from lyhord_gateway.fleet.nodes import NodeLine, import_nodes
from lyhord_gateway.fleet.registry import Registry
from lyhord_gateway.ingest.answer import Answerer
from lyhord_gateway.ingest.ingest import Ingest
from lyhord_gateway.model.uplink import Uplink
from lyhord_gateway.model.work import Keep, UplinkRecord
from lyhord_gateway.sources.schedule import Heard, Refusal, Scheduler
from lyhord_gateway.store.published import Published
from lyhord_gateway.store.reader import Reader
from lyhord_gateway.store.retention import Retention
from lyhord_gateway.store.schema import connect, open_store
from lyhord_gateway.store.writer import Events, Writer
from lyhord_gateway.support.metrics import Metrics
from lyhord_rig.deadline import DEADLINE_S
from lyhord_rig.radio.concentrator import Concentrator
from lyhord_rig.street.mqtt_server import MqttServer

PLATFORM = "city"  # has acknowledged nothing yet, so the store removes nothing
_BACKHAUL_US = 60_000  # from the end of a reception to ingest
_QUEUE_FRAMES = 10_000
_KEEP_DAYS = 36_500
_MAX_BYTES = 1 << 30
_POWER_DBM = 27
_TMST = 1 << 32


class Gateway:
    """Hears through `concentrator` and `broker`. `on_arrival(arrival)` for each piece of work that the store
    is given with a frame; `metrics` outlives outages."""

    name = "gateway"

    def __init__(self, world, ether, folder, number, position_m=(0.0, 0.0), on_arrival=lambda arrival: None):
        self.world = world
        self.concentrator = Concentrator(world, ether, position_m, self.name, self._on_frame)
        self.broker = MqttServer(self._on_message)
        self.metrics = Metrics()
        self.path = folder / "store.db"
        self._number = number
        self._on_arrival = on_arrival
        self._due = 0  # pieces of work whose commit is awaited
        self._order = None  # a coroutine function: what to do before time goes on
        self._settled = asyncio.Event()
        self._fault = None
        self._stack = None
        self._writer = None
        self._writing = None
        self._ingest = None
        self._scheduler = None
        self.concentrator.deaf = True
        self.broker.stop()
        world.add(self)

    def enter_nodes(self, entries):
        """Enters (node, key, name) into the registry; before the first start."""
        with contextlib.closing(open_store(self.path)) as connection:
            lines = [
                (node, NodeLine(id=f"{node:06x}", key=key.hex(), name=name)) for node, key, name in entries
            ]
            import_nodes(connection, lines)

    # -- the world's actor -------------------------------------------------------------------------

    @property
    def computing(self):
        return bool(self._due or self._order)

    async def settle(self):
        order, self._order = self._order, None
        if order is not None:
            await order()
        async with asyncio.timeout(DEADLINE_S):
            while self._due and self._fault is None:
                self._settled.clear()
                await self._settled.wait()
        if self._fault is not None:
            raise self._fault

    async def close(self):
        await self._stop()

    def start(self):
        """Power for the gateway, as an event of the world."""
        self._order = self._start
        self.world.computes(self)
        self.world.wake()

    def stop(self):
        """An outage begins: nothing is heard and nothing answered until the next `start`."""
        self._order = self._stop
        self.world.computes(self)
        self.world.wake()

    async def _start(self):
        if self._writing is not None:
            return
        self._stack = contextlib.ExitStack()
        reader = Reader(connect(self.path))
        self._stack.callback(reader.close)
        registry = Registry(reader.node)
        self._writer = Writer(
            open_store(self.path),
            Retention(_KEEP_DAYS, _MAX_BYTES, [PLATFORM]),
            Events(lambda high: None, self.metrics.counters.update, registry.changed),
            _QUEUE_FRAMES,
            0,
            Published(),
        )
        answerer = Answerer(self._number, self.metrics, self._writer.submit, self._now_s)
        self._ingest = Ingest(registry, reader.replay, self._submit, answerer.answer, self.metrics)
        self._scheduler = Scheduler(_POWER_DBM)
        if (kept := reader.kept(self._duty_key)) is not None:
            self._scheduler.unpack(kept, self.world.now_us)
        self._writing = asyncio.create_task(self._writer.run(), name="store")
        self._writing.add_done_callback(self._ended)
        self.concentrator.deaf = False
        self.broker.start()

    async def _stop(self):
        self.concentrator.deaf = True
        if self.broker.listening:
            self.broker.stop()
        writing, self._writing = self._writing, None
        if writing is not None:
            writing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await writing
            self._stack.close()

    def _now_s(self):
        return self.world.unix_us() / 1e6

    @property
    def _duty_key(self):
        return f"duty.{self.concentrator.name}"

    def _ended(self, task):
        if not task.cancelled() and task.exception() is not None:
            self._fail(task.exception())

    def _fail(self, fault):
        self._fault = self._fault or fault
        self._settled.set()

    def _submit(self, work, done):
        if done is None:
            return self._writer.submit(work)
        if isinstance(work, UplinkRecord):
            self._on_arrival(work)
        if not self._writer.submit(work, partial(self._committed, done)):
            return False
        self._due += 1
        self.world.computes(self)
        return True

    def _committed(self, done, answer):
        try:
            done(answer)
        except Exception as fault:  # noqa: BLE001 - asyncio would print it and go on; settle raises it
            self._fail(fault)
        self._due -= 1
        self._settled.set()

    # -- sources -----------------------------------------------------------------------------------

    def _on_frame(self, reception):
        self.world.call_later(_BACKHAUL_US, self._from_air, reception, label="backhaul")

    def _from_air(self, reception):
        if self._writing is None:
            self.metrics.count("lost_in_outage")
            return
        tuning = reception.transmission.modulation
        heard = Heard(reception.end_us % _TMST, reception.end_us, tuning.freq_hz, tuning.sf)
        self._hear(
            reception.data,
            self.concentrator.name,
            reception.end_us,
            round(reception.rssi_dbm),
            round(4 * reception.snr_db),
            partial(self._reply_on_air, heard),
        )

    def _on_message(self, topic, payload):
        if self._writing is None:
            self.metrics.count("lost_in_outage")
            return
        node = topic.split("/")[2]
        assert topic == f"lyhord/v1/{node}/up" and payload[2:5].hex() == node, topic
        self._hear(payload, "mqtt", self.world.now_us, None, None, partial(self._reply_by_mqtt, node))

    def _hear(self, raw, source, heard_us, rssi_dbm, snr_q4, reply):
        heard_s = (self.world.start_unix * 1_000_000 + heard_us) // 1_000_000
        self._ingest.hear(Uplink(raw, source, heard_s, heard_us, rssi_dbm, snr_q4, reply))

    def _reply_by_mqtt(self, node, raw, aborted):
        if self.broker.publish(f"lyhord/v1/{node}/down", raw):
            self.metrics.count("mqtt.answers_sent")
        else:
            self.metrics.count("mqtt.nobody_listens")
            aborted()

    def _reply_on_air(self, heard, raw, aborted):
        now_us = self.world.now_us
        plan = self._scheduler.plan(now_us, heard, len(raw))
        if isinstance(plan, Refusal):
            self.metrics.count(f"tx_refused.{plan.value}")
            aborted()
            return
        self._writer.submit(Keep(self._duty_key, self._scheduler.pack(now_us)))
        at_us = heard.heard_us + (plan.tmst_us - heard.tmst_us) % _TMST
        self.metrics.count(f"rx{plan.window}_answers")
        self.concentrator.send(at_us, plan.freq_hz, plan.sf, plan.power_dbm, raw)
