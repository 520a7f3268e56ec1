"""The sink: batches of events become rows, in one transaction each, exactly once.

The order that makes it safe, for every batch:

1. rows and windows are written and committed (a repeated event changes nothing);
2. records that no row can be made of are in the dead-letter topic, confirmed by Kafka;
3. the receipt is noted for the device;
4. the batch is acknowledged to Kafka.

A crash between two steps repeats the batch from step 1. A lost connection is waited for without
end, since Kafka keeps the events; a row that the database refuses is found by halving the batch,
set aside alone, and the rest goes on.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple, TypeVar

import psycopg
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from ioc import deadletter
from ioc.clock import Clock, utc_now
from ioc.deadletter import DeadLetter
from ioc.decode import ContractError, Reason
from ioc.events import Event, FlowEvent, StatusEvent
from ioc.telemetry import logger
from store.rows import FLOW, STATUS, TABLE_OF, ReceivedEntry, row_of
from store.writers import insert_dead_letters, insert_rows, merge_received, save_statuses
from streams.batch import Item, Raw, letter_of, read, received, received_letters
from streams.counters import COMMIT_SECONDS, EVENT_AGE_SECONDS, StreamCounters
from streams.receipts import ReceiptBook
from streams.windows import MinuteWindows

Letters = Callable[[Sequence[DeadLetter]], Awaitable[None]]
"""Sends dead letters to Kafka and returns when it has confirmed them."""

T = TypeVar("T")


class Written(NamedTuple):
    """What a transaction did.

    Attributes:
        new: Rows that were not there before.
        then: To be called once it has committed.
    """

    new: int
    then: Callable[[], None] | None = None


_RETRY_S = (0.2, 10.0)

DATA_ERRORS = (
    psycopg.DataError,
    psycopg.IntegrityError,
    psycopg.errors.ProgramLimitExceeded,
)
"""What halving a batch can cure: the fault is in a row, not in the connection or the schema.

``insert_rows`` gives what cannot be packed as a ``DataError`` too. An error of our own code is none
of these: it is tried again, loudly, rather than set good events aside.
"""


class Sink:
    """Writes batches to the database.

    Args:
        pool: Connections; opened by the caller.
        windows: The live one-minute windows.
        receipts: Where committed sequences are noted.
        send_letters: Takes what must be set aside.
        counters: What is counted.
        clock: Gives the present instant.
    """

    def __init__(
        self,
        pool: AsyncConnectionPool,
        windows: MinuteWindows,
        receipts: ReceiptBook,
        send_letters: Letters,
        counters: StreamCounters,
        *,
        clock: Clock = utc_now,
    ) -> None:
        self._pool = pool
        self._windows = windows
        self._receipts = receipts
        self._send_letters = send_letters
        self._counters = counters
        self._clock = clock
        self._log = logger("streams.sink")

    async def commit_events(self, records: Sequence[Raw]) -> None:
        """Store a batch of one event topic; returns when nothing of it can be lost any more."""
        started = time.perf_counter()
        items, letters = read(records, self._clock())
        letters += await self._store(items)
        await self._set_aside(letters)
        self._note(received(items))
        self._counters.batches += 1
        COMMIT_SECONDS.observe(time.perf_counter() - started)
        if items and not getattr(items[-1].event, "replayed", False):
            age = (self._clock() - items[-1].event.time).total_seconds()
            EVENT_AGE_SECONDS.observe(max(age, 0.0))

    async def commit_letters(self, records: Sequence[Raw]) -> None:
        """Store a batch of the dead-letter topic.

        A letter always fits its table (``store.rows.dead_letter_row``), so whatever goes wrong is
        tried again: a record set aside must not be set aside once more, for ever.
        """
        letters = [self._read_letter(raw) for raw in records]
        entries = received_letters(letters)

        async def write(connection: AsyncConnection, part: Sequence[DeadLetter]) -> Written:
            new = await insert_dead_letters(connection, part)
            await merge_received(connection, entries)
            return Written(new)

        new = await self._transact(letters, write, refuse=())
        self._count("dead_letter", len(letters), new)
        self._note(entries)
        self._counters.batches += 1

    # --- writing ------------------------------------------------------------------------------

    async def _store(self, items: Sequence[Item]) -> list[DeadLetter]:
        """Write all that the database takes, in as few transactions as it allows.

        Returns:
            What it refused, as dead letters.
        """
        refused: list[DeadLetter] = []
        # A topic holds one type. Should something else have written another to it, that one goes
        # to its own table too; in one batch the two would never fit and be tried for ever.
        of_type: dict[type[Event], list[Item]] = {}
        for item in items:
            of_type.setdefault(type(item.event), []).append(item)
        waiting = list(of_type.values())
        while waiting:
            part = waiting.pop()
            table = TABLE_OF[type(part[0].event)].name
            try:
                new = await self._transact(part, self._write_events, refuse=DATA_ERRORS)
            except DATA_ERRORS as error:
                if len(part) > 1:
                    middle = len(part) // 2
                    waiting += [part[middle:], part[:middle]]
                    continue
                self._log.warning("the database refused a row", table=table, error=str(error))
                detail = ContractError(Reason.DATABASE, "$", " ".join(str(error).split())[:500])
                refused.append(letter_of(part[0].raw, detail, self._clock()))
            else:
                self._count(table, len(part), new)
        return refused

    async def _write_events(self, connection: AsyncConnection, items: Sequence[Item]) -> Written:
        table = TABLE_OF[type(items[0].event)]
        new = await insert_rows(
            connection, table, [row_of(item.path, item.event) for item in items]
        )
        keep: Callable[[], None] | None = None
        if table is FLOW:
            flows = [(i.path, i.event) for i in items if isinstance(i.event, FlowEvent)]
            keep = await self._windows.write(connection, flows)
        elif table is STATUS:
            statuses = [(i.path, i.event) for i in items if isinstance(i.event, StatusEvent)]
            await save_statuses(connection, statuses)
        await merge_received(connection, received(items))
        return Written(new, keep)

    async def _transact(
        self,
        part: Sequence[T],
        write: Callable[[AsyncConnection, Sequence[T]], Awaitable[Written]],
        *,
        refuse: tuple[type[Exception], ...],
    ) -> int:
        """One transaction, tried until it commits or its data is refused.

        Returns:
            How many rows were new.

        Raises:
            Exception: One of ``refuse``: a row is at fault.
        """
        pause = _RETRY_S[0]
        blocked = False
        try:
            while True:
                try:
                    async with self._pool.connection() as connection, connection.transaction():
                        written = await write(connection, part)
                except refuse:
                    raise
                except Exception as error:
                    # Lost connections, restarts, deadlocks, a missing table: all pass or are
                    # mended by somebody, and Kafka keeps the events meanwhile.
                    self._counters.retries[type(error).__name__] += 1
                    if not blocked:
                        blocked = True
                        self._counters.blocked += 1
                    self._log.warning(
                        "the database did not take a batch; trying again",
                        error=f"{type(error).__name__}: {error}",
                        rows=len(part),
                        pause_s=round(pause, 2),
                    )
                    await asyncio.sleep(pause * random.uniform(0.5, 1.0))
                    pause = min(pause * 2, _RETRY_S[1])
                else:
                    if written.then is not None:
                        written.then()
                    return written.new
        finally:
            if blocked:
                self._counters.blocked -= 1

    # --- the rest of the order ----------------------------------------------------------------

    async def _set_aside(self, letters: Sequence[DeadLetter]) -> None:
        if not letters:
            return
        for letter in letters:
            self._counters.set_aside[letter.reason] += 1
        await self._send_letters(letters)

    def _count(self, table: str, rows: int, new: int) -> None:
        self._counters.stored[table] += new
        self._counters.duplicates[table] += rows - new

    def _note(self, entries: Sequence[ReceivedEntry]) -> None:
        for entry in entries:
            if entry.ranges:
                numbers = (n for first, last in entry.ranges for n in range(first, last + 1))
                self._receipts.add(entry.path, entry.bootid, numbers)

    def _read_letter(self, raw: Raw) -> DeadLetter:
        try:
            return deadletter.decode(raw.value)
        except Exception as error:
            self._log.warning("a dead letter cannot be read; keeping its bytes", error=str(error))
            return letter_of(
                raw,
                ContractError(Reason.BAD_JSON, "$", f"not a dead letter: {error}"),
                self._clock(),
            )
