import array

import _link
from micropython import const

_POLL = const(33)

POLLIN = 1
POLLOUT = 4
POLLERR = 8
POLLHUP = 16


class poll:
    def __init__(self):
        self._objects = []
        self._wanted = []

    def register(self, obj, events=5):
        if obj in self._objects:
            self._wanted[self._objects.index(obj)] = events
        else:
            if not hasattr(obj, "_fd"):
                raise OSError(22)  # only streams of the board can be waited for
            self._objects.append(obj)
            self._wanted.append(events)

    def modify(self, obj, events):
        if obj not in self._objects:
            raise OSError(2)
        self._wanted[self._objects.index(obj)] = events

    def unregister(self, obj):
        if obj in self._objects:
            i = self._objects.index(obj)
            self._objects.pop(i)
            self._wanted.pop(i)

    def poll(self, timeout=-1, flags=0):
        asked = array.array("h")
        for i in range(len(self._objects)):
            asked.append(self._objects[i]._fd)
            asked.append(self._wanted[i])
        us = -1 if timeout is None or timeout < 0 else timeout * 1000
        asked = bytes(asked)
        n = _link.call(_POLL, us, 0, asked)
        if not isinstance(n, bytes):
            return []
        out = []
        for i in range(len(n)):
            if n[i]:
                out.append((self._objects[i], n[i]))
                if flags & 1:
                    self._wanted[i] = 0
        return out

    def ipoll(self, timeout=-1, flags=0):
        return iter(self.poll(timeout, flags))


def select(r, w, x, timeout=-1):
    p = poll()
    for obj in r:
        p.register(obj, POLLIN)
    for obj in w:
        p.register(obj, POLLOUT | (POLLIN if obj in r else 0))
    ready = p.poll(timeout if timeout is None or timeout < 0 else int(timeout * 1000))
    return (
        [o for o, e in ready if e & (POLLIN | POLLHUP) and o in r],
        [o for o, e in ready if e & POLLOUT and o in w],
        [],
    )
