"""A fresh running state after a power loss, from what the flash has kept."""

from lyhord_node import clock, state


def begin_anew(node):
    """Gives `node` a state; its time goes on behind the newest record of the log."""
    from machine import RTC

    fresh = node.state = state.State(RTC())
    if node.contacts:
        node.contacts.go_on(node.outbox)
    newest = node.outbox.newest
    if newest is not None and clock.is_plausible(newest):
        fresh.offset = max(0, newest + 1 - clock.now())
    fresh.started = clock.now()
    fresh.trial = int(node.nvs.blob(state.TRIAL_KEY) is not None)
    fresh.about_pending = state.ABOUT_ALL if node.identity else 0
    # The duty ledgers count as if no time had passed: silent too long, never too short.
    fresh.ledgers = node.nvs.blob(state.LEDGERS_KEY) or b""
    fresh.ledgers_at = clock.now()
