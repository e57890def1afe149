"""The bridge's loop: serial messages to the radio, radio messages to the serial line, a status now and then.

Nothing but messages may go to stdout while it runs.
"""

import sys
from time import ticks_add, ticks_diff, ticks_us

import micropython
from esp32 import NVS
from image import VERSION_NUMBER
from machine import WDT, reset_cause
from micropython import const

from drivers.radio import open_radio
from lyhord_bridge import listening
from lyhord_bridge.clock import Clock
from lyhord_bridge.scheduler import Scheduler
from lyhord_bridge.serial_line import SerialLine
from lyhord_bridge.transceiver import Transceiver
from lyhord_wire import bridge as wire

_TURN_MS = const(20)  # how late a frame may be reported; far below the scheduler's lead
_STATUS_EVERY_US = const(30_000_000)
_WATCHDOG_MS = const(20_000)
_NVS_NAMESPACE = "lyhord"
_CTRL_C = const(3)


class Bridge:
    """A `line` to the host and a `transceiver`, tied together; `turn` does one round of both."""

    def __init__(self, line, transceiver, clock, nvs, version):
        self._line = line
        self._transceiver = transceiver
        self._clock = clock
        self._nvs = nvs
        self._version = version
        self._status_at_us = 0
        self._told = (0, 0)

    def turn(self):
        """Waits up to 20 ms for the host, then lets the radio do what is due."""
        for message, answer in self._line.receive(_TURN_MS):
            if message is not None:
                self._handle(message)
            elif answer is not None:
                self._line.send(answer)
        for message in self._transceiver.step():
            self._line.send(message)
        if self._clock.now_us() >= self._status_at_us:
            self._send_status()

    def _handle(self, message):
        line = self._line
        if isinstance(message, wire.Transmit):
            result = self._transceiver.request(message)
            if result is not None:
                line.send(result)
        elif isinstance(message, wire.Listen):
            self._listen(message)
        elif isinstance(message, wire.GetStatus):
            self._send_status()
        else:
            line.refused += 1  # a message of ours: the line is looped back

    def _listen(self, message):
        if not listening.is_valid(message.freq_hz, message.sf):
            self._line.send(wire.Log("cannot listen on %d Hz SF%d" % (message.freq_hz, message.sf)))
            return
        listening.save(self._nvs, message.freq_hz, message.sf)
        for answer in self._transceiver.listen(message.freq_hz, message.sf):
            self._line.send(answer)
        self._send_status()

    def _send_status(self):
        now_us = self._clock.now_us()
        self._status_at_us = now_us + _STATUS_EVERY_US
        radio = self._transceiver
        self._line.send(
            wire.Status(
                {
                    wire.STATUS_VERSION: self._version,
                    wire.STATUS_UPTIME: now_us // 1_000_000,
                    wire.STATUS_RECEIVED: radio.received,
                    wire.STATUS_CRC_ERRORS: radio.crc_errors,
                    wire.STATUS_SENT: radio.sent,
                    wire.STATUS_FREQ: radio.freq_hz,
                    wire.STATUS_SF: radio.sf,
                }
            )
        )
        lost = self._line.dropped, self._line.refused
        if lost != self._told:
            self._told = lost
            self._line.send(wire.Log("serial: %d dropped, %d refused" % lost))


def run(board):
    """Is the bridge for good: returns never, and the watchdog restarts the board if it gets stuck."""
    micropython.kbd_intr(-1)  # byte 3 is data on this line
    try:
        watchdog = WDT(timeout=_WATCHDOG_MS)
        nvs = NVS(_NVS_NAMESPACE)
        clock = Clock(ticks_us, ticks_diff, ticks_add)
        line = SerialLine(sys.stdin, sys.stdout)
        scheduler = Scheduler(board.RADIO_MIN_DBM, board.RADIO_MAX_DBM)
        transceiver = Transceiver(lambda: open_radio(board), clock, scheduler, *listening.load(nvs))
        bridge = Bridge(line, transceiver, clock, nvs, VERSION_NUMBER)
        line.send(wire.Log("bridge started, reset cause %d" % reset_cause()))
        while True:
            watchdog.feed()
            bridge.turn()
    finally:
        micropython.kbd_intr(_CTRL_C)
