"""The gateway's own process: `python -m lyhord_gateway.serve CONFIG`, which `lyhord-gateway run` turns into.

It is apart from the command line, whose libraries would take ten megabytes for the next five years.
"""

import asyncio
import contextlib
import logging
import os
import signal
import sqlite3
import sys
import threading
from pathlib import Path

from lyhord_gateway import app
from lyhord_gateway.config.tree import load
from lyhord_gateway.operation.reload import Reload
from lyhord_gateway.store.recovery.recover import damage_in, mark_damaged
from lyhord_gateway.support.errors import StoreDamaged, StoreMoved, UserError, first_cause
from lyhord_gateway.support.log import start_log

_log = logging.getLogger(__name__)


def serve(config: Path) -> int:
    """Runs until SIGTERM or SIGINT; the exit code. Raises UserError for what a person can put right."""
    loaded = load(config)
    start_log(loaded.config.log.level, loaded.config.log.format)
    loop = asyncio.new_event_loop()
    reload = Reload(config, loaded)
    loop.add_signal_handler(signal.SIGHUP, reload)
    try:
        loop.run_until_complete(app.run(loaded, reload))
    except (sqlite3.DatabaseError, StoreDamaged, StoreMoved, BaseExceptionGroup) as error:
        cause = first_cause(error)
        if isinstance(cause, StoreMoved):
            _log.error("store: %s", cause)
            return 1
        damage = damage_in(error)
        if damage is None:
            raise
        with contextlib.suppress(OSError):
            mark_damaged(loaded.store_path, damage)
        _log.error("store: %s is damaged (%s); the next start recovers it", loaded.store_path, damage)
        return 1
    if any(thread is not threading.main_thread() and not thread.daemon for thread in threading.enumerate()):
        # Everything is stored and said. A connect() or a name look-up that hangs in a worker thread must
        # not hold up the stop, and Python would wait for it.
        logging.shutdown()
        os._exit(0)
    return 0


def main() -> int:
    try:
        return serve(Path(sys.argv[1]))
    except UserError as fault:
        sys.stderr.write(f"lyhord-gateway: {fault}\n")
        return 2


if __name__ == "__main__":
    sys.exit(main())
