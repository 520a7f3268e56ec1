"""A device that misbehaves on purpose: bad messages, and good ones sent three times."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from paho.mqtt.client import Client, MQTTMessageInfo
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from ioc.clock import Clock, utc_now
from ioc.ids import uuid7
from ioc.mqtt import build_client
from ioc.settings import MqttSettings
from ioc.topics import DevicePath
from simulator.devices.poison import PoisonCase, good_document, poison_cases

REPEATS = 3
GOOD_TAIL = "metric/reading"


class BadDevice:
    """Publishes at QoS 1 straight to the broker, without a spool.

    Args:
        path: Whom it pretends to be.
        mqtt: The broker.
        seed: Which faults come in which order.
        clock: Gives the present instant.

    Attributes:
        bootid: Its boot.
        good: Sequences of valid events that the broker has acknowledged, sent ``REPEATS`` times.
        bad: Sequences of bad messages that the broker has acknowledged.
    """

    def __init__(
        self, path: DevicePath, mqtt: MqttSettings, seed: int = 1, *, clock: Clock = utc_now
    ) -> None:
        self.path = path
        self.bootid: UUID = uuid7(clock())
        self.good: set[int] = set()
        self.bad: set[int] = set()
        self._mqtt = mqtt
        self._seed = seed
        self._clock = clock
        self._next = 0
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, cases: int, within_s: float) -> None:
        """Send bad messages from a thread, evenly over a time, a good one after every fourth."""
        self._thread = threading.Thread(
            target=self._run, args=(cases, within_s), name="bad-device", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Wait for what is under way."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(20)

    def send(self, cases: Sequence[PoisonCase], client: Client) -> None:
        """Publish bad messages; returns when the broker has acknowledged them."""
        for case in cases:
            info = client.publish(
                case.topic, case.payload, qos=1, properties=_properties(case.properties)
            )
            if _arrived(info):
                self.bad.add(int(case.properties["sequence"]))

    def cases(self, count: int) -> list[PoisonCase]:
        """The next bad messages, numbered on from what was sent."""
        cases = poison_cases(
            count,
            self._seed,
            path=self.path,
            bootid=self.bootid,
            now=self._clock(),
            first_sequence=self._next,
        )
        self._next += count
        return cases

    def repeat_good(self, client: Client) -> None:
        """Publish one valid event ``REPEATS`` times."""
        document = good_document(
            GOOD_TAIL,
            path=self.path,
            bootid=self.bootid,
            sequence=self._next,
            now=self._clock() + timedelta(seconds=1),
        )
        payload = json.dumps(document, ensure_ascii=False).encode()
        for _ in range(REPEATS):
            if _arrived(client.publish(self.path.topic(GOOD_TAIL), payload, qos=1)):
                self.good.add(self._next)
        self._next += 1

    def connect(self) -> Client:
        """A connected client; the caller disconnects it.

        Raises:
            TimeoutError: The broker did not answer in ten seconds.
        """
        client = build_client(self._mqtt, f"bad-{self.bootid.hex[-12:]}")
        connected = threading.Event()
        client.on_connect = lambda *_: connected.set()
        client.loop_start()
        if not connected.wait(10):
            client.loop_stop()
            raise TimeoutError("the MQTT broker did not answer in 10 s")
        return client

    def _run(self, count: int, within_s: float) -> None:
        client = self.connect()
        try:
            for number, case in enumerate(self.cases(count)):
                if self._stop.wait(within_s / count):
                    break
                self.send([case], client)
                if number % 4 == 3:
                    self.repeat_good(client)
        finally:
            client.disconnect()
            client.loop_stop()


def _arrived(info: MQTTMessageInfo) -> bool:
    """Wait until the broker has acknowledged a message; what it has not is in no account."""
    with contextlib.suppress(RuntimeError):  # paho's word for a connection that is lost
        info.wait_for_publish(20)
    return info.rc == 0 and info.is_published()


def _properties(pairs: dict[str, str]) -> Properties:
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    properties.UserProperty = list(pairs.items())
    return properties
