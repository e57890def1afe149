"""A serial line for asyncio, opened by URL: devices, ptys and socket:// through their descriptor, anything
else that pyserial's serial_for_url knows (rfc2217://, loop://) through a worker thread."""

import asyncio
import io
import os
from collections.abc import Callable

import serial

_BAUD = 115_200
_OPEN_S = 10.0
_WRITE_S = 2.0
_POLL_S = 0.2  # how long a worker thread blocks in one read
_CHUNK = 4096


class LinkLost(Exception):
    """The device is not there, or not there any more."""


class SerialLink:
    """An open line; `close()` it in any case."""

    def __init__(self, port: serial.SerialBase, descriptor: int | None) -> None:
        self._port = port
        self._descriptor = descriptor

    @classmethod
    async def open(cls, url: str) -> "SerialLink":
        """Opens the line at 115200 baud, DTR and RTS released so that an ESP32 board is not reset.
        Raises LinkLost."""
        try:
            async with asyncio.timeout(_OPEN_S):
                port = await asyncio.to_thread(_open, url)
        except (OSError, ValueError) as error:  # serial.SerialException is an OSError
            raise LinkLost(str(error)) from error
        try:
            return cls(port, port.fileno())
        except io.UnsupportedOperation:
            return cls(port, None)

    async def read(self) -> bytes:
        """At least one byte, as soon as there is one; raises LinkLost."""
        try:
            if self._descriptor is None:
                while not (data := await asyncio.to_thread(self._poll)):
                    pass
                return data
            loop = asyncio.get_running_loop()
            await _ready(self._descriptor, loop.add_reader, loop.remove_reader)
            data = os.read(self._descriptor, _CHUNK)
        except OSError as error:
            raise LinkLost(str(error)) from error
        if not data:
            raise LinkLost("end of the line")  # ready to be read, but nothing there: it is gone
        return data

    async def write(self, data: bytes) -> None:
        """Writes all of it within two seconds; raises LinkLost."""
        try:
            async with asyncio.timeout(_WRITE_S):
                if self._descriptor is None:
                    await asyncio.to_thread(self._port.write, data)
                    return
                loop = asyncio.get_running_loop()
                while data:
                    await _ready(self._descriptor, loop.add_writer, loop.remove_writer)
                    data = data[os.write(self._descriptor, data) :]
        except OSError as error:  # TimeoutError is one
            raise LinkLost(str(error) or "cannot be written to") from error

    def close(self) -> None:
        """Closes the line; pyserial pauses when it closes a socket, so a worker thread does it."""
        asyncio.get_running_loop().run_in_executor(None, self._port.close)

    def _poll(self) -> bytes:
        return bytes(self._port.read(max(1, self._port.in_waiting)))


def _open(url: str) -> serial.SerialBase:
    port = serial.serial_for_url(url, do_not_open=True, baudrate=_BAUD, timeout=_POLL_S, exclusive=True)
    port.dtr = False
    port.rts = False
    port.open()
    return port


async def _ready(descriptor: int, add: Callable[..., None], remove: Callable[[int], bool]) -> None:
    ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    add(descriptor, _fulfil, ready)
    try:
        await ready
    finally:
        remove(descriptor)


def _fulfil(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)
