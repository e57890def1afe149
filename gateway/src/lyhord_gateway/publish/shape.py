"""The shape of messages at one platform: how readings make them, and how many may be under way."""

from dataclasses import dataclass, field

from lyhord_gateway.model.reading import Sharing
from lyhord_gateway.profiles import Profile
from lyhord_gateway.publish.encoding import Encoding


@dataclass(frozen=True, slots=True)
class Bounds:
    """Of one message, and of what is under way: `window` messages wait for their PUBACK at once. wait_ms: a
    live reading waits so long for company. silence_s, silence_max_s: without a PUBACK for so long the
    connection is given up, as `AckTimeout` says."""

    count: int
    size: int
    wait_ms: int
    window: int
    silence_s: float = 10.0
    silence_max_s: float = 120.0


@dataclass(frozen=True, slots=True)
class Shape:
    """profile: topics and payloads. encoding: what goes around them."""

    profile: Profile
    bounds: Bounds
    encoding: Encoding = field(default_factory=Encoding)

    @property
    def per_message(self) -> int:
        """Most readings in a message."""
        return 1 if self.profile.sharing() is Sharing.ALONE else self.bounds.count
