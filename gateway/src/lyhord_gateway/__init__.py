"""Lyhörd's gateway: sources → ingest → store → batch → publish.

    sources/      where frames are heard and answers sent: bridges, concentrators, MQTT
    ingest/       a frame → its node's key → replay window → tag → CBOR → work for the store, and the answer
    store/        what must not be lost, by one writer; downlinks/ for the nodes, recovery/ from bad disks
    publish/      from the store to each platform, live ones first, in the shapes of profiles/
    fleet/        the registry as people and platforms change it: nodes, keys, order entry
    operation/    health, HTTP, the service manager
    options/      what options of sources and platforms are made of
    config/       all options as one frozen tree out of TOML
    cli/          the commands
    mqtt/, node_broker/, timekeeping/, support/    what several of these use

`app.py` is the only module that knows all stages; the stages meet in the plain values of `model/` and never
import each other.
"""

from importlib import metadata

__version__ = metadata.version("lyhord-gateway")
