"""The identity of this node: its number, its key and the key's generation, from NVS."""

from micropython import const

KEY_SIZE = const(16)  # AES-128

_NODE = "node"
_KEY = "key"
_GENERATION = "generation"


class Identity:
    """node: 1…FFFFFF; generation: 0…255, of which frames carry the lowest bit. The key shows nowhere."""

    def __init__(self, node, key, generation):
        self.node = node
        self.generation = generation
        self._key = key

    def __repr__(self):
        return "<node %06X, generation %d>" % (self.node, self.generation)

    def differs_from(self, other):
        """True if `other` (an Identity or None) has another key."""
        return other is None or other._key != self._key

    def cipher(self):
        """AES-CCM under this node's key."""
        from cryptolib import aes

        from lyhord_wire.ccm import Ccm

        return Ccm(aes, self._key)


def load(nvs):
    """The node's identity, or None before it is provisioned."""
    node = nvs.number(_NODE)
    key = nvs.blob(_KEY)
    if node is None or key is None or len(key) != KEY_SIZE:
        return None
    return Identity(node, key, nvs.number(_GENERATION, 0))


def save(nvs, identity):
    """Makes `identity` this node's, in one commit."""
    nvs.set_number(_NODE, identity.node)
    nvs.set_blob(_KEY, identity._key)
    nvs.set_number(_GENERATION, identity.generation)
    nvs.commit()
