"""The sink on a real PostgreSQL: every event once, whatever the database does meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import AsyncConnection

from ioc import deadletter
from ioc.deadletter import DeadLetter
from ioc.decode import ContractError, Reason
from ioc.events import encode
from ioc.settings import DatabaseSettings
from store.migrate import migrate
from store.pool import Pool, open_pool
from store.writers import insert_rows, load_flow_minutes, merge_received
from streams import sink as module
from streams.batch import Raw, letter_of
from streams.counters import StreamCounters
from streams.receipts import ReceiptBook
from streams.sink import Sink
from streams.windows import MinuteWindows, key_of
from tests.servers.postgres import Postgres
from tests.store.samples import CAMERA, START, flow, later, status, violation

Connection = AsyncConnection[Any]
TOPIC = "ioc.violation.v1"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_RETRY_S", (0.02, 0.1))


@dataclass
class Rig:
    """A sink with what it writes to."""

    pool: Pool
    letters: list[DeadLetter] = field(default_factory=list)
    receipts: ReceiptBook = field(default_factory=ReceiptBook)
    counters: StreamCounters = field(default_factory=StreamCounters)
    windows: MinuteWindows = field(default_factory=MinuteWindows)

    def __post_init__(self) -> None:
        self.sink = Sink(self.pool, self.windows, self.receipts, self.send, self.counters)

    async def send(self, letters: Sequence[DeadLetter]) -> None:
        self.letters.extend(letters)

    def receipted(self) -> list[int]:
        return sorted(
            number
            for _, one in self.receipts.take()
            for first, last in one.ranges
            for number in range(first, last + 1)
        )


@pytest.fixture
async def rig(database: DatabaseSettings) -> AsyncIterator[Rig]:
    async with open_pool(database, "test-sink", size=2) as pool:
        yield Rig(pool)


def raw(event: Any, topic: str = TOPIC) -> Raw:
    return Raw(CAMERA.key.encode(), encode(event), topic)


def violations(*numbers: int, **changes: Any) -> list[Raw]:
    return [raw(violation(number, **changes)) for number in numbers]


async def one(connection: Connection, query: str) -> Any:
    cursor = await connection.execute(query)
    row = await cursor.fetchone()
    await connection.rollback()
    assert row is not None
    return row[0]


async def stored(connection: Connection, table: str = "violation") -> list[int]:
    numbers: list[int] = await one(
        connection, f"SELECT coalesce(array_agg(sequence ORDER BY sequence), '{{}}') FROM {table}"
    )
    return numbers


async def test_a_batch_is_rows_and_receipts_and_a_repeat_changes_nothing(
    rig: Rig, connection: Connection
) -> None:
    await rig.sink.commit_events(violations(*range(50)))
    assert await stored(connection) == list(range(50))
    assert rig.receipted() == list(range(50))
    await rig.sink.commit_events(violations(*range(40, 60)))
    assert await stored(connection) == list(range(60))
    assert rig.receipted() == list(range(40, 60)), "a repeat wants its receipt too"
    assert rig.counters.stored["violation"] == 60
    assert rig.counters.duplicates["violation"] == 10
    missing = await one(connection, "SELECT count(*) FROM sequence_gap")
    assert missing == 0


async def test_the_one_row_of_a_thousand_that_cannot_be_stored_is_set_aside_alone(
    rig: Rig, connection: Connection
) -> None:
    batch = violations(*range(1000))
    batch[617] = violations(617, reasons=("a\0b",))[0]
    await rig.sink.commit_events(batch)
    assert await stored(connection) == [n for n in range(1000) if n != 617]
    [letter] = rig.letters
    assert (letter.reason, letter.sequence, letter.stage) == (Reason.DATABASE, 617, "streams")
    assert letter.raw == batch[617].value
    assert (letter.device, letter.topic) == (CAMERA.key, TOPIC)
    assert rig.receipted() == list(range(1000))
    assert rig.counters.stored["violation"] == 999
    assert rig.counters.set_aside[Reason.DATABASE] == 1
    assert rig.counters.blocked == 0


async def test_unreadable_records_are_set_aside_and_the_rest_is_stored(
    rig: Rig, connection: Connection
) -> None:
    await rig.sink.commit_events(
        [Raw(CAMERA.key.encode(), b"{", TOPIC), *violations(1), Raw(b"?", b"", TOPIC)]
    )
    assert await stored(connection) == [1]
    assert [letter.raw for letter in rig.letters] == [b"{", b""]
    assert rig.receipted() == [1], "a letter's receipt follows from the dead-letter topic"


async def test_events_of_another_topic_still_reach_their_own_table(
    rig: Rig, connection: Connection
) -> None:
    await rig.sink.commit_events([*violations(1), raw(flow(2)), raw(status("online", 3))])
    assert await stored(connection) == [1]
    assert await stored(connection, "flow") == [2]
    assert await one(connection, "SELECT state FROM device") == "online"
    assert rig.letters == []


async def test_a_connection_that_is_killed_in_mid_transaction(
    rig: Rig, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = insert_rows
    killed: list[int] = []

    async def insert(inner: Connection, *args: Any) -> int:
        written = await write(inner, *args)
        if len(killed) < 3:
            killed.append(inner.info.backend_pid)
            await connection.execute("SELECT pg_terminate_backend(%s)", [killed[-1]])
            await connection.commit()
        return written

    monkeypatch.setattr(module, "insert_rows", insert)
    await rig.sink.commit_events(violations(*range(20)))
    assert len(set(killed)) == 3
    assert await stored(connection) == list(range(20))
    assert rig.counters.stored["violation"] == 20
    assert sum(rig.counters.retries.values()) == 3
    assert rig.letters == []
    assert rig.receipted() == list(range(20))


async def test_a_table_that_is_missing_is_waited_for(rig: Rig, connection: Connection) -> None:
    await connection.execute("ALTER TABLE violation RENAME TO elsewhere")
    await connection.commit()
    task = asyncio.create_task(rig.sink.commit_events(violations(1, 2)))
    await asyncio.sleep(0.3)
    assert not task.done()
    assert rig.counters.blocked == 1
    assert len(rig.receipts) == 0
    await connection.execute("ALTER TABLE elsewhere RENAME TO violation")
    await connection.commit()
    await asyncio.wait_for(task, 10)
    assert await stored(connection) == [1, 2]
    assert (rig.letters, rig.counters.blocked) == ([], 0)
    assert set(rig.counters.retries) == {"UndefinedTable"}


async def test_the_windows_are_right_after_a_rollback(
    rig: Rig, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    merge = merge_received
    failures = [psycopg.OperationalError("lost"), psycopg.OperationalError("lost again")]

    async def flaky(*args: Any) -> None:
        await merge(*args)
        if failures:  # the windows are written by now
            raise failures.pop()

    monkeypatch.setattr(module, "merge_received", flaky)
    for numbers in ((10, 20), (20, 30)):
        await rig.sink.commit_events([raw(flow(n, at=later(n)), "ioc.flow.v1") for n in numbers])
    assert await stored(connection, "flow") == [10, 20, 30]
    [minute] = (await load_flow_minutes(connection, [key_of(CAMERA, flow(10))])).values()
    assert (minute.periods, minute.total) == (
        3,
        sum(sum(flow(n).data.counts.values()) for n in (10, 20, 30)),
    )


async def test_a_flow_that_is_refused_is_not_in_its_window(
    rig: Rig, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = insert_rows

    async def refusing(inner: Connection, table: Any, rows: Any) -> int:
        if any(row[6] == 20 for row in rows):
            raise psycopg.DataError("this row")
        return await write(inner, table, rows)

    monkeypatch.setattr(module, "insert_rows", refusing)
    batch = [raw(flow(n, at=later(n)), "ioc.flow.v1") for n in (10, 20, 30, 40)]
    await rig.sink.commit_events(batch)
    assert [letter.sequence for letter in rig.letters] == [20]
    [minute] = (await load_flow_minutes(connection, [key_of(CAMERA, flow(10))])).values()
    assert (minute.periods, flow(20, at=later(20)).id in minute.seen) == (3, False)


async def test_nothing_is_receipted_before_the_letters_are_in_kafka(
    rig: Rig, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = asyncio.Event()

    async def wait(_: Sequence[DeadLetter]) -> None:
        await gate.wait()

    rig.sink = Sink(rig.pool, rig.windows, rig.receipts, wait, rig.counters)
    task = asyncio.create_task(
        rig.sink.commit_events([*violations(1), Raw(CAMERA.key.encode(), b"{", TOPIC)])
    )
    await asyncio.sleep(0.3)
    assert await stored(connection) == [1]
    assert (task.done(), len(rig.receipts)) == (False, 0)
    gate.set()
    await task
    assert rig.receipted() == [1]


async def test_a_write_that_is_cancelled_leaves_nothing_behind(
    rig: Rig, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    merge, reached = merge_received, asyncio.Event()

    async def hang(*args: Any) -> None:
        await merge(*args)
        reached.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(module, "merge_received", hang)
    task = asyncio.create_task(rig.sink.commit_events(violations(1)))
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    monkeypatch.setattr(module, "merge_received", merge)
    assert await stored(connection) == []
    assert len(rig.receipts) == 0
    await rig.sink.commit_events(violations(1))
    assert await stored(connection) == [1]


def dead(number: int, detail: str = "wrong") -> DeadLetter:
    document = encode(violation(number))
    return letter_of(
        Raw(CAMERA.key.encode(), document, TOPIC),
        ContractError(Reason.SCHEMA, "$", detail),
        START,
    )


async def test_dead_letters_are_kept_once_and_receipted(rig: Rig, connection: Connection) -> None:
    letters = [Raw(b"", deadletter.encode(dead(n)), "ioc.deadletter.v1") for n in (0, 1, 2)]
    await rig.sink.commit_events(violations(3))
    rig.receipted()
    await rig.sink.commit_letters(letters)
    await rig.sink.commit_letters(letters[1:])
    assert await one(connection, "SELECT count(*) FROM dead_letter") == 3
    assert rig.receipted() == [0, 1, 2]
    assert rig.counters.duplicates["dead_letter"] == 2
    assert await one(connection, "SELECT received::text FROM device_boot") == "{[0,4)}"
    assert rig.letters == [], "a letter is never set aside again"


async def test_a_dead_letter_that_cannot_be_read_is_kept_with_its_bytes(
    rig: Rig, connection: Connection
) -> None:
    await rig.sink.commit_letters([Raw(b"\xff", b"no letter\0", "ioc.deadletter.v1")])
    assert bytes(await one(connection, "SELECT raw FROM dead_letter")) == b"no letter\0"


async def test_a_server_that_is_killed_while_batches_come(server_folder: Path) -> None:
    server = Postgres(server_folder)
    server.start()
    try:
        settings = DatabaseSettings(url=server.url())
        migrate(settings)
        async with open_pool(settings, "test-sink", size=2) as pool:
            rig = Rig(pool)
            await rig.sink.commit_events(violations(*range(10)))
            server.kill()
            task = asyncio.create_task(rig.sink.commit_events(violations(*range(5, 20))))
            await asyncio.sleep(0.5)
            assert not task.done()
            await asyncio.to_thread(server.start)
            await asyncio.wait_for(task, 60)
            async with await AsyncConnection.connect(server.url()) as connection:
                assert await stored(connection) == list(range(20))
            assert rig.receipted() == list(range(20))
    finally:
        server.stop()
