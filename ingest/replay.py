"""Sending dead letters again, through the same validator as everything else."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from confluent_kafka import KafkaError, KafkaException, Message, Producer
from msgspec import Struct

from ingest.validate import Record, TimeWindow, validate
from ioc.deadletter import DeadLetter
from ioc.settings import Settings

SEND_TIMEOUT_S = 30.0


class Outcome(Struct, frozen=True, kw_only=True):
    """What became of one dead letter.

    Attributes:
        passed: Today's validator takes it, and Kafka has confirmed it if it was to be sent.
        error: Why not.
    """

    id: UUID
    passed: bool
    error: str = ""


def judge(letter: DeadLetter, window: TimeWindow) -> tuple[Record | None, str]:
    """The Kafka record of a letter that passes now, or why it does not.

    The time window is that of the day on which the message came: waiting among the dead letters
    must not make it too old.
    """
    if letter.raw_bytes > len(letter.raw):
        return None, f"only {len(letter.raw)} of its {letter.raw_bytes} bytes were kept"
    if letter.stage != "ingest":
        # `topic` is a Kafka topic then, and the validator had let it pass: send it as it was.
        return Record(letter.topic, letter.device.encode(), letter.raw), ""
    record = validate(letter.topic, letter.raw, letter.received, window)
    if record.reason is not None:
        return None, f"still {record.reason}"
    return record, ""


def replay_letters(
    settings: Settings, letters: Sequence[DeadLetter], *, send: bool
) -> list[Outcome]:
    """Judge letters again and send those that pass.

    Args:
        settings: Cluster and time window.
        letters: Which.
        send: False only judges.

    Returns:
        One outcome a letter, in their order.
    """
    ingest = settings.ingest
    window = TimeWindow(timedelta(days=ingest.past_days), timedelta(minutes=ingest.future_minutes))
    judged = [(letter, *judge(letter, window)) for letter in letters]
    failures: dict[UUID, str] = {}
    if send and any(record for _, record, _ in judged):
        failures = _send(settings, [(x.id, r) for x, r, _ in judged if r is not None])
    return [
        Outcome(
            id=letter.id,
            passed=record is not None and letter.id not in failures,
            error=error or failures.get(letter.id, ""),
        )
        for letter, record, error in judged
    ]


def _send(settings: Settings, records: Sequence[tuple[UUID, Record]]) -> dict[UUID, str]:
    """Give records to Kafka; what it does not confirm comes back with its error."""
    producer = Producer(
        {
            "bootstrap.servers": settings.kafka.bootstrap,
            "enable.idempotence": True,
            "message.timeout.ms": int(SEND_TIMEOUT_S * 1000),
        }
    )
    failures = {letter_id: "Kafka did not confirm it" for letter_id, _ in records}

    def note(letter_id: UUID, error: KafkaError | None) -> None:
        if error is None:
            failures.pop(letter_id, None)
        else:
            failures[letter_id] = str(error)

    for letter_id, record in records:

        def confirmed(error: KafkaError | None, _: Message, one: UUID = letter_id) -> None:
            note(one, error)

        try:
            producer.produce(record.topic, record.value, record.key or None, on_delivery=confirmed)
        except (KafkaException, BufferError) as error:
            failures[letter_id] = str(error)
        producer.poll(0)
    producer.flush(SEND_TIMEOUT_S)
    return failures
