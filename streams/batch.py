"""A batch of Kafka records as values: which are events, which must be set aside, what they say.

Pure: no connection is touched here, so every decision of the sink can be tested without one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from ioc import deadletter
from ioc.deadletter import DeadLetter
from ioc.decode import ContractError, Reason, decode
from ioc.events import Event, NumberedEnvelope
from ioc.receipt import ranges_of
from ioc.topics import DevicePath, TopicError, parse_key
from store.rows import ReceivedEntry

STAGE = "streams"


class Raw(NamedTuple):
    """One Kafka record: its key, its bytes, its topic."""

    key: bytes
    value: bytes
    topic: str


class Item(NamedTuple):
    """One event on its way to the database, with the record it came in."""

    path: DevicePath
    event: Event
    raw: Raw


def read(records: Sequence[Raw], now: datetime) -> tuple[list[Item], list[DeadLetter]]:
    """Tell events from records that no event can be read from.

    The bridge has validated them; a record written by something else, or by an older bridge,
    may still be wrong.

    Returns:
        The events in their order, and the others as dead letters.
    """
    items: list[Item] = []
    letters: list[DeadLetter] = []
    for raw in records:
        try:
            event = decode(raw.value)
            path = path_of(raw.key)
            if event.source != path.source:
                detail = f"{event.source[:200]!r} under the key of {path.source!r}"
                raise ContractError(Reason.IDENTITY, "$.source", detail)
            items.append(Item(path, event, raw))
        except ContractError as error:
            letters.append(letter_of(raw, error, now))
        except (TopicError, UnicodeDecodeError) as error:
            letters.append(letter_of(raw, ContractError(Reason.BAD_TOPIC, "$", str(error)), now))
    return items, letters


_paths: dict[bytes, DevicePath] = {}
_MAX_PATHS = 65_536


def path_of(key: bytes) -> DevicePath:
    """The device that a Kafka key names; remembered, since devices are few and records many.

    Raises:
        TopicError: The key is not ``city/site/device``.
        UnicodeDecodeError: It is not even text.
    """
    path = _paths.get(key)
    if path is None:
        path = parse_key(key.decode())
        if len(_paths) >= _MAX_PATHS:
            _paths.clear()
        _paths[key] = path
    return path


def letter_of(raw: Raw, error: ContractError, now: datetime) -> DeadLetter:
    """A record as a dead letter of this stage."""
    return deadletter.set_aside(
        raw.value,
        error,
        stage=STAGE,
        topic=raw.topic,
        device=raw.key.decode("utf-8", "replace"),
        received=now,
    )


def received(items: Iterable[Item]) -> list[ReceivedEntry]:
    """What a batch of events says about each boot's sequence.

    A foreign device's events count as a sign of life, but not in a sequence: their ranges are
    empty. A status has no number and is left out.
    """
    numbers: dict[tuple[DevicePath, UUID], list[int]] = defaultdict(list)
    newest: dict[tuple[DevicePath, UUID], datetime] = {}
    for item in items:
        event = item.event
        if not isinstance(event, NumberedEnvelope):
            continue
        boot = (item.path, event.bootid)
        found = numbers[boot]
        if event.adapter is None:
            found.append(event.sequence)
        last = newest.get(boot)
        if last is None or event.time > last:
            newest[boot] = event.time
    return [
        ReceivedEntry(path, bootid, ranges_of(found), newest[path, bootid])
        for (path, bootid), found in numbers.items()
    ]


def received_letters(letters: Iterable[DeadLetter]) -> list[ReceivedEntry]:
    """The same for records set aside, as far as they name their device and number."""
    numbers: dict[tuple[DevicePath, UUID], list[int]] = defaultdict(list)
    newest: dict[tuple[DevicePath, UUID], datetime] = {}
    for letter in letters:
        path = letter.path
        if path is None or letter.bootid is None or letter.sequence is None:
            continue
        boot = (path, letter.bootid)
        numbers[boot].append(letter.sequence)
        newest[boot] = max(letter.received, newest.get(boot, letter.received))
    return [
        ReceivedEntry(path, bootid, ranges_of(found), newest[path, bootid])
        for (path, bootid), found in numbers.items()
    ]
