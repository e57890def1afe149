"""The replay window of one node and key generation: the newest counter and the 63 below it."""

WIDTH = 64

NEW = 0  # never seen: may be accepted
LATEST = 1  # the newest that was accepted: a copy of it may be a retransmission
SEEN = 2  # accepted before
OLD = 3  # below the window: nobody can tell any more


class ReplayWindow:
    """Values only, so that a store can keep them: `top` (−1 = nothing yet) and `mask`.

    Bit 0 of `mask` stands for `top`, bit n for `top − n`. As in RFC 4303 section 3.4.3.
    """

    __slots__ = ("mask", "top")  # a gateway holds thousands

    def __init__(self, top: int = -1, mask: int = 0) -> None:
        self.top = top
        self.mask = mask

    def check(self, counter: int) -> int:
        """NEW, LATEST, SEEN or OLD; changes nothing."""
        if counter > self.top:
            return NEW
        if counter == self.top:
            return LATEST
        behind = self.top - counter
        if behind >= WIDTH:
            return OLD
        return SEEN if self.mask >> behind & 1 else NEW

    def accept(self, counter: int) -> None:
        """Marks a counter that `check` called NEW, after its frame's tag has passed."""
        if counter > self.top:
            step = counter - self.top
            self.mask = (self.mask << step & (1 << WIDTH) - 1 if step < WIDTH else 0) | 1
            self.top = counter
        else:
            self.mask |= 1 << (self.top - counter)
