"""The watcher on TimescaleDB: policies that fail, and figures in chunks."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from psycopg import AsyncConnection

from ioc.settings import DatabaseSettings, Settings
from ioc.watch_settings import WatchSettings
from store.core_figures import CoreFigure, insert
from streams.watch_store import FigureStore
from streams.watched import Value

pytestmark = pytest.mark.service

FAILED = """
INSERT INTO _timescaledb_internal.bgw_job_stat VALUES (
    (SELECT job_id FROM timescaledb_information.jobs
     WHERE proc_name = 'policy_retention' AND hypertable_name = 'reading'),
    now(), now(), now() + INTERVAL '1 day', now(), false, 1, '0', '0', 0, 1, 0, 1, 0
)
ON CONFLICT (job_id) DO UPDATE SET last_run_success = false, last_finish = now()
"""


def looked_at(database: DatabaseSettings) -> list[Value]:
    """What a look at the database gives."""

    async def work() -> list[Value]:
        store = FigureStore(Settings(database=database, watch=WatchSettings()))
        try:
            return [value for source in store.sources() for value in await source.look()]
        finally:
            await store.close()

    return asyncio.run(work())


def test_a_policy_that_failed_is_told_by_its_name(migrated: DatabaseSettings) -> None:
    fine = {(one.figure, one.label): one.value for one in looked_at(migrated)}
    assert fine["up", ""] == 1
    assert fine["database_bytes", ""] > 1_000_000
    assert [key for key in fine if key[0] == "job_failures"] == [("job_failures", "")]
    assert fine["job_failures", ""] == 0
    with psycopg.connect(migrated.url, autocommit=True) as connection:
        connection.execute(FAILED)
    poor = {(one.figure, one.label): one.value for one in looked_at(migrated)}
    assert poor["job_failures", ""] == poor["job_failures", "retention reading"] == 1


def test_figures_go_into_chunks_once(migrated: DatabaseSettings) -> None:
    now = datetime.now(UTC)
    figures = [
        CoreFigure("host:core-1", "up", now - timedelta(days=days), 1.0) for days in range(0, 30, 7)
    ]

    async def store() -> None:
        async with await AsyncConnection.connect(migrated.url, autocommit=True) as connection:
            assert await insert(connection, figures) == len(figures)
            assert await insert(connection, figures) == 0

    asyncio.run(store())
    with psycopg.connect(migrated.url, autocommit=True) as connection:
        assert connection.execute("SELECT count(*) FROM core_figure").fetchone() == (5,)
        chunks = connection.execute(
            "SELECT count(*) FROM timescaledb_information.chunks "
            "WHERE hypertable_name = 'core_figure'"
        ).fetchone()
        assert chunks is not None and chunks[0] >= 5
