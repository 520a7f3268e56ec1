"""The intake: values of either side become events in the spool, each once, and then are noted."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import NamedTuple

from edge.lgsp.mapping import Value
from edge.lgsp.told import News, Told
from edge.publisher import Publisher
from ioc.events import ReadingData
from ioc.ids import derived_uuid7


class Taken(NamedTuple):
    """What became of some values.

    Attributes:
        published: Are in the spool now, on the disk itself.
        repeated: Were told before.
    """

    published: int
    repeated: int


class Message(NamedTuple):
    """A pushed message, as far as it must be known again: its id and the digest of its body."""

    id: str
    digest: bytes


class UsedMessageError(Exception):
    """The id of a pushed message was that of another message before."""


class Intake:
    """Takes values for one device. Safe to use from several threads; each call waits for the disk.

    Args:
        publisher: Of the device; started.
        told: What was told already.
    """

    def __init__(self, publisher: Publisher, told: Told) -> None:
        self._publisher = publisher
        self._told = told
        self._lock = threading.Lock()

    def take(self, values: Sequence[Value], message: Message | None = None) -> Taken:
        """Publish what is new of some values. When this returns, a power cut takes none of it.

        Args:
            values: Of one answer or message.
            message: The pushed message that they came in. One that was taken before changes
                nothing, so a sender that missed our answer may send it again.

        Raises:
            UsedMessageError: Its id was that of another message.
            SpoolError: The spool's disk does not work; nothing was noted, try again.
            ToldError: Likewise.
            PublisherStoppedError: The adapter is ending.
        """
        with self._lock:
            if message is not None:
                known = self._told.digest(message.id)
                if known is not None:
                    if known != message.digest:
                        raise UsedMessageError(message.id)
                    return Taken(0, len(values))
            news = self._told.news(values)
            for one in news:
                self._publish(one)
            self._publisher.sync()
            self._told.note(news, message)
            return Taken(len(news), len(values) - len(news))

    def close(self) -> None:
        """Wait for what is under way, then close the file of what was told."""
        with self._lock:
            self._told.close()

    def _publish(self, one: News) -> None:
        value = one.value
        event_id = derived_uuid7(
            one.time, self._publisher.path.key, value.quantity, value.unit, repr(value.value)
        )
        data = ReadingData(quantity=value.quantity, value=value.value, unit=value.unit)
        self._publisher.publish(data, time=one.time, event_id=event_id)
