"""The receipt: which sequences of a device the core has committed, so its spool may forget."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta, Struct

Range = tuple[Annotated[int, Meta(ge=0)], Annotated[int, Meta(ge=0)]]


class Receipt(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Committed sequences of one boot, as closed ranges in rising order."""

    bootid: UUID
    ranges: Annotated[list[Range], Meta(min_length=1, max_length=4096)]


_decoder = msgspec.json.Decoder(Receipt)
_encoder = msgspec.json.Encoder()


def encode(receipt: Receipt) -> bytes:
    """A receipt as the JSON that goes to ``…/cmd/receipt``."""
    return _encoder.encode(receipt)


def decode(raw: bytes) -> Receipt:
    """The receipt in ``raw``.

    Raises:
        msgspec.DecodeError: Not a receipt.
    """
    return _decoder.decode(raw)


def ranges_of(sequences: Iterable[int]) -> list[Range]:
    """Whole numbers in any order, with repeats, as the fewest closed ranges that hold them."""
    ranges: list[Range] = []
    first = last = -2
    for number in sorted(set(sequences)):
        if number == last + 1:
            last = number
            continue
        if first >= 0:
            ranges.append((first, last))
        first = last = number
    if first >= 0:
        ranges.append((first, last))
    return ranges
