"""The number that makes Unix time of the line of `clock.now`: begun after a power loss, put right by a
downlink."""

from lyhord_node import clock


def begin(state, newest):
    """A power session begins: Unix time goes on one second after `newest`, of the log (None: none there)."""
    state.timebase.started = clock.now()
    if newest is not None and clock.is_plausible(newest):
        state.timebase.offset = max(0, newest + 1 - clock.now())


def correct(state, delta):
    """The gateway's time is the node's Unix time and `delta` seconds."""
    state.timebase.offset += delta
    state.timebase.is_set = 1
