"""`lyhord-gateway quarantine`: frames that were refused though their nodes have sealed them."""

import time

from lyhord_gateway.cli import show
from lyhord_gateway.cli.common import ConfigOption, JsonOption, reading, tell
from lyhord_gateway.config.tree import load
from lyhord_gateway.model.reading import node_text


def quarantine(config: ConfigOption, as_json: JsonOption = False) -> None:
    """List frames that passed their tag and were refused all the same, with their bytes, the newest first."""
    with reading(load(config)) as reader:
        rows: list[show.Row] = [
            {
                "number": one.number,
                "node": node_text(one.node),
                "heard": one.heard_s,
                "source": one.source,
                "reason": one.reason,
                "detail": one.detail,
                "frame": one.frame.hex(),
            }
            for one in reader.quarantined()
        ]
    tell(rows, as_json, lambda: show.quarantine(rows, int(time.time())))
