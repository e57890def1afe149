"""Settings that `set` has collected: held against the board and each other, kept all at once or not at all.

    set ─▶ staged ─▶ objection ─▶ written beside ─▶ begun ─▶ each value in its place ─▶ done
                                                     │ the power goes
                                                     └─▶ the next start puts each value in its place again

NVS keeps each value as it is set, and the power may go between two. So what is to be kept is written beside
first, in as many parts as it takes; the number of parts says that all of it is there.
"""

from micropython import const

from lyhord_node import config, settings
from lyhord_wire.settings import SETTINGS

_BEGUN = "staged"  # in NVS: how many parts there are; none: nothing is begun
_PART = "staged%d"
_PART_MAX = const(512)  # bytes, of nvs.py
UNKNOWN = "%s: no such setting; get lists them"
_LINE = "\n"
_VALUE = "\t"


def setting(name):
    """The setting with that name, or None."""
    for one in SETTINGS.values():
        if one.name == name:
            return one
    return None


def lines(node, staged):
    """`name: value` of every setting, the settings first."""
    for name in [SETTINGS[key].name for key in sorted(SETTINGS)] + sorted(config.FIELDS):
        yield line(node, staged, name)


def line(node, staged, name):
    """`name: value unit`, with a word for what is not saved; None for what is no setting."""
    value = staged.get(name)
    if name in config.FIELDS:
        shown = config.shown(name, config.text(node.nvs, name) if value is None else value)
        if shown != shown.strip():
            shown = '"%s"' % shown  # as `put` takes it
    else:
        one = setting(name)
        if one is None:
            return None
        shown = "%s %s" % (node.settings[one.key] if value is None else value, one.unit)
    return "%s: %s%s" % (name, shown.strip(), "" if value is None else " (not saved)")


def put(node, staged, name, value):
    """Collects a value, as typed; the reason why it cannot be, or None."""
    if name in config.FIELDS:
        if len(value) > 1 and value[0] == '"' and value[-1] == '"':
            value = value[1:-1]
        elif value != value.strip():  # of a password or a WiFi's name, a space at an end may be meant
            return '%s: a space at either end needs quotes: set %s "..."' % (name, name)
        why = config.objection(name, value)
        if config.is_sensor(name) and not why:
            from lyhord_node import sensor_checks

            why = sensor_checks.objection(node.board, name, value)
        if why:
            return why
    else:
        one = setting(name)
        if one is None:
            return UNKNOWN % name
        value = value.strip()
        number = _integer(value)
        if number is None or not one.low <= number <= one.high:
            return ("%s: expected %d...%d %s" % (name, one.low, one.high, one.unit)).strip()
    staged[name] = value
    return None


def clear(staged, name):
    """Collects that a text is to be forgotten; the reason why it cannot be, or None."""
    if name not in config.FIELDS:
        return "expected one of %s" % " ".join(sorted(config.FIELDS))
    staged[name] = ""
    return None


def objection(node, staged):
    """The reason why these cannot be kept together; None if they can."""
    from lyhord_node import changes, sensor_checks

    wanted, why = _wanted(node.settings, staged)
    if why:
        return why
    texts = {}
    for name in sensor_checks.SLOTS + ("profile",):
        value = staged.get(name)
        # What is cleared or typed as nothing counts as its default.
        texts[name] = config.text(node.nvs, name) if value is None else value or config.FIELDS[name][2]
    why = sensor_checks.conflict(node.board, texts, texts["profile"])
    if not why and ("link" in staged or "wifi_ssid" in staged or "broker_host" in staged):
        why = changes.link_objection(node, wanted, staged)
    return why


def save(node, staged):
    """Keeps what `objection` has none to, and makes it count; `staged` is empty afterwards. OSError where NVS
    is full: then nothing is kept."""
    from lyhord_node import changes, pending, probation, state

    wanted = _wanted(node.settings, staged)[0]
    try:
        _write_beside(node.nvs, staged)
    except OSError:
        _done(node.nvs)
        raise
    _put_in_place(node.nvs, staged)
    if any(name in config.ABOUT_FIELDS for name in staged):
        pending.due(node.state, about=state.ABOUT_ALL)
    if any(name not in config.FIELDS for name in staged):
        probation.end(node)
    changes.apply(node, wanted)
    node.state.save()
    _done(node.nvs)
    staged.clear()


def finish(nvs):
    """At a start: puts in its place what a power cut has left half there."""
    from lyhord_node import probation

    parts = nvs.number(_BEGUN, 0)
    text = b"".join([nvs.blob(_PART % part) for part in range(parts)]).decode()
    staged = {}
    for line in text.split(_LINE):
        name, _, value = line.partition(_VALUE)
        staged[name] = value
    _put_in_place(nvs, staged)
    present = settings.load(nvs)
    wanted = _wanted(present, staged)[0]
    if wanted and wanted.values != present.values:
        probation.forget(nvs)
        settings.save(nvs, wanted)
    nvs.commit()
    _done(nvs)


def _wanted(present, staged):
    numbers = {setting(name).key: int(text) for name, text in staged.items() if name not in config.FIELDS}
    return settings.changed(present, numbers, settings.LOCAL if numbers else present.version)


def _write_beside(nvs, staged):
    data = _LINE.join([name + _VALUE + text for name, text in staged.items()]).encode()
    parts = 0
    for start in range(0, len(data), _PART_MAX):
        nvs.set_blob(_PART % parts, data[start : start + _PART_MAX])
        parts += 1
    nvs.set_number(_BEGUN, parts)
    nvs.commit()


def _put_in_place(nvs, staged):
    for name, text in staged.items():
        if name in config.FIELDS:
            config.save(nvs, name, text)
    nvs.commit()


def _done(nvs):
    nvs.erase(_BEGUN)
    part = 0
    while nvs.blob(_PART % part) is not None:
        nvs.erase(_PART % part)  # a password may be in it
        part += 1
    nvs.commit()


def _integer(text):
    digits = text[1:] if text[:1] == "-" else text
    return int(text) if digits.isdigit() else None
