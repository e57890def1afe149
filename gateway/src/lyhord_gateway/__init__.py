"""Lyhörd's gateway: sources → ingest → store → batch → publish.

    sources/      where frames are heard and answers sent: bridges, concentrators, MQTT
    ingest.py     a frame → its node's key → replay window → tag → CBOR; registry.py, strangers.py, answer.py
    store/        what must not be lost, by one writer; nodes.py, keys.py and desk.py enter what people want
    publish/      from the store to each platform, live ones first, in the shapes of profiles/
    operation/    health, metrics, HTTP, the service manager
    config/       one frozen tree out of TOML
    cli/          the commands

`app.py` is the only module that knows all stages; the stages meet in the plain values of
`uplink.py`, `work.py` and `reading.py` and never import each other.
"""

from importlib import metadata

__version__ = metadata.version("lyhord-gateway")
