"""How many log-ins may fail: per person in the database, per address in memory."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import timedelta
from typing import Final

FREE: Final = 5
"""Failures in a row that cost nothing."""

FIRST_LOCK: Final = timedelta(seconds=30)
LONGEST_LOCK: Final = timedelta(hours=12)

PER_MINUTE: Final = 30
"""Tries from one address; a whole shift behind one router logs in within a minute."""

MOST_ADDRESSES: Final = 10_000


def lock_after(failures: int) -> timedelta | None:
    """How long a person is locked out after so many failures in a row; None for not at all.

    Doubles each time: a guesser gets some 15 tries on the first day and 2 on each day after.
    """
    if failures < FREE:
        return None
    return min(LONGEST_LOCK, FIRST_LOCK * (1 << min(failures - FREE, 20)))


class AddressThrottle:
    """A bucket of tries for each address, filled evenly. Memory is bounded."""

    def __init__(
        self, per_minute: int = PER_MINUTE, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate = per_minute / 60
        self._most = float(per_minute)
        self._monotonic = monotonic
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def allows(self, address: str) -> bool:
        """Take one try; False when there is none left."""
        now = self._monotonic()
        left, at = self._buckets.pop(address, (self._most, now))
        left = min(self._most, left + (now - at) * self._rate)
        allowed = left >= 1
        self._buckets[address] = (left - 1 if allowed else left, now)
        while len(self._buckets) > MOST_ADDRESSES:
            self._buckets.popitem(last=False)
        return allowed
