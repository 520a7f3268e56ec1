"""The Kafka side of the bridge: an idempotent producer that never gives up on its own."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from ingest.acks import Pending
from ingest.validate import Record
from ioc.settings import KafkaSettings

_QUEUE_KBYTES = 65_536
"""Cap of the producer's own queue, so that a flood of large messages stays in the broker."""

_REPEAT_S = 30.0
"""One kind of error is logged so often: a cluster that is away gives five errors a second."""

_PURGED = (KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT)

STUCK_S = 10.0
"""A cluster that answers, but has confirmed nothing for so long, gets a new producer."""


class RecordProducer:
    """Sends records and marks their MQTT message when Kafka has confirmed them.

    ``acks=all`` and idempotence: a record is confirmed when every in-sync replica has it, and a
    retry inside the client makes no double. There is no delivery timeout: while Kafka is away,
    records wait here, the receive maximum stops the flow, and MQTT keeps the rest.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        client_id: str,
        log: Callable[[str], None],
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        self._stopped = stopped
        self.fatal: KafkaError | None = None
        self.confirmed = 0
        self._log = log
        self._quiet_until: dict[int, float] = {}
        self._seen = 0
        self._moved = time.monotonic()
        self._producer = Producer(
            {
                "bootstrap.servers": settings.bootstrap,
                "client.id": client_id,
                "enable.idempotence": True,
                "acks": "all",
                "message.timeout.ms": 0,
                # Records gather for 1 ms, or for as long as the request before them is out. A
                # broker that gives us 100 messages at a time (rumqttd) waits for every one of
                # these milliseconds: with 5 the bridge stood still 40 % of the time.
                "linger.ms": 1,
                "compression.type": "lz4",
                "queue.buffering.max.kbytes": _QUEUE_KBYTES,
                "message.max.bytes": 1_000_000,
                "socket.keepalive.enable": True,
                "reconnect.backoff.max.ms": 2_000,
                "error_cb": self._on_error,
                "log_level": 0,  # its own lines on standard error; the callback has the same
            }
        )

    def send(self, record: Record, pending: Pending) -> None:
        """Hand a record over; ``pending.parts`` falls when Kafka has confirmed it.

        When the producer's queue is full this waits, and the wait is the back pressure; it ends
        when the service is told to stop, and the message then counts as failed.
        """

        def confirmed(error: KafkaError | None, _message: Message) -> None:
            if error is None:
                pending.parts -= 1
                self.confirmed += 1
            else:
                pending.failed = True
                if error.code() not in _PURGED:  # else we gave up the producer ourselves
                    self._log(f"Kafka refused a record for {record.topic}: {error}")

        while True:
            try:
                self._producer.produce(
                    record.topic, value=record.value, key=record.key or None, on_delivery=confirmed
                )
            except BufferError:
                self._serve(0.05)
                if self.fatal is not None or self._stopped():  # nothing more will be confirmed
                    pending.failed = True
                    return
            except KafkaException as error:
                self._fail(error, pending)
                return
            else:
                return

    @property
    def waiting(self) -> int:
        """Records that Kafka has not confirmed."""
        return len(self._producer)

    def poll(self) -> None:
        """Run the confirmations that have come; returns at once."""
        self._serve(0)

    def stuck(self) -> bool:
        """Whether Kafka answers and yet has confirmed nothing of what waits, for ``STUCK_S``.

        librdkafka 2.16 keeps its producer id for ever and only raises its epoch when the broker
        says that it does not know the id. A broker that has lost its state and wants a new id
        (Tansu after a restart) then refuses every try, ten a second, and nothing is reported.
        Ask now and then; every ``STUCK_S`` of a standstill it waits up to a second for an answer.
        """
        now = time.monotonic()
        if self.confirmed != self._seen or not len(self._producer):
            self._seen, self._moved = self.confirmed, now
        if now - self._moved < STUCK_S:
            return False
        self._moved = now
        try:
            self._producer.list_topics(timeout=1.0)
        except KafkaException:
            return False  # it is away: waiting is right
        return True

    def drain(self, timeout_s: float) -> int:
        """Wait for what is under way.

        Returns:
            How many records are still not confirmed.
        """
        try:
            return int(self._producer.flush(timeout_s))
        except KafkaException as error:
            self._note(error)
            return len(self._producer)

    def close(self) -> None:
        """Drop what is not confirmed; MQTT sends it again."""
        self._producer.purge()
        with contextlib.suppress(KafkaException):  # it is given up because of a fatal error
            self._producer.flush(1)

    def _serve(self, timeout_s: float) -> None:
        try:
            self._producer.poll(timeout_s)
        except KafkaException as error:
            # confluent-kafka raises a fatal error here, in whatever call comes first.
            self._note(error)

    def _fail(self, error: KafkaException, pending: Pending) -> None:
        pending.failed = True
        self._note(error)

    def _note(self, error: KafkaException) -> None:
        detail: Any = error.args[0]
        if isinstance(detail, KafkaError) and detail.fatal():
            self.fatal = detail
        self._log(f"Kafka takes no record: {error}")

    def _on_error(self, error: KafkaError) -> None:
        if error.fatal():
            self.fatal = error
        now = time.monotonic()
        if error.fatal() or now >= self._quiet_until.get(error.code(), now):
            self._quiet_until[error.code()] = now + _REPEAT_S
            self._log(f"Kafka: {error.str()}")
