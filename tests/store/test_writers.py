"""Writing twice changes nothing, a bad row is a DataError, and nothing blocks for ever."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from psycopg import AsyncConnection, DataError

from ioc.deadletter import set_aside
from ioc.decode import ContractError, Reason
from ioc.ids import derived_uuid7
from ioc.settings import DatabaseSettings
from ioc.site import Site
from store.rows import FLOW, STATUS, VIOLATION, Row, row_of
from store.writers import (
    insert_dead_letters,
    insert_rows,
    load_flow_minutes,
    mark_published,
    merge_received,
    open_alerts,
    save_statuses,
    unpublished_alerts,
    upsert_alerts,
    upsert_flow_minutes,
    upsert_sites,
)
from tests.store.queries import Connection, one, wait_for_lock
from tests.store.samples import (
    BOOT,
    CAMERA,
    START,
    alert,
    flow,
    later,
    minute,
    status,
    violation,
)

FLOWS = [row_of(CAMERA, flow(number)) for number in range(50)]


async def test_a_repeated_event_is_stored_once(connection: Connection) -> None:
    async with connection.transaction():
        assert await insert_rows(connection, FLOW, [*FLOWS[:30], *FLOWS[:30]]) == 30
    async with connection.transaction():
        assert await insert_rows(connection, FLOW, FLOWS) == 20
    async with connection.transaction():
        assert await insert_rows(connection, FLOW, FLOWS[:25]) == 0
        assert await insert_rows(connection, FLOW, FLOWS[25:]) == 0
    few = [row_of(CAMERA, flow(number)) for number in (7, 7, 90, 90, 91)]
    assert await insert_rows(connection, FLOW, few) == 2
    assert await one(connection, "SELECT count(*) FROM flow") == 52
    assert await one(connection, "SELECT bool_and(received > now() - '1 min'::interval) FROM flow")


async def test_nothing_to_write_is_nothing(connection: Connection) -> None:
    assert await insert_rows(connection, FLOW, []) == 0
    assert await insert_dead_letters(connection, []) == 0
    assert await save_statuses(connection, []) == 0
    await merge_received(connection, [])


async def test_a_rolled_back_batch_can_be_sent_again(connection: Connection) -> None:
    with pytest.raises(RuntimeError):
        async with connection.transaction():
            await insert_rows(connection, FLOW, FLOWS)
            raise RuntimeError
    async with connection.transaction():
        assert await insert_rows(connection, FLOW, FLOWS) == len(FLOWS)


@pytest.mark.parametrize(
    "changes",
    [
        {"calibration": "a\0b"},
        {"reasons": ("a\0b",)},
        {"track": 2**63},
        {"track": 2**70},
        {"calibration": "\ud800"},
    ],
    ids=["nul in text", "nul in jsonb", "beyond 64 bits", "far beyond", "lone surrogate"],
)
async def test_what_postgres_refuses_is_a_data_error(
    connection: Connection, changes: dict[str, Any]
) -> None:
    bad = row_of(CAMERA, violation(1, **changes))
    good = [row_of(CAMERA, violation(number)) for number in range(2, 40)]
    for batch in ([good[0], bad], [*good, bad]):  # inserted, copied
        with pytest.raises(DataError):
            async with connection.transaction():
                await insert_rows(connection, VIOLATION, batch)
    async with connection.transaction():  # the connection is of use still
        assert await insert_rows(connection, VIOLATION, good) == 38


async def test_two_workers_write_the_same_rows_at_once(
    database: DatabaseSettings, connection: Connection
) -> None:
    """The second asks before the first commits, and copies rows that are there by then."""
    async with await AsyncConnection.connect(database.url) as second:

        async def write() -> int:
            async with second.transaction():
                return await insert_rows(second, FLOW, FLOWS[::-1])

        async with await AsyncConnection.connect(database.url) as first:
            assert await insert_rows(first, FLOW, FLOWS[:30]) == 30
            writing = asyncio.create_task(write())
            await wait_for_lock(connection)
        assert await asyncio.wait_for(writing, 10) == 20
    assert await one(connection, "SELECT count(*) FROM flow") == 50


async def test_rows_in_opposite_order_do_not_lock_workers_out(
    database: DatabaseSettings, connection: Connection
) -> None:
    async def write(rows: list[Row]) -> int:
        async with await AsyncConnection.connect(database.url) as worker:
            return await insert_rows(worker, FLOW, rows)

    # Both come to a row in the middle that a third one holds, from opposite ends.
    async with await AsyncConnection.connect(database.url) as holder:
        await insert_rows(holder, FLOW, [FLOWS[25]])
        workers = asyncio.gather(write(FLOWS), write(FLOWS[::-1]))
        await wait_for_lock(connection, 2)
        await holder.rollback()
    assert sum(await asyncio.wait_for(workers, 10)) == 50


async def test_a_replay_writes_nothing(connection: Connection) -> None:
    async def position() -> Any:
        return await one(connection, "SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn")

    rows = [row_of(CAMERA, flow(number)) for number in range(1000)]
    assert await insert_rows(connection, FLOW, rows) == 1000
    await connection.commit()
    before = await position()
    assert await insert_rows(connection, FLOW, rows) == 0
    await connection.commit()
    assert await position() - before < 50_000  # the rows took 600 000


async def test_a_repeated_id_with_another_time(connection: Connection) -> None:
    """On a series that is another row, as a hypertable has it; on a plain table it is not."""
    assert await insert_rows(connection, FLOW, FLOWS) == 50
    moved = [(row[0], row[1] + timedelta(days=1), *row[2:]) for row in FLOWS]
    assert await insert_rows(connection, FLOW, moved) == 50
    acts = [row_of(CAMERA, violation(number)) for number in range(40)]
    assert await insert_rows(connection, VIOLATION, acts) == 40
    moved = [(row[0], row[1] + timedelta(days=1), *row[2:]) for row in acts]
    assert await insert_rows(connection, VIOLATION, moved) == 0


async def test_halving_inside_a_transaction_finds_the_bad_row(connection: Connection) -> None:
    rows = [row_of(CAMERA, violation(n, track=2**63 if n == 5 else n)) for n in range(80)]
    stored = 0
    async with connection.transaction():
        waiting = [rows]
        while waiting:
            part = waiting.pop()
            try:
                async with connection.transaction():
                    stored += await insert_rows(connection, VIOLATION, part)
            except DataError:
                if len(part) > 1:
                    waiting += [part[: len(part) // 2], part[len(part) // 2 :]]
    assert stored == 79
    assert await one(connection, "SELECT count(*) FROM violation WHERE sequence <> 5") == 79


# --- states ---------------------------------------------------------------------------------------


async def _state(connection: Connection) -> Any:
    return await one(connection, "SELECT state FROM device")


@pytest.mark.parametrize("logged_first", [True, False])
async def test_states_follow_births_and_wills(connection: Connection, logged_first: bool) -> None:
    async def save(*events: Any) -> int:
        async with connection.transaction():
            batch = [(CAMERA, event) for event in events]
            if logged_first:  # as the sink does
                await insert_rows(connection, STATUS, [row_of(*pair) for pair in batch])
            return await save_statuses(connection, batch)

    birth, will = status("online", 0.1, app="1"), status("offline", 0)
    assert await save(birth) == 1
    assert await _state(connection) == "online"
    assert await save(will) == 1
    assert await _state(connection) == "offline"
    assert await save(birth) == 0  # Kafka hands it out again
    assert await _state(connection) == "offline"
    assert await save(status("online", 60.1), will) == 1
    assert await _state(connection) == "online"
    goodbye = status("offline", 70)
    assert await save(goodbye, status("online", 80.1)) == 2
    assert await save(goodbye, goodbye) == 0
    assert await _state(connection) == "online"
    assert await one(connection, "SELECT count(*) FROM status") == 5


async def test_a_will_is_no_sign_of_life(connection: Connection) -> None:
    async with connection.transaction():
        await save_statuses(connection, [(CAMERA, status("online", 0))])
    heard = await one(connection, "SELECT last_received FROM device")
    await connection.commit()
    async with connection.transaction():
        await save_statuses(connection, [(CAMERA, status("offline", 0))])
    row = await one(connection, "SELECT last_received, state_received, state FROM device")
    assert row[0] == heard
    assert row[1] > heard
    assert row[2] == "offline"


# --- minutes --------------------------------------------------------------------------------------


async def test_minutes_come_back_as_they_were_written(connection: Connection) -> None:
    rows = [minute(3, level=4, queue_m=12.5), minute(0, lane="lane-2", speed_weight=0)]
    assert await upsert_flow_minutes(connection, rows) == 2
    keys = [rows[0].key, rows[1].key, minute(1, lane="other").key]
    assert await load_flow_minutes(connection, keys) == {row.key: row for row in rows}
    assert await load_flow_minutes(connection, []) == {}
    speeds = await connection.execute(
        "SELECT lane, speed_kmh, occupancy FROM flow_minute ORDER BY 1"
    )
    assert await speeds.fetchall() == [("lane-1", 30.0, None), ("lane-2", None, None)]


async def test_a_lagging_worker_does_not_overwrite_a_fuller_minute(connection: Connection) -> None:
    assert await upsert_flow_minutes(connection, [minute(4)]) == 1
    assert await upsert_flow_minutes(connection, [minute(3)]) == 0
    assert await upsert_flow_minutes(connection, [minute(5), minute(4)]) == 1
    assert await upsert_flow_minutes(connection, [minute(5, level=2)]) == 1
    stored = await load_flow_minutes(connection, [minute(5).key])
    assert list(stored.values()) == [minute(5, level=2)]


# --- alerts, letters, sites -----------------------------------------------------------------------


async def test_an_alert_is_published_when_raised_and_when_cleared(connection: Connection) -> None:
    first, second = alert(1), alert(2, kind="rain")
    await upsert_alerts(connection, [second, first])
    assert await open_alerts(connection) == [first, second]
    await mark_published(connection, await unpublished_alerts(connection))
    assert await unpublished_alerts(connection) == []
    await upsert_alerts(connection, [replace(first, value=2.0)])
    assert await unpublished_alerts(connection) == []
    cleared = replace(first, cleared_at=later(60))
    await upsert_alerts(connection, [cleared])
    assert await unpublished_alerts(connection) == [cleared]
    await mark_published(connection, [first])  # what was sent was the open one
    assert await unpublished_alerts(connection) == [cleared]
    assert [a.id for a in await open_alerts(connection)] == [second.id]


async def test_dead_letters_are_kept_once_whatever_is_in_them(connection: Connection) -> None:
    letter = set_aside(
        b"\0\xff",
        ContractError(Reason.BAD_UTF8, "$\0", "\ud800"),
        stage="ingest",
        topic="a\0b",
        device=CAMERA.key,
        received=START,
        properties={"bootid": str(BOOT), "sequence": "4", "x": "\0"},
    )
    assert await insert_dead_letters(connection, [letter, letter]) == 1
    assert await insert_dead_letters(connection, [letter]) == 0
    row = await one(connection, "SELECT raw, device, sequence FROM dead_letter")
    assert row == (b"\0\xff", CAMERA.device, 4)


async def test_sites_are_written_again_with_new_names(connection: Connection) -> None:
    sites = [
        Site.model_validate(
            {
                "city": "vithanh",
                "site": name,
                "name": {"vi": f"Ngã tư {name}", "en": f"{name} junction"},
                "city_name": {"vi": "Vị Thanh", "en": "Vi Thanh"},
                "position": {"latitude": 9.78, "longitude": 105.47},
            }
        )
        for name in ("b", "a")
    ]
    await upsert_sites(connection, sites)
    await upsert_sites(connection, sites)
    stored = await connection.execute("SELECT city, site, name_vi FROM site ORDER BY city, site")
    assert await stored.fetchall() == sorted((s.city, s.site, s.name.vi) for s in sites)


async def test_a_missing_table_is_not_a_data_error(empty_database: DatabaseSettings) -> None:
    # The sink waits for the migration then; it must not set good rows aside.
    url = empty_database.url.rpartition("/")[0] + "/postgres"
    async with await AsyncConnection.connect(url) as connection:
        with pytest.raises(psycopg.Error) as caught:
            await insert_rows(connection, FLOW, FLOWS)
        assert not isinstance(caught.value, DataError)


async def test_events_with_the_same_sequence_and_other_ids_are_two_rows(
    connection: Connection,
) -> None:
    other = derived_uuid7(START, "another boot")
    rows = [row_of(CAMERA, violation(1)), row_of(CAMERA, violation(1, boot=other))]
    assert await insert_rows(connection, VIOLATION, rows) == 2
