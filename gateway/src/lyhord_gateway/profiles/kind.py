"""A kind of platform, as the configuration, the wiring and `check --connect` know it.

A new profile is one module that exports its `KIND`, and one line in `catalogue.py`; docs/extend.md has one
from beginning to end. Its options, their checks, its messages, what it says when a connection comes and goes
and what requests it takes stand in that module.
"""

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from lyhord_gateway.model.reading import NodeFacts
from lyhord_gateway.options.platform_options import Platform
from lyhord_gateway.profiles import Profile
from lyhord_gateway.profiles.scale import Units


@dataclass(frozen=True, slots=True)
class PlatformContext:
    """The context of a profile. gateway: this gateway's name. facts: what the registry knows of a node at
    this moment. status_topic: where this platform is told how the gateway is, "" for nowhere. secret: what
    stands in the file that the option `Kind.secret` names. now_s: Unix seconds."""

    gateway: str
    facts: Callable[[int], NodeFacts]
    status_topic: str = ""
    secret: str = field(default="", repr=False)
    now_s: Callable[[], float] = time.time


@dataclass(frozen=True, slots=True)
class Kind:
    """options: what its section may say; its docstring and its fields' descriptions become the template, its
    tag is the profile's name. make: the profile, from options that are right. wrong: the first thing that is
    not possible, as `key: expected …`, or "". secret: the option that names a file (mode 0600) with a part of
    the topics, "" for none. readable: what is published there can be read back by others, as at a broker.
    """

    options: type[Platform]
    make: Callable[[Any, PlatformContext], Profile]
    wrong: Callable[[Any], str] = lambda _: ""
    secret: str = ""
    readable: bool = True

    @property
    def profile(self) -> str:
        return str(self.options.__struct_config__.tag)


# ---- rules that several profiles have ----


def units(platform: Platform, pressure: str = "Pa") -> Units:
    """pressure: its unit if the configuration does not say."""
    return Units(platform.distance_unit, platform.battery_unit, platform.pressure_unit or pressure)


def template(key: str, text: str | None, known: Sequence[str], needed: str = "") -> str:
    """Braces with other words than `known` in them are wrong, and so is a text without `{needed}`."""
    rest = text or ""
    for name in known:
        rest = rest.replace("{" + name + "}", "")
    if "{" in rest or "}" in rest:
        expected = " and ".join("{" + name + "}" for name in known)
        return f"{key}: expected no braces but {expected}"
    if text is not None and needed and "{" + needed + "}" not in text:
        return f"{key}: expected {{{needed}}} in it"
    return ""


def topics(platform: Any, needed: str = "") -> str:
    """Of `topic` and `backlog_topic`."""
    for key in ("topic", "backlog_topic"):
        if fault := template(key, getattr(platform, key), ("gateway", "node"), needed):
            return f"{fault} for {platform.profile}" if fault.endswith("in it") else fault
    return ""


def device(platform: Any, pattern: str = ".*", words: str = "") -> str:
    """A node's name at the platform: pattern: what may stand beside {node}; words: the same for people."""
    name = platform.device
    if fault := template("device", name, ("node",), "node"):
        return fault
    if name is not None and not re.fullmatch(pattern, name.replace("{node}", "")):
        return f"device: expected {words} beside {{node}} for {platform.profile}"
    return ""
