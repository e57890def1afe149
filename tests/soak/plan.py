"""The plan of a soak: its nodes, and when which troubles come. All follows from the seed."""

from dataclasses import dataclass
from enum import Enum

DAY_S = 86_400
HOUR_S = 3600
PROFILES = ("bin", "building")
BOARDS = ("devkit_rfm95", "heltec_lora32_v3", "lilygo_lora32_v21", "lilygo_t3s3")


class Trouble(Enum):
    CUT = "power cut"
    CUT_IN_A_WRITE = "power cut in the middle of a flash write"
    OUTAGE = "gateway outage"
    WIFI_OUTAGE = "WiFi outage"
    CELLAR = "one node's own WiFi outage"
    SENSOR = "sensor dies"


@dataclass(frozen=True, slots=True)
class Event:
    """node: whom it hits, None for all. seconds: how long it lasts (a sensor that dies stays dead). detail:
    which write is cut, or which sensor dies."""

    at_s: int
    trouble: Trouble
    node: int | None
    seconds: int
    detail: int = 0


@dataclass(frozen=True, slots=True)
class House:
    """One node. `contacts`: a building's meter and motion detector, which wake it. `cellar`: behind an access
    point of its own, and sampling more often than a log can hold."""

    number: int
    board: str
    profile: str
    contacts: bool
    wifi: bool
    cellar: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """first: number of the first node, so that districts of one town do not share numbers."""

    days: float
    nodes: int
    seed: int
    sample_period_s: int = 900
    report_period_s: int = 3600
    loss: float = 0.1
    first: int = 1

    @property
    def seconds(self) -> int:
        return int(self.days * DAY_S)

    @property
    def numbers(self) -> range:
        return range(self.first, self.first + self.nodes)

    @property
    def has_cellar(self) -> bool:
        """Only a long soak can fill a log of three weeks."""
        return self.days >= 12 and self.nodes >= 6

    def houses(self) -> list[House]:
        """Every third node over WiFi, half of them in buildings; boards in turn."""
        last_wifi = max((number for number in self.numbers if number % 3 == 0), default=0)
        return [
            House(
                number,
                BOARDS[(number - 1) % len(BOARDS)],
                PROFILES[(number // 3) % len(PROFILES)],
                number % 4 == 1,
                number % 3 == 0,
                self.has_cellar and number == last_wifi,
            )
            for number in self.numbers
        ]

    def events(self, rng) -> list[Event]:
        """In order of time. rng: a random stream of its own."""
        found = [*self._cuts(rng), *self._outages(rng), *self._wifi_outages(rng), *self._sensors(rng)]
        if self.has_cellar:
            cellar = next(house.number for house in self.houses() if house.cellar)
            found.append(Event(DAY_S, Trouble.CELLAR, cellar, 9 * DAY_S))
        return sorted(found, key=lambda event: event.at_s)

    def _cuts(self, rng):
        """One per node in five days, every second one in the middle of a flash write."""
        for i in range(max(2, round(self.nodes * self.days / 5))):
            node = rng.choice(self.numbers)
            at_s = rng.randrange(self.seconds)
            seconds = rng.randint(10, 600) if rng.random() < 0.6 else rng.randint(600, 8 * HOUR_S)
            trouble = Trouble.CUT_IN_A_WRITE if i % 2 else Trouble.CUT
            yield Event(at_s, trouble, node, seconds, rng.randint(1, 60))

    def _outages(self, rng):
        """One of a whole day per week; and short ones, one in four days, one at least."""
        for week in range(int(self.days // 7)):
            yield Event((7 * week + rng.randint(2, 5)) * DAY_S, Trouble.OUTAGE, None, DAY_S)
        for _ in range(max(1, int(self.days / 4))):
            at_s = rng.randrange(int(0.1 * self.seconds), int(0.7 * self.seconds))
            yield Event(at_s, Trouble.OUTAGE, None, rng.randint(300, 4 * HOUR_S))

    def _wifi_outages(self, rng):
        for _ in range(round(self.days / 7)):
            at_s = rng.randrange(int(0.1 * self.seconds), int(0.8 * self.seconds))
            yield Event(at_s, Trouble.WIFI_OUTAGE, None, rng.randint(2 * HOUR_S, 30 * HOUR_S))

    def _sensors(self, rng):
        """One in ten nodes loses a sensor, one node at least."""
        for i, node in enumerate(rng.sample(self.numbers, max(1, self.nodes // 10))):
            yield Event(rng.randrange(self.seconds // 4, self.seconds // 2), Trouble.SENSOR, node, 0, i)
