"""A board's self-test: fitted sensors, the program, free heap and flash, radio, the way to a gateway, clock.

    version, status ─▶ verify ─▶ measure ─▶ a step per sensor ─▶ send: radio, link ─▶ clock ─▶ record

Asked of the node at its console: what the firmware measures there is what it will measure in the street.
Nothing is kept, and no limit is passed over in silence: a step passes, fails, or says why it was skipped.
"""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from lyhord_tools.device.console import CommandFailed, NodeConsole, fields
from lyhord_tools.device.limits import limit
from lyhord_tools.device.verify import verify_node
from lyhord_tools.papers.record import Device, Record, Step, Verdict
from lyhord_wire.outside import printable

_MEASURE_S = 60.0
_SEND_S = 120.0
_TEXT_MAX = 80

# Slot of the node's fitting: what a sample has of it. None: somebody would have to move it, or walk by.
_GIVES: dict[str, tuple[str, ...] | None] = {
    "ranger": ("distance",),
    "thermometer": ("temperature",),
    "co2": ("co2",),
    "supply": ("battery",),
    "tilt": None,
    "pulses": None,
    "occupancy": None,
}
_BY_HAND = {
    "tilt": "tip it and look at measure",
    "pulses": "close the contact and look at measure",
    "occupancy": "walk by and look at measure",
}


def run(
    console: NodeConsole,
    *,
    with_link: bool = True,
    technician: str = "",
    image_sha256: str = "",
    tell: Callable[[str], None] = lambda _: None,
) -> Record:
    """The record of the board behind an entered console. with_link: a gateway must answer it.

    tell: is told which step is under way. Raises ToolError where the console itself fails.
    """
    start = datetime.now(UTC)
    version, status = fields(console.command("version")), fields(console.command("status"))
    device = Device(
        _text(version.get("board", "")),
        _text(version.get("mac", "")),
        _text(version.get("app", "node")),
        _text(version.get("version", "")),
        _text(version.get("micropython", "")),
        None if status.get("id", "none") == "none" else _text(status["id"]),
        _text(status.get("name", "")),
        _text(status.get("profile", "")),
    )
    asked_mono_s = time.monotonic()
    steps: list[Step] = []
    tell("program")
    steps += _program(console)
    steps.append(_number(device, "heap_free", status.get("heap_free")))
    if "flash_free" in status:
        steps.append(_number(device, "flash_free", status["flash_free"]))
    else:
        steps.append(Step("flash_free", Verdict.skipped, detail="this firmware does not tell"))
    tell("sensors")
    steps += _sensors(console, device, status)
    tell("radio")
    steps += _link(console, device, with_link)
    tell("clock")
    steps += _clock(console, device, status, asked_mono_s)  # last: it has run for a while
    made_at = start.isoformat(timespec="seconds").replace("+00:00", "Z")
    return Record(device, tuple(steps), made_at, technician, image_sha256)


def _program(console: NodeConsole) -> Iterator[Step]:
    verdict = verify_node(console)
    if verdict.damaged:
        shown = _text(" ".join(verdict.damaged))
        yield Step("program", Verdict.failed, detail=f"damaged: {shown}", remedy="flash it again")
    else:
        yield Step("program", Verdict.passed, detail="every file is as built")


def _sensors(console: NodeConsole, device: Device, status: dict[str, str]) -> Iterator[Step]:
    measured = fields(console.command("measure", _MEASURE_S))
    fitted = dict(pair.split("=", 1) for pair in status.get("sensors", "").split() if "=" in pair)
    for slot, choice in sorted(fitted.items()):
        quantities = _GIVES.get(slot)
        if slot == "supply" and choice != "battery":
            continue
        if quantities is None:
            yield Step(slot, Verdict.skipped, detail=_BY_HAND.get(slot, "no limit for it"))
            continue
        for name in quantities + (("humidity",) if "humidity" in measured and slot == "thermometer" else ()):
            yield _number(device, name, measured.get(name), f"{slot} {_text(choice)}")
    faults = measured.get("faults", "")
    if faults == "none":
        yield Step("faults", Verdict.passed, detail="none")
    else:
        yield Step("faults", Verdict.failed, detail=_text(faults) or "not told", remedy="the steps above")


def _number(device: Device, name: str, told: str | None, seen: str = "") -> Step:
    bounds = limit(device.board, name)
    assert bounds is not None
    digits = (told or "").removeprefix("-")
    if not (digits.isascii() and digits.isdecimal() and len(digits) < 16):
        detail = f"{seen}: nothing measured" if seen else "not told"
        return Step(name, Verdict.failed, None, bounds.unit, bounds.low, bounds.high, detail, bounds.remedy)
    value = int(told or "")
    verdict = Verdict.passed if bounds.holds(value) else Verdict.failed
    remedy = "" if verdict is Verdict.passed else bounds.remedy
    return Step(name, verdict, value, bounds.unit, bounds.low, bounds.high, seen, remedy)


def _clock(
    console: NodeConsole, device: Device, status: dict[str, str], asked_mono_s: float
) -> Iterator[Step]:
    later = fields(console.command("status"))
    passed_s = time.monotonic() - asked_mono_s
    try:
        lag_ms = 1000 * (int(later["time"]) - int(status["time"])) - round(1000 * passed_s)
    except (KeyError, ValueError):
        yield _number(device, "clock", None)
        return
    yield _number(device, "clock", str(lag_ms), f"against this computer, over {passed_s:.0f} s")


def _link(console: NodeConsole, device: Device, with_link: bool) -> Iterator[Step]:
    if device.id is None:
        why = "not provisioned: it has no key to send with"
        yield Step("radio", Verdict.skipped, detail=why)
        yield Step("link", Verdict.skipped, detail=why)
        return
    try:
        lines, end = console.command("send", _SEND_S), ""
    except CommandFailed as fault:
        lines, end = list(fault.lines), fault.reason
    down = next((line for line in lines if line.startswith("link down: ")), "")
    if down or end.startswith("no link works"):
        remedy = "antenna and radio module; WiFi: name, password, broker"
        yield Step("radio", Verdict.failed, detail=_text(down or end), remedy=remedy)
        yield Step("link", Verdict.skipped, detail="the radio failed")
        return
    yield Step("radio", Verdict.passed, detail="it has sent")
    if not end:
        yield Step("link", Verdict.passed, detail="a gateway has answered")
        rssi = fields(console.command("status")).get("downlink_rssi_dbm", "none")
        if rssi != "none":
            yield _number(device, "downlink_rssi", rssi)
    elif with_link:
        remedy = "is the gateway up, and does it know this node? lyhord-gateway nodes unknown"
        yield Step("link", Verdict.failed, detail=_text(end), remedy=remedy)
    else:
        yield Step("link", Verdict.skipped, detail=f"no gateway was asked for ({_text(end)})")


def _text(told: str) -> str:
    return printable(told)[:_TEXT_MAX]
