"""A run that is killed leaves no process behind."""

import select
import signal
import subprocess
import sys

from lyhord_rig.deadline import DEADLINE_S
from lyhord_rig.tied import tied

# Starts a child that says its number and holds our pipe open for as long as it lives, and waits for it.
_PARENT = """
import subprocess, sys
from lyhord_rig.tied import tied
child = "import os, signal; print(os.getpid(), flush=True); signal.pause()"
subprocess.Popen(tied(sys.executable, "-c", child)).wait()
"""


def test_the_child_of_a_killed_process_ends_with_it():
    with subprocess.Popen(tied(sys.executable, "-c", _PARENT), stdout=subprocess.PIPE) as parent:
        assert int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
        # The pipe ends when its last holder has: the child.
        assert select.select([parent.stdout], [], [], DEADLINE_S)[0]
        assert parent.stdout.read() == b""


def test_the_number_of_the_process_is_that_of_the_command():
    code = "import os; print(os.getpid())"
    with subprocess.Popen(tied(sys.executable, "-c", code), stdout=subprocess.PIPE) as process:
        assert int(process.stdout.read()) == process.pid
