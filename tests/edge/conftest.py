"""A real broker on loopback, and a second client that sees what a publisher says."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from iotcore import Broker

from ioc.decode import decode
from ioc.events import Event
from ioc.mqtt import build_client, user_properties
from ioc.receipt import Receipt, encode, ranges_of
from ioc.settings import EdgeSettings, MqttSettings
from ioc.topics import SUBSCRIPTIONS, DevicePath, device_path

CONFIG = """
id = 0
[router]
id = 0
max_connections = 100
max_outgoing_packet_count = 200
max_segment_size = 104857600
max_segment_count = 10
[v5.1]
name = "v5"
listen = "127.0.0.1:{port}"
next_connection_delay_ms = 1
[v5.1.connections]
connection_timeout_ms = 5000
max_payload_size = 262144
max_inflight_count = 1000
dynamic_filters = true
"""


_numbers = count()


def eventually(check: Callable[[], Any], what: str, within_s: float = 15) -> None:
    """Wait until ``check`` holds."""
    deadline = time.monotonic() + within_s
    while not check():
        assert time.monotonic() < deadline, f"not within {within_s} s: {what}"
        time.sleep(0.02)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class LocalBroker:
    """A broker that can be killed and started again on the same port; it forgets all."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.config = folder / "broker.toml"
        self.config.write_text(CONFIG.format(port=self.port))
        self._broker: Broker | None = None

    def start(self) -> None:
        self._broker = Broker(config_path=str(self.config)).start()

    def kill(self) -> None:
        if self._broker is not None:
            self._broker.stop()
            self._broker = None

    @property
    def settings(self) -> MqttSettings:
        return MqttSettings(host="127.0.0.1", port=self.port, keepalive_s=5)


class Seen(NamedTuple):
    topic: str
    event: Event
    properties: dict[str, str]
    retain: bool


class Core:
    """Stands where the core stands: sees every event, and answers with receipts when told to."""

    def __init__(self, settings: MqttSettings, *, receipts: bool = False) -> None:
        self.receipts = receipts
        self.seen: list[Seen] = []
        self.ready = threading.Event()
        self.client = build_client(settings, f"core-{next(_numbers)}")
        self.client.on_connect = self._on_connect
        self.client.on_subscribe = lambda *_: self.ready.set()
        self.client.on_message = self._on_message
        self.client.loop_start()
        assert self.ready.wait(10)

    def _on_connect(self, client: Any, *_: Any) -> None:
        client.subscribe([(topic, 1) for topic in SUBSCRIPTIONS])

    def _on_message(self, _client: Any, _data: Any, message: Any) -> None:
        seen = Seen(
            message.topic,
            decode(message.payload),
            user_properties(message.properties),
            message.retain,
        )
        self.seen.append(seen)
        if self.receipts and seen.properties:
            self.receipt(seen.event.bootid, [int(seen.properties["sequence"])])

    def receipt(self, bootid: UUID, sequences: list[int]) -> None:
        self.send_raw(encode(Receipt(bootid=bootid, ranges=ranges_of(sequences))))

    def send_raw(self, payload: bytes) -> None:
        self.client.publish(PATH.topic("cmd/receipt"), payload, qos=1)

    def events(self) -> list[Seen]:
        return [seen for seen in list(self.seen) if seen.properties]

    def states(self) -> list[str]:
        return [seen.event.data.state for seen in list(self.seen) if not seen.properties]  # type: ignore[union-attr]

    def stop(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


PATH: DevicePath = device_path("vi_thanh", "nga-tu-1", "cam-1")


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[LocalBroker]:
    local = LocalBroker(tmp_path)
    local.start()
    yield local
    local.kill()


@pytest.fixture
def core(broker: LocalBroker) -> Iterator[Core]:
    one = Core(broker.settings)
    yield one
    one.stop()


@pytest.fixture
def settings(tmp_path: Path) -> EdgeSettings:
    return EdgeSettings(
        spool_dir=tmp_path / "spool", reconnect_min_s=0.05, reconnect_max_s=0.2, resend_after_s=30
    )
