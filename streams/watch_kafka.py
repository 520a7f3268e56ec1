"""Asks Kafka how far the workers are: their offsets, the topics' ends, the oldest that waits."""

from __future__ import annotations

import time
from typing import Final

from confluent_kafka import Consumer, KafkaException, TopicPartition

from ioc.settings import Settings
from ioc.topics import DEADLETTER_TOPIC, EVENT_TOPICS
from streams.watch_sources import Aside, Source, SourceError
from streams.watched import DOWN, UP, Value
from streams.watched_lag import Offsets, Place, lag

TOPICS: Final = (*EVENT_TOPICS, DEADLETTER_TOPIC)
"""What the workers read."""

FETCH_BYTES: Final = 16 * 1024
"""Of a partition whose oldest record is wanted; the first one comes whole, however large."""


class KafkaLag:
    """A consumer that is never a member of the workers' group and never confirms anything.

    The embedded broker says that a topic ends after the first record of its last batch: there the
    lag is less than it is, by so much. Apache Kafka says it right.

    Args:
        settings: Kafka's address, the workers' group, the limit of time.
    """

    def __init__(self, settings: Settings) -> None:
        self._timeout_s = settings.watch.timeout_s
        self._consumer = Consumer(
            {
                "bootstrap.servers": settings.kafka.bootstrap,
                "group.id": settings.streams.app_id,
                "client.id": "ioc-watch",
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "auto.offset.reset": "earliest",
                "allow.auto.create.topics": False,
                "fetch.message.max.bytes": FETCH_BYTES,
                "queued.max.messages.kbytes": 1024,
                "fetch.wait.max.ms": 100,
                # Its own complaints would come many times a second; the watcher tells instead.
                "log_level": 0,
                "reconnect.backoff.max.ms": 2000,
            }
        )
        self._aside = Aside("watch-kafka")

    @property
    def source(self) -> Source:
        """Kafka as something to look at."""
        return Source("kafka", "kafka", self._look, (DOWN,))

    async def _look(self) -> list[Value]:
        try:
            return await self._aside.call(self.ask)
        except KafkaException as error:
            raise SourceError(error.args[0].str()) from None

    def ask(self) -> list[Value]:
        """The figures of now; blocks, but not for longer than the limit.

        Raises:
            KafkaException: The broker did not answer in time.
        """
        deadline = time.monotonic() + self._timeout_s
        found = self._offsets(deadline)
        behind = {place: offsets for place, offsets in found.items() if offsets.lag}
        oldest = self._oldest_ms(behind, deadline) if behind else {}
        return [UP, *lag(found, oldest, time.time_ns() // 1_000_000)]

    def close(self) -> None:
        """Let go of the broker; nothing of it may be in use."""
        if not self._aside.busy:
            self._consumer.close()

    def _offsets(self, deadline: float) -> dict[Place, Offsets]:
        # Without a name: a request that names a topic makes some brokers create it.
        known = self._consumer.list_topics(timeout=_left(deadline)).topics
        wanted = [
            TopicPartition(topic, partition)
            for topic in TOPICS
            if topic in known
            for partition in known[topic].partitions
        ]
        if not wanted:
            return {}
        found = {}
        for one in self._consumer.committed(wanted, timeout=_left(deadline)):
            if one.error is not None:
                raise KafkaException(one.error)
            low, high = self._consumer.get_watermark_offsets(one, timeout=_left(deadline))
            committed = one.offset if one.offset >= 0 else None
            found[Place(one.topic, one.partition)] = Offsets(low, high, committed)
        return found

    def _oldest_ms(self, behind: dict[Place, Offsets], deadline: float) -> dict[Place, int]:
        """When the oldest record that is not confirmed came, as far as there is time to ask."""
        found: dict[Place, int] = {}
        places = [TopicPartition(*place) for place in behind]
        self._consumer.assign([TopicPartition(*place, at.next) for place, at in behind.items()])
        try:
            # A tenth of the time is left to those who wait for the answer.
            last = deadline - self._timeout_s / 10
            while len(found) < len(behind) and (left := last - time.monotonic()) > 0:
                for message in self._consumer.consume(len(behind), timeout=min(left, 0.1)):
                    topic, partition = message.topic(), message.partition()
                    if message.error() is not None or topic is None or partition is None:
                        continue
                    kind, at_ms = message.timestamp()
                    place = Place(topic, partition)
                    if kind and place not in found:
                        found[place] = at_ms
                        self._consumer.pause([TopicPartition(topic, partition)])
        finally:
            # What is paused would still be so when it is assigned the next time.
            self._consumer.resume(places)
            self._consumer.unassign()
        return found


def _left(deadline: float) -> float:
    return max(0.05, deadline - time.monotonic())
