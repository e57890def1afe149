# Starts the app that this image holds on the board that it was built for; the image builder writes image.py.
import image


def start():
    board = getattr(__import__("boards." + image.BOARD), image.BOARD)
    if image.APP == "bridge":
        from lyhord_bridge.bridge import run
    else:
        from lyhord_node.cycle import run
    run(board)


start()
