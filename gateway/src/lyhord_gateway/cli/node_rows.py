"""A node as lists and pages show it, for people and for machines."""

import msgspec

from lyhord_gateway.model import intervals
from lyhord_gateway.model.reading import alarm_name, node_text, snr_db
from lyhord_gateway.store.completeness import DAY_S, WEEK_S, completeness
from lyhord_gateway.store.reader import Listed
from lyhord_gateway.store.rotation import Rotation
from lyhord_wire.outside import csv_cell
from lyhord_wire.tables import FAULTS, STATUS, STATUS_BATTERY, STATUS_FAULTS

_GAPS_SHOWN = 50


def listed(node: Listed, now_s: int) -> dict[str, object]:
    """The node as `nodes --json` shows it. day, week: completeness, 0…1, None without samples. Battery in
    volts, places in degrees."""
    facts, session = node.facts, node.session
    heard = session.heard_s > 0
    status = _status(node)
    battery_mv = status.get(STATUS_BATTERY)
    faults = status.get(STATUS_FAULTS, 0)
    return {
        "id": node_text(facts.node),
        "name": facts.name,
        "profile": facts.profile_name,
        "board": facts.board,
        "firmware": facts.version,
        "enabled": node.enabled,
        "generations": node.generations,
        "last_heard": session.heard_s if heard else None,
        "source": session.source if heard else None,
        "rssi_dbm": session.rssi_dbm,
        "snr_db": snr_db(session.snr_q4),
        "stored": session.stored,
        "received": node.received,
        "missing": node.missing,
        "given_up": node.given_up,
        "completeness_day": _share(node, now_s - DAY_S),
        "completeness_week": _share(node, now_s - WEEK_S),
        "alarms": [alarm_name(code) for code in msgspec.json.decode(session.alarms or "[]")],
        "battery_v": None if battery_mv is None else battery_mv / 1000,
        "faults": [fault.name for bit, fault in FAULTS.items() if faults & bit],
        "latitude": facts.latitude,
        "longitude": facts.longitude,
        "status": {_status_name(key): value for key, value in status.items()},
    }


_decode_status = msgspec.json.Decoder(dict[int, int]).decode


def _status(node: Listed) -> dict[int, int]:
    return _decode_status(node.session.status or "{}")


def _status_name(key: int) -> str:
    known = STATUS.get(key)
    return known.name if known else f"status_{key}"


def flat(row: dict[str, object]) -> list[object]:
    """The row as a line of a CSV file, under `TITLES`: lists in one cell, a status of its own left out."""
    cells = [row[title] for title in TITLES]
    return [csv_cell(_cell(cell)) for cell in cells]


TITLES = (
    "id",
    "name",
    "profile",
    "board",
    "firmware",
    "enabled",
    "last_heard",
    "source",
    "rssi_dbm",
    "snr_db",
    "received",
    "missing",
    "given_up",
    "completeness_day",
    "completeness_week",
    "battery_v",
    "alarms",
    "faults",
    "latitude",
    "longitude",
)


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return " ".join(map(str, value)) if isinstance(value, list) else value


def in_full(node: Listed, rotation: Rotation | None, now_s: int) -> dict[str, object]:
    """The node as `nodes show --json` shows it, its orders apart.

    gaps, lost: the newest ones, as [first, count].
    """
    facts, session = node.facts, node.session
    return listed(node, now_s) | {
        "created": node.created,
        "empty_distance_mm": facts.empty_mm,
        "full_distance_mm": facts.full_mm,
        "about": facts.more,
        "next_sample": session.expected,
        "gaps": _spans(intervals.gaps(session.received, session.expected)),
        "lost": _spans(session.given_up),
        "newest_frame": [None if window.top < 0 else window.top for window in session.windows],
        "next_downlink": session.downlink,
        "key_change": None
        if rotation is None
        else {
            "generation": rotation.generation,
            "made": rotation.made_s,
            "heard": rotation.heard_s,
        },
    }


def _share(node: Listed, since_s: int) -> float | None:
    """Rounded down to a tenth of a percent, so that 1.0 means all of them."""
    found = completeness(node.session, node.marks, since_s)
    return None if found is None else found[0] * 1000 // found[1] / 1000


def _spans(spans: list[intervals.Interval]) -> list[list[int]]:
    return [[first, end - first] for first, end in spans[-_GAPS_SHOWN:]]
