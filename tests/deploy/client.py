"""An MQTT 5 client with a certificate, which says what the broker answered."""

from __future__ import annotations

import threading
import time
from itertools import count
from typing import Any

from paho.mqtt.enums import MQTTErrorCode

from ioc.mqtt import build_client
from ioc.settings import MqttSettings

NOT_AUTHORIZED = 0x87
_numbers = count()


class CertifiedClient:
    """Connects at once; ``connected`` is false where the broker did not let it in.

    Args:
        settings: Broker and certificate.
        client_id: Left out, a fresh one.
        wait_s: How long to wait for the broker's answer.
    """

    def __init__(
        self, settings: MqttSettings, client_id: str | None = None, wait_s: float = 10
    ) -> None:
        self.received: list[tuple[str, bytes]] = []
        self.lost = threading.Event()
        self._answers: dict[int, int] = {}
        self._in, self._subscribed = threading.Event(), threading.Event()
        self.client = build_client(settings, client_id or f"test-{next(_numbers)}")
        self.client.on_connect = self._on_connect
        self.client.on_disconnect = lambda *_: self.lost.set()
        self.client.on_subscribe = lambda *_: self._subscribed.set()
        self.client.on_message = lambda _c, _d, message: self.received.append(
            (message.topic, bytes(message.payload))
        )
        self.client.on_publish = lambda _c, _d, mid, code, _p: self._answers.update(
            {mid: code.value}
        )
        self.client.loop_start()
        end = time.monotonic() + wait_s
        while not self._in.wait(0.05) and time.monotonic() < end:
            pass
        self.connected = self._in.is_set()

    def _on_connect(self, _client: Any, _data: Any, _flags: Any, code: Any, _more: Any) -> None:
        if not code.is_failure:
            self._in.set()

    def publish(self, topic: str, payload: bytes = b"x", *, retain: bool = False) -> int:
        """Publish with QoS 1; the reason code of the broker's answer, 0 and 16 are good."""
        info = self.client.publish(topic, payload, qos=1, retain=retain)
        assert info.rc == MQTTErrorCode.MQTT_ERR_SUCCESS
        end = time.monotonic() + 10
        while info.mid not in self._answers and time.monotonic() < end:
            time.sleep(0.01)
        return self._answers[info.mid]

    def subscribe(self, *topics: str) -> None:
        """Subscribe with QoS 1, and wait for the broker's answer."""
        self._subscribed.clear()
        self.client.subscribe([(topic, 1) for topic in topics])
        assert self._subscribed.wait(10)

    def wait(self, count: int, within_s: float = 10) -> list[tuple[str, bytes]]:
        """What came, when there are so many or the time is up."""
        end = time.monotonic() + within_s
        while len(self.received) < count and time.monotonic() < end:
            time.sleep(0.02)
        return list(self.received)

    def close(self) -> None:
        """Leave; the session stays."""
        self.client.disconnect()
        self.client.loop_stop()
