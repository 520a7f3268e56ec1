"""A message that was set aside: its raw bytes, where it came from, and why.

Nothing bad is thrown away. The bytes are kept as they came, so that a mended validator or a
mended device can be checked against them, and ``ioc deadletter replay`` can send them again.
"""

from __future__ import annotations

from datetime import datetime
from itertools import islice
from uuid import UUID

import msgspec
from msgspec import Struct

from ioc.decode import ContractError, Reason
from ioc.ids import content_uuid8, uuid7
from ioc.topics import DevicePath, TopicError, parse_key

RAW_LIMIT = 256 * 1024
"""Bytes of a message that are kept; a longer one is cut and ``raw_bytes`` tells its true size."""
PROPERTIES_LIMIT = 32
"""User properties that are kept, each cut to 256 characters; MQTT itself sets no limit."""


class DeadLetter(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One message set aside.

    Attributes:
        id: For a numbered message always the same, so that one which comes again, because a
            service was killed before it could acknowledge, is kept once.
        device: ``city/site/device`` taken from the topic, empty when the topic is not ours.
        bootid: Whose sequence the message counts in, as far as it could be told.
        sequence: Its number, likewise; with both a receipt can be sent.
        raw: The first ``RAW_LIMIT`` bytes as they came.
    """

    id: UUID
    received: datetime
    stage: str
    topic: str
    device: str
    reason: Reason
    field: str
    detail: str
    raw: bytes
    raw_bytes: int
    properties: dict[str, str] = {}
    bootid: UUID | None = None
    sequence: int | None = None

    @property
    def path(self) -> DevicePath | None:
        """The device that the message came from, if its topic named one."""
        try:
            return parse_key(self.device)
        except TopicError:
            return None


_decoder = msgspec.json.Decoder(DeadLetter)
_encoder = msgspec.json.Encoder()


class _Numbers(Struct):
    """The two fields that a receipt needs, whatever else is wrong with a message."""

    bootid: UUID | None = None
    sequence: int | None = None


_numbers = msgspec.json.Decoder(_Numbers)


def set_aside(
    raw: bytes,
    error: ContractError,
    *,
    stage: str,
    topic: str,
    device: str,
    received: datetime,
    properties: dict[str, str] | None = None,
) -> DeadLetter:
    """Make a record of a message that broke the contract.

    The boot id and sequence come from the MQTT user properties, which stay readable when the
    body does not, else from the body.

    Args:
        raw: The message as it came.
        error: What is wrong with it.
        stage: Which service says so: ``ingest`` or ``streams``.
        topic: The MQTT topic it came on.
        device: ``city/site/device`` or empty.
        received: When it was set aside.
        properties: MQTT user properties.
    """
    properties = properties or {}
    bootid, sequence = _numbers_of(raw, properties)
    return DeadLetter(
        id=_id_of(raw, stage, topic, bootid, sequence, received),
        received=received,
        stage=stage,
        topic=_storable(topic, 1024),
        device=device,
        reason=error.reason,
        field=_storable(error.field, 200),
        detail=_storable(error.detail, 1000),
        raw=raw[:RAW_LIMIT],
        raw_bytes=len(raw),
        properties={
            _storable(name, 256): _storable(value, 256)
            for name, value in islice(properties.items(), PROPERTIES_LIMIT)
        },
        bootid=bootid,
        sequence=sequence,
    )


def _id_of(
    raw: bytes,
    stage: str,
    topic: str,
    bootid: UUID | None,
    sequence: int | None,
    received: datetime,
) -> UUID:
    if bootid is None or sequence is None:
        # Nothing tells a message that was delivered twice from one that was sent twice.
        return uuid7(received)
    number = bootid.bytes + sequence.to_bytes(8, "big")
    return content_uuid8(number, stage.encode(), topic.encode("utf-8", "replace"), raw)


def encode(letter: DeadLetter) -> bytes:
    """A dead letter as JSON, its raw bytes in base64."""
    return _encoder.encode(letter)


def decode(raw: bytes) -> DeadLetter:
    """The dead letter in ``raw``.

    Raises:
        msgspec.DecodeError: Not a dead letter.
    """
    return _decoder.decode(raw)


def _storable(text: str, limit: int) -> str:
    """Text that JSON and PostgreSQL can hold: no NUL, no lone surrogate, at most ``limit`` long.

    The explanation of a fault may quote the fault, and must not become one itself.
    """
    cleaned = text[:limit].replace("\0", "\ufffd")
    return cleaned.encode("utf-8", "replace").decode("utf-8")


def _numbers_of(raw: bytes, properties: dict[str, str]) -> tuple[UUID | None, int | None]:
    try:
        bootid, sequence = UUID(properties["bootid"]), _sequence(int(properties["sequence"]))
        if sequence is not None:
            return bootid, sequence
    except (KeyError, ValueError):
        pass
    try:
        numbers = _numbers.decode(raw[:RAW_LIMIT])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None, None
    return numbers.bootid, _sequence(numbers.sequence)


def _sequence(number: int | None) -> int | None:
    return number if number is not None and 0 <= number < 2**53 else None
