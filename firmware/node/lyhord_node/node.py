"""The node as all stages of a wake share it, put together from what flash and RTC memory have kept."""

import os

from lyhord_node import boot_guard, counters, settings, state
from lyhord_node import identity as identities
from lyhord_node.outbox import Outbox
from lyhord_wire.codes import FAULT_CODE, FAULT_SAFE_MODE, FAULT_STORAGE

_LOG = "/log"


class Node:
    """All that the stages work on: `board`, `power`, `nvs`, `identity` (None before provisioning),
    `settings`, `state`, `outbox`, `contacts` (None where none are fitted), `version` (number), `reset_cause`
    (number on the wire), `starts`, `linked` (the link that this start has used, see transmit.py)."""

    def __init__(self, board, power, nvs, kept, version, reset_cause, started):
        self.board = board
        self.power = power
        self.version = version
        self.reset_cause = reset_cause
        self.boot_guard = started
        self.nvs = nvs
        self.contacts = None
        self.linked = None
        if _has_contacts(nvs) and not started.is_safe:  # first: what happens meanwhile counts
            from lyhord_node.contacts import open_contacts

            self.contacts = open_contacts(board, power, nvs, kept)
        self.identity = identities.load(self.nvs)
        self.settings = settings.load(self.nvs)
        self.outbox = Outbox(
            _LOG,
            lambda: counters.lost_sample_number(self.nvs),
            lambda number: counters.reserve_sample_number(self.nvs, number),
        )
        self.state = kept
        if self.state is None:
            from lyhord_node.power_loss import begin_anew

            begin_anew(self)
        if self.outbox.damaged:
            self.state.faults |= FAULT_STORAGE
        if started.is_safe:
            self.state.faults |= FAULT_SAFE_MODE
        if started.finds_damage():
            self.state.faults |= FAULT_CODE
        if reset_cause != boot_guard.DEEP_SLEEP:
            self.state.reset_cause = reset_cause
            self.state.status_pending = state.STATUS_ALL  # due in the first report after a start
        self.state.unsent = max(self.outbox.stored, min(self.state.unsent, self.outbox.next_seq))
        self.state.wakes += 1
        self.state.save()

    def random(self, below):
        """An even random number in 0…below-1."""
        return int.from_bytes(os.urandom(4), "big") % below


def wake(board, power, nvs, kept, cause, started):
    """The Node of this start. kept: the State, None after a power loss; cause: the number on the wire. Does
    not return where a contact alone has woken it: that is counted, and the sleep goes on."""
    import image

    if kept is not None and _has_contacts(nvs) and not started.is_safe:
        from lyhord_node.contacts import serve

        serve(board, power, nvs, kept)
    return Node(board, power, nvs, kept, image.VERSION_NUMBER, cause, started)


def _has_contacts(nvs):
    return nvs.blob("pulses") is not None or nvs.blob("occupancy") is not None  # texts of config.py
