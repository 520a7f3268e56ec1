"""The embedded brokers do what the system relies on; the findings of ``ioc.local_servers``."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.embedded import Mqtt, Tansu
from tests.servers.kafka_probe import create, drain, produce
from tests.servers.mqtt import Probe


@pytest.fixture(scope="module")
def mqtt(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mqtt]:
    server = Mqtt(tmp_path_factory.mktemp("mqtt"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def tansu(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tansu]:
    server = Tansu(tmp_path_factory.mktemp("tansu"))
    server.start()
    yield server
    server.stop()


def test_a_session_keeps_its_queue_while_its_client_is_away(mqtt: Mqtt) -> None:
    away = Probe(mqtt.port, "away")
    away.subscribe("queue/#")
    away.close()
    sender = Probe(mqtt.port, "sender")
    for number in range(300):
        sender.publish("queue/a", str(number))
    back = Probe(mqtt.port, "away")
    assert back.wait(300) == [str(number).encode() for number in range(300)]
    assert back.session_present
    assert vars(back.messages[0].properties)["UserProperty"] == [("traceparent", "00-1")]
    back.close()
    sender.close()


def test_retained_messages_and_wills_reach_a_late_subscriber(mqtt: Mqtt) -> None:
    device = Probe(mqtt.port, "device", will=("state/device", b"offline"))
    device.publish("state/signal", "red", retain=True)
    device.vanish()
    time.sleep(0.5)
    late = Probe(mqtt.port, "late")
    late.subscribe("state/#")
    late.wait(2)
    assert {(m.topic, m.payload) for m in late.messages} == {
        ("state/device", b"offline"),
        ("state/signal", b"red"),
    }
    assert all(message.retain for message in late.messages)
    late.close()


def test_an_oversize_message_reaches_the_subscriber_who_judges_it(mqtt: Mqtt) -> None:
    judge = Probe(mqtt.port, "judge")
    judge.subscribe("big/#")
    judge.publish("big/a", b"x" * 1_200_000)
    assert [len(payload) for payload in judge.wait(1)] == [1_200_000]
    judge.close()


def test_a_killed_mqtt_broker_is_back_on_its_port_and_has_forgotten(tmp_path: Path) -> None:
    server = Mqtt(tmp_path)
    server.start()
    try:
        before = Probe(server.port, "bridge")
        before.subscribe("queue/#")
        before.vanish()
        first = server.pid
        server.kill()
        assert not server.running
        server.start()
        assert server.pid != first
        after = Probe(server.port, "bridge")
        assert not after.session_present
        after.close()
    finally:
        server.stop()


def test_kafka_keeps_order_headers_and_large_records(tansu: Tansu) -> None:
    create(tansu.bootstrap, "order", partitions=4)
    values = [str(number).encode() for number in range(500)] + [b"x" * 1_000_000]
    produce(tansu.bootstrap, "order", values)
    records = drain(tansu.bootstrap, "order", "readers", len(values))
    assert [record.value for record in records] == values
    assert records[0].headers == [("topic", b"a/b")]


def test_kafka_resumes_a_group_after_its_committed_offset(tansu: Tansu) -> None:
    create(tansu.bootstrap, "resume", partitions=1)
    produce(tansu.bootstrap, "resume", [b"1", b"2", b"3"])
    assert [r.value for r in drain(tansu.bootstrap, "resume", "group", 2)] == [b"1", b"2"]
    assert [r.value for r in drain(tansu.bootstrap, "resume", "group", 1)] == [b"3"]


def test_a_killed_kafka_is_back_on_its_port_and_empty(tmp_path: Path) -> None:
    server = Tansu(tmp_path)
    server.start()
    try:
        create(server.bootstrap, "gone", partitions=2)
        server.kill()
        server.start()
        assert create(server.bootstrap, "gone", partitions=2), "the topic outlived a memory broker"
    finally:
        server.stop()
