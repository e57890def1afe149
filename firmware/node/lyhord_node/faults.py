"""The fault bits of the status, as on the wire."""


def note(state, fault, present):
    """Sets or clears the bits of `fault`."""
    bits = state.faults.bits
    state.faults.bits = bits | fault if present else bits & ~fault
