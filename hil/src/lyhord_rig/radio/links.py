"""The path between two antennas: path loss with shadowing, and luck, both made from the seed alone."""

from __future__ import annotations

import hashlib
import math
from statistics import NormalDist

from .model import PathLoss

_SHADOWING_CUT = 2  # standard deviations; whoever mounts a node moves one that nobody hears

Place = tuple[str, tuple[float, ...]]  # an antenna's name and its position in metres


class Links:
    """salt: random bytes from the world's seed."""

    def __init__(self, salt: bytes, path_loss: PathLoss) -> None:
        self.path_loss = path_loss
        self._salt = salt
        self._losses_db: dict[tuple[str, str], float] = {}

    def loss_db(self, one: Place, other: Place) -> float:
        """Loss between two places that stay where they are, the same both ways, in steps of 0.01 dB."""
        if one[0] > other[0]:
            one, other = other, one
        loss_db = self._losses_db.get((one[0], other[0]))
        if loss_db is None:
            x, y = one[1], other[1]
            size = max(len(x), len(y))
            distance_m = math.dist(x + (0.0,) * (size - len(x)), y + (0.0,) * (size - len(y)))
            luck = min(max(self.luck("shadowing", one[0], other[0]), 1e-9), 1 - 1e-9)
            sigmas = min(max(NormalDist().inv_cdf(luck), -_SHADOWING_CUT), _SHADOWING_CUT)
            loss_db = round(self.path_loss.mean_db(distance_m) + sigmas * self.path_loss.shadowing_db, 2)
            self._losses_db[one[0], other[0]] = loss_db
        return loss_db

    def luck(self, *about: object) -> float:
        """A number 0…1 that depends on the seed and what it is about, not on how often it was asked."""
        text = "|".join(map(str, about)).encode()
        return int.from_bytes(hashlib.blake2b(text, key=self._salt, digest_size=8).digest(), "big") / 2**64
