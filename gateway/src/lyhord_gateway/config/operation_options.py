"""The options of operation in the configuration: HTTP, health, log."""

from typing import Annotated, Literal

from msgspec import Meta, Struct


class Http(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """/health and /metrics over HTTP. They are for a monitoring system on this machine or in a private
    network: no encryption, no authentication."""

    listen: Annotated[str, Meta(min_length=1, description="Address to listen on.")] = "127.0.0.1"
    port: Annotated[int, Meta(ge=1, le=65535, description="TCP port.")] = 9470
    node_metrics: Annotated[
        bool,
        Meta(
            description="In /metrics of every node when it was heard, its battery, signal and faults: four "
            "series per node, of 10000 nodes at most."
        ),
    ] = False


class HealthLimits(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Limits beyond which the gateway is unhealthy: /health answers 503, and the health topic says so."""

    source_down_s: Annotated[
        int, Meta(ge=1, le=604_800, description="Seconds that a source may be down.")
    ] = 300
    platform_down_s: Annotated[
        int, Meta(ge=1, le=604_800, description="Seconds that a platform may be unreachable.")
    ] = 900
    backlog_age_s: Annotated[
        int, Meta(ge=1, le=604_800, description="Seconds that a reading may wait for a connected platform.")
    ] = 3600
    disk_free_mb: Annotated[
        int, Meta(ge=0, le=1_000_000, description="MiB that must be free on the store's disk.")
    ] = 200
    status_topic: Annotated[
        str,
        Meta(
            max_length=1000,
            pattern=r"^[^+#\x00]*$",
            description="Retained topic at platforms of every profile but thingsboard and yggio, which have "
            "no place for it; {gateway} is replaced. The platform's broker says there that the gateway is "
            "gone (last will). Empty: none.",
        ),
    ] = "lyhord-gateway/{gateway}/health"


class Log(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The log goes to standard error."""

    level: Annotated[
        Literal["debug", "info", "warning", "error"], Meta(description="Least important line to log.")
    ] = "info"
    format: Annotated[
        Literal["text", "json"], Meta(description="Lines for people, or one JSON object per line.")
    ] = "text"
