"""The order of a bridge's transmissions, and which are refused: no IO, and time is an argument.

All times are microseconds of one clock that never goes back (`clock.Clock`); the host's 32-bit
`tmst` is taken as the nearest such time.
"""

from lyhord_bridge.clock import nearest
from lyhord_wire.airtime import airtime_us
from lyhord_wire.bridge import BAD_REQUEST, DUTY_CYCLE, TOO_LATE
from lyhord_wire.duty import Ledger
from lyhord_wire.lora import BANDS, band_of

QUEUE_LENGTH = 8

# The loop turns every 20 ms, a garbage collection takes ten, setting up modem and FIFO a few.
LEAD_US = 50_000

# A window opens at most 2 s after an uplink. What lies further ahead is a host whose clock is not ours.
HORIZON_US = 60_000_000


class Pending:
    """An accepted transmission: on the air from `start_us` for `airtime`, both in microseconds."""

    def __init__(self, request, start_us, airtime, band):
        self.request = request
        self.start_us = start_us
        self.airtime = airtime
        self.band = band

    def end_us(self):
        return self.start_us + self.airtime


class Scheduler:
    """Up to QUEUE_LENGTH transmissions in order of time, none overlapping, each within its band's duty cycle.

    min_dbm, max_dbm: what the radio can do at its own connector.
    """

    def __init__(self, min_dbm, max_dbm):
        self._min_dbm = min_dbm
        self._max_dbm = max_dbm
        self._ledgers = {name: Ledger(budget_us) for name, (_, _, budget_us, _) in BANDS.items()}
        self._queue = []
        self._busy_until_us = 0

    def __len__(self):
        return len(self._queue)

    def request(self, now_us, request):
        """Queues a `lyhord_wire.bridge.Transmit`. None, or the status with which it is refused at once.

        TOO_LATE: the time has passed or is nearer than LEAD_US, is taken by another transmission, or
        the queue is full. BAD_REQUEST: more than HORIZON_US ahead, no frequency of ours, or a power
        that the radio or the band does not allow. DUTY_CYCLE: the band's budget does not allow it now.
        """
        band = band_of(request.freq_hz)
        if band is None or not self._min_dbm <= request.power_dbm <= min(self._max_dbm, BANDS[band][3]):
            return BAD_REQUEST
        start_us = now_us + LEAD_US
        if request.tmst_us is not None:
            asked_us = nearest(request.tmst_us, now_us)
            if asked_us < start_us:
                return TOO_LATE
            if asked_us > now_us + HORIZON_US:
                return BAD_REQUEST
            start_us = asked_us
        pending = Pending(request, start_us, airtime_us(len(request.data), request.sf, crc=False), band)
        if len(self._queue) == QUEUE_LENGTH or self._overlaps(pending):
            return TOO_LATE
        if not self._fits(now_us, pending):
            return DUTY_CYCLE
        at = len(self._queue)
        while at and self._queue[at - 1].start_us > start_us:
            at -= 1
        self._queue.insert(at, pending)
        return None

    def _overlaps(self, pending):
        # Each needs the radio from LEAD_US before its start.
        if pending.start_us - LEAD_US < self._busy_until_us:
            return True
        for other in self._queue:
            if pending.start_us - LEAD_US < other.end_us() and other.start_us - LEAD_US < pending.end_us():
                return True
        return False

    def _fits(self, now_us, pending):
        # What is queued for the band counts as sent, and what counts now counts until then (a minute at
        # most): an accepted transmission always fits.
        promised = pending.airtime
        for other in self._queue:
            if other.band == pending.band:
                promised += other.airtime
        return self._ledgers[pending.band].next_fit(now_us, promised) == now_us

    def take(self, now_us):
        """The `Pending` whose preparation is due, removed from the queue; None if there is none.

        Its `start_us` may already have passed where the caller was held up: it is the caller's to refuse.
        """
        if not self._queue or now_us < self._queue[0].start_us - LEAD_US:
            return None
        return self._queue.pop(0)

    def started(self, pending):
        """Enters a taken transmission into its band's ledger; call when it goes on the air."""
        self._ledgers[pending.band].record(pending.start_us, pending.airtime)
        self._busy_until_us = pending.end_us()
