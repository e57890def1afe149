"""Modules that are needed for one stage of a wake and give their memory back afterwards."""

import gc
import sys

_OURS = ("lyhord_wire.", "lyhord_node.", "drivers.", "umqtt.")


class ScopedImport:
    """`with ScopedImport(): …`: modules of ours that are imported inside are forgotten at the end.

    Their memory comes back when nothing refers to them any more: no local name, no instance of theirs.
    """

    def __enter__(self):
        gc.collect()
        self._before = set(sys.modules)
        return self

    def __exit__(self, *_exception):
        for name in list(sys.modules):
            if name not in self._before and name[: name.rfind(".") + 1] in _OURS:
                forget(name)
        gc.collect()


def forget(name):
    """Drops a module that may be there; whoever took names out of it keeps those."""
    if name not in sys.modules:
        return
    package, _, module = name.rpartition(".")
    del sys.modules[name]
    delattr(sys.modules[package], module)
