"""The node's state, as `key: value` lines for `status`. Programs read them: keys are added, never changed."""

import gc
import os

from lyhord_node import clock, config, sensor_config, shelf
from lyhord_wire.codes import LINK
from lyhord_wire.names import ALARMS, FAULTS, RESET_CAUSES


def version(board):
    """Lines for `version`: the program and the board; programs read them too."""
    import sys
    from binascii import hexlify

    import image
    from machine import unique_id

    yield "version: " + image.VERSION
    yield "app: " + image.APP
    yield "board: " + board.NAME
    yield "mac: " + hexlify(unique_id()).decode()
    yield "micropython: " + ".".join([str(part) for part in sys.implementation[1][:3]])


def lines(node):
    """The lines, one after the other."""
    state, outbox = node.state, node.outbox
    now = clock.now()
    identity = node.identity
    pairs = (
        ("id", "none" if identity is None else "%06x" % identity.node),
        ("generation", "none" if identity is None else identity.generation),
        ("name", config.text(node.nvs, "name")),
        ("profile", config.text(node.nvs, "profile")),
        ("shelf", "yes" if shelf.is_on(node.nvs) else "no"),
        ("mode", _mode(node.boot_guard)),
        ("reset_cause", RESET_CAUSES[state.pending.reset_cause]),
        ("uptime_s", max(0, now - state.timebase.started)),
        ("clock", "set" if state.timebase.is_set else "not set"),
        ("time", state.unix(now)),
        ("link", ("auto", "lora", "wifi", "lora first")[node.settings[LINK]]),
        ("settings_version", node.settings.version),
        ("next_sample", outbox.next_seq),
        ("stored", outbox.stored),
        ("kept", outbox.kept()),
        ("dropped", outbox.dropped),
        ("next_sample_in_s", max(0, state.schedule.sample_due - now)),
        ("next_report_in_s", max(0, max(state.schedule.report_at, state.transmit.not_before) - now)),
        ("counter", state.counters.next),
        ("failures", state.pending.failures),
        ("downlinks_refused", state.pending.refused),
        ("downlink_rssi_dbm", state.delivery.rssi_dbm or "none"),
        ("battery_mv", state.measure.battery_mv or "none"),
        ("alarms", " ".join([ALARMS[code] for code in state.alarms.active]) or "none"),
        ("faults", " ".join([FAULTS[bit] for bit in sorted(FAULTS) if state.faults.bits & bit]) or "none"),
        ("sensors", " ".join(_sensors(node))),
        ("emptied", state.measure.emptied),
        ("wakes", state.waking.wakes),
        ("crashes", node.boot_guard.count),
        ("heap_free", gc.mem_free()),
        ("heap_free_after_cycle", state.sending.free_heap or "none"),
        ("heap_free_while_sending", state.transmit.least_heap or "none"),
        ("flash_free", _flash_free()),
    )
    for key, value in pairs:
        yield "%s: %s" % (key, value)


def _mode(guard):
    return "safe, %d starts came to no end" % guard.count if guard.is_safe else "normal"


def _flash_free():
    """Bytes that files can still take."""
    stat = os.statvfs("/")
    return stat[0] * stat[3]


def _sensors(node):
    fit = sensor_config.load(node.nvs)
    return ["%s=%s" % (slot, fit[slot]) for slot in sorted(fit) if fit[slot] != "none"]
