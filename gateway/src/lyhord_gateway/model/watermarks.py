"""The newest arrival number in the store, and a way to wait for a newer one."""

import asyncio


class Watermarks:
    """`value` only grows; every follower is woken when it does. floor: readings up to this number are gone,
    though a platform may not have had them."""

    def __init__(self, value: int) -> None:
        self.value = value
        self.floor = 0
        self._followers: list[asyncio.Event] = []

    def advance(self, value: int) -> None:
        if value > self.value:
            self.value = value
            for follower in self._followers:
                follower.set()

    def raise_low(self, floor: int) -> None:
        self.floor = max(self.floor, floor)

    def follow(self) -> asyncio.Event:
        """An event that is set at every advance; the follower clears it before it looks."""
        event = asyncio.Event()
        self._followers.append(event)
        return event
