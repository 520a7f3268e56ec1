"""Counts the programs that were turned away: devices and other systems, by what was wrong.

People who are turned away stand in the audit, each with a line. A program may ask a thousand times
a minute with a credential that has ended, and everybody may without one, so these are counted, and
the counts go to ``core_figure`` once a minute.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from random import randrange
from typing import TYPE_CHECKING, Final

import psycopg
from psycopg_pool import PoolTimeout

from ioc.telemetry import logger
from store import core_figures
from store.core_figures import CoreFigure

if TYPE_CHECKING:
    from console.context import Context

KINDS: Final[Mapping[str, str]] = {
    "refused_token": "token",
    "refused_scope": "scope",
    "upload_foreign": "foreign",
    "upload_digest": "digest",
}
"""Text of a refusal → its kind in the figures (docs/core-figures.md)."""

EVERY_S: Final = 60.0
LAST_S: Final = 2.0
PART: Final = "console"
FIGURE: Final = "refused_programs"
_log = logger("console.refusals")


class Refusals:
    """What one process has refused since it told of it last."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def note(self, text: str) -> None:
        """A request was refused.

        Args:
            text: Key of the text that says why; one that is not of ``KINDS`` is not counted.
        """
        kind = KINDS.get(text)
        if kind is not None:
            self._counts[kind] += 1

    async def tell(self, context: Context) -> None:
        """Write down what has come since the last time, none as well.

        Raises:
            psycopg.OperationalError: The database is away; the counts are kept.
        """
        told = dict(self._counts)
        # Another console's row of the same millisecond would take the place of this one.
        now = context.clock() + timedelta(microseconds=randrange(1000))
        figures = [CoreFigure(PART, FIGURE, now, sum(told.values()), "count")]
        figures += [CoreFigure(PART, FIGURE, now, told[kind], "count", kind) for kind in told]
        async with context.pool.connection(timeout=LAST_S) as connection:
            await core_figures.insert(connection, figures)
        self._counts.subtract(told)
        self._counts = +self._counts  # without those that are 0 now

    async def keep_telling(self, context: Context) -> None:
        """Tell of it every minute until cancelled, and then once more.

        Not one of the jobs of ``console.upkeep``: those are done by one console of several, and
        each has its own counts.
        """
        try:
            while True:
                await asyncio.sleep(EVERY_S)
                await self._try(context)
        except asyncio.CancelledError:
            try:
                async with asyncio.timeout(LAST_S):
                    await self._try(context)
            except TimeoutError:
                _log.warning("refusals were not written down")
            raise

    async def _try(self, context: Context) -> None:
        try:
            await self.tell(context)
        except (psycopg.Error, PoolTimeout) as error:
            _log.warning("put off", error=" ".join(str(error).split()))
