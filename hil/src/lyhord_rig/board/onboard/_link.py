# The board's end of the link to the world: one request, one reply, over a socket inherited from it.
# A message is four native 64-bit integers and an optional payload. No call here allocates unless a payload
# comes back, because LittleFS writes through it while the heap is locked (finalisers).
#
# request: op | flags << 8 | size << 16, charge_us, a, b        reply: status | size << 16, now_us, a, b
import array

from micropython import const

_SYNC = const(2)
_RESUME = const(4)
_MASKED = const(1)
_POSTED = const(2)
_STATUS_IRQ = const(1)
_STATUS_ABORT = const(2)
_STATUS_ERROR = const(3)
_SYNC_US = const(1000)
_PIN_US = const(2)

_tx = array.array("l", [0, 0, 0, 0])
_rx = array.array("l", [0, 0, 0, 0])
_peer = None
_print_exception = None
_flags = 0
_posted = 0
irqs = {}
base = 0  # what the world's clock was at the last exchange, us
now = 0  # the same and what was charged since
boot = 0  # time of the reset, us
rtc = 0  # RTC (us since 2000) minus the world's clock


def open_link(fd, print_exception):
    global _peer, _print_exception
    _peer = open(fd, "r+b")
    _print_exception = print_exception


def clock(cost_us):
    global now
    t = now
    now = t + cost_us
    if now - base >= _SYNC_US:
        call(_SYNC)
    return t


def charge(us):
    global now
    now += us


def mask(on):
    global _flags
    was = _flags
    _flags = _MASKED if on else 0
    return was


def _send(op, a, b, data, flags):
    global base
    cost = now - base
    if cost < 0:
        cost = 0
    size = 0 if data is None else len(data)
    _tx[0] = op | flags << 8 | size << 16
    _tx[1] = cost
    _tx[2] = a
    _tx[3] = b
    _peer.write(_tx)
    if size:
        _peer.write(data)


def post(op, a, b=0, data=None):
    """A request without a reply: it takes effect at its time, in order with all others."""
    global base, now, _posted
    _send(op, a, b, data, _flags | _POSTED)
    if now < base:
        now = base
    base = now
    _posted += 1
    if _posted & 31 == 0:
        call(_SYNC)  # a loop that only writes must hear its interrupts too


def call(op, a=0, b=0, data=None, into=None):
    """Ask the world and wait; return `a` of the reply, or its payload when it has one."""
    global base, now
    _send(op, a, b, data, _flags)
    while True:
        if _peer.readinto(_rx) != 32:
            raise SystemExit  # the world is gone
        status = _rx[0] & 0xFF
        size = _rx[0] >> 16
        base = now = _rx[1]
        if status == _STATUS_IRQ:
            _interrupt()
            _send(_RESUME, 0, 0, None, _flags)
        elif status == _STATUS_ABORT:
            raise KeyboardInterrupt
        elif status == _STATUS_ERROR:
            if size:
                raise OSError(_rx[2], str(_peer.read(size), "utf-8"))
            raise OSError(_rx[2])
        else:
            a = _rx[2]
            if not size:
                return a
            if into is None:
                return _peer.read(size)
            if len(into) == size:
                _peer.readinto(into)
            else:
                _peer.readinto(memoryview(into)[:size])
            return size


def second():
    """`b` of the last reply."""
    return _rx[3]


def _interrupt():
    # The handler reads the ticks of the edge itself, as the interrupt on the chip would have.
    global now, _flags
    handler = irqs.get(_rx[2])
    if handler is None:
        return
    now = _rx[3]
    was = _flags
    _flags = _MASKED
    try:
        handler[1](handler[0])
    except Exception as error:  # noqa: BLE001 - MicroPython reports it and goes on
        print("Unhandled exception in callback")
        _print_exception(error)
    _flags = was
    if now < base:
        now = base
