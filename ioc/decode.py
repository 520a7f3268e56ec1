"""Strict decoding: bytes from outside become an event, or one error that says what is wrong.

Size and UTF-8 come before all else; of the other faults the first one met while reading is told,
so broken JSON behind a wrong field is a wrong field. Every check gives the sender enough to mend
it: the field's path and what was expected.

A key that stands twice in one object is refused (I-JSON, RFC 7493, section 2.3): two readers of
the same message would otherwise see two different events.
"""

from __future__ import annotations

import json
import re
from datetime import datetime
from enum import StrEnum
from typing import Final

import msgspec

from ioc.events import (
    MAX_EVENT_BYTES,
    UNITS,
    Event,
    ReadingEvent,
    SignalEvent,
    StatusEvent,
    ViolationEvent,
    encode,
)
from ioc.topics import TAIL_OF, TYPE_PREFIX


class Reason(StrEnum):
    """Why a message was set aside. The values are stored; never rename one."""

    OVERSIZE = "oversize"
    BAD_UTF8 = "bad_utf8"
    BAD_JSON = "bad_json"
    NOT_A_NUMBER = "not_a_number"
    UNKNOWN_VERSION = "unknown_version"
    UNKNOWN_TYPE = "unknown_type"
    SCHEMA = "schema"
    UNIT = "unit"
    TIME_WINDOW = "time_window"
    BAD_TOPIC = "bad_topic"
    IDENTITY = "identity"
    ADAPTER = "adapter"
    DATABASE = "database"
    INTERNAL = "internal"


class ContractError(ValueError):
    """A message breaks the contract.

    Attributes:
        reason: The kind of breach, for counting.
        field: JSON path of the field at fault, ``$`` for the whole message.
        detail: What was found and what was expected.
    """

    def __init__(self, reason: Reason, field: str, detail: str) -> None:
        super().__init__(f"{reason}: {field}: {detail}")
        self.reason = reason
        self.field = field
        self.detail = detail


_decoder: Final[msgspec.json.Decoder[Event]] = msgspec.json.Decoder(Event)


class _Type(msgspec.Struct):
    type: object = None


_type_reader: Final = msgspec.json.Decoder(_Type)
_FIELD = re.compile(r"^(?P<detail>.*?)(?: - at (?:`key` in )?`(?P<field>[^`]+)`)?$", re.DOTALL)
_KNOWN_VERSIONS = frozenset(TAIL_OF)


def decode(raw: bytes) -> Event:
    """The event in ``raw``.

    Args:
        raw: One message as it came, at most ``MAX_EVENT_BYTES`` long.

    Raises:
        ContractError: The message breaks the contract; nothing of it may be used.
    """
    if len(raw) > MAX_EVENT_BYTES:
        raise ContractError(
            Reason.OVERSIZE, "$", f"{len(raw)} bytes; at most {MAX_EVENT_BYTES} are allowed"
        )
    try:
        event = _decoder.decode(raw)
    except msgspec.ValidationError as error:
        raise _explain(raw, error) from None
    except UnicodeDecodeError as error:
        raise _malformed(raw, error) from None
    except (msgspec.DecodeError, RecursionError) as error:
        raise _malformed(raw, error) from None
    _check(event)
    # What our own encoder wrote has no repeated key; looking for one costs ten times as much as
    # comparing, so only messages written by another encoder pay for it.
    if encode(event) != raw:
        _refuse_repeated_keys(raw)
    return event


def _check(event: Event) -> None:
    """Hold the rules that types alone cannot say."""
    if event.time.utcoffset():
        raise ContractError(Reason.SCHEMA, "$.time", "expected UTC ('Z'), got another offset")
    if event.id.version != 7:
        raise ContractError(Reason.SCHEMA, "$.id", "expected a UUID of version 7")
    for field, at in _instants(event):
        if not 2000 <= at.year < 9999:
            raise ContractError(
                Reason.TIME_WINDOW, field, f"{at.isoformat()} is not between 2000 and 9998"
            )
    if isinstance(event, ReadingEvent):
        expected = UNITS.get(event.data.quantity)
        if expected is not None and event.data.unit != expected:
            raise ContractError(
                Reason.UNIT,
                "$.data.unit",
                f"{event.data.quantity} is measured in {expected!r}, got {event.data.unit!r}",
            )


def _instants(event: Event) -> list[tuple[str, datetime]]:
    """Every instant that is stored, with its path.

    PostgreSQL takes instants that Python can not read back (before year 1 or after 9999 once an
    offset is applied), so one such row would break every later reader of its table. A status is
    exempt: a device may go online before its clock is set.
    """
    if isinstance(event, StatusEvent):
        return []
    found = [("$.time", event.time)]
    if isinstance(event, SignalEvent):
        found.append(("$.data.since", event.data.since))
    elif isinstance(event, ViolationEvent):
        found.append(("$.data.act_time", event.data.act_time))
        if event.data.signal is not None and event.data.signal.since is not None:
            found.append(("$.data.signal.since", event.data.signal.since))
    return found


def _refuse_repeated_keys(raw: bytes) -> None:
    """Read the message a second time, only to see whether a key stands twice in one object."""

    def check(pairs: list[tuple[str, object]]) -> None:
        names = [name for name, _ in pairs]
        if len(set(names)) < len(names):
            repeated = next(name for name in names if names.count(name) > 1)
            raise ContractError(Reason.BAD_JSON, "$", f"key {repeated[:100]!r} stands there twice")

    json.loads(raw, object_pairs_hook=check)


def _explain(raw: bytes, error: msgspec.ValidationError) -> ContractError:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError as bad:
        return _bad_utf8(bad)
    match = _FIELD.match(str(error))
    assert match is not None
    field = match["field"] or "$"
    detail = match["detail"]
    if field == "$.specversion":
        return ContractError(Reason.UNKNOWN_VERSION, field, f"{detail}; '1.0' is spoken here")
    if field == "$.type" or "missing required field `type`" in detail:
        return _unknown_type(raw, detail)
    return ContractError(Reason.SCHEMA, field, detail)


def _unknown_type(raw: bytes, detail: str) -> ContractError:
    """Tell a known type in an unknown version from a type that nobody knows."""
    try:
        given = _type_reader.decode(raw).type
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        given = None
    if isinstance(given, str) and given in _KNOWN_VERSIONS:
        return ContractError(Reason.BAD_JSON, "$", "key 'type' stands there twice")
    if isinstance(given, str) and given.startswith(TYPE_PREFIX):
        kind = given.removeprefix(TYPE_PREFIX).partition(".")[0]
        known = sorted(t for t in _KNOWN_VERSIONS if t.split(".")[2] == kind)
        if known:
            return ContractError(
                Reason.UNKNOWN_VERSION, "$.type", f"{given[:100]!r}; known is {', '.join(known)}"
            )
    return ContractError(
        Reason.UNKNOWN_TYPE, "$.type", f"{detail}; known are {', '.join(sorted(_KNOWN_VERSIONS))}"
    )


def _bad_utf8(error: UnicodeDecodeError) -> ContractError:
    return ContractError(Reason.BAD_UTF8, "$", f"byte {error.start} is not UTF-8: {error.reason}")


def _malformed(raw: bytes, error: Exception) -> ContractError:
    """Tell broken text and NaN, which JSON does not have, from other bad JSON.

    Runs only on messages that already failed, so its cost does not matter.
    """
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as bad:
        return _bad_utf8(bad)
    found: list[str] = []
    try:
        json.loads(text, parse_constant=found.append)
    except (ValueError, RecursionError):
        found.clear()
    if found:
        return ContractError(Reason.NOT_A_NUMBER, "$", f"{found[0]} is not a JSON number")
    return ContractError(Reason.BAD_JSON, "$", str(error) or type(error).__name__)
