"""Warnings at a bounded rate: a fault that repeats a thousand times a second is one line."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

from ioc.telemetry import Log

EVERY_S: Final = 10.0


class BoundedLog:
    """Logs each kind of warning at once, then at most every ``EVERY_S`` with a count."""

    def __init__(self, log: Log, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._log = log
        self._monotonic = monotonic
        self._last: dict[str, float] = {}
        self._held: dict[str, int] = {}

    def warn(self, what: str, **fields: Any) -> None:
        """Log a warning, or count it when its kind was logged a moment ago.

        Args:
            what: The kind of warning; a constant text, for one entry is kept for each.
            fields: What is special about this one.
        """
        now = self._monotonic()
        if now - self._last.get(what, -EVERY_S) < EVERY_S:
            self._held[what] = self._held.get(what, 0) + 1
            return
        self._last[what] = now
        held = self._held.pop(what, 0)
        if held:
            fields["not_logged_before"] = held
        self._log.warning(what, **fields)
