"""The embedded broker for WiFi nodes: rumqttd in a child process that ends when we end, however we end."""

import asyncio
import logging
import signal
import time

from lyhord_gateway.backoff import Backoff
from lyhord_gateway.faults import UserFault
from lyhord_gateway.metrics import Metrics

_log = logging.getLogger(__name__)

_PORT_FREE_S = 3.0  # a predecessor that was killed takes a moment to let go of its port
_RETRY_S = 0.1
_WATCH_S = 0.5
_PAYLOAD_MAX = 4096  # bytes; our frames have up to 222


class EmbeddedBroker:
    """start() before use; watch() starts it again if it dies; stop() in any case."""

    def __init__(self, listen: str, port: int, metrics: Metrics) -> None:
        import iotcore  # brings 10 MB along, which a gateway without a broker of its own is spared

        self._where = f"{listen}:{port}"
        self._broker = iotcore.Broker(port=port, listen=listen, max_payload_size=_PAYLOAD_MAX)
        self._metrics = metrics

    async def start(self) -> None:
        """Raises UserFault if something else has the port."""
        deadline = time.monotonic() + _PORT_FREE_S
        while True:
            try:
                await asyncio.to_thread(self._start)
            except OSError as error:
                if time.monotonic() > deadline:
                    raise UserFault(
                        f"mqtt.port: expected a free port, {self._where} cannot be used ({error})"
                    ) from error
                await asyncio.sleep(_RETRY_S)
            else:
                self._metrics.state("broker", "up")
                _log.info("broker: listening on %s", self._where)
                return

    async def watch(self) -> None:
        """Starts the broker again whenever its process has gone, until cancelled."""
        backoff = Backoff(cap_s=5.0)
        while True:
            while self._broker.is_running:  # noqa: ASYNC110 — a child process rings no bell
                await asyncio.sleep(_WATCH_S)
            self._metrics.count("broker.restarts")
            self._metrics.state("broker", "down")
            _log.error("broker: process has gone, starting another")
            await asyncio.sleep(backoff.next_s())
            try:
                await self.start()
            except (UserFault, RuntimeError) as error:
                _log.error("broker: %s", error)

    async def stop(self) -> None:
        await asyncio.to_thread(self._broker.stop)

    def _start(self) -> None:
        # The child inherits this thread's signal mask: a Ctrl-C for us must not take the broker first.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            self._broker.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
