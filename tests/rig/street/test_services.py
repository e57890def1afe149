"""Ports for the programs around a street."""

import subprocess
import sys

from lyhord_rig.deadline import DEADLINE_S
from lyhord_rig.street import services
from lyhord_rig.tied import tied

_TAKES_HALF = """
import sys
from lyhord_rig.street import services
services._PORTS = range(int(sys.argv[1]), int(sys.argv[1]) + 20)
print(*(services.free_port() for _ in range(10)))
"""


def test_a_port_is_given_to_nobody_else_while_its_owner_has_not_begun_to_listen():
    first = services.free_port()
    command = tied(sys.executable, "-c", _TAKES_HALF, str(first))
    for _ in range(4):  # each ends, and its ports are free again
        done = subprocess.run(command, capture_output=True, check=True, text=True, timeout=DEADLINE_S)
        taken = [int(port) for port in done.stdout.split()]
        assert len(set(taken)) == 10 and first not in taken
