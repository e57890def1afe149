"""The console's commands. Every answer is lines of text and ends with `ok` or `error: …`.

All of it is ASCII except what the installer typed. Keys and passwords go in and never come out.
Imported for one line and forgotten again (see terminal.py).
"""

import sys

from lyhord_node import config
from lyhord_wire.settings import SETTINGS

_CTRL_C = 3


class Failed(Exception):
    """The command cannot be done; the text says why, and what would do."""


def answer(node, staged, line):
    """Does one line's command and prints its answer; the name in `jobs` of what does the rest, None for
    nothing, False for a line that was no command."""
    name, _, rest = line.lstrip().partition(" ")
    if not name:
        print("ok")
        return False
    if name not in COMMANDS:
        print("error: no command %s; try help" % name)
        return False
    try:
        job = COMMANDS[name][0](node, staged, rest if name == "set" else rest.strip())
    except Failed as why:
        print("error: %s" % why)
        return None
    if job is None:
        print("ok")
    return job


def _help(_node, _staged, _rest):
    for name in sorted(COMMANDS):
        print("%-34s%s" % (COMMANDS[name][1], COMMANDS[name][2]))


def _version(node, _staged, _rest):
    import image

    print("version: %s" % image.VERSION)
    print("board: %s" % node.board.NAME)
    print("micropython: %s" % ".".join([str(part) for part in sys.implementation[1][:3]]))


def _status(_node, _staged, _rest):
    return "status"


def _measure(_node, _staged, _rest):
    return "measure"


def _sample(_node, _staged, _rest):
    return "sample"


def _send(node, _staged, _rest):
    if node.identity is None:
        raise Failed("not provisioned; use provision")
    return "send"


def _get(node, staged, rest):
    for name in [rest] if rest else _names():
        print("%s: %s" % (name, _shown(node, staged, name)))


def _shown(node, staged, name):
    if name in config.FIELDS:
        value = staged.get(name)
        shown = config.shown(name, config.text(node.nvs, name) if value is None else value)
    else:
        setting = _setting(name)
        shown = "%s %s" % (staged.get(name, node.settings[setting.key]), setting.unit)
    return shown.strip() + (" (not saved)" if name in staged else "")


def _set(node, staged, rest):
    name, _, value = rest.lstrip().partition(" ")
    if name in config.FIELDS:
        value = _text(name, value)
        why = config.objection(name, value)
        if config.is_sensor(name) and not why:
            from lyhord_node import sensor_checks

            why = sensor_checks.objection(node.board, name, value)
        if why:
            raise Failed(why)
    else:
        setting = _setting(name)
        value = value.strip()
        number = _integer(value)
        if number is None or not setting.low <= number <= setting.high:
            what = "%s: expected %d...%d %s" % (name, setting.low, setting.high, setting.unit)
            raise Failed(what.strip())
    staged[name] = value


def _text(name, value):
    """The text as it was meant: a space at an end, of a password or a WiFi's name, stands in quotes."""
    if len(value) > 1 and value[0] == '"' and value[-1] == '"':
        return value[1:-1]
    if value != value.strip():
        raise Failed('%s: a space at either end needs quotes: set %s "..."' % (name, name))
    return value


def _clear(_node, staged, rest):
    if rest not in config.FIELDS:
        raise Failed("expected one of %s" % " ".join(sorted(config.FIELDS)))
    staged[rest] = ""


def _save(node, staged, _rest):
    from lyhord_node import changes, pending, probation, settings, state

    numbers = {_setting(name).key: int(text) for name, text in staged.items() if name not in config.FIELDS}
    version = settings.LOCAL if numbers else node.settings.version
    wanted, why = settings.changed(node.settings, numbers, version)
    why = why or _sensor_conflict(node, staged)
    if not why and ("link" in staged or "wifi_ssid" in staged or "broker_host" in staged):
        why = changes.link_objection(node, wanted, staged)
    if why:
        raise Failed(why)
    for name, text in staged.items():
        if name in config.FIELDS:
            config.save(node.nvs, name, text)
        if name in config.ABOUT_FIELDS:
            pending.due(node.state, about=state.ABOUT_ALL)
    if numbers:
        probation.end(node)
    node.nvs.commit()
    changes.apply(node, wanted)
    node.state.save()
    staged.clear()


def _sensor_conflict(node, staged):
    from lyhord_node import sensor_checks

    texts = {}
    for name in sensor_checks.SLOTS + ("profile",):
        value = staged.get(name)
        # What is cleared or typed as nothing counts as its default.
        texts[name] = config.text(node.nvs, name) if value is None else value or config.FIELDS[name][2]
    return sensor_checks.conflict(node.board, texts, texts["profile"])


def _provision(node, _staged, rest):
    from lyhord_node.provisioning import provision

    why = provision(node, rest.split())
    if why:
        raise Failed(why)


def _restart(node, _staged, _rest):
    from machine import reset

    node.state.save()
    print("ok")
    reset()


def _verify(node, _staged, _rest):
    from lyhord_node.intact import damaged

    count = 0
    for path in damaged():
        node.power.feed()
        print("damaged: %s" % path)
        count += 1
    if count:
        raise Failed("%d files are not as they were built; flash it again" % count)


def _repl(node, _staged, _rest):
    import micropython

    node.state.save()
    print("ok")
    micropython.kbd_intr(_CTRL_C)
    raise KeyboardInterrupt  # the only way out of the firmware; the watchdog starts it again in two minutes


def _exit(node, _staged, _rest):
    from lyhord_node.sleeping import sleep

    if node.identity is None:
        raise Failed("not provisioned; use provision")
    node.boot_guard.completed()  # whoever sends it to work ends safe mode
    print("ok")
    sleep(node, 1)


# name: (what does it, how it is written, what it is for)
COMMANDS = {
    "help": (_help, "help", "this list"),
    "version": (_version, "version", "firmware and board"),
    "status": (_status, "status", "how the node is"),
    "measure": (_measure, "measure", "read the sensors, keep nothing"),
    "sample": (_sample, "sample", "read the sensors and keep it"),
    "get": (_get, "get [NAME]", "one setting, or all"),
    "set": (_set, "set NAME VALUE", "change a setting; takes effect after save"),
    "clear": (_clear, "clear NAME", "forget a text; takes effect after save"),
    "save": (_save, "save", "keep all changes at once"),
    "send": (_send, "send", "deliver everything that is kept"),
    "provision": (_provision, "provision ID KEY GENERATION", "who this node is: hex, hex, number"),
    "restart": (_restart, "restart", "start again"),
    "verify": (_verify, "verify", "is the code in the flash what was built?"),
    "repl": (_repl, "repl", "end the firmware, for developers: MicroPython's prompt for two minutes"),
    "exit": (_exit, "exit", "leave the console; the node goes to work"),
}


def _names():
    return [SETTINGS[key].name for key in sorted(SETTINGS)] + sorted(config.FIELDS)


def _setting(name):
    for setting in SETTINGS.values():
        if setting.name == name:
            return setting
    raise Failed("%s: no such setting; get lists them" % name)


def _integer(text):
    digits = text[1:] if text[:1] == "-" else text
    return int(text) if digits.isdigit() else None
