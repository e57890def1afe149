"""The section [udp]: concentrators that run a packet forwarder."""

from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta, Struct

from lyhord_gateway.options.address import parse_host
from lyhord_gateway.options.option_types import Port, Power
from lyhord_gateway.sources.source import Kind, SourceContext
from lyhord_gateway.sources.udp import NAME, UdpSource

Eui = Annotated[str, Meta(pattern=r"^[0-9A-Fa-f]{16}$")]


class Options(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Concentrators that run Semtech's packet forwarder (UDP protocol version 2). It knows no
    authentication: listen on a private network only."""

    euis: Annotated[
        tuple[Eui, ...],
        Meta(
            min_length=1,
            max_length=256,
            description="The concentrators that are heard: their gateway_ID, 16 hexadecimal digits each.",
            examples=[["AA555A0000000101"]],
        ),
    ]
    listen: Annotated[str, Meta(min_length=1, description="Address to listen on.")] = "0.0.0.0"
    port: Annotated[Port, Meta(description="UDP port: serv_port_up and serv_port_down over there.")] = 1700
    power_dbm: Power = 14


def _euis(options: Sequence[Options]) -> list[str]:
    return [eui.lower() for one in options for eui in one.euis]


def _make(options: Sequence[Options], around: SourceContext) -> list[UdpSource]:
    return [UdpSource(one.listen, one.port, _euis([one]), one.power_dbm, around) for one in options]


def _wrong(options: Sequence[Options]) -> str:
    for one in options:
        try:
            parse_host(one.listen)
        except ValueError as error:
            return f".listen: {error}"
    return ""


KIND = Kind(NAME, Options, repeated=False, make=_make, parts=_euis, wrong=_wrong)
