"""Work that goes on beside the requests; one console of several does it at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import psycopg
from psycopg import AsyncConnection
from psycopg_pool import PoolTimeout

from console import audit_check, audit_roots, evidence_check, evidence_jobs, retention
from console.case_maker import CaseMaker
from console.context import Context
from console.tell import Teller
from ioc.telemetry import logger
from store import people

LOCK_KEY: Final = 0x10C_0C0
TURN_S: Final = 2.0
"""How soon another console takes over, and how often the lock is looked after."""

AT_ONCE: Final = 4
"""Jobs that work at the same time, so that requests find connections."""

_log = logger("console.upkeep")


@dataclass(frozen=True, slots=True)
class Job:
    """One kind of work.

    Attributes:
        name: For the log.
        every_s: Seconds between its turns.
        work: Does one turn.
    """

    name: str
    every_s: float
    work: Callable[[Context], Awaitable[object]]


async def sweep(context: Context) -> None:
    """Remove log-ins that have ended."""
    now = context.clock()
    async with context.pool.connection() as connection:
        idle = timedelta(minutes=context.settings.idle_minutes)
        await people.sweep_sessions(connection, now, now - idle)


JOBS: Final[tuple[Job, ...]] = (
    Job("sessions", 300, sweep),
    Job("cases", 1, CaseMaker().work),
    Job("audit-roots", 600, audit_roots.work),
    Job("audit-check", 300, audit_check.work),
    Job("retention", 3600, retention.work),
    Job("webhooks", 5, Teller().work),
    Job("evidence-check", evidence_check.EVERY_S, evidence_check.work),
    Job("evidence-sweep", 3600, evidence_jobs.sweep),
    Job("evidence-judge", 60, evidence_jobs.Rejudge().work),
    Job("evidence-views", 10, evidence_jobs.view_ahead),
)


async def keep_up(context: Context, jobs: tuple[Job, ...] = JOBS) -> None:
    """Do all jobs, each in its time, for ever, while no other console does them.

    Whoever holds the lock does; it is the session's, so it goes with the process that dies. The
    connection is none of the pool's: jobs that each held one there and waited for a second one
    could wait for each other.
    """
    assert isinstance(context.pool.conninfo, str)
    while True:
        try:
            opening = AsyncConnection.connect(context.pool.conninfo, autocommit=True)
            async with await opening as connection:
                if await _leads(connection):
                    await _lead(connection, context, jobs)
        except psycopg.OperationalError as error:
            _log.warning("put off", error=" ".join(str(error).split()))
        await asyncio.sleep(TURN_S)


async def _lead(connection: AsyncConnection[Any], context: Context, jobs: tuple[Job, ...]) -> None:
    """Do the jobs until the lock may be lost.

    Raises:
        psycopg.OperationalError: The connection that holds it broke.
    """
    room = asyncio.Semaphore(AT_ONCE)
    tasks = [asyncio.create_task(_repeat(context, job, room)) for job in jobs]
    try:
        while True:
            await connection.execute("SELECT 1")
            await asyncio.sleep(TURN_S)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _leads(connection: AsyncConnection[Any]) -> bool:
    cursor = await connection.execute("SELECT pg_try_advisory_lock(%s)", (LOCK_KEY,))
    row = await cursor.fetchone()
    return bool(row and row[0])


async def _repeat(context: Context, job: Job, room: asyncio.Semaphore) -> None:
    """Do one job in its time; a fault of it ends neither it nor the others."""
    while True:
        try:
            async with room:
                await job.work(context)
        except (psycopg.OperationalError, PoolTimeout) as error:
            _log.warning("put off", job=job.name, error=" ".join(str(error).split()))
        except Exception:
            _log.exception("failed", job=job.name)
        await asyncio.sleep(job.every_s)
