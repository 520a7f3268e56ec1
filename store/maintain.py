"""What somebody must do from time to time where the database does not do it by itself.

TimescaleDB's policies refresh, compress and drop by its background workers. Plain PostgreSQL has
none, so ``ioc db maintain`` deletes what is past its time. Running it twice does nothing the
second time. Violations, alerts and dead letters are never deleted here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import psycopg
from psycopg import Connection, sql

from ioc.settings import DatabaseSettings
from store.migrate import MigrationError, applied, connect
from store.schema import Flavour

RAW_DAYS: Final = 90
"""Days that raw series are kept; TimescaleDB's policies say the same."""

KEPT_DAYS: Final[dict[tuple[str, str], int]] = {
    ("flow_minute", "minute"): RAW_DAYS,
    ("signal", "time"): 400,
    ("status", "time"): 400,
}
"""Table and time column of what is deleted by age on either kind of database."""

SERIES: Final = ("flow", "reading", "health")
CHUNKED: Final = (*SERIES, "core_figure")
"""Kept ``RAW_DAYS``: TimescaleDB's policies drop their chunks, here their rows are deleted."""

BATCH_ROWS: Final = 10_000
"""Rows of one delete: some tens of milliseconds, so that no writer waits for it."""


@dataclass(frozen=True, slots=True)
class Task:
    """Something that was done.

    Attributes:
        name: What, such as ``delete flow``.
        rows: How many rows, where rows are what was done.
        error: Why it failed, empty when it did not.
    """

    name: str
    rows: int | None = None
    error: str = ""


def maintain(settings: DatabaseSettings) -> list[Task]:
    """Do what is due.

    Raises:
        MigrationError: The database has no schema yet.
        ConfigError: The database cannot be reached.
    """
    with connect(settings, "ioc-maintain") as connection:
        done = applied(connection)
        if not done:
            raise MigrationError("the database has no schema yet; run: ioc db migrate")
        # A job goes over months of data: the limit for live queries is not meant for it.
        connection.execute("SET statement_timeout = 0")
        return list(_tasks(connection, done[0].flavour))


def _tasks(connection: Connection[Any], flavour: Flavour) -> Iterator[Task]:
    kept = dict(KEPT_DAYS)
    if flavour is Flavour.PLAIN:
        kept |= {(table, "time"): RAW_DAYS for table in CHUNKED}
    for (table, column), days in kept.items():
        rows = _delete(connection, table, column, days)
        if rows:
            yield Task(f"delete {table}", rows)
    if flavour is Flavour.PLAIN:
        for table in (*CHUNKED, *(name for name, _ in KEPT_DAYS)):
            connection.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(table)))
            yield Task(f"analyze {table}")
    elif not has_scheduler(connection):
        yield from _run_jobs(connection)


def _delete(connection: Connection[Any], table: str, column: str, days: int) -> int:
    """Delete old rows, a batch a transaction."""
    query = sql.SQL(
        "DELETE FROM {table} WHERE ctid = ANY(ARRAY("
        "SELECT ctid FROM {table} WHERE {column} < now() - %s * INTERVAL '1 day' LIMIT %s))"
    ).format(table=sql.Identifier(table), column=sql.Identifier(column))
    total = 0
    while True:
        rows = connection.execute(query, (days, BATCH_ROWS)).rowcount
        total += rows
        if rows < BATCH_ROWS:
            return total


def has_scheduler(connection: Connection[Any]) -> bool:
    """Whether TimescaleDB's own scheduler runs the policies of this database.

    Its process is seen only by a role that may see other roles' processes, so a policy that ran in
    the last half hour says it too: the most frequent is due every two minutes.
    """
    row = connection.execute(
        """
        SELECT EXISTS (
            SELECT FROM pg_stat_activity WHERE datname = current_database()
            AND backend_type ILIKE '%timescaledb%scheduler%'
        ) OR EXISTS (
            SELECT FROM timescaledb_information.job_stats
            WHERE last_run_started_at > now() - INTERVAL '30 minutes'
        )
        """
    ).fetchone()
    return row is not None and bool(row[0])


def _run_jobs(connection: Connection[Any]) -> Iterator[Task]:
    """Run every policy once, finest aggregates first, then compression, then retention.

    The finer an aggregate the more often its policy is due.

    A policy looks at what it has to do by itself, so one that is not due does nothing.
    """
    jobs = connection.execute(
        """
        SELECT job_id, proc_name, coalesce(view.view_name, job.hypertable_name)
        FROM timescaledb_information.jobs AS job
        LEFT JOIN timescaledb_information.continuous_aggregates AS view
            ON view.materialization_hypertable_name = job.hypertable_name
        WHERE job.scheduled AND proc_name IN (
            'policy_refresh_continuous_aggregate', 'policy_compression', 'policy_retention')
        ORDER BY array_position(ARRAY['policy_refresh_continuous_aggregate',
            'policy_compression', 'policy_retention'], proc_name::text), schedule_interval, job_id
        """
    ).fetchall()
    for job_id, proc, subject in jobs:
        name = f"{str(proc).removeprefix('policy_').partition('_')[0]} {subject}"
        try:
            connection.execute(f"CALL run_job({int(job_id)})")
        except psycopg.Error as error:
            yield Task(name, error=" ".join(str(error).split()))
        else:
            yield Task(name)
