"""What commands, checks and alerts read."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace
from psycopg import AsyncConnection

from ioc.deadletter import DeadLetter, set_aside
from ioc.decode import ContractError, Reason
from ioc.ids import derived_uuid7
from ioc.topics import DevicePath
from store.readers import (
    Doubled,
    Gap,
    LaneKey,
    Measured,
    Numbered,
    alert_snapshot,
    doubled_sequences,
    find_dead_letter,
    list_dead_letters,
    mark_replayed,
    row_counts,
    stored_sequences,
)
from store.rows import FLOW, READING, VIOLATION, ReceivedEntry, row_of
from store.writers import (
    insert_dead_letters,
    insert_rows,
    merge_received,
    save_statuses,
    upsert_flow_minutes,
)
from tests.store.samples import (
    BOOT,
    CAMERA,
    SENSOR,
    START,
    flow,
    later,
    minute,
    reading,
    status,
    violation,
)

Connection = AsyncConnection[Any]


def _letter(seconds: float, reason: Reason, device: str, sequence: int | None = None) -> DeadLetter:
    properties = {} if sequence is None else {"bootid": str(BOOT), "sequence": str(sequence)}
    return set_aside(
        b"raw \xff",
        ContractError(reason, "$.data", "why"),
        stage="ingest",
        topic="ioc/v1/x",
        device=device,
        received=later(seconds),
        properties=properties,
    )


@pytest.fixture
async def letters(connection: Connection) -> list[DeadLetter]:
    made = [
        _letter(1, Reason.SCHEMA, CAMERA.key, 7),
        _letter(2, Reason.BAD_JSON, SENSOR.key),
        _letter(3, Reason.BAD_TOPIC, ""),
        _letter(4, Reason.SCHEMA, SENSOR.key),
    ]
    await insert_dead_letters(connection, made)
    return made


async def test_letters_are_listed_by_filter(
    connection: Connection, letters: list[DeadLetter]
) -> None:
    async def ids(**filters: Any) -> list[UUID]:
        return [line.id for line in await list_dead_letters(connection, **filters)]

    newest = [letter.id for letter in reversed(letters)]
    assert await ids() == newest
    assert await ids(limit=2) == newest[:2]
    assert await ids(reason="schema") == [newest[0], newest[3]]
    assert await ids(device=SENSOR.key) == [newest[0], newest[2]]
    assert await ids(device="vithanh") == [newest[3]]
    assert await ids(device="vithanh/other") == []
    assert await ids(since=later(3)) == newest[:2]
    await mark_replayed(connection, newest[1])
    assert await ids(replayed=True) == [newest[1]]
    assert await ids(replayed=False, device="ngabay", reason="bad_json") == [newest[2]]


async def test_a_letter_is_found_by_the_beginning_of_its_id(
    connection: Connection, letters: list[DeadLetter]
) -> None:
    found = await find_dead_letter(connection, str(letters[0].id)[:23])
    assert (found.letter, found.replays) == (letters[0], 0)
    assert (await find_dead_letter(connection, str(letters[2].id).upper())).letter == letters[2]
    await mark_replayed(connection, letters[0].id)
    again = await find_dead_letter(connection, str(letters[0].id))
    assert (again.replays, again.replayed_at is not None) == (1, True)
    twin = UUID(int=letters[0].id.int ^ 1)
    await insert_dead_letters(connection, [replace(letters[0], id=twin)])
    with pytest.raises(LookupError, match="more than one"):
        await find_dead_letter(connection, str(twin)[:8])
    assert (await find_dead_letter(connection, str(twin))).letter.id == twin
    with pytest.raises(LookupError, match="no dead letter"):
        await find_dead_letter(connection, "ffff")
    with pytest.raises(LookupError, match="not an id"):
        await find_dead_letter(connection, "%")


async def test_the_ledger_has_events_and_letters(
    connection: Connection, letters: list[DeadLetter]
) -> None:
    await insert_rows(connection, FLOW, [row_of(CAMERA, flow(n)) for n in range(3)])
    await insert_rows(connection, VIOLATION, [row_of(CAMERA, violation(3))])
    stored = {Numbered(CAMERA.key, BOOT, n) for n in range(4)}
    dead = {Numbered(CAMERA.key, BOOT, 7)}
    assert await stored_sequences(connection) == stored | dead
    assert await stored_sequences(connection, [BOOT], dead=False) == stored
    assert await stored_sequences(connection, [derived_uuid7(START, "x")]) == set()
    counts = await row_counts(connection)
    assert (counts["flow"], counts["violation"], counts["dead_letter"]) == (3, 1, 4)


async def test_a_number_that_is_stored_twice_is_found(connection: Connection) -> None:
    await insert_rows(connection, FLOW, [row_of(CAMERA, flow(n)) for n in range(3)])
    assert await doubled_sequences(connection) == []
    restamped = flow(1, at=later(1.001))  # the same number with another time: another row
    await insert_rows(connection, FLOW, [row_of(CAMERA, restamped)])
    await insert_rows(connection, VIOLATION, [row_of(CAMERA, violation(2))])
    assert await doubled_sequences(connection) == [
        Doubled(CAMERA.key, BOOT, 1, 2),
        Doubled(CAMERA.key, BOOT, 2, 2),
    ]


async def test_alerts_are_judged_from_what_is_new_and_good(connection: Connection) -> None:
    now = later(3600)
    values = [(1, 1.0, "good"), (50, 1.4, "good"), (55, 9.9, "bad"), (58, 8.8, "suspect")]
    rows = [
        row_of(SENSOR, reading(n, value, later(60 * at), quality=quality))
        for n, (at, value, quality) in enumerate(values)
    ]
    await insert_rows(connection, READING, rows)
    minutes = [
        minute(1, queue_m=99.0),
        minute(1, lane="lane-2", queue_m=99.0),
        *(
            _at(minute(1, lane="lane-2", queue_m=queue), at)
            for at, queue in ((50, 40.0), (58, 20.0), (59, None))
        ),
    ]
    await upsert_flow_minutes(connection, minutes)
    times = (3600, 3400, 3301, 3299, 100)
    await insert_rows(
        connection, VIOLATION, [row_of(CAMERA, violation(n, later(t))) for n, t in enumerate(times)]
    )
    other = derived_uuid7(START, "second boot")
    await merge_received(
        connection,
        [
            ReceivedEntry(CAMERA, BOOT, [(0, 1), (5, 5)], START),
            ReceivedEntry(CAMERA, other, [(1, 1)], START),
            ReceivedEntry(SENSOR, BOOT, [(0, 3)], START),
        ],
    )
    snapshot = await alert_snapshot(connection, now, START)
    assert snapshot.readings == {(SENSOR, "water_level"): Measured(1.4, later(3000))}
    assert snapshot.queues == {LaneKey(*CAMERA, "lane-2"): Measured(20.0, later(58 * 60))}
    assert snapshot.violations == {("vithanh", "tran-hung-dao"): 3}
    assert snapshot.heard.keys() == {CAMERA, SENSOR}
    assert snapshot.gaps == {CAMERA: Gap(4, snapshot.heard[CAMERA])}
    assert (snapshot.now, snapshot.started) == (now, START)


async def test_a_device_that_only_left_a_will_was_never_heard(connection: Connection) -> None:
    await save_statuses(connection, [(DevicePath(*CAMERA), status("offline", 0))])
    assert (await alert_snapshot(connection, later(9), START)).heard == {}


def _at(row: Any, minutes: int) -> Any:
    return replace(row, minute=START + timedelta(minutes=minutes))
