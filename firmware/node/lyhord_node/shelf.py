"""The shelf: a node that is provisioned and not installed yet sleeps until somebody comes to its console.

Nothing is measured by itself, kept or told meanwhile: no reading of a desk passes for one of a street. A node
without this word in its NVS, as all of older firmware, is in service.
"""

_KEY = "shelf"  # in NVS: 1 on the shelf; cycle.py asks for it at each start


def put(nvs):
    """On the shelf, from the next sleep on."""
    nvs.set_number(_KEY, 1)
    nvs.commit()


def leave(nvs):
    """In service."""
    nvs.erase(_KEY)
    nvs.commit()


def is_on(nvs):
    """True on the shelf."""
    return bool(nvs.number(_KEY, 0))


def rest(node):
    """Sleeps until a reset, which offers the console. Does not return."""
    from lyhord_node.sleeping import sleep

    if not node.boot_guard.is_safe:
        node.boot_guard.completed()
    print("on the shelf; reset, Enter and start send it to work")
    sleep(node, None)
