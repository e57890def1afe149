"""The common part of the two links: their answers, as values.

A link has `frame_max` (bytes of a whole frame), `always_ack` (asking costs nothing), `rounds` (frames per
wake), `has_time()` (for another one of them), `fault` (the bit that its failure sets, 0 for none), `open()`,
`send(raw, accept)` and `close()`, which is due after a failed `open()` as well. `accept(raw downlink)` gives
the opened downlink if it answers the frame under way, else None; without `accept` nothing is waited for.
"""

SENT = "sent"  # on the air; nobody was asked to answer
ANSWERED = "answered"
NO_ANSWER = "no answer"
REFUSED = "refused"  # the duty cycle does not allow it now; nothing was sent

# How a delivery ends that neither of the last two has ended.
NOTHING = "nothing to tell"
DONE = "done"
MORE_LEFT = "more left"
DOWN = "link down"


class LinkDown(Exception):
    """The link cannot be used now: no access point, no broker, a radio that does not answer."""


class Result:
    """`kind`: one of the first four above; `downlink`: the opened answer; `until`: seconds on the line from
    which on a refused frame would fit; `rssi_dbm` and `snr_q4` of the answer where the link knows them;
    `waited_ms`: how long the answer lay ready until its window came, so that its time is older than its
    arrival."""

    def __init__(self, kind, downlink=None, until=None, rssi_dbm=0, snr_q4=0, waited_ms=0):
        self.waited_ms = waited_ms
        self.kind = kind
        self.downlink = downlink
        self.until = until
        self.rssi_dbm = rssi_dbm
        self.snr_q4 = snr_q4
