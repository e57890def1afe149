"""SIGHUP: the configuration is read again; what can change while the gateway runs does, the rest is named.

    SIGHUP ──▶ read and checked whole ──wrong──▶ one line, everything stays
                        │ right
                        ├─▶ [log], limits of [health]: from now on
                        └─▶ every other section that differs: one line, "from the next start on"

Nodes and keys need no signal: the gateway takes them over from the store at once.
"""

import logging
from collections.abc import Callable
from pathlib import Path

import msgspec

from lyhord_gateway.config.operation_options import HealthLimits
from lyhord_gateway.config.tree import Loaded, load
from lyhord_gateway.support.errors import UserError
from lyhord_gateway.support.log import start_log

_log = logging.getLogger(__name__)

_LIVE = {  # section: the keys that count at once; None: all of them
    "log": None,
    "health": ("source_down_s", "platform_down_s", "backlog_age_s", "disk_free_mb"),
}


class Reload:
    """To be called at SIGHUP. limit: takes the health's new limits, once there is somebody who can."""

    def __init__(self, path: Path, loaded: Loaded) -> None:
        self._path = path
        self._loaded = loaded
        self.limit: Callable[[HealthLimits], None] = lambda _: None

    def __call__(self) -> None:
        try:
            new = load(self._path)
        except UserError as fault:
            _log.error("reload: %s; everything stays as it is", fault)
            return
        live, waiting = differing(self._loaded, new)
        if "log" in live:
            start_log(new.config.log.level, new.config.log.format)
        if "health" in live:
            self.limit(new.config.health)
        _log.info("reload: %s", f"{', '.join(live)} from now on" if live else "nothing to take over")
        if waiting:
            _log.warning(
                "reload: %s: from the next start on (systemctl restart lyhord-gateway)", ", ".join(waiting)
            )
        # What waits is still compared with what runs: it is named again until the next start.
        config = msgspec.structs.replace(
            self._loaded.config, log=new.config.log, health=_merged(self._loaded, new)
        )
        self._loaded = msgspec.structs.replace(self._loaded, config=config)


def differing(old: Loaded, new: Loaded) -> tuple[list[str], list[str]]:
    """Sections of the configuration that differ: those that count at once, and those of the next start. Files
    that a section names, such as credentials, are part of it."""
    before, after = _sections(old), _sections(new)
    live, waiting = [], []
    for name in dict.fromkeys([*before, *after]):
        if before.get(name) == after.get(name):
            continue
        if name in _LIVE:
            keys = _LIVE[name]
            if keys is None or any(_key(before, name, key) != _key(after, name, key) for key in keys):
                live.append(name)
            if keys is None or _without(before[name], keys) == _without(after[name], keys):
                continue
        waiting.append(name)
    return live, waiting


def _sections(loaded: Loaded) -> dict[str, object]:
    config = loaded.config
    found: dict[str, object] = {
        field.name: getattr(config, field.name) for field in msgspec.structs.fields(type(config))
    }
    for source in loaded.sources:
        found[source.kind.section] = source.options
    found["platform"] = loaded.platforms
    return found


def _key(sections: dict[str, object], section: str, key: str) -> object:
    return getattr(sections[section], key)


def _without(options: object, keys: tuple[str, ...]) -> dict[str, object]:
    assert isinstance(options, msgspec.Struct)
    return {name: value for name, value in msgspec.structs.asdict(options).items() if name not in keys}


def _merged(old: Loaded, new: Loaded) -> HealthLimits:
    keys = _LIVE["health"]
    assert keys is not None
    taken = {key: getattr(new.config.health, key) for key in keys}
    return msgspec.structs.replace(old.config.health, **taken)
