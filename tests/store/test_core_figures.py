"""Figures of the core: stored once, by whoever may, and deleted when they are old."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg import AsyncConnection

from ioc.settings import DatabaseSettings
from store.core_figures import CoreFigure, insert
from store.maintain import RAW_DAYS, Task, maintain
from store.pool import conninfo

NOW = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
LAG = CoreFigure("kafka", "stream_lag", NOW, 12, "count", "ioc.flow.v1")
UP = CoreFigure("kafka", "up", NOW, 1.0)

Connection = AsyncConnection[Any]


async def stored(connection: Connection) -> list[tuple[Any, ...]]:
    cursor = await connection.execute(
        "SELECT part, figure, label, time, value, unit FROM core_figure ORDER BY figure, value"
    )
    return await cursor.fetchall()


async def test_figures_are_stored_once_however_often_they_come(connection: Connection) -> None:
    assert await insert(connection, [LAG, UP]) == 2
    later = CoreFigure("kafka", "up", NOW + timedelta(seconds=15), 0)
    again = CoreFigure("kafka", "up", NOW, 0.0)  # the first word stands
    assert await insert(connection, [LAG, again, later, later]) == 1
    assert await stored(connection) == [
        ("kafka", "stream_lag", "ioc.flow.v1", NOW, 12.0, "count"),
        ("kafka", "up", "", later.time, 0.0, ""),
        ("kafka", "up", "", NOW, 1.0, ""),
    ]


async def test_nothing_is_nothing(connection: Connection) -> None:
    assert await insert(connection, []) == 0


async def test_what_cannot_be_text_is_refused_as_a_whole(connection: Connection) -> None:
    with pytest.raises(psycopg.DataError):
        async with connection.transaction():
            await insert(connection, [UP, CoreFigure("kafka", "up", NOW, 1, "", "a\0b")])
    assert await stored(connection) == []


async def test_the_console_may_add_to_them_and_change_nothing(database: DatabaseSettings) -> None:
    as_console = conninfo(database, "test", role="ioc_console")
    async with await AsyncConnection.connect(as_console, autocommit=True) as connection:
        assert await insert(connection, [UP]) == 1
        for change in ("UPDATE core_figure SET value = 1", "DELETE FROM core_figure"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                await connection.execute(change.encode())


async def test_old_figures_are_deleted(database: DatabaseSettings) -> None:
    now = datetime.now(UTC)
    ages = [CoreFigure("a", "up", now - timedelta(days=RAW_DAYS + n), 1) for n in (-1, 1, 2)]
    async with await AsyncConnection.connect(database.url) as connection:
        await insert(connection, ages)
    done = maintain(database)
    assert Task("delete core_figure", 2) in done
    assert Task("analyze core_figure") in done
    async with await AsyncConnection.connect(database.url) as connection:
        assert len(await stored(connection)) == 1
