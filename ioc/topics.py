"""Names of the ways an event goes: MQTT topics, Kafka topics, and the device behind both.

MQTT up:    ``ioc/v1/{city}/{site}/{device}/{tail}``
MQTT down:  ``ioc/v1/{city}/{site}/{device}/cmd/receipt``
Kafka:      ``ioc.{type}``, keyed by the device, so that one device keeps its order.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple

PREFIX: Final = "ioc/v1"
SEGMENT: Final = r"[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?"
"""One segment of a path: lower-case ASCII, 1 to 63 characters, no separator at either end."""

TYPE_PREFIX: Final = "vn.ioc."
TAILS: Final[dict[str, str]] = {
    "event/violation": "vn.ioc.violation.v1",
    "metric/flow": "vn.ioc.flow.v1",
    "metric/reading": "vn.ioc.reading.v1",
    "metric/health": "vn.ioc.health.v1",
    "state/signal": "vn.ioc.signal.v1",
    "status": "vn.ioc.status.v1",
}
"""Topic tail → event type. A message whose type is not that of its tail is set aside."""

TAIL_OF: Final[dict[str, str]] = {event_type: tail for tail, event_type in TAILS.items()}
RECEIPT_TAIL: Final = "cmd/receipt"

DEADLETTER_TOPIC: Final = "ioc.deadletter.v1"
ALERT_TOPIC: Final = "ioc.alert.v1"
EVENT_TOPICS: Final[tuple[str, ...]] = tuple(
    "ioc." + event_type.removeprefix(TYPE_PREFIX) for event_type in TAILS.values()
)
KAFKA_TOPICS: Final[tuple[str, ...]] = (*EVENT_TOPICS, DEADLETTER_TOPIC, ALERT_TOPIC)

_SEGMENT = re.compile(SEGMENT)


class TopicError(ValueError):
    """A topic or path that breaks the naming rules; the message says which part and why."""


class DevicePath(NamedTuple):
    """Where a device stands: the three middle segments of its topics."""

    city: str
    site: str
    device: str

    @property
    def source(self) -> str:
        """The CloudEvents ``source`` of everything the device says: ``/city/site/device``."""
        return f"/{self.city}/{self.site}/{self.device}"

    @property
    def key(self) -> str:
        """The Kafka key: ``city/site/device``."""
        return f"{self.city}/{self.site}/{self.device}"

    def topic(self, tail: str) -> str:
        """The MQTT topic of a tail such as ``metric/flow``."""
        return f"{PREFIX}/{self.city}/{self.site}/{self.device}/{tail}"


def device_path(city: str, site: str, device: str) -> DevicePath:
    """A checked device path.

    Raises:
        TopicError: A segment is empty, too long or has a character that is not allowed.
    """
    for name, value in (("city", city), ("site", site), ("device", device)):
        if not _SEGMENT.fullmatch(value):
            raise TopicError(
                f"{name} {value!r}: use 1 to 63 of a-z, 0-9, '-' and '_', "
                "with a letter or digit at both ends"
            )
    return DevicePath(city, site, device)


def parse_key(key: str) -> DevicePath:
    """The device path of a Kafka key ``city/site/device``.

    Raises:
        TopicError: The key has another shape.
    """
    parts = key.split("/")
    if len(parts) != 3:
        raise TopicError(f"key {key!r}: expected city/site/device")
    return device_path(*parts)


@lru_cache(maxsize=65_536)
def parse_topic(topic: str) -> tuple[DevicePath, str]:
    """Take an MQTT topic apart.

    Returns:
        The device path and the tail, one of ``TAILS`` or ``RECEIPT_TAIL``.

    Raises:
        TopicError: The topic is not one of ours.
    """
    parts = topic.split("/", 5)
    if len(parts) != 6 or f"{parts[0]}/{parts[1]}" != PREFIX:
        raise TopicError(f"topic {topic[:200]!r}: expected {PREFIX}/city/site/device/…")
    path = device_path(*parts[2:5])
    tail = parts[5]
    if tail not in TAILS and tail != RECEIPT_TAIL:
        known = ", ".join((*TAILS, RECEIPT_TAIL))
        raise TopicError(f"topic {topic[:200]!r}: unknown tail {tail[:80]!r}; known are {known}")
    return path, tail


def kafka_topic(event_type: str) -> str:
    """The Kafka topic of an event type: ``vn.ioc.flow.v1`` → ``ioc.flow.v1``."""
    return "ioc." + event_type.removeprefix(TYPE_PREFIX)


SUBSCRIPTIONS: Final[tuple[str, ...]] = tuple(f"{PREFIX}/+/+/+/{tail}" for tail in TAILS)
"""Topic filters that together match every message going up, and none going down."""
