"""A small MQTT 5 client for the tests of the servers themselves."""

from __future__ import annotations

import threading
import time
from typing import Any

from paho.mqtt.client import Client, ConnectFlags, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from ioc.local_process import LOOPBACK


class Probe:
    """A client that keeps what it gets.

    Args:
        port: The broker's.
        client_id: Fixed, so that a session can be resumed.
        will: Topic and payload that the broker publishes, retained, if we vanish.
    """

    def __init__(self, port: int, client_id: str, will: tuple[str, bytes] | None = None) -> None:
        self.messages: list[MQTTMessage] = []
        self.session_present = False
        self._connected = threading.Event()
        self._subscribed = threading.Event()
        self.client = Client(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=MQTTv5)
        self.client.on_connect = self._on_connect
        self.client.on_subscribe = lambda *_: self._subscribed.set()
        self.client.on_message = lambda _client, _data, message: self.messages.append(message)
        if will is not None:
            self.client.will_set(*will, qos=1, retain=True)
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = 3600
        self.client.connect(LOOPBACK, port, 30, clean_start=False, properties=properties)
        self.client.loop_start()
        assert self._connected.wait(10), f"no CONNACK from port {port}"

    def _on_connect(self, _client: Client, _data: Any, flags: ConnectFlags, *_: Any) -> None:
        self.session_present = flags.session_present
        self._connected.set()

    def subscribe(self, topic: str) -> None:
        """Subscribe with QoS 1 and wait for the answer."""
        self._subscribed.clear()
        self.client.subscribe(topic, options=SubscribeOptions(qos=1))
        assert self._subscribed.wait(10), f"no SUBACK for {topic}"

    def publish(self, topic: str, payload: bytes | str, *, retain: bool = False) -> None:
        """Publish with QoS 1 and wait for the PUBACK."""
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        properties.UserProperty = [("traceparent", "00-1")]
        self.client.publish(topic, payload, 1, retain, properties).wait_for_publish(10)

    def wait(self, count: int, timeout_s: float = 10) -> list[bytes]:
        """The payloads, when there are ``count`` of them or the time is up."""
        deadline = time.monotonic() + timeout_s
        while len(self.messages) < count and time.monotonic() < deadline:
            time.sleep(0.02)
        return [bytes(message.payload) for message in self.messages]

    def close(self) -> None:
        """Disconnect properly; the session stays."""
        self.client.disconnect()
        self.client.loop_stop()

    def vanish(self) -> None:
        """Break the connection without a word, as a power cut does."""
        self.client.loop_stop()
        socket = self.client.socket()
        if socket is not None:
            socket.close()
