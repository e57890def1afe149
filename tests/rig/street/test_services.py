"""Ports for the programs around a street."""

import subprocess
import sys

from lyhord_rig.street import services
from lyhord_rig.tied import tied

_TAKES_THE_OTHER = """
import sys
from lyhord_rig.street import services
services._PORTS = range(int(sys.argv[1]), int(sys.argv[1]) + 2)
print(services.free_port())
"""


def test_a_port_is_given_to_nobody_else_while_its_owner_has_not_begun_to_listen(monkeypatch):
    first = services.free_port()
    monkeypatch.setattr(services, "_PORTS", range(first, first + 2))
    command = tied(sys.executable, "-c", _TAKES_THE_OTHER, str(first))
    for _ in range(3):  # each ends, and its port is free again
        said = subprocess.run(command, capture_output=True, check=True, text=True).stdout
        assert int(said) == first + 1
