"""The duty-cycle ledger of one band: what was sent in the last hour, and when more would fit.

EN 300 220-2 counts transmitter-on time over one hour. Time is an argument (any microsecond clock
that does not go back); a transmission that does not fit is never sent, it is given the time at
which it would fit.
"""

HOUR_US = 3_600_000_000

_ENTRY = 8  # packed: age of the transmission in ms (4 bytes), its airtime in us (4 bytes)


class Ledger:
    """At most `budget_us` of airtime within any `window_us`.

    A node has little memory: with more than `entries` (2 at least) transmissions in the window,
    two neighbours become one that is as long as both and as recent as the younger. So the ledger
    errs only towards silence: airtime may count for up to 2 / (`entries` − 1) of a window too long.
    """

    def __init__(self, budget_us: int, window_us: int = HOUR_US, entries: int = 32) -> None:
        self.budget_us = budget_us
        self.window_us = window_us
        self.entries = entries
        self._sent: list[tuple[int, int]] = []  # (start, airtime), oldest first

    def used(self, now_us: int) -> int:
        """Airtime in microseconds that still counts at `now_us`."""
        self._forget(now_us)
        total = 0
        for _, airtime in self._sent:
            total += airtime
        return total

    def next_fit(self, now_us: int, airtime: int) -> int | None:
        """The first time ≥ `now_us` at which `airtime` fits: `now_us` itself if it fits at once.

        None if it can never fit, because it is longer than the whole budget.
        """
        if airtime > self.budget_us:
            return None
        excess = self.used(now_us) + airtime - self.budget_us
        if excess <= 0:
            return now_us
        free_us = now_us
        for start, sent in self._sent:
            # An entry that was merged may last longer than the one after it.
            free_us = max(free_us, start + sent + self.window_us)
            excess -= sent
            if excess <= 0:
                break
        return free_us

    def record(self, now_us: int, airtime: int) -> None:
        """Enters a transmission of `airtime` that starts at `now_us`."""
        self._forget(now_us)
        self._sent.append((now_us, airtime))
        if len(self._sent) > self.entries:
            self._merge()

    def _merge(self) -> None:
        # One transmission less, where neighbours are closest. What an entry stands for was sent
        # after its left neighbour, so airtime moves by less than that neighbour's distance; merging
        # always the two oldest would push one growing entry along that never leaves the window.
        best, least = 1, self._span(1)
        for i in range(2, len(self._sent) - 1):
            if self._span(i) < least:
                best, least = i, self._span(i)
        start, airtime = self._sent[best + 1]
        self._sent[best + 1] = (start, airtime + self._sent[best][1])
        del self._sent[best]

    def _span(self, i: int) -> int:
        return self._sent[i + 1][0] - self._sent[i - 1][0]

    def _forget(self, now_us: int) -> None:
        # A transmission counts until its last microsecond has left the window.
        while self._sent and self._sent[0][0] + self._sent[0][1] + self.window_us <= now_us:
            del self._sent[0]

    def pack(self, now_us: int) -> bytes:
        """The ledger as bytes (8 per entry), for memory that outlives a restart."""
        self._forget(now_us)
        out = bytearray()
        for start, airtime in self._sent:
            # Rounded towards "more recent": a restored ledger must not allow more.
            age_ms = max(0, (now_us - start) // 1000)
            out.extend(age_ms.to_bytes(4, "big"))
            out.extend(airtime.to_bytes(4, "big"))
        return bytes(out)

    def unpack(self, data: bytes, now_us: int) -> None:
        """Takes over a packed ledger as if no time had passed since `pack`; bytes left over are dropped."""
        self._sent = []
        for at in range(0, len(data) - _ENTRY + 1, _ENTRY):
            age_us = int.from_bytes(data[at : at + 4], "big") * 1000
            self._sent.append((now_us - age_us, int.from_bytes(data[at + 4 : at + 8], "big")))
        self._sent.sort()
