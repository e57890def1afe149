"""The counters as Prometheus reads them: text format, base units, one family per meaning.

A counter that no rule below knows appears as `lyhord_events_total{event="its.name"}`: none is hidden.
"""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from lyhord_gateway import __version__
from lyhord_gateway.operation.health import Report
from lyhord_gateway.support.metrics import Histogram, Metrics


class Rule(NamedTuple):
    """Counters whose dotted name matches `pattern` are samples of `family`; its groups are the labels."""

    pattern: re.Pattern[str]
    family: str
    text: str


def _rules(*rows: tuple[str, str, str]) -> tuple[Rule, ...]:
    return tuple(Rule(re.compile(pattern), family, text) for pattern, family, text in rows)


RULES = _rules(
    (
        r"udp\.concentrator\.(?P<concentrator>[0-9a-f]{16})\.(?P<event>.+)",
        "lyhord_concentrator_events",
        "What one concentrator has sent, what of it was passed over, and what became of its answers.",
    ),
    (r"ingest\.refused\.(?P<reason>.+)", "lyhord_frames_refused", "Frames that were refused."),
    (
        r"ingest\.redated\.(?P<reason>.+)",
        "lyhord_samples_redated",
        "Samples that were dated by their arrival, because their node's own date was impossible.",
    ),
    (r"ingest\.retransmissions", "lyhord_frames_retransmitted", "Frames that a node sent again."),
    (
        r"ingest\.heard_by_another",
        "lyhord_frames_heard_by_another",
        "Receptions of a frame that another radio had heard already.",
    ),
    (r"store\.frames", "lyhord_frames_stored", "Frames that are stored durably."),
    (r"store\.frames_not_stored", "lyhord_frames_not_stored", "Frames that the store could not take."),
    (r"store\.samples", "lyhord_samples_stored", "Samples that are stored durably, each once."),
    (r"store\.sample_known", "lyhord_samples_known", "Samples that came again and were not stored again."),
    (r"store\.given_up", "lyhord_samples_given_up", "Missing samples that their nodes no longer have."),
    (
        r"store\.undelivered_dropped",
        "lyhord_samples_dropped",
        "Samples that were removed before every platform had them, because the store was full.",
    ),
    (
        r"store\.quarantined",
        "lyhord_frames_quarantined",
        "Frames that their nodes have sealed, that were refused all the same, and that are kept for a look.",
    ),
    (r"store\.work_rejected", "lyhord_store_work_rejected", "Work that met a bug of ours, a piece each."),
    (r"clock\.jumps", "lyhord_clock_jumps", "Jumps of the wall clock against the monotonic one."),
    (r"downlink\.without_time", "lyhord_answers_without_time", "Answers that told no time to their node."),
    (
        r"store\.resend_postponed",
        "lyhord_resend_postponed",
        "Answers that asked for no missing sample, to spare the duty cycle.",
    ),
    (
        r"queue\.(?P<state>.+)",
        "lyhord_orders",
        "Orders of the nodes' queues by the state that they took; aborted: the answer never went out.",
    ),
    (r"keys\.retired", "lyhord_keys_retired", "Older keys that went after their grace period."),
    (
        r"unknown nodes\.not_listed",
        "lyhord_unknown_nodes_not_listed",
        "Unknown nodes for which the list has no room.",
    ),
    (r"store\.commit_refused", "lyhord_store_commits_refused", "Commits that the disk refused."),
    (
        r"platform\.(?P<platform>.+)\.readings",
        "lyhord_platform_readings",
        "Readings that the platform has acknowledged.",
    ),
    (
        r"platform\.(?P<platform>.+)\.rpc\.accepted",
        "lyhord_platform_requests_accepted",
        "Requests of the platform that became orders for nodes.",
    ),
    (
        r"platform\.(?P<platform>.+)\.rpc\.refused\.(?P<reason>.+)",
        "lyhord_platform_requests_refused",
        "Requests of the platform that were refused.",
    ),
    (
        r"platform\.(?P<platform>.+)\.messages",
        "lyhord_platform_messages",
        "Messages that the platform has acknowledged.",
    ),
    (
        r"platform\.(?P<platform>.+)\.connections_lost",
        "lyhord_platform_connections_lost",
        "Connections to the platform that failed or were lost.",
    ),
    (
        r"platform\.(?P<platform>.+)\.messages_refused",
        "lyhord_platform_messages_refused",
        "Messages that the platform has refused.",
    ),
    (
        r"platform\.(?P<platform>.+)\.readings_skipped",
        "lyhord_platform_readings_skipped",
        "Readings that the platform has not taken, though it took others.",
    ),
    (
        r"platform\.(?P<platform>.+)\.introductions_skipped",
        "lyhord_platform_announcements_skipped",
        "Announcements of nodes that the platform has not taken, though it took readings.",
    ),
    (
        r"(?P<source>.+)\.rx(?P<window>[12])_answers",
        "lyhord_answers_sent",
        "Answers that a radio has sent, by receive window.",
    ),
    (r"(?P<source>.+)\.tx\.(?P<result>.+)", "lyhord_transmissions", "Transmissions by their result."),
    (
        r"(?P<source>.+)\.tx_refused\.(?P<reason>.+)",
        "lyhord_answers_refused",
        "Answers that could not be sent in either receive window.",
    ),
    (
        r"(?!ingest\.)(?P<source>.+)\.refused\.(?P<reason>.+)",
        "lyhord_source_messages_refused",
        "Messages that a source refused before ingest.",
    ),
)
_OTHER = Rule(re.compile(r"(?P<event>.+)"), "lyhord_events", "Everything else that is counted.")


class Exposition:
    """`text()` is the answer to a scrape. report: the health at this moment; node metrics: families that were
    counted elsewhere, as text."""

    def __init__(
        self,
        gateway: str,
        metrics: Metrics,
        report: Callable[[], Report],
        node_metrics: Callable[[], bytes] = bytes,
    ) -> None:
        self._gateway = gateway
        self._metrics = metrics
        self._report = report
        self._node_metrics = node_metrics
        self._places: dict[str, tuple[Rule, tuple[str, ...]]] = {}  # as bounded as the counters are
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._registry.register(_Families(self._families))

    def text(self) -> bytes:
        return generate_latest(self._registry) + self._node_metrics()

    def _families(self) -> Iterator[Metric]:
        metrics, report = self._metrics, self._report()
        yield _gauge("lyhord_build_info", "Version and name.", {(self._gateway, __version__): 1}, _INFO)
        yield _gauge("lyhord_healthy", "1 while /health answers 200.", {(): int(report.healthy)})
        heard: Samples = {(source,): number for source, number in metrics.heard.items()}
        yield _counter("lyhord_frames", "Receptions of frames by source.", heard, ("source",))
        yield from self._counters(metrics.all_counters())
        yield _commits(metrics.commit_s)
        yield from _states(metrics.states)
        backlog: Samples = {(p.name,): p.waiting for p in report.platforms}
        age: Samples = {(p.name,): p.oldest_age_s for p in report.platforms}
        facts = report.facts
        yield _gauge("lyhord_platform_backlog_readings", "Readings that wait.", backlog, _PLATFORM)
        yield _gauge("lyhord_platform_backlog_age_seconds", "Age of the oldest that waits.", age, _PLATFORM)
        if facts.nodes:  # before the first look at the disk a zero would be none
            kinds = _by_kind(facts.nodes)
            used: Samples = {(): facts.store_bytes}
            free: Samples = {(): facts.disk_free_bytes}
            yield _gauge("lyhord_nodes", "Nodes by what is known of them.", kinds, ("kind",))
            yield _gauge("lyhord_store_bytes", "Bytes of the store that hold something.", used)
            yield _gauge("lyhord_disk_free_bytes", "Free bytes on the store's disk.", free)
        if (share := rx1_share(dict(metrics.counters))) is not None:
            yield _gauge("lyhord_rx1_answers_ratio", "Share of the radio answers that made RX1.", {(): share})

    def _counters(self, counters: dict[str, int]) -> Iterator[Metric]:
        found: dict[str, tuple[Rule, Samples]] = {}
        for name, value in sorted(counters.items()):
            if name == "ingest.heard":  # the sum of lyhord_frames_total
                continue
            if (place := self._places.get(name)) is None:
                place = self._places[name] = _place(name)
            rule, labels = place
            found.setdefault(rule.family, (rule, {}))[1][labels] = value
        for rule, samples in found.values():
            yield _counter(rule.family, rule.text, samples, tuple(rule.pattern.groupindex))


_INFO = ("gateway", "version")
_PLATFORM = ("platform",)
Samples = dict[tuple[str, ...], float]


class _Families(Collector):
    def __init__(self, families: Callable[[], Iterator[Metric]]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        return self._families()

    def describe(self) -> list[Metric]:
        return []


def rx1_share(counters: dict[str, int]) -> float | None:
    """Of all answers that radios have sent, those in RX1; None before the first."""
    sent = {
        window: sum(
            n
            for name, n in counters.items()
            if name.endswith(f".rx{window}_answers") and not name.startswith("udp.concentrator.")
        )
        for window in (1, 2)
    }
    total = sent[1] + sent[2]
    return sent[1] / total if total else None


def _place(name: str) -> tuple[Rule, tuple[str, ...]]:
    """The rule of a counter, and its values of the labels."""
    for rule in RULES:
        if match := rule.pattern.fullmatch(name):
            return rule, tuple(match.groups())
    return _OTHER, (name,)


def _states(states: dict[str, str]) -> Iterator[Metric]:
    platforms: Samples = {}
    parts: Samples = {}
    for part, state in states.items():
        kind, _, name = part.partition(".")
        (platforms if kind == "platform" else parts)[name if kind == "platform" else part,] = state == "up"
    yield _gauge("lyhord_platform_up", "1 while the platform is connected.", platforms, _PLATFORM)
    yield _gauge("lyhord_up", "1 while the part (source, broker, store) works.", parts, ("part",))


def _by_kind(nodes: dict[str, int]) -> Samples:
    return {(kind,): number for kind, number in nodes.items()}


def _counter(name: str, text: str, samples: Samples, labels: tuple[str, ...] = ()) -> Metric:
    family = CounterMetricFamily(name, text, labels=labels)
    for values, number in samples.items():
        family.add_metric(values, number)
    return family


def _gauge(name: str, text: str, samples: Samples, labels: tuple[str, ...] = ()) -> Metric:
    family = GaugeMetricFamily(name, text, labels=labels)
    for values, number in samples.items():
        family.add_metric(values, float(number))
    return family


def _commits(histogram: Histogram) -> Metric:
    total = 0
    buckets: list[tuple[str, float]] = []
    bounds = [*map(str, histogram.bounds), "+Inf"]
    for bound, number in zip(bounds, histogram.buckets, strict=True):
        total += number
        buckets.append((bound, total))
    text = "Time from the start of a commit until it was on the disk."
    family = HistogramMetricFamily("lyhord_store_commit_seconds", text)
    family.add_metric([], buckets, histogram.sum)
    return family
