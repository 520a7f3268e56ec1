"""What a receipt allows the spool to forget. Pure: a receipt and what was issued, in and out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple
from uuid import UUID

import msgspec

from ioc.receipt import Range, decode


class Settlement(NamedTuple):
    """What to do about a receipt.

    Attributes:
        bootid: Whose sequences are settled, None when nothing is.
        ranges: Closed ranges within what was issued, in the receipt's order.
        faults: What is wrong with the receipt, a line each, for the log.
    """

    bootid: UUID | None
    ranges: tuple[Range, ...]
    faults: tuple[str, ...]


def settle(raw: bytes, issued: Mapping[UUID, int]) -> Settlement:
    """Read a receipt and keep the part that can be true.

    A receipt comes over the network and decides what is deleted, so nothing in it is believed
    beyond what this device numbered.

    Args:
        raw: The message as it came.
        issued: Boot id → how many sequences it has issued, for every boot with events left.

    Returns:
        Ranges to forget; an empty settlement with a fault when the receipt is not for us.
    """
    try:
        receipt = decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Settlement(None, (), (f"not a receipt: {error}",))
    count = issued.get(receipt.bootid)
    if count is None:
        # Normal after a restart: the last receipts of a boot whose spool is already empty.
        return Settlement(None, (), (f"boot {receipt.bootid} has no events here",))
    ranges: list[Range] = []
    faults: list[str] = []
    for first, last in receipt.ranges:
        if first > last:
            faults.append(f"range {first}…{last} runs backwards")
            continue
        if last >= count:
            faults.append(f"range {first}…{last} goes beyond the {count} issued")
        if first < count:
            ranges.append((first, min(last, count - 1)))
    return Settlement(receipt.bootid, tuple(ranges), tuple(faults))
