"""The console's commands. Every answer is lines of text and ends with `ok` or `error: …`.

All of it is ASCII except what the installer typed. Keys and passwords go in and never come out.
Imported for one line and forgotten again (see terminal.py).
"""

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
    from lyhord_node.overview import version

    for line in version(node.board):
        print(line)


def _status(_node, _staged, _rest):
    return "status"


def _measure(_node, _staged, _rest):
    return "measure"


def _sample(node, _staged, _rest):
    from lyhord_node.shelf import is_on

    if is_on(node.nvs):
        raise Failed("on the shelf nothing is kept; measure shows it, start sends it to work")
    return "sample"


def _send(node, _staged, _rest):
    _provisioned(node)
    return "send"


def _get(node, staged, rest):
    from lyhord_node import staged as settings

    if not rest:
        for line in settings.lines(node, staged):
            print(line)
        return
    line = settings.line(node, staged, rest)
    _stop(None if line else settings.UNKNOWN % rest)
    print(line)


def _set(node, staged, rest):
    from lyhord_node.staged import put

    name, _, value = rest.lstrip().partition(" ")
    _stop(put(node, staged, name, value))


def _clear(_node, staged, rest):
    from lyhord_node.staged import clear

    _stop(clear(staged, rest))


def _check(node, staged, _rest):
    from lyhord_node.staged import objection

    _stop(objection(node, staged))


def _save(node, staged, rest):
    from lyhord_node.staged import save

    _check(node, staged, rest)
    try:
        save(node, staged)
    except OSError as fault:
        raise Failed("the flash takes nothing: %s" % fault)


def _discard(_node, staged, _rest):
    staged.clear()


def _stop(why):
    if why:
        raise Failed(why)


def _leave(staged, rest):
    """Nobody goes away from what is not saved without having said so."""
    if staged and rest != "discard":
        raise Failed("%d changes are not saved; save, or discard them" % len(staged))


def _provision(node, _staged, rest):
    from lyhord_node.provisioning import provision

    why = provision(node, rest.split())
    if why:
        raise Failed(why)


def _restart(node, staged, rest):
    _leave(staged, rest)
    node.state.save()
    _start_anew()


def _start_anew():
    from machine import reset

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


def _exit(node, staged, rest):
    from lyhord_node import shelf
    from lyhord_node.sleeping import sleep

    _provisioned(node)
    _leave(staged, rest)
    node.boot_guard.completed()  # whoever sends it to work ends safe mode
    print("ok")
    if shelf.is_on(node.nvs):
        shelf.rest(node)
    sleep(node, 1)


def _shelve(node, _staged, _rest):
    from lyhord_node.shelf import put

    put(node.nvs)


def _start(node, staged, rest):
    from lyhord_node.shelf import leave

    _provisioned(node)
    _leave(staged, rest)
    leave(node.nvs)
    _exit(node, staged, rest)


def _factory_reset(node, _staged, rest):
    from lyhord_node.factory import ALL, KEEP, reset

    words = rest.split()
    kept = node.outbox.kept()
    if "yes" not in words:
        print("goes: samples, settings, name, place, WiFi, broker" + (", identity" if "all" in words else ""))
        raise Failed("to do it: " + " ".join(["factory-reset"] + words + ["yes"]))
    if kept and "discard" not in words:
        how = " ".join(["factory-reset"] + words + ["discard"])
        raise Failed("%d samples are kept; send them first, or: %s" % (kept, how))
    reset(node.nvs, ALL if "all" in words else KEEP)
    _start_anew()


def _provisioned(node):
    if node.identity is None:
        raise Failed("not provisioned; use provision")


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
    "check": (_check, "check", "would save take the changes?"),
    "save": (_save, "save", "keep all changes at once"),
    "discard": (_discard, "discard", "forget the changes that are not saved"),
    "send": (_send, "send", "deliver everything that is kept"),
    "provision": (_provision, "provision ID KEY GENERATION", "who this node is: hex, hex, number"),
    "restart": (_restart, "restart", "start again"),
    "verify": (_verify, "verify", "is the code in the flash what was built?"),
    "repl": (_repl, "repl", "end the firmware, for developers: MicroPython's prompt for two minutes"),
    "shelf": (_shelve, "shelf", "sleep until start, and keep nothing: until it is installed"),
    "start": (_start, "start", "leave the shelf and the console; the node goes to work"),
    "exit": (_exit, "exit", "leave the console; the node goes to work, or back to the shelf"),
    "factory-reset": (_factory_reset, "factory-reset [all]", "forget its old life, and with all who it is"),
}
