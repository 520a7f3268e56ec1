"""What the queries of the screens answered: asked once for all viewers, kept for some seconds.

Queries run as the wall's own database role, which can read no plate whatever it is asked, in a
transaction that can write nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, Final

import psycopg
from psycopg import AsyncConnection, capabilities, errors
from psycopg_pool import PoolTimeout

from console.context import Context
from console.screens.answer import MOST_ROWS, Answer
from console.screens.tile import Fault
from dashboards import query
from dashboards.query import QueryError, Range
from ioc.telemetry import logger

ROLE: Final = "ioc_wall"
BUCKET_S: Final = 5
"""Ranges end at multiples of this, so that viewers of one moment share an answer."""

SLOW_S: Final = 5
"""A statement that takes longer is stopped."""

CONNECTIONS: Final = 4
"""Of the console's pool that screens may hold at a time; reviewers keep the rest."""

WAIT_S: Final = 10.0
"""Longest wait for one of them."""

LOAD_SHARE: Final = 5
"""A query that takes long is asked less often: it may fill one part in so many of the time."""

REST_S: Final = 15.0
"""A query that failed is left in peace for so long."""

MOST_KEPT: Final = 400
"""Answers that are kept, of all selections together."""

MOST_KEPT_ROWS: Final = 200_000
"""Their rows, about 100 MB."""

_SETUP: Final = (
    f"SET TRANSACTION READ ONLY; SET LOCAL ROLE {ROLE}; SET LOCAL statement_timeout = '{SLOW_S}s'"
)
_CHUNK: Final = 1000
_log = logger("console.screens")


@dataclass(frozen=True, slots=True)
class Selection:
    """Where is looked at.

    Attributes:
        cities: Names of cities.
        sites: Names of junctions.
    """

    cities: tuple[str, ...]
    sites: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Key:
    """One question."""

    query: str
    span_h: int
    selection: Selection


@dataclass(frozen=True, slots=True)
class Kept:
    """What was answered last.

    Attributes:
        number: Another one for each answer, so that a drawing can be kept with it.
        answer: The rows of the last time that there were any.
        fault: Why there are no newer ones.
        due: When to ask again, seconds of the steady clock.
    """

    number: int
    answer: Answer | None
    fault: Fault | None
    due: float


class Answers:
    """Answers of this process; one for all viewers.

    Args:
        context: The console's.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._kept: OrderedDict[Key, Kept] = OrderedDict()
        self._rows = 0
        self._asked: dict[Key, asyncio.Task[Kept]] = {}
        self._slots = asyncio.Semaphore(CONNECTIONS)
        self._numbers = count(1)

    def now(self) -> datetime:
        """The end of the range that is looked at now."""
        at = self._context.clock().timestamp()
        return datetime.fromtimestamp(at // BUCKET_S * BUCKET_S, UTC)

    async def get(self, key: Key) -> Kept:
        """The answer to a question: that which is kept, or a new one that others wait for too."""
        kept = self._kept.get(key)
        if kept is not None and time.monotonic() < kept.due:
            self._kept.move_to_end(key)
            return kept
        task = self._asked.get(key)
        if task is None:
            task = self._asked[key] = asyncio.create_task(self._ask(key, kept))
            task.add_done_callback(lambda _: self._asked.pop(key, None))
        # Whoever leaves does not take the answer from the others.
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Ask nothing more."""
        tasks = list(self._asked.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _ask(self, key: Key, before: Kept | None) -> Kept:
        began = time.monotonic()
        answer, fault = before.answer if before else None, None
        try:
            async with asyncio.timeout(WAIT_S):
                await self._slots.acquire()
            try:
                began = time.monotonic()
                answer = await self._read(key)
            finally:
                self._slots.release()
        except Exception as error:
            fault = fault_of(error, key.query)
            if before is None or before.fault != fault:
                _log.warning(
                    "a query of the screens failed",
                    query=key.query,
                    error=f"{type(error).__name__}: {' '.join(str(error).split())}",
                )
        took = time.monotonic() - began
        # The next bucket is another range; until then the same question has the same answer.
        left = BUCKET_S - self._context.clock().timestamp() % BUCKET_S
        pause = REST_S if fault else max(left, took * (LOAD_SHARE - 1))
        kept = Kept(next(self._numbers), answer, fault, time.monotonic() + pause)
        self._keep(key, kept)
        return kept

    async def _read(self, key: Key) -> Answer:
        end = self.now()
        chosen = Range.until(
            end, timedelta(hours=key.span_h), key.selection.cities, key.selection.sites
        )
        statement = query.render(key.query, chosen)
        async with (
            self._context.pool.connection(timeout=3) as connection,
            connection.transaction(),
        ):
            await connection.execute(_SETUP)
            return await rows_of(connection, statement)

    def _keep(self, key: Key, kept: Kept) -> None:
        before = self._kept.pop(key, None)
        self._rows += _count(kept) - (_count(before) if before else 0)
        self._kept[key] = kept
        while len(self._kept) > 1 and (len(self._kept) > MOST_KEPT or self._rows > MOST_KEPT_ROWS):
            _, gone = self._kept.popitem(last=False)
            self._rows -= _count(gone)


async def rows_of(connection: AsyncConnection[Any], statement: str) -> Answer:
    """All rows of a statement up to ``MOST_ROWS``, fetched no farther than that."""
    rows: list[tuple[Any, ...]] = []
    cut = False
    size = _CHUNK if capabilities.has_stream_chunked() else 1
    async with connection.cursor() as cursor:
        stream = cursor.stream(statement.encode(), size=size)
        try:
            async for row in stream:
                if len(rows) == MOST_ROWS:
                    cut = True
                    break
                rows.append(tuple(row))
        finally:
            await stream.aclose()  # type: ignore[attr-defined]
        columns = tuple(column.name for column in cursor.description or ())
    return Answer(columns, tuple(rows), cut)


def fault_of(error: Exception, name: str) -> Fault:
    """What to tell people of a query that failed."""
    told = (("query", name),)
    match error:
        case errors.QueryCanceled():
            return Fault("screens_fault_slow", (*told, ("seconds", str(SLOW_S))))
        case errors.InsufficientPrivilege():
            return Fault("screens_fault_privilege", told)
        case errors.UndefinedTable() | errors.UndefinedColumn() | errors.UndefinedFunction():
            return Fault("screens_fault_schema", told)
        case errors.InvalidParameterValue() if ROLE in str(error):  # there is no such role
            return Fault("screens_fault_schema", told)
        case PoolTimeout() | psycopg.OperationalError() | psycopg.InterfaceError():
            return Fault("screens_fault_database")
        case TimeoutError():
            return Fault("screens_fault_busy")
        case QueryError():
            return Fault("screens_fault_query", told)
        case _:
            return Fault("screens_fault_sql", told)


def _count(kept: Kept) -> int:
    return len(kept.answer.rows) if kept.answer is not None else 0
