"""The parts that operate the gateway, wired: health, HTTP, health topic, service manager, status file."""

import logging
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any

from lyhord_gateway import __version__
from lyhord_gateway.config.operation_options import HealthLimits
from lyhord_gateway.config.tree import Loaded
from lyhord_gateway.operation import status_file
from lyhord_gateway.operation.health import Health, Limits, Position, Probe
from lyhord_gateway.operation.node_metrics import NodeMetrics
from lyhord_gateway.operation.notify import Notify
from lyhord_gateway.operation.status_publisher import StatusPublisher, summary
from lyhord_gateway.profiles import Profile
from lyhord_gateway.store.schema import connect_reading
from lyhord_gateway.support.metrics import Metrics

_log = logging.getLogger(__name__)

_MIB = 1 << 20


class Operation:
    """Made before the other stages, which count into `metrics`."""

    def __init__(self, loaded: Loaded, metrics: Metrics) -> None:
        self._loaded = loaded
        self._metrics = metrics
        metrics.declare(status_file.NOT_WRITTEN)
        for part, text in loaded.in_clear().items():
            metrics.note(f"{part}.insecure", text)
            _log.warning("%s", text)
        self._notify = Notify()
        self._status_path = loaded.data_dir / "status.json"
        config = loaded.config.health
        self._connection = connect_reading(loaded.store_path)
        self._counting = connect_reading(loaded.store_path)
        http = loaded.config.http
        self._node_metrics = NodeMetrics(self._counting, http is not None and http.node_metrics)
        self._health = Health(
            _limits(config),
            metrics,
            Probe(self._connection, loaded.data_dir).look,
        )

    def limit(self, config: HealthLimits) -> None:
        """Other limits from now on."""
        self._health.limit(_limits(config))

    def close(self) -> None:
        self._connection.close()
        self._counting.close()

    def status_publisher(self, profile: Profile, platform: str) -> StatusPublisher | None:
        """The publisher that tells a platform how we are; None where there is no place for it."""
        topic, gateway = self._loaded.status_topic(platform), self._loaded.config.gateway.name
        if profile.gone(topic, gateway) is None:
            return None
        return StatusPublisher(topic, gateway, __version__, self._health.report, profile)

    def watches(
        self, sources: Sequence[str], positions: Mapping[str, Position]
    ) -> dict[str, Coroutine[Any, Any, None]]:
        """The tasks to run, by name. sources: the parts that should be up; positions: those of the
        platforms. Raises UserError if HTTP's port is not free."""
        self._health.expect(sources, positions)
        tasks = (
            {"http": self._http(), "node_metrics": self._node_metrics.watch()}
            if self._loaded.config.http
            else {}
        )
        return {
            **tasks,
            "health": self._health.watch(),
            "notify": self._notify.watch(self._status),
            "status": status_file.watch(self._metrics, self._status_path),
        }

    def ready(self) -> None:
        self._notify.send("READY=1", f"STATUS={self._status()}")

    def stopping(self) -> None:
        self._notify.send("STOPPING=1", "STATUS=stopping")

    def stopped(self) -> None:
        status_file.write(self._metrics, self._status_path)

    def _status(self) -> str:
        report = self._health.report()
        return "; ".join(f"{r.code} {r.part}: {r.text}" for r in report.reasons) or "healthy"

    def _http(self) -> Coroutine[Any, Any, None]:
        # Imported only where it is used: it costs memory that a small computer may want for something else.
        from lyhord_gateway.operation.exposition import Exposition
        from lyhord_gateway.operation.http import HttpServer

        config, gateway = self._loaded.config.http, self._loaded.config.gateway.name
        assert config is not None
        exposition = Exposition(gateway, self._metrics, self._health.report, lambda: self._node_metrics.text)
        server = HttpServer(
            config.listen,
            config.port,
            self._health.report,
            lambda report: summary(gateway, __version__, report),
            exposition.text,
        )
        return server.run()


def _limits(config: HealthLimits) -> Limits:
    return Limits(
        config.source_down_s, config.platform_down_s, config.backlog_age_s, config.disk_free_mb * _MIB
    )
