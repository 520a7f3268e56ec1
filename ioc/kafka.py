"""The Kafka topics of this installation: what they should be, and making them so.

Topics are created by ``ioc kafka init`` and never by a service: a service that creates topics
would do it with the wrong number of partitions, and that number decides which events share an
order (it cannot be lowered, and raising it moves keys to other partitions).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from ioc.topics import KAFKA_TOPICS

if TYPE_CHECKING:
    from confluent_kafka.admin import AdminClient

    from ioc.settings import KafkaSettings

State = Literal["created", "exists", "differs"]
_CALL_S: Final = 15.0


class KafkaUnavailableError(RuntimeError):
    """No broker answered, or it refused; the message names the address and the mend."""


class Layout(NamedTuple):
    """How a topic lies in its cluster."""

    partitions: int
    replicas: int


class TopicResult(NamedTuple):
    """What became of one topic."""

    topic: str
    state: State
    detail: str


def topic_config(settings: KafkaSettings) -> dict[str, str]:
    """The configuration that a topic is created with."""
    return {
        "cleanup.policy": "delete",
        "retention.ms": str(settings.retention_h * 3_600_000),
        # Of three replicas an acknowledged record is on two, and one broker may be away.
        "min.insync.replicas": str(max(1, settings.replication - 1)),
    }


def differences(found: dict[str, Layout], settings: KafkaSettings) -> list[TopicResult]:
    """Compare the topics of a cluster with ours.

    Args:
        found: Topic → its partitions, and the replicas of that which has fewest.
        settings: What we want.

    Returns:
        One result for each of our topics that exists, in the order of ``KAFKA_TOPICS``.
    """
    results = []
    for topic in KAFKA_TOPICS:
        layout = found.get(topic)
        if layout is None:
            continue
        have, replicas = layout
        if have != settings.partitions:
            mend = (
                f"has {have} partitions, settings say {settings.partitions}: set "
                f"IOC_KAFKA__PARTITIONS={have}, or let the services drain it, delete it and run "
                "this again"
            )
            results.append(TopicResult(topic, "differs", mend))
        elif replicas < settings.replication:
            mend = (
                f"has {replicas} replicas, settings say {settings.replication}: bring it there by "
                f"kafka-reassign-partitions, or set IOC_KAFKA__REPLICATION={replicas}"
            )
            results.append(TopicResult(topic, "differs", mend))
        else:
            results.append(TopicResult(topic, "exists", f"{have} partitions"))
    return results


def await_broker(
    bootstrap: str, timeout_s: float, progress: Callable[[float], None] | None = None
) -> AdminClient:
    """Wait until a broker answers.

    Args:
        bootstrap: ``host:port``, separated by commas.
        timeout_s: Longest wait, seconds.
        progress: Called with the seconds waited, about once in two seconds.

    Raises:
        KafkaUnavailableError: Nobody answered in time.
    """
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    # Its own complaints would come once in a few milliseconds; the caller tells instead.
    admin = AdminClient(
        {"bootstrap.servers": bootstrap, "log_level": 0, "reconnect.backoff.max.ms": 1000}
    )
    began = time.monotonic()
    while True:
        left = timeout_s - (time.monotonic() - began)
        try:
            # Without a name: a metadata request that names a topic makes some brokers create it.
            admin.list_topics(timeout=max(0.1, min(2.0, left)))
        except KafkaException as error:
            waited = time.monotonic() - began
            if waited >= timeout_s:
                raise KafkaUnavailableError(
                    f"Kafka at {bootstrap} did not answer in {timeout_s:g} s "
                    f"({error.args[0].str()}); is it running, and is IOC_KAFKA__BOOTSTRAP right?"
                ) from None
            if progress is not None:
                progress(waited)
        else:
            return admin


def create_topics(admin: AdminClient, settings: KafkaSettings) -> list[TopicResult]:
    """Create the topics that are missing and compare those that are there; safe to repeat.

    Raises:
        KafkaUnavailableError: The broker refused to create one, or went away.
    """
    from confluent_kafka import KafkaError, KafkaException
    from confluent_kafka.admin import NewTopic  # type: ignore[attr-defined]

    try:
        found = {
            name: Layout(
                len(topic.partitions),
                min((len(one.replicas) for one in topic.partitions.values()), default=0),
            )
            for name, topic in admin.list_topics(timeout=_CALL_S).topics.items()
        }
    except KafkaException as error:
        raise KafkaUnavailableError(
            f"Kafka at {settings.bootstrap}: {error.args[0].str()}"
        ) from None
    results = {result.topic: result for result in differences(found, settings)}
    missing = [topic for topic in KAFKA_TOPICS if topic not in results]
    made = {}
    if missing:
        made = admin.create_topics(
            [
                NewTopic(
                    topic,
                    num_partitions=settings.partitions,
                    replication_factor=settings.replication,
                    config=topic_config(settings),
                )
                for topic in missing
            ],
            request_timeout=_CALL_S,
        )
    for topic, future in made.items():
        detail = f"{settings.partitions} partitions, {settings.replication} replicas"
        try:
            future.result()
            results[topic] = TopicResult(topic, "created", detail)
        except KafkaException as error:
            fault = error.args[0]
            if fault.code() != KafkaError.TOPIC_ALREADY_EXISTS:  # someone was quicker
                raise KafkaUnavailableError(
                    f"Kafka at {settings.bootstrap} did not create {topic}: {fault.str()}"
                ) from None
            results[topic] = TopicResult(topic, "exists", detail)
    return [results[topic] for topic in KAFKA_TOPICS]
