"""A node as lists and pages show it, for people and for machines."""

import msgspec

from lyhord_gateway import ranges
from lyhord_gateway.reading import alarm_name, node_text, snr_db
from lyhord_gateway.store.marks import DAY_S, WEEK_S, completeness
from lyhord_gateway.store.reader import Listed
from lyhord_gateway.store.rotation import Rotation
from lyhord_wire.tables import STATUS

_GAPS_SHOWN = 50


def listed(node: Listed, now_s: int) -> dict[str, object]:
    """The node as `nodes --json` shows it. day, week: completeness, 0…1, None without samples."""
    facts, session = node.facts, node.session
    heard = session.heard_s > 0
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
    }


def in_full(node: Listed, rotation: Rotation | None, now_s: int) -> dict[str, object]:
    """The node as `nodes show --json` shows it, its orders apart.

    gaps, lost: the newest ones, as [first, count].
    """
    facts, session = node.facts, node.session
    status = msgspec.json.decode(session.status or "{}", type=dict[int, int])
    return listed(node, now_s) | {
        "created": node.created,
        "latitude": facts.latitude,
        "longitude": facts.longitude,
        "empty_distance_mm": facts.empty_mm,
        "full_distance_mm": facts.full_mm,
        "next_sample": session.expected,
        "gaps": _spans(ranges.gaps(session.received, session.expected)),
        "lost": _spans(session.given_up),
        "status": {STATUS.get(key, f"status_{key}"): value for key, value in status.items()},
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


def _spans(spans: list[ranges.Range]) -> list[list[int]]:
    return [[first, end - first] for first, end in spans[-_GAPS_SHOWN:]]
