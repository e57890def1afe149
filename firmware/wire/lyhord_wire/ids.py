"""Node ids in two ranges, so that those who give them need not ask each other.

    000001 … 7fffff   a gateway, in turn; its store remembers how far it has come
    800000 … ffffff   laptops without a gateway, in blocks of 256 drawn at random

No node reads this: to a node its id is a number.
"""

from lyhord_wire.frame import NODE_MAX

GATEWAY_LAST = 0x7FFFFF
LAPTOP_FIRST = GATEWAY_LAST + 1
BLOCK = 256  # ids of a laptop's block; it begins at a multiple of them
LAPTOP_BLOCKS = (NODE_MAX + 1 - LAPTOP_FIRST) // BLOCK
