"""Time as a value that is handed in, so that rules and windows can be tested without waiting."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

Clock = Callable[[], datetime]
"""Gives the present instant, timezone-aware, in UTC."""

VIETNAM = timezone(timedelta(hours=7), "+07")
"""Asia/Ho_Chi_Minh: UTC+7 all year since 1975, so a fixed offset needs no zone database."""


def utc_now() -> datetime:
    """The present instant in UTC, cut to whole milliseconds as events carry it."""
    return from_unix_ms(time.time_ns() // 1_000_000)


def from_unix_ms(milliseconds: int) -> datetime:
    """The UTC instant of a count of milliseconds since 1970."""
    seconds, rest = divmod(milliseconds, 1000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest * 1000)


def minute_of(at: datetime) -> datetime:
    """The start of the minute that an instant lies in."""
    return at.replace(second=0, microsecond=0)
