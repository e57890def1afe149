"""The end of a wake."""

from lyhord_node import clock


def sleep(node, seconds):
    """Saves the state and sleeps deeply; seconds None: until a reset. Does not return."""
    node.state.sleeping.wake_at = clock.now() + (seconds or 0)
    if node.contacts and seconds:
        node.contacts.sleep(node.state)
    node.state.save()
    if node.board.HAS_LORA:
        from lyhord_node import hardware

        hardware.hold_pins(node.board)
    print("sleep", seconds)
    node.power.deep_sleep(seconds)
