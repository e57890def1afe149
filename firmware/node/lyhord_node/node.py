"""The node as all stages of a wake share it."""

import os

# In memory as long as what they have made: a stage that asks for one must not load it once more.
from lyhord_node import identity, outbox, settings  # noqa: F401


class Node:
    """All that the stages work on: `board`, `power`, `nvs`, `identity` (None before provisioning),
    `settings`, `state`, `outbox`, `contacts` (None where none are fitted), `version` (number), `reset_cause`
    (number on the wire), `boot_guard`, `linked` (the link that this start has used, see transmit.py).
    waking.py puts it together."""

    def __init__(self, board, power, nvs):
        self.board = board
        self.power = power
        self.nvs = nvs
        self.version = self.reset_cause = 0
        self.identity = self.settings = self.state = self.outbox = self.boot_guard = None
        self.contacts = self.linked = None

    def random(self, below):
        """An even random number in 0…below-1."""
        return int.from_bytes(os.urandom(4), "big") % below
