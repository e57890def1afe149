"""`python -m tests.fakes.moved_clock FILE run --config CONFIG`: lyhord-gateway with a wall clock that is as
many seconds ahead as FILE says, at any moment. The monotonic clock stays."""

import sys
import time
from pathlib import Path


def main() -> None:
    ahead, config = Path(sys.argv[1]), Path(sys.argv[4])
    real = time.time
    time.time = lambda: real() + float(ahead.read_text())
    from lyhord_gateway.serve import serve

    sys.exit(serve(config))


if __name__ == "__main__":
    main()
