"""Background work: one console of several does it, and another takes over."""

from __future__ import annotations

import asyncio
from pathlib import Path

import psycopg
import pytest

from console import upkeep
from console.context import Context
from console.upkeep import Job, keep_up
from ioc.settings import DatabaseSettings
from tests.console.custody import running


async def reaches(counts: list[int], place: int, least: int) -> None:
    for _ in range(500):
        if counts[place] >= least:
            return
        await asyncio.sleep(0.02)
    raise AssertionError(counts)


async def test_one_works_and_the_other_takes_over(
    database: DatabaseSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "TURN_S", 0.1)
    counts = [0, 0]

    def job(place: int) -> Job:
        async def work(context: Context) -> None:
            counts[place] += 1
            if counts[place] % 2:
                raise ValueError("a fault of one turn ends nothing")

        return Job("count", 0.02, work)

    async with running(database, tmp_path) as console:
        first = asyncio.create_task(keep_up(console.context, (job(0),)))
        await reaches(counts, 0, 3)
        second = asyncio.create_task(keep_up(console.context, (job(1),)))
        await asyncio.sleep(0.5)
        assert counts[1] == 0
        with psycopg.connect(database.url, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
            )
        first.cancel()
        await reaches(counts, 1, 3)
        second.cancel()
        await asyncio.gather(first, second, return_exceptions=True)


async def test_more_jobs_than_connections_do_not_wait_for_each_other(
    database: DatabaseSettings, tmp_path: Path
) -> None:
    done = [0]

    async def work(context: Context) -> None:
        async with context.pool.connection() as connection:
            await connection.execute("SELECT pg_sleep(0.05)")
        done[0] += 1

    async with running(database, tmp_path, pool_size=2) as console:
        jobs = tuple(Job(f"job-{number}", 0.01, work) for number in range(12))
        task = asyncio.create_task(keep_up(console.context, jobs))
        await reaches(done, 0, 40)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
