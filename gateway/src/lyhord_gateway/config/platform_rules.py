"""Which options of a platform go with which profile, and what some must look like there.

The definitions in `platform_options.py` say what an option may be by itself.
"""

import re
from types import MappingProxyType

import msgspec

from lyhord_gateway.config.platform_options import Platform

_WITH_TOPIC = ("senml", "ngsi-ld", "homeassistant")
_BATCHED = ("senml", "thingsboard", "fiware-iota-json", "ngsi-ld")

# Options that only some profiles know; all others go with every profile.
ONLY = MappingProxyType(
    {
        "topic": (*_WITH_TOPIC, "yggio"),
        "backlog_topic": _WITH_TOPIC,
        "device": (*_BATCHED, "homeassistant"),
        "api_key": ("fiware-iota-json",),
        "batch_count": _BATCHED,
        "batch_bytes": _BATCHED,
        "compression": ("senml", "ngsi-ld"),
        "context": ("ngsi-ld",),
        "discovery_prefix": ("homeassistant",),
        "expire_s": ("homeassistant",),
        "commands": ("thingsboard",),
    }
)
# What a node's name may consist of, with {node} taken out, and how to say it.
_NAMES = MappingProxyType(
    {
        "senml": (r"[A-Za-z0-9\-:./_]*", "letters, digits and - : . / _ (RFC 8428)"),
        "fiware-iota-json": (r"[A-Za-z0-9\-._:]*", "letters, digits and - . _ :"),
        "ngsi-ld": (r"[A-Za-z0-9\-._:]*", "letters, digits and - . _ :"),
        "homeassistant": (r"[A-Za-z0-9\-_]*", "letters, digits and - _"),
    }
)
_YGGIO = "yggio/generic/v2/"
_PER_NODE = ("yggio", "homeassistant")  # one topic for all nodes would make one node of them


def wrong(platform: Platform) -> str | None:
    """What does not fit together, as `key: expected …`; None if everything does."""
    profile = platform.profile
    for field in msgspec.structs.fields(Platform):
        known = ONLY.get(field.name)
        if known and profile not in known and getattr(platform, field.name) != field.default:
            return f"{field.name}: expected nothing here for {profile}; it is for {', '.join(known)}"
    if platform.device is not None and (fault := _device(profile, platform.device)):
        return f"device: {fault}"
    if profile in _PER_NODE:
        for key, topic in (("topic", platform.topic), ("backlog_topic", platform.backlog_topic)):
            if topic is not None and "{node}" not in topic:
                return f"{key}: expected {{node}} in it for {profile}"
    match profile:
        case "fiware-iota-json" if not platform.api_key:
            return "api_key: expected the file with the API key of the service group"
        case "yggio" if not (platform.topic or "").startswith(_YGGIO):
            return f"topic: expected {_YGGIO}<credential set>/<reserved topic with {{node}}>"
        case "homeassistant" if platform.fill_scale == 1:
            return "fill_scale: expected 100 for homeassistant, which shows percent"
    return None


def _device(profile: str, device: str) -> str | None:
    if "{node}" not in device:
        return "expected {node} in it"
    pattern, words = _NAMES.get(profile, (".*", ""))
    if not re.fullmatch(pattern, device.replace("{node}", "")):
        return f"expected {words} beside {{node}} for {profile}"
    return None
