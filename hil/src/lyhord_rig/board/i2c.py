"""A board's I2C buses: who acknowledges, who stretches the clock, who holds the bus."""

from __future__ import annotations

import errno
from collections.abc import Callable

from ..world.clock import World
from .call import Answer, Call, failed
from .ports import ANY_BUS, I2cDevice, Ports
from .process import Op
from .program import Program

WRITE = 0
READ = 1
SCAN = 2


class I2cBuses:
    """Requests carry bus | address << 8 | what << 24 and size | scl << 16 | sda << 24 | timeout_us << 32."""

    def __init__(self, world: World, ports: Ports, program: Program) -> None:
        self._world = world
        self._ports = ports
        self._program = program
        self.handlers: dict[Op, Callable[[Call], Answer | None]] = {Op.I2C: self._transfer}

    def _on_bus(self, bus_id: int, scl: int, sda: int) -> dict[int, I2cDevice]:
        return {
            address: device
            for (bus, address), (device, its_scl, its_sda) in self._ports.i2cs.items()
            if bus_id in (bus, ANY_BUS & 0xFF) and its_scl in (None, scl) and its_sda in (None, sda)
        }

    def _transfer(self, call: Call) -> Answer | None:
        request = call.request
        what, address = request.a >> 24, request.a >> 8 & 0xFFFF
        size, timeout_us = request.b & 0xFFFF, request.b >> 32
        devices = self._on_bus(request.a & 0xFF, request.b >> 16 & 0xFF, request.b >> 24 & 0xFF)
        if any(device.holds_bus for device in devices.values()):
            self._program.delay(call, timeout_us, failed(errno.ETIMEDOUT))
            return None
        if what == SCAN:
            return Answer(0, 0, bytes(sorted(at for at, device in devices.items() if device.write(b""))))
        device = devices.get(address)
        if device is None:
            return failed(errno.ENODEV)
        if what == WRITE:
            return Answer(len(request.data)) if device.write(request.data) else failed(errno.ENODEV)
        stretch_us = device.stretch_us()
        if stretch_us > timeout_us:
            self._program.delay(call, timeout_us, failed(errno.ETIMEDOUT))
            return None
        if stretch_us:
            call.alarm = self._world.call_later(
                stretch_us,
                lambda: self._program.finish(call, self._read(device, size)),
                label="i2c clock stretched",
            )
            return None
        return self._read(device, size)

    def _read(self, device: I2cDevice, size: int) -> Answer:
        data = device.read(size)
        return Answer(0, 0, data) if data is not None else failed(errno.ENODEV)
