"""From a platform's section of the configuration to its profile."""

from collections.abc import Callable

from lyhord_gateway.model.reading import NodeFacts
from lyhord_gateway.options.endpoint import Endpoint
from lyhord_gateway.options.platform_options import Platform
from lyhord_gateway.profiles import Profile
from lyhord_gateway.profiles.catalogue import KINDS
from lyhord_gateway.profiles.kind import Kind, PlatformContext


def kind_named(profile: str) -> Kind:
    return next(kind for kind in KINDS if kind.profile == profile)


def kind_of(platform: Platform) -> Kind:
    return next(kind for kind in KINDS if type(platform) is kind.options)


def make_profile(
    platform: Platform,
    endpoint: Endpoint,
    gateway: str,
    facts: Callable[[int], NodeFacts],
    status_topic: str = "",
) -> Profile:
    """The profile of a platform whose options have been checked. facts: what the registry knows of a node.
    status_topic: where the platform is told how the gateway is."""
    secret = endpoint.api_key.text if endpoint.api_key else ""
    return kind_of(platform).make(platform, PlatformContext(gateway, facts, status_topic, secret))
