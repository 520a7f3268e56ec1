"""Where figures go: into the database at once, or kept for a while when it is away."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Final

import psycopg
from psycopg import AsyncConnection

from ioc.settings import Settings
from ioc.telemetry import logger
from store.core_figures import CoreFigure, insert
from store.pool import conninfo
from streams.metrics_page import clean
from streams.watch_sources import Source
from streams.watched import DOWN, UP, Value

CHUNK: Final = 2000
"""Figures of one statement: some 10 ms."""

MOST: Final = 100_000
"""Figures that are kept at most, 20 MB: half an hour of 800 at each look."""

SIZE_EVERY_S: Final = 60.0
_PART: Final = "database"

_SIZE: Final = """
SELECT pg_database_size(current_database()),
       (SELECT sum(numbackends) FROM pg_stat_database)
           / current_setting('max_connections')::double precision,
       to_regclass('timescaledb_information.job_stats') IS NOT NULL
"""

_FAILED_JOBS: Final = """
SELECT job.proc_name, coalesce(view.view_name, job.hypertable_name, job.job_id::text)
FROM timescaledb_information.job_stats AS stats
JOIN timescaledb_information.jobs AS job USING (job_id)
LEFT JOIN timescaledb_information.continuous_aggregates AS view
    ON view.materialization_hypertable_name = job.hypertable_name
WHERE stats.last_run_status = 'Failed' ORDER BY 1, 2 LIMIT 100
"""


class FigureStore:
    """The way into the database, and what waits for it.

    Args:
        settings: Of the database, and how long figures are kept.
    """

    def __init__(self, settings: Settings) -> None:
        self._conninfo = conninfo(settings.database, "ioc-watch")
        self._keep = timedelta(minutes=settings.watch.keep_minutes)
        self._timeout_s = settings.watch.timeout_s
        self._waiting: deque[CoreFigure] = deque()
        self._connection: AsyncConnection[Any] | None = None
        self._use = asyncio.Lock()
        self._refused = False
        self._log = logger("watch.store")
        self.written = 0
        self.dropped = 0

    @property
    def waiting(self) -> int:
        """Figures that are not stored yet."""
        return len(self._waiting)

    def sources(self) -> Iterator[Source]:
        """The database as something to look at."""
        yield Source("database", _PART, self._answers, (DOWN,))
        yield Source("database size", _PART, self._size, (), SIZE_EVERY_S)

    def add(self, figures: Sequence[CoreFigure], now: datetime) -> None:
        """Take figures in, and give up those that have waited for too long."""
        self._waiting.extend(figures)
        while self._waiting and (
            len(self._waiting) > MOST or now - self._waiting[0].time > self._keep
        ):
            self._waiting.popleft()
            self.dropped += 1

    async def flush(self) -> bool:
        """Store what waits, oldest first; False where the database did not take it all."""
        try:
            while self._waiting:
                chunk = [self._waiting[n] for n in range(min(CHUNK, len(self._waiting)))]
                async with asyncio.timeout(self._timeout_s), self._use:
                    connection = await self._connected()
                    try:
                        await insert(connection, chunk)
                        self.written += len(chunk)
                    except psycopg.DataError as error:
                        # Nobody could ever store them: they must not hold up what comes after.
                        self.dropped += len(chunk)
                        self._log.error("figures were refused", error=_plain(error))
                for _ in chunk:
                    self._waiting.popleft()
        except (psycopg.Error, OSError, TimeoutError) as error:
            if not self._refused:
                self._log.warning("figures wait", waiting=self.waiting, error=_plain(error))
            self._refused = True
            await self.close()
            return False
        if self._refused:
            self._log.info("figures are stored again")
        self._refused = False
        return True

    async def close(self) -> None:
        """Let go of the database; the next one who wants it connects again."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(psycopg.Error, OSError, TimeoutError):
                async with asyncio.timeout(1):
                    await connection.close()

    async def _connected(self) -> AsyncConnection[Any]:
        if self._connection is None:  # whatever fails closes it
            self._connection = await AsyncConnection.connect(self._conninfo, autocommit=True)
        return self._connection

    async def _answers(self) -> list[Value]:
        await self._rows("SELECT 1")
        return [UP]

    async def _size(self) -> list[Value]:
        ((size, share, timescale),) = await self._rows(_SIZE)
        values = [
            Value("database_bytes", float(size), "B"),
            Value("connections_share", float(share), "ratio"),
        ]
        if timescale:
            values += await self._failed_jobs()
        return values

    async def _failed_jobs(self) -> list[Value]:
        failed = await self._rows(_FAILED_JOBS)
        names = {clean(f"{proc.removeprefix('policy_')} {of}") for proc, of in failed}
        return [
            Value("job_failures", float(len(names)), "count"),
            *(Value("job_failures", 1.0, "count", name) for name in sorted(names)),
        ]

    async def _rows(self, query: str) -> list[tuple[Any, ...]]:
        async with self._use:
            try:
                cursor = await (await self._connected()).execute(query.encode())
                return await cursor.fetchall()
            except BaseException:
                # Also where time ran out: the answer would come to whoever asks next.
                await self.close()
                raise


def _plain(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
