"""WiFi as a board sees it: access points that can be switched off, a station that joins them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from ..board.call import Answer, Call, failed
from ..board.process import Op
from ..world.clock import Handle, World

IDLE = 1000
CONNECTING = 1001
GOT_IP = 1010
BEACON_TIMEOUT = 200
NO_AP_FOUND = 201
WRONG_PASSWORD = 202
_ASSOCIATION_US = 1_200_000  # association, handshake and DHCP
_SCAN_US = 2_400_000  # a scan of all channels that finds nothing


class Line(Protocol):
    """A server's end of a connection."""

    def say(self, data: bytes) -> None: ...

    def hang_up(self) -> None:
        """The board finds its connection reset; nothing comes over it any more."""


class Peer(Protocol):
    """The behaviour of a server on one connection."""

    def received(self, data: bytes) -> None: ...

    def closed(self) -> None:
        """The board closed it, or is gone."""


class Server(Protocol):
    """A host inside the world."""

    def accept(self, line: Line) -> Peer | None:
        """None: connection refused."""


Host = tuple[str, int] | Server


class AccessPoint:
    """An access point in this world and the hosts behind it.

    hosts: name (as boards resolve it) -> a server in the world, or the real (host, port) to which every TCP
    connection is carried.
    """

    def __init__(
        self,
        world: World,
        ssid: str,
        password: str,
        hosts: Mapping[str, Host],
        available: bool = True,
        rssi_dbm: int = -60,
    ) -> None:
        self.ssid = ssid
        self._password = password
        self.hosts = dict(hosts)
        self.available = available
        self.rssi_dbm = rssi_dbm
        self.resolves_after_s = 0.0  # how long a name takes, and until one that is not there is given up
        self._stations: dict[Station, int] = {}
        self._next_address = 100
        world.services.append(self)

    def __repr__(self) -> str:
        return f"AccessPoint({self.ssid!r})"

    def switch(self, on: bool) -> None:
        """Off: every station loses its link and its connections at once."""
        self.available = on
        if not on:
            for station in list(self._stations):
                station.lost(BEACON_TIMEOUT)
            self._stations.clear()

    def admits(self, password: str) -> bool:
        return password == self._password

    def join(self, station: Station) -> str:
        """The station's IPv4 address."""
        if station not in self._stations:
            self._stations[station] = self._next_address
            self._next_address = 100 + (self._next_address - 99) % 150
        return f"192.168.4.{self._stations[station]}"

    def leave(self, station: Station) -> None:
        self._stations.pop(station, None)

    def address_of(self, host: str) -> str | None:
        """IPv4 address of a host behind this access point, by its name or its address."""
        for number, name in enumerate(sorted(self.hosts)):
            address = f"192.168.4.{2 + number}"
            if host in (name, address):
                return address
        return None

    def route(self, host: str) -> Host | None:
        """The server behind a name or address, None when there is none."""
        for number, name in enumerate(sorted(self.hosts)):
            if host in (name, f"192.168.4.{2 + number}"):
                return self.hosts[name]
        return None


class Station:
    """network.WLAN(STA_IF) of one board; like ESP-IDF's it keeps trying until told to disconnect."""

    def __init__(self, world: World, name: str, mac: bytes) -> None:
        self._world = world
        self._name = name
        self._mac = mac
        self._active = False
        self._wanted: tuple[str, str] | None = None
        self._timer: Handle | None = None
        self._address = ""
        self.status = IDLE
        self.access_point: AccessPoint | None = None
        self.on_lost: list[Callable[[], None]] = []
        self.joins = 0
        self.fault = ""  # what the chip's driver says instead of starting
        self.handlers: dict[Op, Callable[[Call], Answer | None]] = {Op.WLAN: self._wlan}

    @property
    def active(self) -> bool:
        """True while the radio has current."""
        return self._active

    def reset(self) -> None:
        """The chip restarts: the radio is off."""
        self._active = False
        self._forget(IDLE)

    def lost(self, status: int) -> None:
        """The access point is gone; the station goes on trying."""
        wanted = self._wanted
        self._forget(status)
        self._wanted = wanted
        self._try_in(_SCAN_US)

    def _forget(self, status: int) -> None:
        self.status = status
        self._wanted = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self.access_point is not None:
            self.access_point.leave(self)
            self.access_point = None
            for fn in self.on_lost:
                fn()

    def _try_in(self, us: int) -> None:
        self._timer = self._world.call_later(us, self._try, label=f"{self._name} wifi")

    def _found(self, ssid: str) -> AccessPoint | None:
        for service in self._world.services:
            if isinstance(service, AccessPoint) and service.ssid == ssid and service.available:
                return service
        return None

    def _try(self) -> None:
        if self._wanted is None:
            return
        ssid, password = self._wanted
        found = self._found(ssid)
        if found is None:
            self.status = NO_AP_FOUND
            self._try_in(_SCAN_US)
        elif not found.admits(password):
            self.status = WRONG_PASSWORD
            self._try_in(_SCAN_US)
        else:
            self.access_point = found
            self._address = found.join(self)
            self.status = GOT_IP
            self.joins += 1

    def _wlan(self, call: Call) -> Answer:
        request = call.request
        match request.a:
            case 0:
                if request.b > 0 and self.fault:
                    return failed(-0x3001, self.fault)
                if request.b >= 0:
                    self._active = bool(request.b)
                    if not self._active:
                        self._forget(IDLE)
                return Answer(int(self._active))
            case 1:
                if not self._active:
                    return _not_started()
                ssid, password = request.data.decode().split("\0", 1)
                self._forget(CONNECTING)
                self._wanted = (ssid, password)
                self._try_in(_ASSOCIATION_US if self._found(ssid) is not None else _SCAN_US)
                return Answer()
            case 2:
                if not self._active:
                    return _not_started()
                self._forget(IDLE)
                return Answer()
            case 3:
                return Answer(self.status)
            case 4:
                if self.access_point is None:
                    return failed(-0x300F, "Wifi Not Connected")
                return Answer(self.access_point.rssi_dbm)
            case 5:
                return Answer(0, 0, self._address.encode() if self.access_point is not None else b"")
            case _:
                return Answer(0, 0, self._mac)


def _not_started() -> Answer:
    return failed(-0x3002, "Wifi Not Started")
