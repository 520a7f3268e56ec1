"""The bridge on real servers: nothing is acknowledged before Kafka has it, nothing is lost."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, TopicPartition
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from ingest import bridge as bridge_module
from ingest.adapters import Adapters
from ingest.bridge import Bridge
from ioc import deadletter
from ioc.clock import utc_now
from ioc.decode import Reason, decode
from ioc.events import MAX_EVENT_BYTES, ReadingEvent
from ioc.ids import uuid7
from ioc.local_process import LOOPBACK, free_port
from ioc.local_servers import PARTITIONS
from ioc.settings import IngestSettings, KafkaSettings, MqttSettings, Settings
from ioc.topics import DEADLETTER_TOPIC, KAFKA_TOPICS, device_path
from simulator.devices.poison import good_document
from tests.ingest.test_adapters import DEPLOY, UP
from tests.servers.embedded import Mqtt, Tansu
from tests.servers.kafka_probe import create
from tests.servers.mqtt import Probe


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tansu]:
    server = Tansu(tmp_path_factory.mktemp("tansu"))
    server.start()
    for topic in KAFKA_TOPICS:
        create(server.bootstrap, topic, 2)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def mqtt(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mqtt]:
    server = Mqtt(tmp_path_factory.mktemp("mqtt"))
    server.start()
    yield server
    server.stop()


def settings_of(mqtt: Mqtt, bootstrap: str, **ingest: Any) -> Settings:
    ingest.setdefault("client_id", f"bridge-{uuid7(utc_now()).hex[-8:]}")
    return Settings(
        mqtt=MqttSettings(host=LOOPBACK, port=mqtt.port),
        kafka=KafkaSettings(bootstrap=bootstrap, partitions=2),
        ingest=IngestSettings(**ingest),
    )


def until(check: Callable[[], object], what: str, timeout_s: float = 15) -> None:
    deadline = time.monotonic() + timeout_s
    while not check():
        assert time.monotonic() < deadline, f"waited {timeout_s} s for {what}"
        time.sleep(0.02)


@contextmanager
def running(bridge: Bridge) -> Iterator[Bridge]:
    """The bridge in a thread of its own, stopped and joined at the end."""
    stop = threading.Event()
    thread = threading.Thread(target=bridge.run, args=(stop,))
    thread.start()
    try:
        until(lambda: bridge.counters.connected, "the bridge to connect")
        time.sleep(0.2)  # the SUBACKs
        yield bridge
    finally:
        stop.set()
        thread.join(20)
        assert not thread.is_alive(), "the bridge does not stop"


class Device:
    """A new device, with a boot of its own."""

    def __init__(self, mqtt: Mqtt) -> None:
        self.boot = uuid7(utc_now())
        self.path = device_path("vithanh", "tran-hung-dao", f"sensor-{self.boot.hex[-10:]}")
        self.topic = self.path.topic("metric/reading")
        self.probe = Probe(mqtt.port, self.path.device)

    def say(self, count: int) -> list[bytes]:
        raws = []
        for sequence in range(count):
            document = good_document(
                "metric/reading", path=self.path, bootid=self.boot, sequence=sequence, now=utc_now()
            )
            raws.append(json.dumps(document).encode())
            self.probe.client.publish(self.topic, raws[-1], qos=1)
        return raws


class Reader:
    """Reads what comes to a Kafka topic and names a device.

    The embedded broker gives a new subscriber the message before its subscription too, so what
    other tests have sent must be told apart.
    """

    def __init__(self, kafka: Tansu, topic: str, *, partitions: int = 2) -> None:
        self._consumer = Consumer(
            {
                "bootstrap.servers": kafka.bootstrap,
                "group.id": "not-used",
                "enable.auto.commit": False,
                "log_level": 0,
            }
        )
        self._begin = [TopicPartition(topic, n, 0) for n in range(partitions)]
        self._consumer.assign(self._begin)

    def take(self, about: str, count: int, *, more_s: float = 0.3) -> list[bytes]:
        """``count`` values that hold a text, and whatever comes in the moment after them."""
        values: list[bytes] = []
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            message = self._consumer.poll(0.1)
            if message is None:
                continue
            if message.error() is not None:  # a broker that has just started does not know all
                assert not values, message.error()
                self._consumer.assign(self._begin)
                continue
            value = message.value() or b""
            if about.encode() in value:
                values.append(value)
            if len(values) == count:
                deadline = min(deadline, time.monotonic() + more_s)
        self._consumer.close()
        return values


def test_messages_are_in_kafka_with_their_bytes_and_then_acknowledged(
    mqtt: Mqtt, kafka: Tansu
) -> None:
    device = Device(mqtt)
    reader = Reader(kafka, "ioc.reading.v1")
    with running(Bridge(settings_of(mqtt, kafka.bootstrap))) as bridge:
        raws = device.say(300)
        assert Counter(reader.take(device.path.device, 300)) == Counter(raws)
        until(lambda: bridge.counters.acknowledged >= 300, "300 acknowledgements")
    assert bridge.counters.received == 300
    assert bridge.counters.forwarded == {"ioc.reading.v1": 300}
    assert not bridge.counters.set_aside


def test_bad_input_goes_to_the_dead_letters_and_is_acknowledged_too(
    mqtt: Mqtt, kafka: Tansu
) -> None:
    device = Device(mqtt)
    reader = Reader(kafka, DEADLETTER_TOPIC)
    oversize = b"x" * (MAX_EVENT_BYTES + 1)
    huge = b"y" * 1_000_000
    with running(Bridge(settings_of(mqtt, kafka.bootstrap))) as bridge:
        for raw in (oversize, huge, b"\xff\xfe\xff", b"{}"):
            device.probe.publish(device.topic, raw)
        letters = [deadletter.decode(value) for value in reader.take(device.path.device, 4)]
        until(lambda: bridge.counters.acknowledged >= 4, "4 acknowledgements")
    found = {letter.raw_bytes: letter for letter in letters}
    assert found[len(oversize)].reason is Reason.OVERSIZE
    assert found[len(oversize)].raw == oversize
    assert found[len(huge)].raw == huge[: deadletter.RAW_LIMIT]
    assert found[3].reason is Reason.BAD_UTF8
    assert {letter.device for letter in letters} == {device.path.key}
    assert found[2].properties == {"traceparent": "00-1"}


@pytest.mark.parametrize("text", ["x\ufeffy", "x\0y"])
def test_no_character_in_a_user_property_ends_the_connection(
    mqtt: Mqtt, kafka: Tansu, text: str
) -> None:
    """paho 2.1.0 gave the connection up, and got the same message again after every reconnect."""
    device = Device(mqtt)
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    properties.UserProperty = [("note", text)]
    reader = Reader(kafka, DEADLETTER_TOPIC)
    with running(Bridge(settings_of(mqtt, kafka.bootstrap))) as bridge:
        device.probe.client.publish(device.topic, b"{}", 1, False, properties)
        [value] = reader.take(device.path.device, 1)
        until(lambda: bridge.counters.acknowledged >= 1, "the acknowledgement")
        assert bridge.counters.connections == 1
    assert deadletter.decode(value).properties == {"note": text.replace("\0", "\ufffd")}


def test_a_fault_of_our_own_sets_the_message_aside_instead_of_losing_it(
    mqtt: Mqtt, kafka: Tansu, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(bridge_module, "validate", broken)
    device = Device(mqtt)
    reader = Reader(kafka, DEADLETTER_TOPIC)
    with running(Bridge(settings_of(mqtt, kafka.bootstrap))) as bridge:
        [raw] = device.say(1)
        [value] = reader.take(device.path.device, 1)
        until(lambda: bridge.counters.acknowledged >= 1, "the acknowledgement")
    letter = deadletter.decode(value)
    assert (letter.reason, letter.raw, letter.topic) == (Reason.INTERNAL, raw, device.topic)
    assert "RuntimeError: a bug" in letter.detail
    assert (letter.bootid, letter.sequence) == (device.boot, 0)


def test_without_kafka_nothing_is_acknowledged_and_all_arrives_when_it_is_back(
    mqtt: Mqtt, tmp_path: Path
) -> None:
    server = Tansu(tmp_path / "kafka", port=free_port())
    device = Device(mqtt)
    settings = settings_of(mqtt, server.bootstrap)
    with running(Bridge(settings)) as bridge:
        raws = device.say(400)
        # The embedded broker has at most 100 on their way, whatever the receive maximum.
        until(lambda: bridge.counters.received >= 100, "the messages")
        time.sleep(1)
        assert bridge.counters.acknowledged == 0
        server.start()
        try:
            # The broker itself makes what the bridge asks for, with four partitions: whoever of
            # the two comes first, there are four.
            create(server.bootstrap, "ioc.reading.v1", PARTITIONS)
            until(lambda: bridge.counters.acknowledged >= 400, "all acknowledgements", 30)
            reader = Reader(server, "ioc.reading.v1", partitions=PARTITIONS)
            values = reader.take(device.path.device, 400)
        finally:
            server.stop()
    assert Counter(values) == Counter(raws)


def test_what_was_not_acknowledged_comes_again_to_the_next_bridge(mqtt: Mqtt, kafka: Tansu) -> None:
    device = Device(mqtt)
    nowhere = settings_of(mqtt, f"{LOOPBACK}:{free_port()}", client_id="bridge-again")
    began = time.monotonic()
    with running(Bridge(nowhere)) as first:
        raws = device.say(50)
        until(lambda: first.counters.received >= 50, "the messages")
        began = time.monotonic()
    assert time.monotonic() - began < 8, "it waits five seconds for Kafka, then ends"
    assert first.counters.acknowledged == 0
    reader = Reader(kafka, "ioc.reading.v1")
    with running(Bridge(settings_of(mqtt, kafka.bootstrap, client_id="bridge-again"))) as second:
        assert Counter(reader.take(device.path.device, 50)) == Counter(raws)
        until(lambda: second.counters.acknowledged >= 50, "the acknowledgements")


def test_a_stop_waits_for_what_is_under_way(mqtt: Mqtt, kafka: Tansu) -> None:
    device = Device(mqtt)
    with running(Bridge(settings_of(mqtt, kafka.bootstrap))) as bridge:
        device.say(200)
        until(lambda: bridge.counters.received > 20, "some messages")
    assert bridge.counters.acknowledged == bridge.counters.received


@pytest.fixture
def empty_mqtt(tmp_path: Path) -> Iterator[Mqtt]:
    """A broker of its own: the embedded one gives a new group all that is still in its log."""
    server = Mqtt(tmp_path / "mqtt")
    server.start()
    yield server
    server.stop()


def test_two_bridges_of_one_group_share_the_messages(empty_mqtt: Mqtt, kafka: Tansu) -> None:
    mqtt = empty_mqtt
    device = Device(mqtt)
    reader = Reader(kafka, "ioc.reading.v1")
    pair = [Bridge(settings_of(mqtt, kafka.bootstrap, share_group="pair")) for _ in range(2)]
    with running(pair[0]) as one, running(pair[1]) as other:
        raws = device.say(200)
        assert Counter(reader.take(device.path.device, 200, more_s=1)) == Counter(raws), (
            "each message once"
        )
        assert one.counters.received + other.counters.received == 200
        assert min(one.counters.received, other.counters.received) > 0


def test_a_lost_broker_is_connected_to_again(kafka: Tansu, tmp_path: Path) -> None:
    server = Mqtt(tmp_path / "mqtt", port=free_port())
    server.start()
    try:
        with running(Bridge(settings_of(server, kafka.bootstrap))) as bridge:
            server.kill()
            until(lambda: not bridge.counters.connected, "the loss to be seen")
            server.start()
            until(lambda: bridge.counters.connections == 2, "the second connection")
            time.sleep(0.3)
            device = Device(server)
            raws = device.say(10)
            values = Reader(kafka, "ioc.reading.v1").take(device.path.device, 10)
            assert Counter(values) == Counter(raws)
    finally:
        server.stop()


def test_a_foreign_uplink_becomes_a_reading_of_its_own_device(mqtt: Mqtt, kafka: Tansu) -> None:
    sample = json.loads((Path(__file__).parent / "data" / "chirpstack_up.json").read_text())
    sample["time"] = datetime.now().astimezone().isoformat()
    reader = Reader(kafka, "ioc.reading.v1")
    adapters = Adapters.load(DEPLOY / "chirpstack.toml")
    probe = Probe(mqtt.port, "chirpstack")
    with running(Bridge(settings_of(mqtt, kafka.bootstrap), adapters)) as bridge:
        probe.publish(UP, json.dumps(sample))
        probe.publish(UP, json.dumps(sample))
        values = reader.take('"adapter":"chirpstack"', 2)
        until(lambda: bridge.counters.acknowledged >= 2, "the acknowledgements")
    first, second = (decode(value) for value in values)
    assert isinstance(first, ReadingEvent)
    assert first == second, "the same uplink twice has one id"
    assert first.adapter == "chirpstack"
