"""A gateway for one node's tests over MQTT: subscribes to what nodes say, answers on their `down` topics."""

import asyncio

import aiomqtt

from lyhord_rig.deadline import DEADLINE_S
from lyhord_rig.street.mqtt_server import MqttServer
from tests.fakes.lora_gateway import Heard


class MqttGateway(Heard):
    """Use as an async context manager beside a broker on `port`."""

    def __init__(self, world, key, port):
        super().__init__(world, key)
        self._port = port
        self._task = None
        self._answering = asyncio.Lock()
        self.subscribed = asyncio.Event()
        self.topics = set()

    async def __aenter__(self):
        self._task = asyncio.create_task(self._run(), name="mqtt gateway")
        async with asyncio.timeout(DEADLINE_S):
            await self.subscribed.wait()
        return self

    async def __aexit__(self, *exc):
        async with self._answering:  # aiomqtt does not survive being cancelled in the middle of a publish
            self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    def check(self):
        """Raises what the task ended with."""
        if self._task.done():
            self._task.result()

    async def _run(self):
        async with aiomqtt.Client("127.0.0.1", self._port) as client:
            await client.subscribe("lyhord/v1/+/up", qos=1)
            self.subscribed.set()
            async for message in client.messages:
                async with self._answering:
                    self.topics.add(str(message.topic))
                    raw = self.answer(self.hear(message.payload))
                    if raw is not None:
                        await client.publish(str(message.topic).replace("/up", "/down"), raw, qos=1)


class IndoorGateway(Heard):
    """The same inside a world, broker included, so that only virtual time goes by; `server` goes behind an
    access point."""

    def __init__(self, world, key):
        super().__init__(world, key)
        self.server = MqttServer(self._said)

    def _said(self, topic, payload):
        raw = self.answer(self.hear(payload))
        if raw is not None:
            self.server.publish(topic.replace("/up", "/down"), raw)
