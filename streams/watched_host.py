"""What a machine says of its clock, and how long a certificate lasts. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from cryptography import x509

from ioc.kernel_clock import STA_NANO, STA_UNSYNC, TIME_ERROR
from streams.watched import Value

DAY_S: Final = 86_400.0
_TRACKING_FIELDS: Final = 14
_OFFSET: Final = 4
_LEAP: Final = 13


def clock_of_chrony(line: str) -> tuple[Value, ...]:
    """The clock as ``chronyc -c tracking`` tells of it; empty where that makes no sense."""
    fields = line.strip().split(",")
    if len(fields) != _TRACKING_FIELDS:
        return ()
    if fields[_LEAP] == "Not synchronised":
        return (Value("clock_synchronised", 0.0),)
    try:
        offset = float(fields[_OFFSET])
    except ValueError:
        return ()
    return _synchronised(offset)


def clock_of_kernel(state: int, status: int, offset: int) -> tuple[Value, ...]:
    """The clock as the kernel tells of it.

    Args:
        state: What adjtimex(2) returned; below 0 it refused.
        status: Its bits.
        offset: What is left to correct, in the unit that ``status`` says.
    """
    if state < 0:
        return ()
    if state == TIME_ERROR or status & STA_UNSYNC:
        return (Value("clock_synchronised", 0.0),)
    return _synchronised(offset / (1e9 if status & STA_NANO else 1e6))


def certificate_days(certificates: Sequence[x509.Certificate], now: datetime) -> float:
    """Days until the first of a chain ends; below 0 when it has ended."""
    ends = min(one.not_valid_after_utc for one in certificates)
    return (ends - now).total_seconds() / DAY_S


def disk(label: str, used: int, free: int) -> Iterator[Value]:
    """Figures of a disk.

    Args:
        label: The folder's name.
        used: Bytes in use.
        free: Bytes that this user may still fill.
    """
    if used + free > 0:
        yield Value("disk_used_share", used / (used + free), "ratio", label)
    yield Value("disk_free_bytes", float(free), "B", label)


def _synchronised(offset: float) -> tuple[Value, ...]:
    if not math.isfinite(offset):
        return ()
    return Value("clock_synchronised", 1.0), Value("clock_offset_s", abs(offset), "s")
