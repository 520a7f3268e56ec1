"""Which numbers of each boot are stored, and which are missing."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from ioc.settings import DatabaseSettings
from ioc.topics import DevicePath
from store.rows import ReceivedEntry
from store.writers import merge_received
from tests.store.queries import Connection, one, wait_for_lock
from tests.store.samples import BOOT, CAMERA, START, later


def _entry(*ranges: tuple[int, int], at: datetime = START, boot: UUID = BOOT) -> ReceivedEntry:
    return ReceivedEntry(CAMERA, boot, list(ranges), at)


async def _gap(connection: Connection) -> Any:
    row = await connection.execute(
        "SELECT missing, missing_ranges::text, next_sequence, received_count FROM sequence_gap"
    )
    return await row.fetchone()


async def test_gaps_are_seen_and_close(connection: Connection) -> None:
    await merge_received(connection, [_entry((0, 3))])
    assert await _gap(connection) is None
    await merge_received(connection, [_entry((7, 9), at=later(9)), _entry((5, 5))])
    assert await _gap(connection) == (2, "{[4,5),[6,7)}", 10, 8)
    since = await one(connection, "SELECT gap_since FROM device_boot")
    await merge_received(connection, [_entry((4, 4))])
    assert await _gap(connection) == (1, "{[6,7)}", 10, 9)
    assert await one(connection, "SELECT gap_since FROM device_boot") == since
    await merge_received(connection, [_entry((6, 6)), _entry((2, 8))])
    assert await _gap(connection) is None
    assert await one(connection, "SELECT gap_since FROM device_boot") is None
    first, last = await one(connection, "SELECT first_time, last_time FROM device_boot")
    assert (first, last) == (START, later(9))


async def test_a_boot_that_begins_above_zero_has_a_gap(connection: Connection) -> None:
    await merge_received(connection, [_entry((2, 2))])
    assert await _gap(connection) == (2, "{[0,2)}", 3, 1)


async def test_a_foreign_device_is_heard_but_not_counted(connection: Connection) -> None:
    await merge_received(connection, [_entry(at=later(5))])
    assert await one(connection, "SELECT count(*) FROM device_boot") == 0
    assert await one(connection, "SELECT last_time FROM device") == later(5)
    assert await one(connection, "SELECT last_received IS NOT NULL FROM device")


async def test_the_largest_sequence_fits(connection: Connection) -> None:
    await merge_received(connection, [_entry((2**53 - 1, 2**53 - 1))])
    assert (await _gap(connection))[0] == 2**53 - 1


async def test_workers_in_opposite_order_do_not_lock_each_other_out(
    database: DatabaseSettings, connection: Connection
) -> None:
    paths = [DevicePath("vithanh", "x", f"cam-{number}") for number in range(9)]
    entries = [ReceivedEntry(path, BOOT, [(0, 0)], START) for path in paths]

    async def work(part: list[ReceivedEntry]) -> None:
        async with await AsyncConnection.connect(database.url) as other:
            await merge_received(other, part)

    await merge_received(connection, entries)
    await connection.commit()
    # Both come to a row in the middle that a third one holds, from opposite ends.
    async with await AsyncConnection.connect(database.url) as holder:
        await merge_received(holder, [entries[4]])
        workers = asyncio.gather(work(entries), work(entries[::-1]))
        await wait_for_lock(connection, 2)
    await asyncio.wait_for(workers, 10)
