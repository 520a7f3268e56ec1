"""Apache Kafka as its image starts it: our file, our variables, the image's own preparation."""

from __future__ import annotations

import pytest
from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    ConfigResource,
    ResourceType,
)

from ioc.kafka import await_broker, create_topics
from ioc.settings import KafkaSettings
from ioc.topics import KAFKA_TOPICS
from tests.deploy.kafka import ProductionKafka
from tests.servers.kafka_probe import create, drain, produce

pytestmark = [pytest.mark.service, pytest.mark.slow]


@pytest.fixture(scope="module")
def settings(kafka: ProductionKafka) -> KafkaSettings:
    return KafkaSettings(bootstrap=kafka.bootstrap, partitions=8, replication=1)


def _configuration(kafka: ProductionKafka, *names: str) -> dict[str, str]:
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    resource = ConfigResource(ResourceType.BROKER, "1")
    entries = admin.describe_configs([resource])[resource].result(30)
    return {name: entries[name].value for name in names}


def test_the_file_and_the_variables_are_what_the_broker_runs_with(kafka: ProductionKafka) -> None:
    found = _configuration(
        kafka,
        *("auto.create.topics.enable", "unclean.leader.election.enable", "message.max.bytes"),
        *("default.replication.factor", "min.insync.replicas", "offsets.retention.minutes"),
        *("offsets.topic.replication.factor", "log.dirs", "process.roles"),
    )
    assert found == {
        "auto.create.topics.enable": "false",
        "unclean.leader.election.enable": "false",
        "message.max.bytes": "3145728",
        "offsets.retention.minutes": "43200",
        "default.replication.factor": "1",
        "min.insync.replicas": "1",
        "offsets.topic.replication.factor": "1",
        "log.dirs": kafka.environment["KAFKA_LOG_DIRS"],
        "process.roles": "broker,controller",
    }


def test_topics_are_made_by_us_and_never_by_a_slip(
    kafka: ProductionKafka, settings: KafkaSettings
) -> None:
    admin = await_broker(kafka.bootstrap, 60)
    assert {result.state for result in create_topics(admin, settings)} <= {"created", "exists"}
    assert {result.state for result in create_topics(admin, settings)} == {"exists"}
    assert set(KAFKA_TOPICS) <= set(admin.list_topics(timeout=10).topics)
    errors: list[KafkaError | None] = []
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "message.timeout.ms": 3000})
    try:
        producer.produce("ioc.violations.v1", b"x", on_delivery=lambda e, _: errors.append(e))
        producer.flush(10)
    except KafkaException as error:
        errors.append(error.args[0])
    assert errors[0] is not None
    assert errors[0].code() in (KafkaError._MSG_TIMED_OUT, KafkaError._UNKNOWN_TOPIC)
    assert "ioc.violations.v1" not in admin.list_topics(timeout=10).topics


def test_what_was_acknowledged_survives_kill_and_a_second_preparation(
    kafka: ProductionKafka,
) -> None:
    assert create(kafka.bootstrap, "deploy.kill", 4)
    values = [b"large" * 500_000, *(str(number).encode() for number in range(300))]
    produce(kafka.bootstrap, "deploy.kill", values)
    kafka.kill()
    kafka.prepare()  # the folder is formatted already; the container's start goes on
    kafka.start()
    await_broker(kafka.bootstrap, 60)
    found = {record.value for record in drain(kafka.bootstrap, "deploy.kill", "deploy", 301)}
    assert found == set(values)
