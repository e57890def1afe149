"""The commented configuration, printed from the definitions in `tree.py`."""

import textwrap
from collections.abc import Collection
from typing import Annotated, Literal, get_args, get_origin, get_type_hints

import msgspec
from msgspec import NODEFAULT, Meta, Struct

from lyhord_gateway.config.operation_options import HealthLimits, Http, Log
from lyhord_gateway.config.tree import Gateway, Store
from lyhord_gateway.options.platform_options import Platform
from lyhord_gateway.profiles.catalogue import KINDS as PROFILES
from lyhord_gateway.sources.catalogue import KINDS

_WIDTH = 96
# (section as it is written, its definition); one that begins with # is commented out
_SECTIONS: tuple[tuple[str, type[Struct]], ...] = (
    ("[gateway]", Gateway),
    *((kind.header if kind.suggested else f"#{kind.header}", kind.options) for kind in KINDS),
    ("[store]", Store),
    ("#[[platform]]", Platform),
    ("#[http]", Http),
    ("[health]", HealthLimits),
    ("[log]", Log),
)


def template() -> str:
    """A TOML file that `load` accepts unchanged, with every key, its meaning, range and default."""
    lines = [
        "# Configuration of lyhord-gateway. A line that begins with `#key` is a key at its default or",
        "# an example; take the # away to set it. Unknown keys are refused.",
    ]
    for section, kind in _SECTIONS:
        lines += ["", *_comment(_own_words(kind))]
        lines.append(section)
        lines += _keys(kind, section[0] == "#")
        if kind is Platform:
            lines += _profiles()
    return "\n".join(lines) + "\n"


def _keys(kind: type[Struct], optional: bool, known: Collection[str] = ()) -> list[str]:
    """Every key of a section but those that are known."""
    hints = get_type_hints(kind, include_extras=True)
    lines: list[str] = []
    for field in msgspec.structs.fields(kind):
        if field.name not in known:
            lines += _key(field, hints[field.name], optional)
    return lines


def _profiles() -> list[str]:
    """The rest of a platform's section: which profile, and the keys that only this one has."""
    common = [field.name for field in msgspec.structs.fields(Platform)]
    lines = [
        *_comment("Shape of the messages, and with it the keys that stand below it."),
    ]
    for kind in PROFILES:
        lines += ["#", *_comment(_own_words(kind.options)), f'#profile = "{kind.profile}"']
        lines += _keys(kind.options, True, common)
    return lines


def _own_words(kind: type[Struct]) -> str:
    return " ".join((kind.__doc__ or "").split())


def _comment(text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent="# ", subsequent_indent="# ")


def _key(field: msgspec.structs.FieldInfo, hint: object, optional: bool) -> list[str]:
    metas = list(_metas(hint))
    words = [meta.description for meta in metas if meta.description]
    bounds = _bounds(metas) or _choices(hint)
    if bounds:
        words.append(f"({bounds})")
    examples = [example for meta in metas for example in meta.examples or ()]
    required = field.default is NODEFAULT
    unset = field.default in ("", None)
    value = examples[0] if required or unset else field.default
    commented = optional or unset
    return [*_comment(" ".join(words)), f"{'#' if commented else ''}{field.name} = {_toml(value)}"]


def _metas(hint: object) -> list[Meta]:
    """Every Meta in an annotation, the outermost (which has the description) last."""
    found: list[Meta] = []
    for argument in get_args(hint):
        if isinstance(argument, Meta):
            found.append(argument)
        elif get_origin(argument) is not None or get_origin(hint) is Annotated:
            found += _metas(argument)
    return found


def _bounds(metas: list[Meta]) -> str:
    for meta in metas:
        if meta.ge is not None and meta.le is not None:
            return f"{meta.ge}…{meta.le}"
    return ""


def _choices(hint: object) -> str:
    choices = get_args(hint)
    if get_origin(hint) is Literal:
        return " or ".join(_toml(choice) for choice in choices) if len(choices) > 1 else ""
    return next((found for choice in choices if (found := _choices(choice))), "")


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, list):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'
