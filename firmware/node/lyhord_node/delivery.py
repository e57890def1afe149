"""Getting messages to the gateway over a link, and its answers back.

next message ─▶ seal ─▶ send ─┬─ SENT ───────▶ next, as long as there is a backlog
                              ├─ ANSWERED ───▶ obey, next
                              ├─ NO_ANSWER ──▶ the very same bytes once more, then end
                              └─ REFUSED ────▶ end; until when is told

Where the clock is not set, the first message asks for the time, and the samples follow with true times.
Ages are for a gateway that was silent the last time or does not tell the time; they go out once only.
"""

from micropython import const

from lyhord_node import clock, pending, uplink_builder
from lyhord_node.counters import next_counter
from lyhord_node.instructions import Afterwards, obey
from lyhord_node.link import ANSWERED, DONE, MORE_LEFT, NO_ANSWER, NOTHING, REFUSED, SENT
from lyhord_wire.frame import UPLINK_OVERHEAD, open_downlink, parse_downlink, seal_uplink
from lyhord_wire.instructions import decode_instructions
from lyhord_wire.refusal import Refused

_AGAIN_LEAST_MS = const(1000)  # before the same bytes go out again, and as much more at random
_NEXT_LEAST_MS = const(200)  # between two frames that nobody answers
_EVERYTHING_ROUNDS = const(400)
_TRIES = const(2)


class Outcome:
    """`end`: NOTHING, DONE, MORE_LEFT, NO_ANSWER or REFUSED (`until`: seconds on the line); `samples`: how
    many went out; `answers`: how many came."""

    def __init__(self):
        self.end = NOTHING
        self.until = None
        self.samples = 0
        self.answers = 0
        self.afterwards = Afterwards()


class Delivery:
    """One connection's worth of messages; `everything`: until the gateway has stored all that is kept."""

    def __init__(self, node, link, everything=False):
        self._node = node
        self._link = link
        self._everything = everything
        self._cipher = node.identity.cipher()
        self._more = False  # the last downlink said that the gateway has more to tell
        self._trial = node.state.probation.trial
        self.outcome = Outcome()

    def run(self):
        """Sends until there is nothing left, nobody answers, or it is enough for one wake; see `outcome`.

        Raises LinkDown when the link breaks, Exhausted when the frame counters are used up.
        """
        node = self._node
        payload_max = self._link.frame_max - UPLINK_OVERHEAD
        rewound = False
        for i in range(_EVERYTHING_ROUNDS if self._everything else self._link.rounds):
            if i and not self._everything and not self._link.has_time():
                break  # the next sample must not wait for the whole of a backlog
            kept = node.outbox.kept()
            untried = node.state.probation.trial > 0 and not self.outcome.answers
            probe = self._more or untried or (self._everything and kept > 0)
            asks_time = not (
                node.state.timebase.is_set or node.state.pending.failures or self.outcome.answers
            )
            message = uplink_builder.next_message(
                node, payload_max, clock.now(), self._link.always_ack or self._everything, probe, asks_time
            )
            if message is None or not self._exchange(message):
                return
            if self._everything and not asks_time and self._is_stuck(message, kept):
                if rewound:
                    break
                rewound = True
                pending.bound_unsent(node.state, node.outbox.stored, node.outbox.stored)  # all once more
        self.outcome.end = MORE_LEFT

    def _is_stuck(self, message, kept):
        """True if the gateway has heard all and asks for nothing, but has not stored all."""
        outbox = self._node.outbox
        return (
            kept > 0
            and outbox.kept() == kept
            and not message.count
            and not self._more
            and not self._node.state.uplink_builder.again_count
        )

    def _exchange(self, message):
        """Sends one message; False if this was the last for now."""
        node = self._node
        counter = next_counter(node.nvs, node.state)
        raw = seal_uplink(
            self._cipher,
            node.identity.node,
            counter,
            message.kind,
            message.payload,
            message.ack,
            node.identity.generation & 1,
        )
        self._more = False
        result = self._send(raw, counter, message)
        self.outcome.end = DONE
        if result.kind == SENT:
            uplink_builder.sent(node, message)
            self.outcome.samples += message.count
            self._link_pause(_NEXT_LEAST_MS)
            return True
        if result.kind == ANSWERED:
            uplink_builder.answered(node, message, clock.now())
            self.outcome.answers += 1
            self.outcome.samples += message.count
            self._obey(result)
            return (
                node.state.probation.trial == self._trial
            )  # a trial that has just begun is of the next connection
        self.outcome.end = result.kind
        if result.kind == REFUSED:
            self.outcome.until = result.until
        else:
            pending.count(node.state, failures=1)
        return False

    def _send(self, raw, counter, message):
        result = None
        for i in range(1 if message.aged else _TRIES):
            if i:
                self._link_pause(_AGAIN_LEAST_MS)
            again = self._link.send(raw, self._accept(counter) if message.ack else None)
            if again.kind != NO_ANSWER:
                # A repetition that the duty cycle refuses changes nothing: the first try had no answer.
                return result if i and again.kind == REFUSED else again
            result = again
        return result

    def _link_pause(self, least_ms):
        if not self._link.always_ack:  # on the air: others may be sending in the same rhythm
            self._node.power.nap_ms(least_ms + self._node.random(least_ms))

    def _accept(self, counter):
        def accept(raw):
            identity, state = self._node.identity, self._node.state
            try:
                sealed = parse_downlink(raw)
                if sealed.node != identity.node or sealed.generation != identity.generation & 1:
                    return None
                opened = open_downlink(sealed, self._cipher, counter)
                opened.payload = decode_instructions(opened.payload)
                return opened
            except Refused as why:
                pending.count(state, refused=1)
                print("downlink refused:", why)
                return None

        return accept

    def _obey(self, result):
        node = self._node
        if result.rssi_dbm:
            node.state.delivery.rssi_dbm = result.rssi_dbm
            node.state.delivery.snr_q4 = result.snr_q4
        self._more = result.downlink.more
        heard_at = clock.now() - (result.waited_ms + 500) // 1000
        refusal = obey(node, result.downlink.payload, heard_at, self.outcome.afterwards)
        if refusal:
            print(refusal)
