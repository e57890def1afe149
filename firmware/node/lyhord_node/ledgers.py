"""The duty-cycle ledgers of this node's uplink bands, through deep sleep and power cuts.

They live in the running state; a copy goes into NVS before each transmission. After a power loss
the copy counts as if no time had passed: the node may be silent too long, never too short.
"""

from micropython import const

from lyhord_node import clock
from lyhord_wire.duty import Ledger
from lyhord_wire.lora import BANDS, UPLINK_CHANNELS

_UPLINK_BANDS = sorted({band for _, band in UPLINK_CHANNELS})
_ENTRIES = const(20)  # per band and hour: 8 bytes each, in 512 bytes of state
_SECOND_US = const(1_000_000)
_COUNT_SIZE = const(1)
_KEY = "duty"  # in NVS: the copy for after a power loss


def begin(state, nvs):
    """After a power loss: as they were, as if no time had passed."""
    state.ledgers.packed = nvs.blob(_KEY) or b""
    state.ledgers.at = clock.now()


class Ledgers:
    """The ledgers out of `state`. Times are seconds on the line of `clock.now`."""

    def __init__(self, state, nvs):
        self._state = state
        self._nvs = nvs
        self._bands = {name: Ledger(BANDS[name][2], entries=_ENTRIES) for name in _UPLINK_BANDS}
        at = 0
        packed_at = min(state.ledgers.at, clock.now())  # never ahead, or it would be silent until then
        for name in _UPLINK_BANDS:
            size = 8 * state.ledgers.packed[at] if at < len(state.ledgers.packed) else 0
            at += _COUNT_SIZE
            self._bands[name].unpack(state.ledgers.packed[at : at + size], packed_at * _SECOND_US)
            at += size

    def next_fit(self, band, now, airtime_us):
        """First second ≥ `now` at which `airtime_us` fits into `band`; None if never."""
        fit_us = self._bands[band].next_fit(now * _SECOND_US, airtime_us)
        return None if fit_us is None else -(-fit_us // _SECOND_US)

    def record(self, band, now, airtime_us):
        """Enters a transmission that is about to start; durable when this returns."""
        # Whole seconds: entered as late as it may have been, so that it counts long enough.
        at = now + 1
        self._bands[band].record(at * _SECOND_US, airtime_us)
        out = bytearray()
        for name in _UPLINK_BANDS:
            packed = self._bands[name].pack(at * _SECOND_US)
            out.append(len(packed) // 8)
            out.extend(packed)
        self._state.ledgers.packed = bytes(out)
        self._state.ledgers.at = at
        self._nvs.set_blob(_KEY, self._state.ledgers.packed)
        self._nvs.commit()
        self._state.save()
