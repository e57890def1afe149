"""Lyhörd's gateway: sources → ingest → store → batch → publish.

`app.py` is the only module that knows all stages; the stages meet in the plain values of
`uplink.py`, `work.py` and `reading.py` and never import each other.
"""

__version__ = "1.0.0"
