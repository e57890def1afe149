"""The record of a device: who made it, what is on it, and what its self-test has measured.

A record is JSON of texts, whole numbers, true, false, null, lists and maps only, so that its canonical form
(RFC 8785) needs no rule for fractions: a measurement with one is written in its smaller unit, or as text.
"""

import json
import re
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum

from lyhord_tools.errors import ToolError

FORM = 1
_DEEP = 6
_TENTH = "0.1 "
_ID = re.compile("(?!000000)[0-9a-f]{6}")


class Verdict(StrEnum):
    """The end of a step, or of all of them."""

    passed = "pass"
    failed = "fail"
    skipped = "skip"


# of the fields that are no texts
_TYPES: dict[str, tuple[type, ...]] = {
    "verdict": (Verdict,),
    "value": (int, str, type(None)),
    "low": (int, type(None)),
    "high": (int, type(None)),
    "id": (str, type(None)),
}


@dataclass(frozen=True, slots=True)
class Step:
    """A measurement and its limits, in `unit`; low, high: None where there is none. detail: what was seen, or
    why it was skipped; remedy: what to do where it failed."""

    name: str
    verdict: Verdict
    value: int | str | None = None
    unit: str = ""
    low: int | None = None
    high: int | None = None
    detail: str = ""
    remedy: str = ""

    def measured(self) -> str:
        """The measurement as a person writes it: 143 of 0.1 Cel as 14.3 Cel."""
        if self.value is None:
            return ""
        return f"{self._whole(self.value)} {self.unit.removeprefix(_TENTH)}".strip()

    def limits(self) -> str:
        """The limits as a person writes them."""
        low = None if self.low is None else self._whole(self.low)
        high = None if self.high is None else self._whole(self.high)
        if low is not None and high is not None:
            return f"{low} to {high}"
        if low is not None:
            return f"at least {low}"
        return f"at most {high}" if high is not None else ""

    def _whole(self, number: int | str) -> str:
        if isinstance(number, str) or not self.unit.startswith(_TENTH):
            return str(number)
        return f"{'-' if number < 0 else ''}{abs(number) // 10}.{abs(number) % 10}"


@dataclass(frozen=True, slots=True)
class Device:
    """A board: all that was read from it itself. id: None before provisioning."""

    board: str
    mac: str
    app: str
    version: str
    micropython: str
    id: str | None = None
    name: str = ""
    profile: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """All of it. made: ISO 8601, UTC; image_sha256: of the flashed image, empty where nobody knows."""

    device: Device
    steps: tuple[Step, ...]
    made: str
    technician: str = ""
    image_sha256: str = ""
    form: int = field(default=FORM)

    @property
    def verdict(self) -> Verdict:
        """Failed if any step has; skipped steps count for neither."""
        return Verdict.failed if any(s.verdict is Verdict.failed for s in self.steps) else Verdict.passed

    def told(self) -> dict[str, object]:
        """The record as JSON has it."""
        return asdict(self) | {"steps": [asdict(step) for step in self.steps], "verdict": str(self.verdict)}


def read(told: object) -> Record:
    """The record in parsed JSON. Raises ToolError with the field that is wrong."""
    try:
        assert isinstance(told, dict)
        if told["form"] != FORM:
            raise ToolError(
                f"form: expected {FORM}, not {told['form']!r}; is this a record of a newer version?"
            )
        steps = tuple(Step(**(step | {"verdict": Verdict(step["verdict"])})) for step in told["steps"])
        found = Record(
            Device(**told["device"]),
            steps,
            str(told["made"]),
            str(told["technician"]),
            str(told["image_sha256"]),
        )
    except ToolError:
        raise
    except (AssertionError, KeyError, TypeError, ValueError) as fault:
        raise ToolError(f"expected a record of a self-test: {type(fault).__name__} at {fault}") from fault
    _check_types(found)
    if found.told() != told:
        raise ToolError("the record holds what a record has no place for")
    return found


def _check_types(found: Record) -> None:
    """Dataclasses take anything; what comes after this does not. Raises ToolError."""
    parts: list[Device | Step] = [found.device, *found.steps]
    for one in parts:
        for part in fields(one):
            value = getattr(one, part.name)
            if type(value) not in _TYPES.get(part.name, (str,)):
                raise ToolError(f"expected a record of a self-test, {part.name} is {value!r:.40}")
    if found.device.id is not None and not _ID.fullmatch(found.device.id):
        raise ToolError(f"expected a record of a self-test, id is {found.device.id!r:.40}")


def canonical(told: object) -> bytes:
    """The one form of a record that is signed (RFC 8785). Raises ToolError for what a record cannot hold."""
    _check(told, 0)
    return json.dumps(told, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _check(told: object, depth: int) -> None:
    if depth > _DEEP:
        raise ToolError("the record is nested too deeply")
    if isinstance(told, dict):
        for key, value in told.items():
            if not (isinstance(key, str) and key.isascii()):  # RFC 8785 sorts by UTF-16, Python by letters
                raise ToolError("the record's names are ASCII")
            _check(value, depth + 1)
    elif isinstance(told, list | tuple):
        for value in told:
            _check(value, depth + 1)
    elif not (told is None or isinstance(told, str | bool | int)):
        raise ToolError(f"a record holds no {type(told).__name__}")
    elif isinstance(told, int) and abs(told) >= 1 << 53:
        raise ToolError("a number of a record is below 2^53")
    elif isinstance(told, str) and any("\ud800" <= letter <= "\udfff" for letter in told):
        raise ToolError("a text of a record is no Unicode")
