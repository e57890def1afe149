"""Every kind of platform that a configuration may have, in the order of its template."""

from lyhord_gateway.profiles import fiware, homeassistant, ngsi_ld, senml, thingsboard, yggio

KINDS = (
    senml.KIND,
    thingsboard.KIND,
    fiware.KIND,
    ngsi_ld.KIND,
    homeassistant.KIND,
    yggio.KIND,
)
