"""The refusal of bytes from outside, with its reason.

`Refused` is raised for bytes that are wrong; its reason is one of those below, which are also the
names of the counters that gateway, bridge and tools show. Any other exception out of this package
is a bug of ours.
"""

LENGTH = "length"  # too short, or longer than any frame
NOT_OURS = "not_ours"  # byte 0 is not E0
VERSION = "version"  # another protocol version
DIRECTION = "direction"  # an uplink where a downlink was due, or the other way round
KIND = "kind"  # a kind of frame that this software does not know
UNKNOWN_NODE = "unknown_node"
NO_KEY = "no_key"  # the node is known, but not with that key generation
REPLAY = "replay"  # seen before, or too old to tell
TAG = "tag"  # not sealed with this key, or changed on the way
CBOR = "cbor"  # not deterministic CBOR
SCHEMA = "schema"  # CBOR, but not what the protocol says
IMPLAUSIBLE = "implausible"  # sample numbers that cannot have been reached

REASONS = (
    LENGTH,
    NOT_OURS,
    VERSION,
    DIRECTION,
    KIND,
    UNKNOWN_NODE,
    NO_KEY,
    REPLAY,
    TAG,
    CBOR,
    SCHEMA,
    IMPLAUSIBLE,
)


class Refused(Exception):
    """Bytes that are not believed. `reason` is one of `REASONS`, `detail` one line for a person."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason + ": " + detail if detail else reason)
        self.reason = reason
        self.detail = detail
