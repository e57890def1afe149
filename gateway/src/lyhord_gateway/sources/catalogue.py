"""Every kind of source that a configuration may have, in the order of its template."""

from lyhord_gateway.sources import bridge, udp

KINDS = (
    bridge.KIND,
    udp.KIND,
)
