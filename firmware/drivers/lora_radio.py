"""The common part of all LoRa radios: sending and receiving as `start_…`/`poll_…` pairs with deadlines.

All work is in pairs that return at once; `send` and `receive` are thin loops around them. The interrupt only
notes the time, so the end of a frame is known to the interrupt's precision however late it is polled.

A chip's class (`sx127x`, `sx126x`) gives `restart`, `configure`, `standby`, `sleep` and these hooks:

    _load(data)        writes the frame to the chip and brings it as close to sending as it waits
    _transmit()        begins to send that frame
    _is_sent()         True once it is sent; the chip's flags are cleared then
    _listen(symbols)   begins to receive: one frame that begins within so many symbols, or without end (None)
    _look(now_us)      what has come: Packet, TIMEOUT (with the chip in standby), or None
"""

from time import sleep_ms, ticks_add, ticks_diff, ticks_ms, ticks_us

from micropython import const

from lyhord_wire.airtime import airtime_us

TIMEOUT = "timeout"  # what poll_receive() and receive() give when nothing came; compare with `is`

# What the chip was told to do last. SX127x: these are its modes' numbers.
SLEEP = const(0)
STANDBY = const(1)
PREPARED = const(2)
SENDING = const(3)
RECEIVING = const(5)
RECEIVING_ONE = const(6)

_BUFFER_SIZE = const(256)
_MAX_PAYLOAD = const(255)
_MARGIN_US = const(100_000)
# Without an interrupt the flags are looked at this often all the same: a lost edge costs 20 ms, not a frame.
_LOOK_EVERY_US = const(20_000)
_WINDOW_END_US = const(10_000)  # so long after an empty window's end the chip has certainly seen it
_FRAME_REST_MS = const(5)


class RadioError(Exception):
    """The chip does not answer or does not do what it was told; `restart` may help."""


class Packet:
    """One received frame: `data` bytes, `rssi_dbm`, `snr_q4` (dB × 4), `end_us` (`ticks_us`), `crc_ok`.

    With `crc_ok` False the bytes are not to be believed: wrong CRC, or none where one was expected.
    """

    def __init__(self, data, rssi_dbm, snr_q4, end_us, crc_ok):
        self.data = data
        self.rssi_dbm = rssi_dbm
        self.snr_q4 = snr_q4
        self.end_us = end_us
        self.crc_ok = crc_ok


class LoraRadio:
    """A chip whose `irq_pin` (an input) rises when a frame has ended."""

    def __init__(self, irq_pin):
        self._mode = SLEEP
        self._sf = 7
        self._crc = True
        self._invert_iq = False
        self._preamble = 8
        self._buffer = bytearray(_BUFFER_SIZE)
        self._stamp = [0, False]  # ticks_us of the last edge, and whether nobody has used it yet
        self._airtime_us = 0
        self._deadline_us = 0
        self._looked_us = 0
        self._window_us = 0  # ticks_us when a window without a frame is over
        self.sent_us = 0  # ticks_us at the end of the last transmission
        self._irq_pin = irq_pin
        irq_pin.irq(handler=self._note_time, trigger=irq_pin.IRQ_RISING)

    def close(self):
        """Puts the chip to sleep and lets go of the interrupt, which would keep all of this in memory."""
        self._irq_pin.irq(handler=None)
        self.sleep()

    def _note_time(self, _pin):
        stamp = self._stamp
        stamp[0] = ticks_us()
        stamp[1] = True

    def _set_modem(self, sf, invert_iq, crc, preamble):
        if not 7 <= sf <= 12:
            raise ValueError("sf")
        if not 6 <= preamble <= 0xFFFF:
            raise ValueError("preamble")
        self._sf = sf
        self._crc = crc
        self._invert_iq = invert_iq
        self._preamble = preamble

    def prepare_send(self, data):
        """Loads `data` (1…255 bytes) and starts the oscillator, so that `start_send()` begins at once."""
        if not 1 <= len(data) <= _MAX_PAYLOAD:
            raise ValueError("data")
        self._load(data)
        self._airtime_us = airtime_us(len(data), self._sf, self._crc, preamble=self._preamble)
        self._mode = PREPARED

    def start_send(self, data=None):
        """Begins to send `data`, or what `prepare_send` has loaded."""
        if data is not None:
            self.prepare_send(data)
        elif self._mode != PREPARED:
            raise RuntimeError("nothing is prepared")
        self._transmit()
        self._mode = SENDING
        self._looked_us = ticks_us()
        self._deadline_us = ticks_add(self._looked_us, self._airtime_us + _MARGIN_US)

    def poll_send(self):
        """True once the frame is sent (`sent_us` is set, the chip in standby), False while it is on the air.

        RadioError when it takes longer than its time on air and 100 ms.
        """
        if self._mode != SENDING:
            raise RuntimeError("not sending")
        now_us = ticks_us()
        late = ticks_diff(now_us, self._deadline_us) > 0
        if not late and not self._is_look_due(now_us):
            return False
        if self._is_sent():
            self.sent_us = self._take_stamp(now_us)
            self._mode = STANDBY  # where the chip goes by itself
            return True
        if late:
            self.standby()
            raise RadioError("transmission did not end")
        return False

    def send(self, data):
        """Sends `data` and waits until it is sent."""
        self.start_send(data)
        while not self.poll_send():
            sleep_ms(1)

    def start_receive(self, timeout_symbols=None):
        """Listens: for one frame that must begin within 4…1023 symbols, or without end (None)."""
        if timeout_symbols is not None and not 4 <= timeout_symbols <= 1023:
            raise ValueError("timeout_symbols")
        self._listen(timeout_symbols)
        self._looked_us = ticks_us()
        if timeout_symbols is None:
            self._mode = RECEIVING
            return
        self._mode = RECEIVING_ONE
        window_us = timeout_symbols * (8 << self._sf)  # a symbol is 2^SF / 125 kHz
        frame_us = airtime_us(_MAX_PAYLOAD, self._sf, preamble=self._preamble)
        self._window_us = ticks_add(self._looked_us, window_us)
        self._deadline_us = ticks_add(self._window_us, frame_us + _MARGIN_US)

    def rest_ms(self):
        """1…20 ms until the next `poll_receive` of a single reception is due: before the window is over
        only a frame comes, and its time is noted by the interrupt."""
        left_us = ticks_diff(self._window_us, ticks_us())
        if left_us > 1000:
            return min(_LOOK_EVERY_US, left_us) // 1000
        return 1 if left_us > -_WINDOW_END_US else _FRAME_REST_MS

    def poll_receive(self):
        """A `Packet`, TIMEOUT when the frame did not begin in time, None while there is nothing yet.

        After a Packet the chip goes on listening if it listens without end, else it is in standby, as
        after TIMEOUT. RadioError when the chip has left the receiving mode, or never ends it.
        """
        mode = self._mode
        if mode != RECEIVING and mode != RECEIVING_ONE:
            raise RuntimeError("not receiving")
        now_us = ticks_us()
        if not self._is_look_due(now_us):
            return None
        was_stamped = self._stamp[1]
        result = self._look(now_us)
        if result is None:
            if was_stamped:
                self._stamp[1] = False  # an edge without a flag was of something already taken
            if mode == RECEIVING_ONE and ticks_diff(now_us, self._deadline_us) > 0:
                self.standby()
                raise RadioError("reception did not end")
        elif mode == RECEIVING_ONE:
            self._mode = STANDBY
        return result

    def receive(self, timeout_ms):
        """Listens until a `Packet` (perhaps with a bad CRC) has come, or TIMEOUT after `timeout_ms`."""
        until_ms = ticks_add(ticks_ms(), timeout_ms)
        self.start_receive()
        packet = self.poll_receive()
        while packet is None and ticks_diff(until_ms, ticks_ms()) > 0:
            sleep_ms(1)
            packet = self.poll_receive()
        self.standby()
        return TIMEOUT if packet is None else packet

    def _is_look_due(self, now_us):
        if not self._stamp[1] and ticks_diff(now_us, self._looked_us) < _LOOK_EVERY_US:
            # The end of an empty window does not reach every chip's pin: then it is looked for.
            over_us = ticks_diff(now_us, self._window_us)
            if self._mode != RECEIVING_ONE or not 0 <= over_us < _WINDOW_END_US:
                return False
        self._looked_us = now_us
        return True

    def _take_stamp(self, now_us):
        stamp = self._stamp
        if not stamp[1]:
            return now_us
        stamp[1] = False
        return stamp[0]
