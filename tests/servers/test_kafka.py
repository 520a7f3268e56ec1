"""Apache Kafka keeps acknowledged records and committed offsets over a kill."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ioc.kafka import await_broker, create_topics
from ioc.settings import KafkaSettings
from ioc.topics import KAFKA_TOPICS
from tests.servers.kafka import Kafka
from tests.servers.kafka_probe import create, drain, produce

pytestmark = pytest.mark.service


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    server = Kafka(tmp_path_factory.mktemp("kafka"))
    server.start()
    yield server
    server.stop()


def test_acknowledged_records_and_offsets_outlive_a_kill(kafka: Kafka) -> None:
    create(kafka.bootstrap, "durable", partitions=1)
    produce(kafka.bootstrap, "durable", [b"1", b"2", b"3", b"x" * 2_000_000])
    assert [r.value for r in drain(kafka.bootstrap, "durable", "group", 2)] == [b"1", b"2"]
    port = kafka.port
    kafka.kill()
    assert not kafka.running
    kafka.start()
    assert kafka.port == port
    rest = [r.value for r in drain(kafka.bootstrap, "durable", "group", 2)]
    assert rest == [b"3", b"x" * 2_000_000]


def test_topics_are_created_once_and_checked_afterwards(kafka: Kafka) -> None:
    settings = KafkaSettings(bootstrap=kafka.bootstrap, partitions=3, replication=1)
    admin = await_broker(kafka.bootstrap, 10)
    assert {r.state for r in create_topics(admin, settings)} == {"created"}
    assert {r.state for r in create_topics(admin, settings)} == {"exists"}
    other = settings.model_copy(update={"partitions": 5})
    results = create_topics(admin, other)
    assert [r.topic for r in results] == list(KAFKA_TOPICS)
    assert all(r.state == "differs" and "IOC_KAFKA__PARTITIONS=3" in r.detail for r in results)
