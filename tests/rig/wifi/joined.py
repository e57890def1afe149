"""A board on the WiFi `street`, with `dial` at hand for its program."""

from tests.rig.snippet import make_board

JOIN = """
    import errno, network, select, socket, time
    wlan = network.WLAN(network.STA_IF)
    wlan.active(True)
    wlan.connect("street", "secret")
    began = time.ticks_ms()
    while not wlan.isconnected() and time.ticks_diff(time.ticks_ms(), began) < 10_000:
        time.sleep_ms(50)
    print("joined", wlan.isconnected(), wlan.status(), time.ticks_diff(time.ticks_ms(), began) // 100)
    def dial(host, port=1883):
        s = socket.socket()
        s.settimeout(5)
        s.connect(socket.getaddrinfo(host, port)[0][-1])
        return s
"""


def joined(world, folder, main):
    """A board with power that joins, then does `main`."""
    board = make_board(world, folder, JOIN + main)
    board.power_on()
    return board
