"""The judge of the alerts: one worker among all, every few seconds, from the database.

The worker that holds a PostgreSQL advisory lock judges; when it dies the lock goes with its
connection and another takes over. Changes are committed to the table first and sent to Kafka after,
marked when Kafka has them, so that a crash between the two sends them again instead of never.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from psycopg import AsyncConnection

from ioc.clock import Clock, utc_now
from ioc.settings import DatabaseSettings
from ioc.site import Site
from ioc.telemetry import logger
from store.pool import conninfo
from store.readers import alert_snapshot
from store.rows import Alert
from store.writers import mark_published, open_alerts, unpublished_alerts, upsert_alerts
from streams.alerts import judge
from streams.counters import StreamCounters

LOCK_KEY = 0x10C_A1E7
"""Number of the advisory lock, the same in every worker."""

Publish = Callable[[Sequence[Alert]], Awaitable[None]]


class AlertJudge:
    """Judges the alerts of all sites while it holds the lock.

    Args:
        database: Where to connect; the lock has a connection of its own.
        sites: What is watched.
        publish: Sends changes to Kafka and returns when it has them.
        counters: What is counted.
        interval_s: Seconds between two judgements.
        clock: Gives the present instant.
    """

    def __init__(
        self,
        database: DatabaseSettings,
        sites: Sequence[Site],
        publish: Publish,
        counters: StreamCounters,
        interval_s: float,
        *,
        clock: Clock = utc_now,
    ) -> None:
        self._conninfo = conninfo(database, "ioc-alerts")
        self._sites = sites
        self._publish = publish
        self._counters = counters
        self._interval_s = interval_s
        self._clock = clock
        self._log = logger("streams.alerts")

    async def run(self) -> None:
        """Judge until cancelled; whatever goes wrong is logged and tried again."""
        while True:
            try:
                connection = await AsyncConnection.connect(self._conninfo, autocommit=True)
                async with connection:
                    await self._hold_and_judge(connection)
            except Exception as error:
                # Whatever it is, the worker must go on storing events: the database away, Kafka
                # away (the changes are in the table and go out later), a fault of our own.
                self._log.warning(
                    "alerts are not judged now", error=f"{type(error).__name__}: {error}"
                )
            finally:
                self._counters.leader = False
            await asyncio.sleep(self._interval_s)

    async def _hold_and_judge(self, connection: AsyncConnection) -> None:
        """Judge for as long as this connection holds the lock; return if another has it."""
        cursor = await connection.execute("SELECT pg_try_advisory_lock(%s)", [LOCK_KEY])
        row = await cursor.fetchone()
        if row is None or not row[0]:
            return
        self._counters.leader = True
        self._log.info("this worker judges the alerts")
        started = self._clock()
        while True:
            await self.judge_once(connection, started)
            await asyncio.sleep(self._interval_s)

    async def judge_once(self, connection: AsyncConnection, started: datetime) -> list[Alert]:
        """One judgement: read, decide, commit, send.

        Args:
            connection: In autocommit mode.
            started: Since when a device that was never heard counts as silent.

        Returns:
            The alerts that changed.
        """
        async with connection.transaction():
            snapshot = await alert_snapshot(connection, self._clock(), started)
            changes = judge(self._sites, snapshot, await open_alerts(connection))
            if changes:
                await upsert_alerts(connection, changes)
        for alert in changes:
            self._counters.alerts[alert.kind] += 1
            self._log.warning(
                "alert cleared" if alert.cleared_at else "alert raised",
                kind=alert.kind,
                subject=alert.subject,
                message=alert.message_vi,
            )
        waiting = await unpublished_alerts(connection)
        if waiting:
            await self._publish(waiting)
            async with connection.transaction():
                await mark_published(connection, waiting)
        return changes
