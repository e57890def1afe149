"""The sections of platforms, each read as what its profile accepts."""

from collections.abc import Mapping

from lyhord_gateway.options.platform_options import Platform, keys
from lyhord_gateway.profiles.catalogue import KINDS


def only() -> dict[str, tuple[str, ...]]:
    """Option → the profiles that know it, for those that not all of them know."""
    found: dict[str, tuple[str, ...]] = {}
    for kind in KINDS:
        for key in keys(kind.options).keys() - keys(Platform).keys():
            found[key] = (*found.get(key, ()), kind.profile)
    return found


def tidy(sections: object) -> str | None:
    """Takes out what says nothing: another profile's option at its default. What does not fit together, as
    `[0].key: expected …`; None if everything does, or is to be found by the types."""
    if not isinstance(sections, list):
        return None
    for at, section in enumerate(sections):
        profile = section.get("profile") if isinstance(section, dict) else None
        if isinstance(profile, str) and (fault := _tidy(section, profile)):
            return f"[{at}].{fault}"
    return None


def _tidy(section: dict[str, object], profile: str) -> str | None:
    kinds = {kind.profile: kind for kind in KINDS}
    if profile not in kinds:
        return f"profile: expected {', '.join(kinds)}"
    own, others = keys(kinds[profile].options), _others()
    for key in [key for key in section if key not in own and key in others]:
        if section.pop(key) not in others[key]:
            return f"{key}: expected nothing here for {profile}; it is for {', '.join(only()[key])}"
    return None


def _others() -> Mapping[str, list[object]]:
    """Option → its defaults."""
    found: dict[str, list[object]] = {}
    for kind in KINDS:
        for key, default in keys(kind.options).items():
            found.setdefault(key, []).append(default)
    return found
