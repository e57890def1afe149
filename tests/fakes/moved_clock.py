"""`python -m tests.fakes.moved_clock FILE …`: lyhord-gateway with a wall clock that is as many seconds ahead
as FILE says, at any moment. The monotonic clock stays."""

import sys
import time
from pathlib import Path


def main() -> None:
    ahead = Path(sys.argv.pop(1))
    real = time.time
    time.time = lambda: real() + float(ahead.read_text())
    from lyhord_gateway.cli import main as gateway

    gateway()


if __name__ == "__main__":
    main()
