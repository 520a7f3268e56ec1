"""What becomes of a message from MQTT: a record for Kafka, or one for the dead letters.

Pure functions over values. Each message gives at least one record, whatever it holds: nothing
raises, nothing is dropped, so the bridge may acknowledge once Kafka has them all.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple, Protocol

from ioc import deadletter
from ioc.decode import ContractError, Reason, decode
from ioc.events import Event, NumberedEnvelope, StatusEvent, encode, type_of
from ioc.topics import DEADLETTER_TOPIC, TAILS, TopicError, kafka_topic, parse_topic

STAGE = "ingest"

Properties = Callable[[], dict[str, str]]
"""Gives the MQTT user properties of a message."""


class Record(NamedTuple):
    """What goes to Kafka.

    Attributes:
        topic: Kafka topic.
        key: ``city/site/device``, so that one device stays in one partition; empty if unknown.
        value: The event's bytes as they came, or a dead letter.
        reason: Why it was set aside; None for an event.
    """

    topic: str
    key: bytes
    value: bytes
    reason: Reason | None = None


class Translator(Protocol):
    """Turns a foreign device's messages into events: ``ingest.adapters.Adapters``."""

    @property
    def subscriptions(self) -> tuple[str, ...]:
        """The MQTT topic filters of its messages."""

    def matches(self, topic: str) -> object | None:
        """What translates the messages of a topic, or None."""

    def translate(self, topic: str, raw: bytes, received: datetime) -> list[NumberedEnvelope]:
        """The events in a message.

        Raises:
            ContractError: The message does not fit its adapter.
        """


class TimeWindow(NamedTuple):
    """How old or early an event may be when it arrives."""

    past: timedelta
    future: timedelta


class _Route(NamedTuple):
    """What a topic alone says; the same for every message on it."""

    kafka: str
    key: bytes
    event_type: str
    source: str


@lru_cache(maxsize=65_536)
def _route(topic: str) -> _Route:
    path, tail = parse_topic(topic)
    event_type = TAILS.get(tail)
    if event_type is None:
        raise TopicError(f"topic {topic[:200]!r}: {tail!r} goes down to devices, not up")
    return _Route(kafka_topic(event_type), path.key.encode(), event_type, path.source)


def validate(
    topic: str,
    raw: bytes,
    now: datetime,
    window: TimeWindow,
    properties: Properties = dict,
) -> Record:
    """The record of one message of our own devices.

    Args:
        topic: MQTT topic it came on.
        raw: Its bytes.
        now: When it came.
        window: Which event times are believable.
        properties: Gives its MQTT user properties; asked only when it is set aside, since taking
            them out costs 1 µs of the 15 that a message may cost.
    """
    try:
        route = _route(topic)
    except TopicError as error:
        return _set_aside(
            raw, ContractError(Reason.BAD_TOPIC, "$", str(error)), topic, b"", now, properties
        )
    try:
        event = decode(raw)
        _agree(event, route)
        _in_window(event, now, window)
    except ContractError as error:
        return _set_aside(raw, error, topic, route.key, now, properties)
    return Record(route.kafka, route.key, raw)


def translate(
    translator: Translator,
    topic: str,
    raw: bytes,
    now: datetime,
    window: TimeWindow,
    properties: Properties = dict,
) -> list[Record]:
    """The records of one message of a foreign device; a message may hold several events."""
    try:
        events = translator.translate(topic, raw, now)
        for event in events:
            _in_window(event, now, window)
    except ContractError as error:
        return [_set_aside(raw, error, topic, b"", now, properties)]
    return [
        Record(kafka_topic(type_of(event)), event.source[1:].encode(), encode(event))
        for event in events
    ]


def _agree(event: Event, route: _Route) -> None:
    """A device speaks for itself alone, and says on each topic what belongs there."""
    if event.source != route.source:
        raise ContractError(
            Reason.IDENTITY,
            "$.source",
            f"{event.source[:200]!r} on a topic of {route.source!r}; they must be the same device",
        )
    if type_of(event) != route.event_type:
        raise ContractError(
            Reason.IDENTITY, "$.type", f"{type_of(event)!r} on a topic for {route.event_type!r}"
        )


def _in_window(event: Event | NumberedEnvelope, now: datetime, window: TimeWindow) -> None:
    """Refuse what is too old or too early.

    A status may be of any age: a last will is written when the device connects and sent when it
    is lost, perhaps months later.
    """
    old = event.time < now - window.past and not isinstance(event, StatusEvent)
    if not old and event.time <= now + window.future:
        return
    raise ContractError(
        Reason.TIME_WINDOW,
        "$.time",
        f"{event.time.isoformat()} is more than {window.past / timedelta(days=1):g} days before or "
        f"{window.future.total_seconds() / 60:g} minutes after {now.isoformat()}; "
        "check the device's clock",
    )


def _set_aside(
    raw: bytes,
    error: ContractError,
    topic: str,
    key: bytes,
    now: datetime,
    properties: Properties,
) -> Record:
    letter = deadletter.set_aside(
        raw,
        error,
        stage=STAGE,
        topic=topic,
        device=key.decode(),
        received=now,
        properties=properties(),
    )
    return Record(DEADLETTER_TOPIC, key, deadletter.encode(letter), error.reason)
