"""From a platform's section of the configuration to its profile."""

import time
from collections.abc import Callable

from lyhord_gateway.config.endpoint import Endpoint
from lyhord_gateway.config.platform_options import Platform
from lyhord_gateway.model.reading import NodeFacts
from lyhord_gateway.profiles import DEVICE, Profile, fiware, homeassistant, ngsi_ld, senml, thingsboard
from lyhord_gateway.profiles.flat import Flat
from lyhord_gateway.profiles.scale import Units
from lyhord_gateway.profiles.yggio import YggioProfile

_SENML_TOPIC = "lyhord/{gateway}/senml"
_NGSI_LD_TOPIC = "lyhord/{gateway}/ngsi-ld"


def make_profile(
    platform: Platform,
    endpoint: Endpoint,
    gateway: str,
    facts: Callable[[int], NodeFacts],
    status_topic: str = "",
) -> Profile:
    """The profile of a platform whose options have been checked. facts: what the registry knows of a node.
    status_topic: where the platform is told how the gateway is."""
    device = platform.device or DEVICE
    fill_scale = platform.fill_scale or 1
    usual = "hPa" if platform.profile == "ngsi-ld" else "Pa"
    units = Units(platform.distance_unit, platform.battery_unit, platform.pressure_unit or usual)
    flat = Flat(fill_scale, units, platform.signal)
    match platform.profile:
        case "senml":
            return senml.SenmlProfile(
                platform.topic or _SENML_TOPIC,
                gateway,
                platform.device or senml.BASE_NAME,
                fill_scale,
                platform.signal,
                units,
                platform.backlog_topic,
            )
        case "thingsboard":
            return thingsboard.ThingsBoardProfile(device, fill_scale, platform.signal, units)
        case "fiware-iota-json":
            api_key = endpoint.api_key.text if endpoint.api_key else ""
            return fiware.FiwareProfile(api_key, device, flat)
        case "ngsi-ld":
            return ngsi_ld.NgsiLdProfile(
                platform.topic or _NGSI_LD_TOPIC,
                gateway,
                facts,
                device,
                fill_scale,
                units,
                platform.signal,
                platform.context,
                platform.backlog_topic,
            )
        case "yggio":
            return YggioProfile(platform.topic or "", gateway, flat)
        case "homeassistant":
            return homeassistant.HomeAssistantProfile(
                gateway,
                time.time,
                platform.topic or homeassistant.TOPIC,
                platform.backlog_topic or homeassistant.BACKLOG,
                device,
                platform.discovery_prefix,
                platform.expire_s,
                units,
                platform.signal,
                status_topic,
            )
