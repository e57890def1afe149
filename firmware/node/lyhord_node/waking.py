"""The start of a wake: the node put together from what flash and RTC memory have kept."""

from lyhord_node import boot_guard, faults, identity, pending, settings, state
from lyhord_node.outbox import Outbox
from lyhord_node.sample_numbers import SampleNumbers
from lyhord_wire.codes import FAULT_CODE, FAULT_SAFE_MODE, FAULT_STORAGE

_LOG = "/log"


def wake(node, kept, cause, started):
    """Fills the Node of this start. kept: the State, None after a power loss; cause: the number on the wire.
    Does not return where a contact alone has woken it: that is counted, and the sleep goes on."""
    import image

    board, power, nvs = node.board, node.power, node.nvs
    if _finish(nvs):
        kept = None
    if kept is not None:
        kept.waking.wakes += 1
    if _has_contacts(nvs) and not started.is_safe:  # first: what happens meanwhile counts
        from lyhord_node.contacts import open_contacts, serve

        if kept is not None:
            serve(board, power, nvs, kept)
        node.contacts = open_contacts(board, power, nvs, kept)
    node.version = image.VERSION_NUMBER
    node.reset_cause = cause
    node.boot_guard = started
    node.identity = identity.load(nvs)
    node.settings = settings.load(nvs)
    numbers = SampleNumbers(nvs)
    node.outbox = Outbox(_LOG, numbers.lost, numbers.reserve)
    node.state = kept
    if kept is None:
        from lyhord_node.power_loss import begin_anew

        begin_anew(node)
        node.state.waking.wakes = 1
    if node.outbox.damaged:
        faults.note(node.state, FAULT_STORAGE, True)
    if started.is_safe:
        faults.note(node.state, FAULT_SAFE_MODE, True)
    if started.finds_damage():
        faults.note(node.state, FAULT_CODE, True)
    if cause != boot_guard.DEEP_SLEEP:
        pending.started(node.state, cause, state.STATUS_ALL)  # due in the first report after a start
    pending.bound_unsent(node.state, node.outbox.stored, node.outbox.next_seq)
    node.state.save()


def _finish(nvs):
    """Does what a power cut at the console has left half done. True if the old life went with it."""
    if nvs.number("factory", 0):
        from lyhord_node import factory

        factory.finish(nvs)
        return True
    if nvs.number("staged", 0):
        from lyhord_node import staged

        staged.finish(nvs)
    return False


def _has_contacts(nvs):
    return nvs.blob("pulses") is not None or nvs.blob("occupancy") is not None  # texts of config.py
