"""The judge on a real database: changes are kept, sent, and marked as sent."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from psycopg import AsyncConnection

from ioc.settings import DatabaseSettings
from store.pool import conninfo
from store.rows import Alert, ReceivedEntry
from store.writers import merge_received, open_alerts, unpublished_alerts
from streams.alerting import AlertJudge
from streams.counters import StreamCounters
from tests.store.samples import BOOT
from tests.streams.test_alerts import LIMIT, SITE

Connection = AsyncConnection[Any]


class World:
    """A site that the judge watches at a time of our choice, and what it has sent."""

    def __init__(self, database: DatabaseSettings, now: datetime) -> None:
        self.now = now
        self.sent: list[Alert] = []
        self.fails: Exception | None = None
        self.counters = StreamCounters()
        self.judge = AlertJudge(
            database, [SITE], self.publish, self.counters, 0.05, clock=lambda: self.now
        )

    async def publish(self, alerts: Sequence[Alert]) -> None:
        if self.fails is not None:
            raise self.fails
        self.sent.extend(alerts)


async def connect(database: DatabaseSettings) -> Connection:
    return await AsyncConnection.connect(conninfo(database, "test"), autocommit=True)


async def hear_all(connection: Connection) -> datetime:
    """Every device of the site speaks; gives the database's time."""
    entries = [
        ReceivedEntry(SITE.path(device), BOOT, [(0, 0)], datetime.now().astimezone())
        for device in SITE.devices
    ]
    await merge_received(connection, entries)
    cursor = await connection.execute("SELECT now()")
    row = await cursor.fetchone()
    assert row is not None
    moment: datetime = row[0]
    return moment


async def test_an_alert_is_raised_sent_once_and_cleared(database: DatabaseSettings) -> None:
    async with await connect(database) as connection:
        began = await hear_all(connection)
        world = World(database, began)
        assert await world.judge.judge_once(connection, began) == []

        world.now = began + timedelta(seconds=LIMIT + 1)
        raised = await world.judge.judge_once(connection, began)
        assert {alert.kind for alert in raised} == {"device_silent"}
        assert len(raised) == len(SITE.devices)
        assert {alert.id for alert in await open_alerts(connection)} == {a.id for a in raised}
        assert len(world.sent) == len(raised)
        assert await world.judge.judge_once(connection, began) == []
        assert len(world.sent) == len(raised), "sent once"

        world.now = await hear_all(connection)
        cleared = await world.judge.judge_once(connection, began - timedelta(hours=1))
        assert {alert.id for alert in cleared} == {alert.id for alert in raised}
        assert await open_alerts(connection) == []
        assert len(world.sent) == 2 * len(raised), "the end of an alert is sent too"
        assert world.counters.alerts["device_silent"] == 2 * len(raised)


async def test_what_could_not_be_sent_is_sent_later(database: DatabaseSettings) -> None:
    async with await connect(database) as connection:
        began = await hear_all(connection)
        world = World(database, began + timedelta(seconds=LIMIT + 1))
        world.fails = RuntimeError("Kafka is away")
        with pytest.raises(RuntimeError):
            await world.judge.judge_once(connection, began)
        assert len(await open_alerts(connection)) == len(SITE.devices), "kept all the same"
        assert len(await unpublished_alerts(connection)) == len(SITE.devices)
        world.fails = None
        assert await world.judge.judge_once(connection, began) == []
        assert len(world.sent) == len(SITE.devices)
        assert await unpublished_alerts(connection) == []


async def run_for(worlds: Sequence[World], check: Any) -> None:
    tasks = [asyncio.create_task(world.judge.run()) for world in worlds]
    try:
        for _ in range(200):
            await asyncio.sleep(0.02)
            assert not any(task.done() for task in tasks), "a judge has ended"
            if check():
                return
        raise AssertionError("waited four seconds")
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_judge_goes_on_after_kafka_failed_it(database: DatabaseSettings) -> None:
    async with await connect(database) as connection:
        began = await hear_all(connection)
    world = World(database, began + timedelta(seconds=LIMIT + 1))
    world.fails = RuntimeError("Kafka is away")
    later = iter(range(1000))

    def moved() -> bool:
        world.now += timedelta(seconds=LIMIT / 10)
        if next(later) > 25:
            world.fails = None
        return len(world.sent) >= len(SITE.devices)

    await run_for([world], moved)


async def test_one_judge_at_a_time_and_another_takes_over(database: DatabaseSettings) -> None:
    async with await connect(database) as connection:
        began = await hear_all(connection)
        worlds = [World(database, began) for _ in range(2)]
        leaders: list[int] = []

        async def end_the_leader() -> None:
            await asyncio.sleep(0.3)
            leaders.append([world.counters.leader for world in worlds].index(True))
            assert sum(world.counters.leader for world in worlds) == 1
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
            )
            await asyncio.sleep(0.5)
            assert sum(world.counters.leader for world in worlds) == 1
            leaders.append(-1)

        helper = asyncio.create_task(end_the_leader())
        await run_for(worlds, helper.done)
        await helper
        assert leaders[1] == -1


async def test_an_alert_of_a_device_that_left_the_site_file_is_cleared(
    database: DatabaseSettings,
) -> None:
    async with await connect(database) as connection:
        began = await hear_all(connection)
        world = World(database, began + timedelta(seconds=LIMIT + 1))
        raised = await world.judge.judge_once(connection, began)
        other = World(database, world.now)
        other.judge = AlertJudge(
            database, [], other.publish, other.counters, 1, clock=lambda: world.now
        )
        cleared = await other.judge.judge_once(connection, began)
        assert {alert.id for alert in cleared} == {alert.id for alert in raised}
        assert await open_alerts(connection) == []
