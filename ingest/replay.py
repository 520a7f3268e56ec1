"""Sending dead letters again, through the same validator as everything else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from confluent_kafka import KafkaError, KafkaException, Message, Producer
from msgspec import Struct

from ingest.validate import STAGE, Record, TimeWindow, Translator, translate, validate
from ioc import deadletter
from ioc.deadletter import DeadLetter
from ioc.decode import ContractError, Reason, decode
from ioc.settings import Settings
from ioc.topics import EVENT_TOPICS, TopicError, parse_key

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


def judge(
    letter: DeadLetter, window: TimeWindow, translator: Translator | None = None
) -> tuple[list[Record], str]:
    """The Kafka records of a letter that passes now, or why it does not.

    The time window is that of the day on which the message came: waiting among the dead letters
    must not make it too old.

    Args:
        letter: What was set aside.
        window: Which event times are believable.
        translator: Translates what came on a foreign device's topic.

    Returns:
        The records and an empty text; or no records and what is wrong. An adapter that ignores
        the message gives neither records nor a fault.
    """
    if letter.raw_bytes > len(letter.raw):
        return [], f"only {len(letter.raw)} of its {letter.raw_bytes} bytes were kept"
    if letter.stage != STAGE:
        return _judge_stored(letter)
    if translator is not None and translator.matches(letter.topic) is not None:
        records = translate(translator, letter.topic, letter.raw, letter.received, window)
    else:
        records = [validate(letter.topic, letter.raw, letter.received, window)]
    for record in records:
        if record.reason is not None:
            detail = deadletter.decode(record.value)
            return [], f"still {record.reason}: {detail.field}: {detail.detail}"
    return records, ""


def _judge_stored(letter: DeadLetter) -> tuple[list[Record], str]:
    """A record that the sink set aside: its topic is a Kafka topic, and it goes back there."""
    if letter.topic not in EVENT_TOPICS:
        return [], f"came on {letter.topic[:100]!r}, which carries no events"
    try:
        event = decode(letter.raw)
        path = parse_key(letter.device)
    except (ContractError, TopicError) as error:
        return [], f"still {error}"
    if event.source != path.source:
        return [], f"still {Reason.IDENTITY}: $.source: {event.source!r} under the key {path.key!r}"
    return [Record(letter.topic, path.key.encode(), letter.raw)], ""


def replay_letters(
    settings: Settings,
    letters: Sequence[DeadLetter],
    *,
    send: bool,
    translator: Translator | None = None,
) -> list[Outcome]:
    """Judge letters again and send those that pass.

    Args:
        settings: Cluster and time window.
        letters: Which.
        send: False only judges.
        translator: Translates what came on a foreign device's topic.

    Returns:
        One outcome a letter, in their order.
    """
    ingest = settings.ingest
    window = TimeWindow(timedelta(days=ingest.past_days), timedelta(minutes=ingest.future_minutes))
    judged = [(letter, *judge(letter, window, translator)) for letter in letters]
    failures: dict[UUID, str] = {}
    if send:
        failures = _send(settings, [(x.id, r) for x, records, _ in judged for r in records])
    return [
        Outcome(
            id=letter.id,
            passed=not error and letter.id not in failures,
            error=error or failures.get(letter.id, ""),
        )
        for letter, _, error in judged
    ]


def _send(settings: Settings, records: Sequence[tuple[UUID, Record]]) -> dict[UUID, str]:
    """Give records to Kafka; letters of which it does not confirm all come back with an error."""
    if not records:
        return {}
    producer = Producer(
        {
            "bootstrap.servers": settings.kafka.bootstrap,
            "enable.idempotence": True,
            "message.timeout.ms": int(SEND_TIMEOUT_S * 1000),
        }
    )
    waiting = Counter(letter_id for letter_id, _ in records)
    errors: dict[UUID, str] = {}

    def note(letter_id: UUID, error: KafkaError | None) -> None:
        if error is None:
            waiting[letter_id] -= 1
        else:
            errors[letter_id] = str(error)

    for letter_id, record in records:

        def confirmed(error: KafkaError | None, _: Message, one: UUID = letter_id) -> None:
            note(one, error)

        while True:
            try:
                producer.produce(
                    record.topic, record.value, record.key or None, on_delivery=confirmed
                )
            except BufferError:  # its queue is full; every record leaves it in SEND_TIMEOUT_S
                producer.poll(0.1)
            except KafkaException as error:
                errors[letter_id] = str(error)
                break
            else:
                break
        producer.poll(0)
    producer.flush(SEND_TIMEOUT_S)
    unsure = {one: "Kafka did not confirm it" for one, count in waiting.items() if count > 0}
    return unsure | errors
