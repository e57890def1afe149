"""Child processes that end with their parent, even one that is killed: no program outlives its run.

A gateway that does would go on holding serial lines and ports that the next run is given.
"""

from __future__ import annotations

import shutil


def tied(*command: str) -> tuple[str, ...]:
    """`command` as an argument list that has SIGKILL sent when the starting thread ends (prctl(2),
    PR_SET_PDEATHSIG). The process number is that of the command itself.

    Where there is no setpriv (util-linux has it on every Debian) the command is started as it is.
    """
    setpriv = shutil.which("setpriv", path="/usr/bin:/bin")
    return (setpriv, "--pdeathsig", "KILL", "--", *command) if setpriv else command
