"""A fresh running state after a power loss, from what the flash has kept."""

from lyhord_node import ledgers, pending, probation, state, timebase


def begin_anew(node):
    """Gives `node` a state; its time goes on behind the newest record of the log."""
    from machine import RTC

    fresh = node.state = state.State(RTC())
    if node.contacts:
        node.contacts.go_on(node.outbox)
    timebase.begin(fresh, node.outbox.newest)
    probation.begin(fresh, node.nvs)
    if node.identity:
        pending.due(fresh, about=state.ABOUT_ALL)
    ledgers.begin(fresh, node.nvs)  # silent too long, never too short
