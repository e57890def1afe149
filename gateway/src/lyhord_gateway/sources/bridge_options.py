"""The section [[bridge]]: LoRa bridges on serial lines."""

from collections.abc import Sequence
from typing import Annotated, Literal

from msgspec import Meta, Struct

from lyhord_gateway.options.option_types import Power
from lyhord_gateway.options.platform_options import Name
from lyhord_gateway.sources.bridge import BridgePort, BridgeSource
from lyhord_gateway.sources.source import Kind, SourceContext
from lyhord_wire.lora import HIGHEST_HZ, LOWEST_HZ, REGION, UPLINK_CHANNELS, band_of


class Options(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A LoRa bridge on a serial line. Repeat the section for several bridges."""

    url: Annotated[
        str,
        Meta(
            min_length=1,
            description="Device or URL as pyserial's serial_for_url takes it.",
            examples=["/dev/ttyUSB0"],
        ),
    ]
    name: Annotated[
        Name | Literal[""],
        Meta(description="Name in logs and counters; bridge-1, bridge-2 … if left out.", examples=["roof"]),
    ] = ""
    freq_hz: Annotated[
        int, Meta(ge=LOWEST_HZ, le=HIGHEST_HZ, description="Frequency to listen on, in Hz.")
    ] = UPLINK_CHANNELS[0][0]
    sf: Annotated[int, Meta(ge=7, le=12, description="Spreading factor to listen for.")] = 9
    power_dbm: Power = 14


def _named(options: Sequence[Options]) -> list[str]:
    return [bridge.name or f"bridge-{at}" for at, bridge in enumerate(options, start=1)]


def _wrong(options: Sequence[Options]) -> str:
    for at, one in enumerate(options):
        if band_of(one.freq_hz) is None:
            return f"[{at}].freq_hz: expected a frequency in a band of {REGION}"
    return ""


def _make(options: Sequence[Options], around: SourceContext) -> list[BridgeSource]:
    return [
        BridgeSource(BridgePort(name, one.url, one.freq_hz, one.sf, one.power_dbm), around)
        for name, one in zip(_named(options), options, strict=True)
    ]


def _narrow(bridges: Sequence[Options]) -> list[tuple[str, int, int]]:
    return [(name, bridge.freq_hz, bridge.sf) for name, bridge in zip(_named(bridges), bridges, strict=True)]


KIND = Kind("bridge", Options, repeated=True, make=_make, parts=_named, wrong=_wrong, narrow=_narrow)
