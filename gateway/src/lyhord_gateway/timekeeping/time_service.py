"""The word of the machine's time service on the wall clock: systemd-timesyncd's files, and the kernel's.

The kernel's word is adjtimex(2) with modes = 0, which reads only. Where that is forbidden (a sandbox) or
unknown (no Linux), the files are all there is.
"""

import ctypes
import sys
import time
from enum import Enum
from pathlib import Path

_TIMESYNCD = Path("/run/systemd/timesync")
_SYNCHRONISED = _TIMESYNCD / "synchronized"  # touched at each success since the start of the machine
_SERVICES = (
    _TIMESYNCD,
    Path("/run/chrony/chronyd.pid"),
    Path("/run/chronyd.pid"),
    Path("/run/ntpd.pid"),
    Path("/run/ntpd.sock"),  # OpenNTPD
)
_FRESH_S = 2 * 2048.0  # its longest pause between two successes, twice
_STA_UNSYNC = 0x40
_TIMEX_BYTES = 512  # struct timex has 208 on 64-bit machines
_ERROR = -1


class TimeService(Enum):
    """NONE: none is there, it cannot be seen, or its last success is too old to vouch for this moment:
    nothing can be concluded. WAITING: there is one, and it has not set the clock yet."""

    SYNCHRONISED = "synchronised"
    WAITING = "waiting"
    NONE = "none"


def time_service() -> TimeService:
    """The state of the system's time service now; costs some microseconds."""
    if _kernel_is_synchronised():
        return TimeService.SYNCHRONISED
    try:
        age_s = abs(time.time() - _SYNCHRONISED.stat().st_mtime)
    except OSError:
        waiting = any(path.exists() for path in _SERVICES)
        return TimeService.WAITING if waiting else TimeService.NONE
    return TimeService.SYNCHRONISED if age_s < _FRESH_S else TimeService.NONE


def _kernel_is_synchronised() -> bool:
    if not sys.platform.startswith("linux"):
        return False
    timex = ctypes.create_string_buffer(_TIMEX_BYTES)
    if ctypes.CDLL(None).adjtimex(timex) == _ERROR:
        return False
    # modes (int, padded), offset, freq, maxerror, esterror (long each), then status (int).
    word = ctypes.sizeof(ctypes.c_long)
    status = int.from_bytes(timex.raw[5 * word : 5 * word + 4], sys.byteorder, signed=True)
    return not status & _STA_UNSYNC
