"""Every kind of source that a configuration may have, in the order of its template."""

from lyhord_gateway.sources import bridge_options, mqtt_options, udp_options

KINDS = (
    mqtt_options.KIND,
    bridge_options.KIND,
    udp_options.KIND,
)
