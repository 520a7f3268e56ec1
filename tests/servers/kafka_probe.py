"""A small Kafka client for the tests of the servers themselves."""

from __future__ import annotations

import time
from typing import NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]


class Record(NamedTuple):
    """One consumed record."""

    value: bytes | None
    headers: object


def create(bootstrap: str, topic: str, partitions: int) -> bool:
    """Create a topic; False if it is there."""
    admin = AdminClient({"bootstrap.servers": bootstrap})  # the future dies with it
    future = admin.create_topics(
        [NewTopic(topic, num_partitions=partitions, replication_factor=1)]
    )[topic]
    try:
        future.result(30)
    except KafkaException as error:
        if error.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS:
            return False
        raise
    return True


def produce(bootstrap: str, topic: str, values: list[bytes], key: str = "a/b/c") -> None:
    """Produce with one key, idempotently, and wait for every acknowledgement."""
    failed: list[KafkaError] = []
    producer = Producer(
        {"bootstrap.servers": bootstrap, "enable.idempotence": True, "message.max.bytes": 3_000_000}
    )
    for value in values:
        producer.produce(
            topic,
            value=value,
            key=key,
            headers=[("topic", b"a/b")],
            on_delivery=lambda error, _: failed.append(error) if error is not None else None,
        )
        producer.poll(0)
    assert producer.flush(30) == 0
    assert failed == []


def drain(bootstrap: str, topic: str, group: str, count: int) -> list[Record]:
    """Consume ``count`` records as a group member, commit, leave."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "session.timeout.ms": 6000,
            "max.poll.interval.ms": 6000,
        }
    )
    consumer.subscribe([topic])
    records: list[Record] = []
    deadline = time.monotonic() + 30
    try:
        while len(records) < count and time.monotonic() < deadline:
            message = consumer.poll(0.2)
            if message is None:
                continue
            if message.error() is not None:
                raise KafkaException(message.error())
            records.append(Record(message.value(), message.headers()))
            consumer.commit(message=message, asynchronous=False)
    finally:
        consumer.close()
    return records
