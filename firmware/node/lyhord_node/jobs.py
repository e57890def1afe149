"""The console's commands beyond settings: they look and measure with the stages of a wake, and tell how a
delivery has ended."""

from lyhord_node import clock, sampling
from lyhord_node.link import DONE, NOTHING
from lyhord_node.link_selector import OTHER_LINK
from lyhord_node.scoped_import import ScopedImport


def status(node):
    """All about the node as `key: value` lines."""
    with ScopedImport():
        from lyhord_node.overview import lines

        for line in lines(node):
            print(line)
    print("ok")


def measure(node):
    """The sensors' values now. Nothing is kept, and the samples before do not change how these are judged."""
    values = sampling.measured(node, is_trial=True)
    with ScopedImport():
        from lyhord_wire.names import FAULTS, QUANTITIES

        for key in sorted(values):
            print("%s: %s" % (QUANTITIES[key], "none" if values[key] is None else values[key]))
        faults = [FAULTS[bit] for bit in sorted(FAULTS) if node.state.faults.bits & bit]
        print("faults: %s" % (" ".join(faults) or "none"))
    print("ok")


def sample(node):
    """One sample out of turn, kept."""
    sampling.take_sample(node)
    node.state.save()
    print("ok")


def send(node, end, samples):
    """Says how the delivery of everything that is kept has ended; `ok` only if all of it went."""
    node.state.save()
    left = node.outbox.kept()
    print("sent: %d samples, left: %d" % (samples, left))
    if end is None:
        print("error: no link works; see above, and get link, wifi_ssid, broker_host")
    elif end == OTHER_LINK:
        print("error: link down, see above; send again takes the other link")
    elif node.state.transmit.not_before:
        print("error: duty cycle, try again in %d s" % max(1, node.state.transmit.not_before - clock.now()))
    elif end == NOTHING:
        print("error: nothing kept; sample takes one")
    elif left or end != DONE:
        print("error: %s, %d samples left" % (end, left))
    else:
        print("ok")


def say_out_of_memory(_node):
    """Ends the answer of a command that the heap had no room for."""
    print("error: no memory was left; try again")


def say_too_much_unsaved(_node):
    """Ends the answer of a delivery whose fresh start cannot keep what `set` has collected."""
    print("error: too many changes for another start; save or clear them first")


# What a command asks for, by the name that survives a fresh start in NVS (session.py).
JOBS = {
    "status": status,
    "measure": measure,
    "sample": sample,
    "send": send,
    "say_out_of_memory": say_out_of_memory,
    "say_too_much_unsaved": say_too_much_unsaved,
}
