"""ThingsBoard's gateway API over MQTT: connect, attributes and telemetry with milliseconds.

    v1/gateway/connect     {"device": "lyhord-000a01", "type": "bin"}
    v1/gateway/attributes  {"lyhord-000a01": {"name": "Storgatan 5", "firmware": "1.0.2", …}}
    v1/gateway/disconnect  {"device": "lyhord-000a01"}: it is out of service
    v1/gateway/telemetry   {"lyhord-000a01": [{"ts": 1767225600000, "values": {"seq": 1, …}}]}
    v1/gateway/rpc         {"device": "lyhord-000a01", "data": {"id": 1, "method": "blink", "params": 5}}
                           {"device": "lyhord-000a01", "id": 1, "data": {"success": true, …}}

ThingsBoard keeps one value per device, key and millisecond, so a reading that is sent twice is one reading.
One that came after a younger one of its node has "backlog": true. Requests and answers have one topic, so
an answer is told by its "id" (https://thingsboard.io/docs/reference/gateway-api/rpc/).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from lyhord_gateway.model.reading import Message, NodeFacts, Reading, node_of, node_text
from lyhord_gateway.options.platform_options import Batched, NodeName, NodeStatus
from lyhord_gateway.profiles import DEVICE, BadRequest, Profile, Request, kind
from lyhord_gateway.profiles.flat import Flat, Values, about_node
from lyhord_gateway.profiles.scale import SI, Units

_TELEMETRY = "v1/gateway/telemetry"
_OWN_ATTRIBUTES = "v1/devices/me/attributes"
_RPC = "v1/gateway/rpc"
_DEVICE_MAX = 255


class Options(
    Batched, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="profile", tag="thingsboard"
):
    """ThingsBoard's gateway API; its topics are fixed."""

    device: Annotated[
        NodeName | None,
        Meta(
            description="Name of a node's device; {node} is its id. Left out: lyhord-{node}.",
            examples=["lyhord-{node}"],
        ),
    ] = None
    node_status: NodeStatus = True
    commands: Annotated[
        bool,
        Meta(
            description="Take requests for nodes (settings, restart, blink …) from the platform; false: "
            "whoever gets hold of the platform can only read."
        ),
    ] = True


class _Call(msgspec.Struct):
    id: int
    method: str
    params: Any = None


class _Rpc(msgspec.Struct):
    """data: a call, or in an answer anything."""

    device: str
    data: msgspec.Raw = msgspec.Raw()
    id: Any = None


_rpc = msgspec.json.Decoder(_Rpc)
_call = msgspec.json.Decoder(_Call)


@dataclass(frozen=True, slots=True)
class ThingsBoardProfile(Profile):
    """device: {node}; fill_scale: 1 or 100; signal: RSSI and SNR too; commands: requests are taken."""

    device: str = DEVICE
    fill_scale: int = 1
    signal: bool = True
    units: Units = SI
    commands: bool = True
    node_status: bool = False

    def announce(self, facts: NodeFacts, quantities: Collection[int] = ()) -> list[Message]:
        device = self._device(facts.node)
        connect = {"device": device, "type": facts.profile_name or "default"}
        messages = [Message("v1/gateway/connect", msgspec.json.encode(connect), about=facts.node)]
        attributes = _attributes(facts)
        if self.node_status:
            attributes |= about_node(facts, self.units)
        if attributes:
            told = msgspec.json.encode({device: attributes})
            messages.append(Message("v1/gateway/attributes", told, about=facts.node))
        return messages

    def retract(self, facts: NodeFacts) -> list[Message]:
        device = self._device(facts.node)
        gone = Message("v1/gateway/disconnect", msgspec.json.encode({"device": device}), about=facts.node)
        if not self.node_status:
            return [gone]
        told = msgspec.json.encode({device: {"in_service": False}})
        return [Message("v1/gateway/attributes", told, about=facts.node), gone]

    def topic(self, reading: Reading) -> str:
        return _TELEMETRY

    def payload(self, readings: Sequence[Reading]) -> bytes:
        flat = Flat(self.fill_scale, self.units, self.signal)
        devices: dict[str, list[dict[str, int | Values]]] = {}
        for reading in readings:
            values = flat.values(reading)
            if reading.backlog:
                values["backlog"] = True
            entry: dict[str, int | Values] = {"ts": reading.time_s * 1000, "values": values}
            devices.setdefault(self._device(reading.node), []).append(entry)
        return msgspec.json.encode(devices)

    def health(self, topic: str, report: Mapping[str, object]) -> Message | None:
        """Attributes of the gateway's own device; ThingsBoard knows no other topics."""
        if not topic:
            return None
        reasons = report.get("reasons")
        texts = [str(one["text"]) for one in reasons] if isinstance(reasons, list) else []
        told = {"health": report.get("state"), "reasons": "; ".join(texts), "version": report.get("version")}
        return Message(_OWN_ATTRIBUTES, msgspec.json.encode(told))

    def gone(self, topic: str, gateway: str) -> Message | None:
        return Message(_OWN_ATTRIBUTES, msgspec.json.encode({"health": "gone"})) if topic else None

    def will(self, topic: str, gateway: str) -> None:
        """ThingsBoard speaks no last wills: `inactivityTimeout` of the gateway's device tells."""

    def inbox(self) -> str | None:
        return _RPC if self.commands else None

    def request(self, payload: bytes) -> Request | None:
        try:
            asked = _rpc.decode(payload)
            if asked.id is not None:
                return None
            call = _call.decode(asked.data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise BadRequest("shape") from error
        if len(asked.device) > _DEVICE_MAX:
            raise BadRequest("shape")
        return Request(self._node(asked.device), call.method, call.params, (asked.device, call.id))

    def reply(self, request: Request, outcome: Mapping[str, object]) -> Message:
        device, number = request.ticket
        return Message(_RPC, msgspec.json.encode({"device": device, "id": number, "data": outcome}))

    def _node(self, device: str) -> int | None:
        before, _, after = self.device.partition("{node}")
        node = node_of(device.removeprefix(before).removesuffix(after))
        return node if node is not None and self._device(node) == device else None

    def _device(self, node: int) -> str:
        return self.device.replace("{node}", node_text(node))


def _attributes(facts: NodeFacts) -> Values:
    known: Values = {
        "name": facts.name,
        "board": facts.board,
        "latitude": facts.latitude,
        "longitude": facts.longitude,
        "empty_distance_mm": facts.empty_mm,
        "full_distance_mm": facts.full_mm,
        "firmware": facts.version,
    }
    return {**facts.more, **{name: value for name, value in known.items() if value is not None}}


def _make(options: Options, context: kind.PlatformContext) -> ThingsBoardProfile:
    return ThingsBoardProfile(
        options.device or DEVICE,
        options.fill_scale or 1,
        options.signal,
        kind.units(options),
        options.commands,
        options.node_status,
    )


KIND = kind.Kind(Options, _make, kind.device, readable=False)
