"""The uplink that a source hands to ingest, and the answer that ingest hands on."""

from collections.abc import Callable

from msgspec import Struct

from lyhord_gateway.model.cipher import Cipher

# reply(frame, aborted): sends a sealed downlink to the node through the source that heard it, and returns;
# what becomes of the downlink is counted by the source. aborted() is called if it certainly never goes out.
Reply = Callable[[bytes, Callable[[], None]], None]


class Uplink(Struct, frozen=True):
    """One reception of one frame; nobody has looked into `raw` yet.

    source: name of the source in the configuration. heard_s: Unix seconds. heard_us: microseconds of
    the monotonic clock, taken as close to the reception as the host can. rssi_dbm, snr_q4 (dB × 4):
    None where there is no radio (MQTT). reply: see `Reply`. dedup_us: how long after `heard_us` an answer
    waits for a radio that heard the frame better; 0 where there is one. sf: spreading factor, None where
    there is no radio. gps_s: Unix seconds that the radio itself gives the reception, by GPS. copy: its source
    has handed this very transmission on before, and now knows that it was heard better.
    """

    raw: bytes
    source: str
    heard_s: int
    heard_us: int
    rssi_dbm: int | None
    snr_q4: int | None
    reply: Reply
    dedup_us: int = 0
    sf: int | None = None
    gps_s: float | None = None
    copy: bool = False

    def better_than(self, other: "Uplink") -> bool:
        """True if the radio heard this one better; a reception without a radio is never better, and a radio
        that does not say how well it heard is the last choice."""
        if self.rssi_dbm is None:
            return False
        if other.rssi_dbm is None:
            return other.sf is not None
        return (self.rssi_dbm, self.snr_q4 or 0) > (other.rssi_dbm, other.snr_q4 or 0)


class AckRequest(Struct, frozen=True):
    """An opened uplink that wants an answer after its commit. counter: the uplink's own."""

    node: int
    generation: int
    counter: int
    cipher: Cipher
    reply: Reply
