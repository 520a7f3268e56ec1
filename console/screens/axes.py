"""Marks of an axis: round numbers, and hours of Vietnam."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from ioc.clock import VIETNAM

STEPS_S: Final = (
    60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 14_400, 21_600, 43_200, 86_400, 172_800,
    345_600, 604_800, 1_209_600, 2_592_000, 7_776_000, 31_104_000,
)  # fmt: skip
"""Steps between two marks of time, seconds."""

FLAT: Final = 1e-9
"""A range smaller than this part of its numbers is none."""


def scale(values: Sequence[float], most: int) -> tuple[float, ...]:
    """Round marks that enclose some numbers; from zero where they come near to it.

    Args:
        values: Finite; one at least.
        most: Marks, 2 or more.

    Returns:
        Two marks or more, rising.
    """
    low, high = min(values), max(values)
    if low > 0 and low < 0.6 * high:
        low = 0.0
    if high < 0 and high > 0.6 * low:
        high = 0.0
    if high - low <= FLAT * max(abs(low), abs(high)):
        size = abs(high) or 1.0
        low, high = (low - size / 2, high + size / 2) if low else (0.0, 1.0)
        if min(values) >= 0:
            low = max(0.0, low)
    step = _round((high - low) / max(1, most - 1))
    for _ in range(8):
        first, last = math.floor(low / step + FLAT), math.ceil(high / step - FLAT)
        if last - first + 1 <= max(2, most):
            break
        step = _round(step * 1.5)
    last = max(last, first + 1)
    return tuple(count * step for count in range(first, last + 1))


def digits(marks: Sequence[float]) -> int:
    """Digits behind the comma that tell the marks apart."""
    step = marks[1] - marks[0]
    for count in range(6):
        if all(abs(round(mark, count) - mark) <= step * 1e-6 for mark in marks):
            return count
    return 6


def times(start: datetime, end: datetime, most: int) -> tuple[datetime, ...]:
    """Marks of time at round hours of Vietnam, or at its midnights.

    Args:
        start: Of the axis.
        end: Of the axis.
        most: Marks.
    """
    seconds = max(1.0, (end - start).total_seconds())
    step = next((one for one in STEPS_S if seconds / one <= max(1, most)), STEPS_S[-1])
    local = start.astimezone(VIETNAM)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    passed = (local - midnight).total_seconds()
    mark = midnight + timedelta(seconds=math.ceil(passed / step) * step)
    found: list[datetime] = []
    while mark <= end and len(found) < 100:
        found.append(mark)
        mark += timedelta(seconds=step)
    return tuple(found)


def _round(step: float) -> float:
    """The next of 1, 2, 2.5, 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(step))
    for factor in (1.0, 2.0, 2.5, 5.0):
        if step <= factor * power * (1 + FLAT):
            return factor * power
    return 10.0 * power
