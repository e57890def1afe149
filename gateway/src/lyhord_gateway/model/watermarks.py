"""The arrival numbers between which the store has readings, and a way to wait for newer ones."""

import asyncio


class Watermarks:
    """high: the newest arrival number in the store; when it grows, every follower is woken. low: readings up
    to this number are gone, though a platform may not have had them."""

    def __init__(self, high: int) -> None:
        self.high = high
        self.low = 0
        self._followers: list[asyncio.Event] = []

    def advance(self, high: int) -> None:
        if high > self.high:
            self.high = high
            for follower in self._followers:
                follower.set()

    def raise_low(self, low: int) -> None:
        self.low = max(self.low, low)

    def follow(self) -> asyncio.Event:
        """An event that is set at every advance; the follower clears it before it looks."""
        event = asyncio.Event()
        self._followers.append(event)
        return event
