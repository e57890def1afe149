"""Making a node somebody: id, key, generation."""

from binascii import unhexlify

from lyhord_node import counters, identity, pending
from lyhord_node.identity import KEY_SIZE
from lyhord_node.state import ABOUT_ALL, STATUS_ALL
from lyhord_wire.frame import COUNTER_MAX, NODE_MAX

_HEX = "0123456789abcdefABCDEF"


def provision(node, words):
    """`words`: id (hex), key (32 hex digits), generation (0…255), and perhaps the first frame counter.

    Returns an objection in one line that does not quote the key, or None: then the identity is durable.
    Counters go on where they are, because nobody here knows what was sent under a key before.
    """
    if len(words) not in (3, 4):
        return "expected provision ID KEY GENERATION"
    number = _hex(words[0], 6)
    if number is None or not 1 <= number <= NODE_MAX:
        return "id: expected 1...ffffff"
    if len(words[1]) != 2 * KEY_SIZE or _hex(words[1], 2 * KEY_SIZE) is None:
        return "key: expected %d hex digits" % (2 * KEY_SIZE)
    if not words[2].isdigit() or int(words[2]) > 255:
        return "generation: expected 0...255"
    first = words[3] if len(words) > 3 else "0"
    if not first.isdigit() or int(first) > COUNTER_MAX:
        return "counter: expected 0...%d" % COUNTER_MAX
    new = identity.Identity(number, unhexlify(words[1]), int(words[2]))
    counters.begin_counters(node.nvs, node.state, int(first), new.differs_from(node.identity))
    identity.save(node.nvs, new)
    node.identity = new
    state = node.state
    pending.due(state, STATUS_ALL, ABOUT_ALL)
    state.save()
    return None


def _hex(text, digits):
    if not 1 <= len(text) <= digits:
        return None
    for digit in text:
        if digit not in _HEX:
            return None
    return int(text, 16)
