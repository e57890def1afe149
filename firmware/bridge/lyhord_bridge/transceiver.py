"""The radio of a bridge: it listens, except while it sends what is due, and comes back from faults.

    DOWN ── opened ──▶ LISTENING ── due ──▶ SENDING
     ▲                  │     ▲               │ │
     ├───── fault ──────┘     └──── sent ─────┘ │
     └──────────────── fault ───────────────────┘

A fault closes the radio; it is opened anew, with a reset, after 1, 2, 4 … 60 s.
"""

from gc import collect
from time import sleep_ms, ticks_diff, ticks_us

from micropython import const

from drivers.lora_radio import RadioError
from lyhord_bridge.clock import tmst
from lyhord_wire.bridge import RADIO_FAULT, SENT, TOO_LATE, Log, Received, TxResult

_DOWN = const(0)
_LISTENING = const(1)
_SENDING = const(2)

_BUSY_WAIT_US = const(3_000)
# A window is found by its preamble, some symbols of at least 1 ms: this late is still in time.
_LATE_US = const(200)
_RETRY_FIRST_US = const(1_000_000)
_RETRY_LONGEST_US = const(60_000_000)


class Transceiver:
    """`open_radio()` gives a LoRa radio fresh from its reset, or raises RadioError.

    Counters: `received`, `crc_errors` (no CRC, a wrong one, or nothing in the frame), `sent`, `faults`.
    """

    def __init__(self, open_radio, clock, scheduler, freq_hz, sf):
        self._open_radio = open_radio
        self._clock = clock
        self._scheduler = scheduler
        self.freq_hz = freq_hz
        self.sf = sf
        self.received = 0
        self.crc_errors = 0
        self.sent = 0
        self.faults = 0
        self._radio = None
        self._state = _DOWN
        self._steps = (self._step_down, self._step_listening, self._step_sending)  # by state
        self._sending = None
        self._retry_at_us = 0
        self._retry_us = _RETRY_FIRST_US

    def listen(self, freq_hz, sf):
        """Listens on `freq_hz` with `sf` from now on; a transmission under way is finished first.

        Returns the messages that this causes, as `step` does.
        """
        self.freq_hz = freq_hz
        self.sf = sf
        if self._state != _LISTENING:
            return ()
        try:
            self._listen()
        except RadioError as fault:
            return self._fail(fault)
        return ()

    def request(self, request):
        """Takes on a Transmit. None, or a TxResult when it is refused at once."""
        if self._state == _DOWN:
            return TxResult(request.token, RADIO_FAULT)
        status = self._scheduler.request(self._clock.now_us(), request)
        return None if status is None else TxResult(request.token, status)

    def step(self):
        """Does what is due. Returns the messages for the host, often none.

        Blocks for up to 50 ms before a transmission, else only for some SPI transfers.
        """
        try:
            return self._steps[self._state](self._clock.now_us())
        except RadioError as fault:
            return self._fail(fault)

    def _step_down(self, now_us):
        pending = self._scheduler.take(now_us)
        if pending is not None:
            return (TxResult(pending.request.token, RADIO_FAULT),)
        if now_us < self._retry_at_us:
            return ()
        self._radio = self._open_radio()
        self._listen()
        self._retry_us = _RETRY_FIRST_US
        return (Log("radio listens on %d Hz SF%d" % (self.freq_hz, self.sf)),)

    def _step_listening(self, now_us):
        pending = self._scheduler.take(now_us)
        if pending is not None:
            self._sending = pending
            return self._transmit(pending)
        packet = self._radio.poll_receive()
        if packet is None:
            return ()
        if not packet.crc_ok or not packet.data:
            self.crc_errors += 1
            return ()
        self.received += 1
        end_us = tmst(self._clock.at_us(packet.end_us))
        return (Received(end_us, packet.rssi_dbm, packet.snr_q4, self.freq_hz, self.sf, packet.data),)

    def _transmit(self, pending):
        request = pending.request
        collect()  # now, and not in the microseconds that count
        # As a LoRaWAN downlink: inverted, without CRC, so that only nodes hear it.
        self._radio.configure(request.freq_hz, request.sf, request.power_dbm, invert_iq=True, crc=False)
        self._radio.prepare_send(request.data)
        start = self._clock.ticks_at(pending.start_us)
        early_us = ticks_diff(start, ticks_us())
        if early_us < -_LATE_US:
            self._sending = None
            self._listen()
            return (TxResult(request.token, TOO_LATE),)
        if early_us > _BUSY_WAIT_US:
            sleep_ms((early_us - _BUSY_WAIT_US) // 1000)
        while ticks_diff(start, ticks_us()) > 0:
            pass
        self._radio.start_send()
        self._scheduler.started(pending)
        self._state = _SENDING
        return ()

    def _step_sending(self, _now_us):
        if not self._radio.poll_send():
            return ()
        token = self._sending.request.token
        self._sending = None
        self.sent += 1
        self._listen()
        return (TxResult(token, SENT),)

    def _listen(self):
        self._radio.configure(self.freq_hz, self.sf, crc=True)
        self._radio.start_receive()
        self._state = _LISTENING

    def _fail(self, fault):
        self.faults += 1
        self._state = _DOWN
        self._radio = None
        self._retry_at_us = self._clock.now_us() + self._retry_us
        messages = [Log("radio: %s; next try in %d s" % (fault, self._retry_us // 1_000_000))]
        self._retry_us = min(2 * self._retry_us, _RETRY_LONGEST_US)
        if self._sending is not None:
            messages.append(TxResult(self._sending.request.token, RADIO_FAULT))
            self._sending = None
        return messages
