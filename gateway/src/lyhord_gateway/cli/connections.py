"""`check --connect`: whether each platform takes what we publish, and the node broker is closed to others."""

import secrets
from collections.abc import Callable
from functools import partial

import aiomqtt

from lyhord_gateway.config.tree import Loaded
from lyhord_gateway.model.reading import NodeFacts
from lyhord_gateway.mqtt.client import make_client
from lyhord_gateway.options.endpoint import Endpoint
from lyhord_gateway.options.platform_options import Platform
from lyhord_gateway.profiles.make import kind_of, make_profile
from lyhord_gateway.publish.client import make_client_on
from lyhord_gateway.publish.proof import Proof, Verdict, prove
from lyhord_gateway.publish.terms import Terms
from lyhord_gateway.support.errors import UserError


async def check_connections(loaded: Loaded, tell: Callable[[str], object]) -> None:
    """Tells a line per platform. Raises UserError at the first that does not take what we publish."""
    for part, endpoint in loaded.node_brokers.items():
        if await _open_to_unknown_nodes(endpoint):
            tell(
                f"{part}: the node broker takes clients without an account: "
                "anybody there can flood or stop nodes"
            )
    for platform, endpoint in loaded.platforms:
        proof = await _prove(platform, endpoint, loaded.config.gateway.name)
        if proof.verdict is Verdict.LOST:
            raise UserError(f"platform {platform.name}: {proof.verdict.value} ({proof.why})")
        tell(f"platform {platform.name}: {proof.verdict.value}")


async def _prove(platform: Platform, endpoint: Endpoint, gateway: str) -> Proof:
    profile = make_profile(platform, endpoint, gateway, NodeFacts)
    probe = profile.probe()
    terms = Terms(platform.protocol)
    # A platform that gives out identifiers takes no other; a gateway that runs comes back after a moment.
    identifier = platform.client_id or f"lyhord-check-{secrets.token_hex(4)}"
    return await prove(
        partial(make_client_on, terms, endpoint, identifier),
        terms,
        probe.topic,
        probe.payload,
        kind_of(platform).readable,
    )


async def _open_to_unknown_nodes(endpoint: Endpoint) -> bool:
    unknown_node = Endpoint(url=endpoint.url, ca_file=endpoint.ca_file)
    try:
        async with make_client(unknown_node, f"lyhord-check-{secrets.token_hex(4)}", clean_session=True):
            return True
    except (aiomqtt.MqttError, OSError):
        return False
