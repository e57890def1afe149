"""LoRa nodes through a bridge on a serial line (docs/protocol.md section 6).

A bridge that vanishes comes back by itself: every fault of the line, silence included, takes the one way
out of the session and into the next attempt.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from lyhord_gateway.model.uplink import Uplink
from lyhord_gateway.sources.receptions import DEDUP_US, Copy, Receptions
from lyhord_gateway.sources.schedule import Heard
from lyhord_gateway.sources.serial_link import LinkLost, SerialLink
from lyhord_gateway.sources.source import SourceContext
from lyhord_gateway.sources.transmissions import Transmissions, counters
from lyhord_gateway.support.backoff import Backoff
from lyhord_gateway.support.errors import first_cause
from lyhord_gateway.support.log_rate_limit import LogRateLimit, more
from lyhord_wire import bridge, cobs
from lyhord_wire.refusal import REASONS, Refused

_log = logging.getLogger(__name__)

_SILENT_S = 75.0  # a bridge reports its status every 30 s
_OUTBOX = 64  # messages that may wait for the line
_TOKENS = 1 << 32
_GAUGES = {
    bridge.STATUS_UPTIME: "uptime_s",
    bridge.STATUS_RECEIVED: "received",
    bridge.STATUS_CRC_ERRORS: "crc_errors",
    bridge.STATUS_SENT: "sent",
}

Outgoing: TypeAlias = bridge.Transmit | bridge.GetStatus | bridge.Listen


_COUNTERS = (
    "lost",
    "junk",
    "outbox_dropped",
    "passed_over.copy",
    *(f"refused.{reason}" for reason in REASONS),
    *counters((*bridge.RESULTS.values(), "unknown"), ("no_line", "restarted")),
)


@dataclass(frozen=True, slots=True)
class BridgePort:
    """A bridge, where it shall listen, and how strongly send."""

    name: str
    url: str
    freq_hz: int
    sf: int
    power_dbm: int = 14


class BridgeSource:
    def __init__(self, port: BridgePort, around: SourceContext) -> None:
        self._port = port
        self._hear, self._metrics, self._times = around.hear, around.metrics, around.times
        self._dedup_us = DEDUP_US if around.several else 0
        self._backoff = Backoff(cap_s=5.0)
        self._lines = LogRateLimit()
        self._outbox: asyncio.Queue[Outgoing] | None = None  # None while there is no line
        self._receptions = Receptions()
        self._uptime_s = 0
        self._starts = 0  # of the bridge, as far as its uptime tells: its clock begins anew each time
        scheduler, keep = around.duty(port.name, port.power_dbm)
        self._transmissions = Transmissions(port.name, scheduler, keep, self._count, self._metrics, _TOKENS)
        self._metrics.hears(port.name)
        self._metrics.declare(*_COUNTERS, under=[port.name])

    @property
    def name(self) -> str:
        return self._port.name

    @property
    def parts(self) -> Sequence[str]:
        return [self._port.name]

    async def run(self) -> None:
        """Opens the line, works, and opens it again, until cancelled."""
        while True:
            try:
                await self._session()
            except* LinkLost as lost:
                self._count("lost")
                if self._metrics.state(self._port.name, "down"):
                    _log.warning(
                        "%s: no bridge at %s (%s)", self._port.name, self._port.url, first_cause(lost)
                    )
            await asyncio.sleep(self._backoff.next_s())

    async def _session(self) -> None:
        link = await SerialLink.open(self._port.url)
        outbox: asyncio.Queue[Outgoing] = asyncio.Queue(_OUTBOX)
        try:
            self._backoff.opened()
            self._outbox = outbox
            self._put(bridge.Listen(self._port.freq_hz, self._port.sf))
            self._put(bridge.GetStatus())
            await link.write(b"\0")  # ends whatever half a message the bridge may have in its buffer
            async with asyncio.TaskGroup() as group:
                group.create_task(self._receive(link), name=f"{self._port.name}-receive")
                group.create_task(self._send(link, outbox), name=f"{self._port.name}-send")
        finally:
            self._outbox = None
            link.close()
            while not outbox.empty():  # too late for the next line, and certainly not sent
                self._not_reached(outbox.get_nowait())

    async def _receive(self, link: SerialLink) -> None:
        deframer = cobs.Deframer()
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(_SILENT_S) as silence:
                while True:
                    data = await link.read()
                    heard_us = self._times.now_us()
                    junk = deframer.dropped
                    for message in deframer.feed(data):
                        if self._take(message, heard_us):
                            silence.reschedule(loop.time() + _SILENT_S)
                    if deframer.dropped != junk:
                        self._count("junk", deframer.dropped - junk)
        except TimeoutError as error:
            raise LinkLost(f"silent for {_SILENT_S:.0f} s") from error

    def _take(self, data: bytes, heard_us: int) -> bool:
        """Handles one message; False if it was none."""
        try:
            message = bridge.decode(data)
        except Refused as refused:
            self._count(f"refused.{refused.reason}")
            held_back = self._lines.admit("refused", self._times.mono_s())
            if held_back is not None:
                _log.warning("%s: message refused: %s%s", self._port.name, refused, more(held_back))
            return False
        self._backoff.delivered()
        # One that comes and goes is up when a line has lasted.
        steady = self._backoff.good or not self._backoff.unsteady
        if steady and self._metrics.state(self._port.name, "up"):
            _log.info("%s: bridge at %s is up", self._port.name, self._port.url)
        match message:
            case bridge.Received():
                self._received(message, heard_us)
            case bridge.TxResult():
                self._transmissions.reported(
                    message.token,
                    bridge.RESULTS.get(message.status, "unknown"),
                    message.status == bridge.SENT,
                )
            case bridge.Status():
                self._status(message.values)
            case bridge.Log():
                held_back = self._lines.admit("log", self._times.mono_s())
                if held_back is not None:
                    _log.info("%s says: %r%s", self._port.name, message.text, more(held_back))
            case _:
                self._count("refused.direction")
                return False
        return True

    def _received(self, message: bridge.Received, heard_us: int) -> None:
        copy = self._receptions.take(message.data, message.tmst_us, heard_us, message.rssi_dbm)
        if copy is Copy.WORSE:
            self._count("passed_over.copy")
            return
        heard = Heard(message.tmst_us, heard_us, message.freq_hz, message.sf)
        self._hear(
            Uplink(
                raw=message.data,
                source=self._port.name,
                heard_s=self._times.wall_s(),
                heard_us=heard_us,
                rssi_dbm=message.rssi_dbm,
                snr_q4=message.snr_q4,
                reply=partial(self._reply, heard, self._starts),
                dedup_us=self._dedup_us,
                sf=message.sf,
                copy=copy is Copy.BETTER,
            )
        )

    def _reply(self, heard: Heard, starts: int, frame: bytes, aborted: Callable[[], None]) -> None:
        if self._outbox is None:
            self._transmissions.refused("no_line", aborted)
            return
        if starts != self._starts:  # the time of that reception is one of a clock that is gone
            self._transmissions.refused("restarted", aborted)
            return
        planned = self._transmissions.plan(self._times.now_us(), heard, len(frame), aborted)
        if planned is None:
            return
        token, plan = planned
        self._put(bridge.Transmit(token, plan.tmst_us, plan.freq_hz, plan.sf, plan.power_dbm, frame))

    def _put(self, message: Outgoing) -> None:
        try:
            if self._outbox is not None:
                self._outbox.put_nowait(message)
        except asyncio.QueueFull:
            self._not_reached(message)

    def _not_reached(self, message: Outgoing) -> None:
        self._count("outbox_dropped")
        if isinstance(message, bridge.Transmit):
            self._transmissions.not_reached(message.token, "outbox_dropped")

    async def _send(self, link: SerialLink, outbox: asyncio.Queue[Outgoing]) -> None:
        while True:
            message = await outbox.get()
            written = False
            try:
                await link.write(cobs.encode(bridge.encode(message)))
                written = True
            finally:
                if not written:  # half a message is none: the bridge has not got its closing zero
                    self._not_reached(message)

    def _status(self, values: dict[int, int]) -> None:
        for key, name in _GAUGES.items():
            if key in values:
                self._metrics.gauge(f"{self._port.name}.{name}", values[key])
        uptime_s = values.get(bridge.STATUS_UPTIME, self._uptime_s)
        if uptime_s < self._uptime_s:
            self._starts += 1
        self._uptime_s = uptime_s
        where = (values.get(bridge.STATUS_FREQ), values.get(bridge.STATUS_SF))
        if where != (self._port.freq_hz, self._port.sf):  # it has restarted since we told it
            self._put(bridge.Listen(self._port.freq_hz, self._port.sf))

    def _count(self, name: str, number: int = 1) -> None:
        self._metrics.count(f"{self._port.name}.{name}", number)
