"""The encoding of a message: compression, and with MQTT 5 the properties that say what is inside.

content type; user properties `backlog` = true (every reading in it is) and `content-encoding` = gzip
"""

import gzip

from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from lyhord_gateway.model.reading import Message
from lyhord_gateway.publish.client import make_properties

_LEVEL = 6
_NO_TIME = 0  # in the header: what is sent twice must be the same twice


class Encoding:
    """content_type: of the profile's payloads. compressed: readings go out as gzip. properties: MQTT 5."""

    def __init__(
        self, content_type: str = "application/json", compressed: bool = False, properties: bool = False
    ) -> None:
        self._content_type = content_type
        self._compressed = compressed
        self._with_properties = properties
        self._made: dict[tuple[bool, bool], Properties] = {}

    def wrap(self, message: Message) -> tuple[bytes, Properties | None]:
        """The payload and properties as they are sent. What tells of nodes is never compressed."""
        packed = self._compressed and bool(message.readings)
        payload = gzip.compress(message.payload, _LEVEL, mtime=_NO_TIME) if packed else message.payload
        if not self._with_properties:
            return payload, None
        backlog = bool(message.readings) and all(reading.backlog for reading in message.readings)
        return payload, self._properties(packed, backlog)

    def _properties(self, packed: bool, backlog: bool) -> Properties:
        properties = self._made.get((packed, backlog))
        if properties is None:
            properties = self._made[packed, backlog] = make_properties(PacketTypes.PUBLISH)
            properties.ContentType = self._content_type
            properties.PayloadFormatIndicator = int(not packed)
            users = [("content-encoding", "gzip")] * packed + [("backlog", "true")] * backlog
            if users:
                properties.UserProperty = users
        return properties
