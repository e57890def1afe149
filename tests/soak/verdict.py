"""The verdict of a soak: totals for people, and everything that is wrong."""

import contextlib
from collections import Counter
from dataclasses import dataclass, field

from lyhord_gateway.store.reader import Reader
from lyhord_gateway.store.schema import connect
from lyhord_rig.radio.model import Loss
from lyhord_wire.lora import BANDS

_PAGE = 5000
_CLOCK_S = 45  # a place on the grid may be 30 s off, a downlink's time is some seconds old
_SURE = 6  # a node that was heard that often in one life has got the time
_SHOWN = 20
_ANSWERING = ("downlink", "rx", "tx_", "mqtt")


@dataclass(slots=True)
class Verdict:
    """sums: totals that add up over districts; counts: losses by reason, troubles, answers by window;
    worst_us: band → most airtime in any hour by one transmitter. wrong: what must not be, in words."""

    sums: Counter = field(default_factory=Counter)
    counts: Counter = field(default_factory=Counter)
    worst_us: dict = field(default_factory=dict)
    wrong: list = field(default_factory=list)
    traces: list = field(default_factory=list)

    @property
    def sound(self):
        return not self.wrong and self.sums["taken"] > 0

    def add(self, other):
        self.sums.update(other.sums)
        self.counts.update(other.counts)
        self.wrong += other.wrong
        self.traces += other.traces
        for band, worst in other.worst_us.items():
            self.worst_us[band] = max(tuple(self.worst_us.get(band, (0, ""))), tuple(worst))

    def as_dict(self):
        return {
            "sums": dict(self.sums),
            "counts": dict(self.counts),
            "worst_us": self.worst_us,
            "wrong": self.wrong,
            "traces": self.traces,
        }

    @classmethod
    def from_dict(cls, raw):
        return cls(Counter(raw["sums"]), Counter(raw["counts"]), raw["worst_us"], raw["wrong"], raw["traces"])

    def lines(self):
        sums, counts = self.sums, self.counts
        yield (
            f"samples: taken {sums['taken']}, arrived {sums['arrived']}, "
            f"dropped and counted {sums['dropped']}, missing {sums['missing']}, doubled {sums['doubled']}"
        )
        yield (
            f"  sent in more than one frame {sums['sent_again']}, not kept by a full or broken flash "
            f"{sums['not_kept']}, numbers skipped after torn writes {sums['skipped']}"
        )
        yield f"boards: {sums['nodes']}, {sums['wakes']} wakes, {sums['power_cuts']} times without power"
        yield "troubles: " + _listed(counts, "trouble")
        yield f"frames on the air: {sums['frames_on_air']}, received {sums['receptions']}"
        yield "  lost: " + _listed(counts, "lost")
        yield "answers: " + _listed(counts, "answers")
        yield "gateway: " + _listed(counts, "gateway")
        for band in BANDS:
            used_us, who = self.worst_us.get(band, (0, "nobody"))
            budget_us = BANDS[band][2]
            share = 100 * used_us / budget_us
            yield (
                f"duty cycle, band {band}: at worst {used_us / 1e6:.1f} s of {budget_us / 1e6:.0f} s "
                f"in an hour ({share:.0f} %) by {who}"
            )
        yield "trace: " + " ".join(self.traces)
        for line in self.wrong[:_SHOWN]:
            yield f"WRONG: {line}"
        if len(self.wrong) > _SHOWN:
            yield f"WRONG: and {len(self.wrong) - _SHOWN} more"


def _listed(counts, group):
    found = {name.removeprefix(f"{group}/"): n for name, n in counts.items() if name.startswith(f"{group}/")}
    return ", ".join(f"{name} {n}" for name, n in sorted(found.items())) or "none"


def judge(town):
    """Everything about a town that has delivered; its gateway must be closed."""
    verdict = Verdict(traces=[town.world.trace_hash()])
    with contextlib.closing(connect(town.gateway.path)) as connection:
        reader = Reader(connection)
        rows = _rows(reader)
        listed = {node.facts.node: node for node in reader.nodes()}
    for number in town.nodes:
        _judge_node(verdict, town, number, rows.get(number, {}), listed[number])
    _judge_air(verdict, town)
    for word, number in town.counts.items():
        if word not in ("arrivals", "power cuts"):
            verdict.counts[f"trouble/{word}"] = number
    metrics = town.gateway.metrics.counters
    for name in sorted(metrics):
        group = "answers" if name.startswith(_ANSWERING) else "gateway"
        verdict.counts[f"{group}/{name}"] = metrics[name]
    return verdict


def _rows(reader):
    """node → sample number → reading, in the pages that a platform would get."""
    found = {}
    first, end = 1, reader.newest_arrival() + 1
    while page := reader.part(first, end, _PAGE, late=False):
        for reading in page:
            found.setdefault(reading.node, {})[reading.seq] = reading
        first = page[-1].arrival + 1
    return found


def _judge_node(verdict, town, number, rows, listed):
    journal, status = town.journals[number], town.status.get(number)
    name = town.nodes[number].label.name

    def wrong(what):
        verdict.wrong.append(f"{name}: {what}")

    _judge_board(town, number, wrong)
    if status is None:
        wrong("gave no account of itself")
        return
    end = int(status["next_sample"])
    numbers = set(rows)
    known = set(journal.taken) | numbers  # power may go between the flash write and the print
    missing = sorted(set(journal.taken) - numbers)
    dropped = int(status["dropped"])
    sums = verdict.sums
    sums["nodes"] += 1
    sums["taken"] += len(known)
    sums["arrived"] += len(numbers)
    sums["dropped"] += min(dropped, len(missing))
    sums["missing"] += max(0, len(missing) - dropped)
    sums["not_kept"] += journal.not_kept
    sums["sent_again"] += sum(1 for times in journal.seen.values() if times > 1)
    skipped = set(range(end)) - known
    sums["skipped"] += len(skipped)
    if len(missing) != dropped:
        wrong(f"{len(missing)} samples did not arrive, {dropped} count as dropped: {missing[:5]}…")
    if journal.dropped_told < dropped:
        wrong(f"{dropped} samples dropped, a status told of {journal.dropped_told}")
    if known and max(known) >= end:
        wrong(f"sample {max(known)} exists, the node says that the next one is {end}")
    if int(status["kept"]) or listed.missing:
        wrong(f"{status['kept']} samples are still at the node, the gateway misses {listed.missing}")
    if skipped and not town.nodes[number].board.events.power_cuts:
        wrong(f"{len(skipped)} numbers were never used, without any power cut")
    _judge_rows(verdict, town, number, rows, wrong)


def _judge_rows(verdict, town, number, rows, wrong):
    journal = town.journals[number]
    times = {}
    quantity, dead_from_s = town.dead_sensors.get(number, (None, 0))
    for seq, reading in sorted(rows.items()):
        other = times.setdefault(reading.time_s, seq)
        if other != seq:
            verdict.sums["doubled"] += 1
            wrong(f"samples {other} and {seq} have one time")
        taken = journal.taken.get(seq)
        if taken is None:
            continue
        if taken.values != reading.values:
            wrong(f"sample {seq} was {taken.values} and arrived as {reading.values}")
        if journal.heard_in.get(taken.life, 0) >= _SURE and abs(reading.time_s - taken.time_s) > _CLOCK_S:
            wrong(f"sample {seq} was taken at {taken.time_s:.0f} and says {reading.time_s}")
        if quantity and taken.time_s > dead_from_s and reading.values.get(quantity) is not None:
            wrong(f"sample {seq} has a value for {quantity}, whose sensor is dead")


def _judge_board(town, number, wrong):
    node = town.nodes[number]
    board, journal = node.board, town.journals[number]
    for complaint in (*journal.complaints, *board.crash_reports, *node.radio.violations):
        wrong(complaint)
    if board.events.watchdog_resets:
        wrong(f"{board.events.watchdog_resets} watchdog resets")


def _judge_air(verdict, town):
    ether, sums = town.ether, verdict.sums
    sums["frames_on_air"] = ether.sent
    sums["receptions"] = ether.heard
    sums["wakes"] = sum(r.board.events.wakes for r in town.nodes.values())
    sums["power_cuts"] = town.counts["power cuts"]
    for reason, number in ether.lost.items():
        if reason is not Loss.POLARITY:  # nodes that listen for a downlink lose nothing by an uplink
            verdict.counts[f"lost/{reason.value}"] = number
    verdict.counts["lost/damaged by a collision"] = ether.damaged
    verdict.worst_us = dict(ether.regulator.worst_us)
    for violation in ether.regulator.violations:
        verdict.wrong.append(f"on the air: {violation}")
    if town.gateway.concentrator.counts["overlap"]:
        verdict.wrong.append(f"the gateway planned {town.gateway.concentrator.counts['overlap']} overlaps")
    if town.gateway.broker.junk:
        verdict.wrong.append(f"{town.gateway.broker.junk} MQTT packets were junk")
