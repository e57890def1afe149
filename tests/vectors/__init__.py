"""The golden vectors; readable from CPython and from MicroPython."""

import json

_FOLDER = __file__.rsplit("/", 1)[0]


def load(name):
    """The parsed content of `name`.json: "frames", "tampered", "bad-payloads", "airtime" or "bridge"."""
    with open(_FOLDER + "/" + name + ".json") as file:
        return json.load(file)
