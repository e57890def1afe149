"""The town of a soak: houses with virtual boards, the gateway, access points, and the troubles that come."""

import math
from collections import Counter
from functools import partial

from lyhord_rig import World
from lyhord_rig.board.board import Exit, ExpectTimeout
from lyhord_rig.board.wiring import board_pins
from lyhord_rig.radio.ether import Ether
from lyhord_rig.sensors.ds18b20 import Fault as Ds18b20Fault
from lyhord_rig.sensors.hcsr04 import Fault as RangerFault
from lyhord_rig.sensors.sensirion import Fault as SensirionFault
from lyhord_rig.sensors.wiring import BIN, BUILDING
from lyhord_rig.street.building import BuildingNode
from lyhord_rig.street.node import BinNode, Label, NodeRefused, Site
from lyhord_rig.wifi.station import AccessPoint
from lyhord_rig.world.weather import Weather
from lyhord_tools.image.build import build_image
from lyhord_wire.codes import DISTANCE, TEMPERATURE
from tests.soak.gateway import Gateway
from tests.soak.journal import Journal
from tests.soak.plan import Trouble

_GATEWAY_HOST = "gateway.lan"
_NEAREST_M, _FARTHEST_M = 15.0, 110.0
_MARGIN_DB = 8.0  # a spreading factor is chosen so that a node has at least that
_CELLAR_PERIOD_S = 240
_SECOND_US = 1_000_000
_SLICE_S = 6 * 3600
_DELIVER_ROUNDS = 40
_DELIVER_S = 3600
_DUTY_WAIT_S = 600


class Town:
    """One district: use as an async context manager. `say(text)` tells how it goes."""

    def __init__(self, plan, folder, say=lambda text: None):
        self.plan = plan
        self.folder = folder
        self.world = World(plan.seed * 1000 + plan.first, pace=None)
        self.ether = Ether(self.world, loss=plan.loss)
        self.counts = Counter()
        self.journals = {}
        self.nodes = {}
        self.wifi_nodes = set()
        self.dead_sensors = {}  # node → (quantity that can only be null, Unix seconds from when on)
        self.status = {}  # node → its own account, at the end
        self._say = say
        self._down = Counter()  # what is down how many times over
        folder.mkdir(parents=True, exist_ok=True)
        number = plan.first % 255 or 1
        self.gateway = Gateway(self.world, self.ether, folder, number, on_arrival=self._arrived)
        self.weather = Weather(self.world)
        self.points = {
            ssid: AccessPoint(self.world, ssid, self._secret(ssid), {_GATEWAY_HOST: self.gateway.broker})
            for ssid in ("town", "cellar")
        }
        self._images = {}
        for house in plan.houses():
            self._move_in(house)
        self.gateway.enter_nodes(
            (label.node, label.key, label.name) for label in (r.label for r in self.nodes.values())
        )

    async def __aenter__(self):
        return self

    async def __aexit__(self, *exc):
        await self.world.close()

    def _secret(self, name):
        return self.world.rng(f"wifi/{name}").randbytes(8).hex()

    def _image(self, board):
        if board not in self._images:
            path = self.folder / f"{board}.img"
            build_image("node", board, path)
            self._images[board] = path.read_bytes()
        return self._images[board]

    def _move_in(self, house):
        world, number = self.world, house.number
        label = Label(number, f"{house.profile}-{number}", world.rng(f"key/{number}").randbytes(16))
        flash = self.folder / label.name / "flash.bin"
        flash.parent.mkdir()
        flash.write_bytes(self._image(house.board))
        place = world.rng(f"place/{number}")
        angle, radius = place.uniform(0, math.tau), place.uniform(_NEAREST_M, _FARTHEST_M)
        position = (radius * math.cos(angle), radius * math.sin(angle))
        pins = board_pins(house.board)
        fitted, kind = BIN, BinNode
        if house.profile == "building":
            fitted = BUILDING if house.contacts else {"thermometer": BUILDING["thermometer"]}
            kind = BuildingNode
        site = Site(world, self.ether, self.weather, flash, flash.parent, position, pins)
        node = kind(site, label, fitted)
        self.nodes[number] = node
        if house.wifi:
            self.wifi_nodes.add(number)
        journal = self.journals[number] = Journal(lambda: world.unix_us() / 1e6)
        node.board.console.on_line.append(journal.read)
        node.board.on_exit.append(partial(self._went_off, number))

    # -- life --------------------------------------------------------------------------------------

    async def live(self):
        """Provisions the houses one after the other, lets the days go by, and has everybody deliver."""
        self.gateway.start()
        for house in self.plan.houses():
            await self._provision(house)
        start_us = self.world.now_us
        for event in self.plan.events(self.world.rng("troubles")):
            at_us = start_us + event.at_s * _SECOND_US
            self.world.call_at(at_us, self._strike, event, label=event.trouble.value)
        for at_s in [*range(_SLICE_S, self.plan.seconds, _SLICE_S), self.plan.seconds]:
            await self.world.run(start_us + at_s * _SECOND_US)
            days = f"day {at_s / 86_400:.2f} of {self.plan.days:g}"
            self._say(f"{days}: {self.counts['arrivals']} frames stored, {self.counts['power cuts']} cuts")
        await self._drain()

    def spreading_factor(self, node):
        """The fastest one with a margin."""
        name = node.antenna.name
        fits = [sf for sf in range(7, 12) if self.gateway.concentrator.margin_db(name, sf) >= _MARGIN_DB]
        return min(fits, default=12)

    async def _provision(self, house):
        node = self.nodes[house.number]
        settings = {
            "sample_period": _CELLAR_PERIOD_S if house.cellar else self.plan.sample_period_s,
            "report_period": self.plan.report_period_s,
            "spreading_factor": self.spreading_factor(node),
            "link": 2 if house.wifi else 1,
        }
        if house.wifi:
            ssid = "cellar" if house.cellar else "town"
            settings |= {
                "wifi_ssid": ssid,
                "wifi_password": self._secret(ssid),
                "broker_host": _GATEWAY_HOST,
                "broker_port": 1883,
            }
        await node.install(settings)

    def _arrived(self, arrival):
        self.counts["arrivals"] += 1
        self.journals[arrival.node].arrived(arrival)

    # -- troubles ----------------------------------------------------------------------------------

    def _strike(self, event):
        self.counts[event.trouble.value] += 1
        match event.trouble:
            case Trouble.CUT:
                self._cut(event)
            case Trouble.CUT_IN_A_WRITE:
                self.nodes[event.node].board.cut_after_writes(event.detail)
                self._away(event.node, event.seconds)
            case Trouble.OUTAGE:
                self._fail("gateway", event.seconds, self.gateway.stop, self.gateway.start)
            case Trouble.WIFI_OUTAGE:
                self._fail("town", event.seconds, *self._switches("town"))
            case Trouble.CELLAR:
                self._fail("cellar", event.seconds, *self._switches("cellar"))
            case Trouble.SENSOR:
                self._kill_sensor(event)

    def _switches(self, ssid):
        point = self.points[ssid]
        return partial(point.switch, False), partial(point.switch, True)

    def _fail(self, what, seconds, down, up):
        """Outages may overlap: what is down comes back when the last of them is over."""
        self._down[what] += 1
        if self._down[what] == 1:
            down()
        self.world.call_later(seconds * _SECOND_US, self._recover, what, up, label=f"{what} recovers")

    def _recover(self, what, up):
        self._down[what] -= 1
        if not self._down[what]:
            up()

    def _away(self, node, seconds):
        self.journals[node].off_s = seconds

    def _cut(self, event):
        board = self.nodes[event.node].board
        board.cut_after_writes(None)
        self._away(event.node, event.seconds)
        board.power_off()

    def _went_off(self, node, board, why):
        """Power comes back after a while, however it went."""
        if why in (Exit.POWER_CUT, Exit.POWER_OFF):
            self.counts["power cuts"] += 1
            self.journals[node].cut()
            seconds = self.journals[node].off_s
            self.world.call_later(seconds * _SECOND_US, board.power_on, label=f"{board.name} power")

    def _kill_sensor(self, event):
        node = self.nodes[event.node]
        sensors, quantity = node.sensors, TEMPERATURE
        if event.detail % 2 and sensors.ranger is not None:
            sensors.ranger.fault, quantity = RangerFault.SILENT, DISTANCE
        elif sensors.fitted["thermometer"] == "sht31":
            sensors.thermometer.fault = SensirionFault.ABSENT
        else:
            sensors.thermometer.fault = Ds18b20Fault.ABSENT
        self.dead_sensors[event.node] = (quantity, self.world.unix_us() / 1e6)

    # -- the end -----------------------------------------------------------------------------------

    async def _deliver(self, node):
        for _ in range(_DELIVER_ROUNDS):
            try:
                await node.deliver(_DELIVER_S)
                return
            except NodeRefused as refused:
                if "duty cycle" in str(refused):
                    await self.world.run_for(_DUTY_WAIT_S)

    async def _drain(self):
        """Everything is up again; each node stops sampling, delivers what it keeps and gives its account."""
        for node in self.nodes.values():
            node.board.cut_after_writes(None)
        await self.world.run_until(lambda: not any(self._down.values()), 3 * 86_400)
        for number, node in self.nodes.items():
            node.board.power_on()
            try:
                await node.enter()
                await self._deliver(node)
                self.status[number] = await node.status()
            except ExpectTimeout as silent:
                self.journals[number].complaints.append(str(silent))
            node.board.on_exit.clear()
            node.board.power_off()
