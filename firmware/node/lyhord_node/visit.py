"""Somebody at the serial line, after power-on or a reset: the terminal and the jobs it is asked for, in turn.

Neither is in memory while the other works, so that a report has as much room as on any other wake.
"""

from lyhord_node import cycle
from lyhord_node.borrowed import Borrowed


def receive(node):
    """Returns when nobody comes; else the node sleeps when they have gone."""
    with Borrowed():
        from lyhord_node import terminal

        enter = terminal.offer(node)
        del terminal  # a name would keep it in memory
    if not enter and node.identity:
        return
    node.power.light = False
    if not node.starts.is_safe:
        node.starts.completed()  # somebody is here
    print("ok")
    staged = {}
    while True:
        job = _next_job(node, staged, enter)
        if job is None:
            break
        _do(node, job)
    cycle.sleep(node, 1 if node.identity else None)  # a node that is nobody has nothing else to do


def _next_job(node, staged, enter):
    with Borrowed():
        from lyhord_node.terminal import next_job

        return next_job(node, staged, enter)


def _do(node, job):
    with Borrowed():
        from lyhord_node import jobs

        getattr(jobs, job)(node)
