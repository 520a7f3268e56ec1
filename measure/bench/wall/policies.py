"""What TimescaleDB's policies would have done over the years, done while the years are loaded."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from psycopg import Connection

from measure.bench.wall.place import Step
from store.maintain import CHUNKED, SERIES

ROLLED: Final = {
    "1m": timedelta(minutes=4),
    "15m": timedelta(minutes=8),
    "1h": timedelta(minutes=13),
}
"""Aggregates whose buckets end with every hour (a day is one in Vietnam), and the age of what their
policies have refreshed at the latest: end offset and interval together."""
_POLICIES: Final = (
    "timescaledb_information.jobs AS job LEFT JOIN timescaledb_information.continuous_aggregates "
    # Up to 2.22 a policy of an aggregate bore the name of what stores its rows.
    "AS view ON job.hypertable_name IN (view.view_name, view.materialization_hypertable_name)"
)


def stop(connection: Connection[Any]) -> None:
    """No policy begins while rows of two years ago come in."""
    connection.execute(
        "SELECT alter_job(job_id, scheduled => false) FROM timescaledb_information.jobs "
        "WHERE proc_name LIKE 'policy_%' AND hypertable_name IS NOT NULL"
    )


def start(connection: Connection[Any], until: datetime) -> None:
    """Refresh the days, then let all policies run but those that delete raw rows.

    Args:
        connection: In autocommit mode.
        until: Up to here there are rows.
    """
    for series in SERIES:
        _refresh(connection, f"{series}_1d", None, until - timedelta(days=1))
    connection.execute(
        "SELECT alter_job(job_id, scheduled => true) FROM timescaledb_information.jobs "
        "WHERE proc_name LIKE 'policy_%%' AND hypertable_name IS NOT NULL "
        "AND NOT (proc_name = 'policy_retention' AND hypertable_name = ANY(%s))",
        (list(CHUNKED),),
    )


def roll(connection: Connection[Any], step: Step, now: datetime) -> None:
    """Refresh what a step has filled, then compress and drop what is old enough.

    Args:
        connection: In autocommit mode.
        step: Begins and ends with a full minute.
        now: The present instant.
    """
    for series in SERIES:
        for level, lag in ROLLED.items():
            last = min(step.last, now - lag)
            # What holds no whole bucket cannot be refreshed; the policies look back 31 days.
            if last - step.first > timedelta(hours=2):
                _refresh(connection, f"{series}_{level}", step.first, last)
    connection.execute(
        f"SELECT compress_chunk(format('%%I.%%I', chunk_schema, chunk_name)) FROM {_POLICIES} "
        "JOIN timescaledb_information.chunks AS chunk ON chunk.hypertable_name = "
        "coalesce(view.materialization_hypertable_name, job.hypertable_name) "
        "WHERE proc_name = 'policy_compression' AND NOT is_compressed "
        "AND range_end <= least(%s, %s - (config ->> 'compress_after')::interval)",
        (step.last, now),
    )
    connection.execute(
        "SELECT drop_chunks(view_name::regclass, (config ->> 'drop_after')::interval) "
        f"FROM {_POLICIES} WHERE proc_name = 'policy_retention' AND view_name IS NOT NULL"
    )


def _refresh(
    connection: Connection[Any], name: str, first: datetime | None, last: datetime
) -> None:
    # At once: by itself each bucket is a batch with a transaction, 43,200 for 30 days of minutes.
    connection.execute(
        "CALL refresh_continuous_aggregate(%s::regclass, %s::timestamptz, %s::timestamptz, "
        """options => '{"buckets_per_batch": 0}')""",
        (name, first, last),
    )
