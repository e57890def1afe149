# Starts the app that this image holds on the board that it was built for; the image builder writes image.py.
import micropython

micropython.kbd_intr(
    -1
)  # MicroPython lets a byte 3 end main.py; on an open serial line bytes come as they like

import image  # noqa: E402 - nothing comes before that


def start():
    board = getattr(__import__("boards." + image.BOARD), image.BOARD)
    if image.APP == "bridge":
        from lyhord_bridge.bridge import run
    else:
        from lyhord_node.cycle import run
    run(board)


try:
    start()
except Exception as fault:  # noqa: BLE001 - a module that cannot even be loaded: say which, rest, try again
    import sys

    from machine import deepsleep

    sys.print_exception(fault)
    deepsleep(600_000)
