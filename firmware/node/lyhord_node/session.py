"""A console session: the terminal and what it is asked for in turn, over as many starts as it needs.

    offer ─ Enter ─▶ terminal ─ a line that asks for more than an answer ─▶ job ─▶ terminal ─▶ …
                                 └─ a delivery, a job after one ─▶ fresh start ─▶ job ─▶ terminal ─▶ …

A start carries one delivery, and no other job after it. Each link's names stay in MicroPython's table for
ever and its buffers leave the heap in pieces, so what comes next might find no piece that is large enough; a
soft reset gives all of the heap back, and the serial port stays. What the session must know afterwards is in
NVS meanwhile: the job, the byte that Enter was, what the gateway is to be told of the last start, and what
`set` has collected.
"""

from lyhord_node import boot_guard, pending, sending
from lyhord_node.scoped_import import ScopedImport

_KEY = "session"
_LINE = "\n"
_PART = "\t"


def talk(node):
    """Offers the console, and returns when nobody came; else the session ends in a sleep or a reset."""
    staged = {}
    job, enter = _taken_up(node, staged)
    told = sending.report(node, True) if job == "send" else None  # first: nothing else has used the heap yet
    while True:
        try:
            if job and not told and (job == "send" or node.linked is not None):
                _start_anew(node, job, staged, enter)
                job = "say_too_much_unsaved" if job == "send" else job
            if job:
                _do(node, job, *(told or ()))
            told = None
            job, enter = _heard(node, staged, enter)
        except MemoryError:
            job = "say_out_of_memory"
            _start_anew(node, job, staged, enter or 0)
        if not job:
            return


def _heard(node, *visit):
    with ScopedImport():
        from lyhord_node.terminal import converse

        return converse(node, *visit)


def _do(node, job, *told):
    with ScopedImport():
        from lyhord_node import jobs

        jobs.JOBS[job](node, *told)


def _start_anew(node, job, staged, enter):
    """Goes on with `job` after a soft reset; returns only where there is too much to keep for it."""
    from machine import soft_reset

    state = node.state
    lines = [_PART.join((job, str(enter), str(state.pending.reset_cause), str(state.pending.status)))]
    for name, value in staged.items():
        lines.append(name + _PART + value)
    try:
        node.nvs.set_blob(_KEY, _LINE.join(lines).encode())
    except ValueError:
        return
    node.nvs.commit()
    if node.contacts:
        node.contacts.note(state)
    state.save()
    node.power.feed()
    soft_reset()


def _taken_up(node, staged):
    """(job, what Enter was) of a session that has asked for this start; (None, None) where there is none."""
    kept = node.nvs.blob(_KEY)
    if kept is None:
        return None, None
    node.nvs.erase(_KEY)  # first: whatever happens now happens once
    node.nvs.commit()
    if node.reset_cause != boot_guard.SOFT:  # the power went in between
        return None, None
    head, *lines = kept.decode().split(_LINE)
    job, enter, cause, due = head.split(_PART)
    for line in lines:
        name, _, value = line.partition(_PART)
        staged[name] = value
    pending.started(node.state, int(cause), int(due))  # the gateway need not hear of this start
    node.power.light = False
    if not node.boot_guard.is_safe:
        node.boot_guard.completed()  # somebody is here
    return job, int(enter)
