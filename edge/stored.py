"""An event as it lies in the spool, and how much it matters."""

from __future__ import annotations

from typing import Final, NamedTuple
from uuid import UUID

import msgspec

from ioc.decode import ContractError, decode
from ioc.events import NumberedEnvelope, encode, type_of

PRIORITIES: Final[dict[str, int]] = {
    "violation": 2,
    "signal": 1,
    "flow": 0,
    "reading": 0,
    "health": 0,
}
"""Kind → priority. Higher goes out first and is dropped last."""

LEVELS: Final = (2, 1, 0)


class Stored(NamedTuple):
    """One event as it lies in the spool.

    Attributes:
        row: Its place in the order of appending.
        sends: How often it had been sent before.
    """

    row: int
    bootid: UUID
    sequence: int
    id: UUID
    kind: str
    payload: bytes
    sends: int


def kind_of(event: NumberedEnvelope) -> str:
    """The kind that priorities and counts go by: ``vn.ioc.flow.v1`` → ``flow``."""
    return type_of(event).split(".")[2]


def as_replayed(payload: bytes) -> bytes:
    """The same event with ``replayed`` true; id, time, boot and sequence stay.

    Bytes that are no event, because the disk changed them, go out as they are: the core sets them
    aside with the reason, and its receipt ends their stay here.
    """
    try:
        event = decode(payload)
    except ContractError:
        return payload
    if not isinstance(event, NumberedEnvelope):
        return payload
    return encode(msgspec.structs.replace(event, replayed=True))
