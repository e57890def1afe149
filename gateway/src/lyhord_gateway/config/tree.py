"""The configuration: TOML → one frozen tree, every key documented where it is defined.

`template.py` prints these definitions as a commented file, so the documentation of a key cannot
drift away from what is accepted. Unknown keys are refused.
"""

import datetime
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import GenericAlias
from typing import Annotated, Any, Literal, Union

import msgspec
from msgspec import Meta, Struct

from lyhord_gateway.config.operation_options import HealthLimits, Http, Log
from lyhord_gateway.config.platform_rules import tidy
from lyhord_gateway.options.address import is_here, parse_host
from lyhord_gateway.options.endpoint import Endpoint, read_endpoint
from lyhord_gateway.options.platform_options import Name, Platform
from lyhord_gateway.profiles.catalogue import KINDS as PROFILES
from lyhord_gateway.profiles.kind import template
from lyhord_gateway.profiles.make import kind_of
from lyhord_gateway.sources.catalogue import KINDS
from lyhord_gateway.sources.source import Configured, Kind
from lyhord_gateway.support.errors import UserError
from lyhord_wire.outside import NotText, text_of

_TIMES = datetime.datetime, datetime.date, datetime.time  # TOML has them beside JSON's types

# Other parts have states and counters under these names, and so has each source that there is once.
_PARTS = (
    "broker",
    "clock",
    "downlink",
    "ingest",
    "keys",
    "platform",
    "queue",
    "store",
    "unknown_nodes",
)


class Gateway(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """This gateway."""

    number: Annotated[
        int,
        Meta(
            ge=1,
            le=255,
            description="Number of this gateway. Two gateways that know the same nodes must never share "
            "a number: it is part of what makes every downlink's nonce unique.",
            examples=[1],
        ),
    ]
    name: Annotated[
        Name, Meta(description="Name of this gateway, for people and for topics.", examples=["lyhord-1"])
    ] = "lyhord"
    clock: Annotated[
        Literal["auto", "trusted"],
        Meta(
            description="auto: nodes are told the time while nothing speaks against this machine's clock "
            "(its time service, the store, concentrators' GPS). trusted: the clock is right without a time "
            "service, and may be behind what the store has heard."
        ),
    ] = "auto"
    data_dir: Annotated[
        str,
        Meta(
            description="Folder for the store (it holds the nodes' keys: mode 0700) and the status file. A "
            "relative path starts at this file's folder, here and for all other files."
        ),
    ] = "/var/lib/lyhord"


class Store(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The store of readings on disk."""

    keep_days: Annotated[
        int, Meta(ge=1, le=3660, description="Delivered readings older than this are removed.")
    ] = 30
    max_mb: Annotated[
        int,
        Meta(
            ge=1,
            le=1_000_000,
            description="Size in MiB at which the oldest delivered readings go first; if nothing delivered "
            "is left, new ones are not acknowledged, so the nodes keep them. The write-ahead log beside it "
            "takes up to 64 MiB more.",
        ),
    ] = 2048
    drop_undelivered: Annotated[
        bool,
        Meta(
            description="When the store is full and nothing delivered is left: remove the oldest readings "
            "that a platform still waits for, counted, instead of refusing new ones."
        ),
    ] = False
    node_hour: Annotated[
        int,
        Meta(
            ge=0,
            le=10_000_000,
            description="Frames and samples that one node may bring in an hour, so that no single key fills "
            "the store; what is over is counted and not acknowledged. 0: no bound.",
        ),
    ] = 20_000
    queue_frames: Annotated[
        int,
        Meta(
            ge=10,
            le=1_000_000,
            description="Frames that may wait for the disk; the rest is counted and not acknowledged.",
        ),
    ] = 1_000
    commit_ms: Annotated[
        int,
        Meta(
            ge=0,
            le=200,
            description="Longest time a frame waits for others to share its commit, in ms.",
        ),
    ] = 5


class Config(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The whole configuration, but for the sections of `KINDS`."""

    gateway: Gateway
    store: Store = msgspec.field(default_factory=Store)
    platform: tuple[Platform, ...] = ()
    http: Http | None = None
    health: HealthLimits = msgspec.field(default_factory=HealthLimits)
    log: Log = msgspec.field(default_factory=Log)


def _field(kind: Kind) -> tuple[str, Any, Any]:
    """The field of a kind's sections in the document."""
    if kind.repeated:
        return kind.section, GenericAlias(tuple, (kind.options, ...)), ()
    return kind.section, kind.options | None, None


_options = tuple(kind.options for kind in PROFILES)
_platforms = GenericAlias(tuple, (Union[_options], ...))  # noqa: UP007 — made of as many as there are
_Document: type[Config] = msgspec.defstruct(  # type: ignore[assignment]
    "Config",
    [*map(_field, KINDS), ("platform", _platforms, ())],
    bases=(Config,),
    frozen=True,
    forbid_unknown_fields=True,
    kw_only=True,
)


class Loaded(Struct, frozen=True, kw_only=True):
    """A configuration that passed every check, with its secrets read and its paths resolved."""

    config: Config
    data_dir: Path
    sources: tuple[Configured, ...]
    platforms: tuple[tuple[Platform, Endpoint], ...]

    @property
    def radios(self) -> int:
        """The number of radios that may hear the same frame."""
        return sum(len(configured.parts) for configured in self.sources if configured.kind.radio)

    @property
    def node_brokers(self) -> dict[str, Endpoint]:
        """Brokers of others through which nodes are heard, by part."""
        return {part: one for source in self.sources for part, one in source.brokers.items()}

    @property
    def store_path(self) -> Path:
        return self.data_dir / "lyhord.db"

    def in_clear(self) -> dict[str, str]:
        """By part: what is said in clear over the network, as a sentence for people."""
        parts = {f"platform.{platform.name}": endpoint for platform, endpoint in self.platforms}
        parts |= self.node_brokers
        return {
            part: f"{part} goes without TLS (insecure = true): whoever is on the way can read and change it"
            for part, endpoint in parts.items()
            if not endpoint.url.tls and not is_here(endpoint.url.host)
        }

    def status_topic(self, platform: str) -> str:
        """The topic on which this platform is told how the gateway is; "" for none. Those that share a broker
        have a topic each: the last will of one connection says nothing about the others."""
        topic = self.config.health.status_topic.replace("{gateway}", self.config.gateway.name)
        where: dict[str, object] = {
            known.name: (endpoint.url.host, endpoint.url.port) for known, endpoint in self.platforms
        }
        shared = list(where.values()).count(where.get(platform)) > 1
        return f"{topic}/{platform}" if topic and shared else topic


def load(path: Path) -> Loaded:
    """Reads and checks a configuration file and the files it names; raises UserError."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    try:
        config = _document(path, msgspec.toml.decode(text_of(data)))
    except NotText as error:
        raise UserError(f"{path}: {error}") from error
    except msgspec.ValidationError as error:
        raise UserError(f"{path}: {error}; lyhord-gateway config-template says what is accepted") from error
    except (msgspec.DecodeError, ValueError, RecursionError) as error:  # the last two: numbers and nests
        raise UserError(f"{path}: {' '.join(str(error).split())}") from error
    if b"\\u0000" in msgspec.json.encode(config):  # no file, device or topic can have such a name
        raise UserError(f"{path}: expected no \\u0000 in a text")
    return _resolve(path, config)


def _document(path: Path, raw: dict[str, Any]) -> Config:
    if fault := tidy(raw.get("platform")):
        raise UserError(f"{path}: platform{fault}")
    return msgspec.convert(raw, _Document, builtin_types=_TIMES, str_keys=True)


def _resolve(path: Path, config: Config) -> Loaded:
    base = path.resolve().parent
    try:
        parse_host("localhost" if config.http is None else config.http.listen)
    except ValueError as error:
        raise UserError(f"{path}: http.listen: {error}") from error
    sources = tuple(_configured(path, config))
    _check_sources(path, sources)
    if fault := template("health.status_topic", config.health.status_topic, ("gateway",)):
        raise UserError(f"{path}: {fault}")
    _unique(path, "platform", [platform.name for platform in config.platform])
    for at, platform in enumerate(config.platform):
        if fault := kind_of(platform).wrong(platform):
            raise UserError(f"{path}: platform[{at}].{fault}")
    platforms = tuple(
        (platform, read_endpoint(path, base, f"platform[{at}]", platform, kind_of(platform).secret))
        for at, platform in enumerate(config.platform)
    )
    return Loaded(
        config=config,
        data_dir=base / config.gateway.data_dir,
        sources=sources,
        platforms=platforms,
    )


def _check_sources(path: Path, sources: Sequence[Configured]) -> None:
    taken = sorted({*_PARTS, *(kind.section for kind in KINDS if not kind.repeated)})
    for configured in sources:
        section, parts = configured.kind.section, configured.parts
        for at, part in enumerate(parts):
            if part.split(".")[0] in taken and part != section:
                raise UserError(f"{path}: {section}[{at}].name: expected another than {', '.join(taken)}")
        others = [part for one in sources if one is not configured for part in one.parts]
        _unique(path, section, parts, others)


def _configured(path: Path, config: Config) -> Iterator[Configured]:
    for kind in KINDS:
        said = getattr(config, kind.section)
        if not said:
            continue
        options = said if kind.repeated else (said,)
        if fault := kind.wrong(options):
            raise UserError(f"{path}: {kind.section}{fault}")
        yield Configured(kind, tuple(kind.read(path, options)))


def _unique(path: Path, key: str, names: Sequence[str], others: Sequence[str] = ()) -> None:
    for at, name in enumerate(names):
        if name in names[:at] or name in others:
            raise UserError(f"{path}: {key}.name: expected different names, {name} is there twice")
