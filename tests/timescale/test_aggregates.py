"""Continuous aggregates: right figures before and after a refresh, for late rows, over the years.

The tests of this file share one database and run in order; each looks at a span of time of its own
or at everything so far.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from ioc.clock import utc_now
from ioc.settings import DatabaseSettings
from store.rows import FLOW, row_of
from tests.store.samples import CAMERA, flow
from tests.store.series import assert_aggregates, load, load_events, sample
from tests.timescale.policies import run_policies

pytestmark = pytest.mark.service

EVENTS = sample(utc_now() - timedelta(hours=1), rows=250)
LATE = sample(utc_now() - timedelta(hours=2), rows=60, seed=8)


def _one(connection: psycopg.Connection[Any], query: str) -> Any:
    row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]


def test_what_was_never_refreshed_is_there(connection: psycopg.Connection[Any]) -> None:
    assert load_events(connection, EVENTS) == len(EVENTS)
    assert load_events(connection, EVENTS[:30]) == 0
    materialized = "timescaledb_information.continuous_aggregates"
    assert (
        _one(connection, f"SELECT count(*) FROM {materialized} WHERE NOT materialized_only") == 12
    )
    assert_aggregates(connection, EVENTS)


def test_a_refresh_changes_no_figure(migrated: DatabaseSettings) -> None:
    run_policies(migrated)
    with psycopg.connect(migrated.url, autocommit=True, prepare_threshold=None) as connection:
        assert_aggregates(connection, EVENTS)


def test_late_rows_count_after_the_next_refresh(migrated: DatabaseSettings) -> None:
    with psycopg.connect(migrated.url, autocommit=True, prepare_threshold=None) as connection:
        assert load_events(connection, LATE) == len(LATE)
    run_policies(migrated)
    with psycopg.connect(migrated.url, autocommit=True, prepare_threshold=None) as connection:
        assert_aggregates(connection, EVENTS + LATE)


def test_a_compressed_chunk_takes_late_rows_and_no_doubles(migrated: DatabaseSettings) -> None:
    day = (utc_now() - timedelta(days=12)).replace(hour=5, minute=0)
    rows = [row_of(CAMERA, flow(n, at=day + timedelta(seconds=n))) for n in range(40)]
    with psycopg.connect(migrated.url, autocommit=True, prepare_threshold=None) as connection:
        assert load(connection, FLOW, rows[:30]) == 30
    run_policies(migrated)
    with psycopg.connect(migrated.url, autocommit=True, prepare_threshold=None) as connection:
        query = (
            "SELECT bool_and(is_compressed) FROM timescaledb_information.chunks "
            "WHERE hypertable_name = 'flow' AND range_end < now() - INTERVAL '9 days'"
        )
        assert _one(connection, query) is True
        assert load(connection, FLOW, rows[:30]) == 0
        assert load(connection, FLOW, rows) == 10
        span = f"time BETWEEN '{day.isoformat()}' AND '{(day + timedelta(hours=1)).isoformat()}'"
        assert _one(connection, f"SELECT count(*) FROM flow WHERE {span}") == 40
    run_policies(migrated)
    with psycopg.connect(migrated.url, autocommit=True, prepare_threshold=None) as connection:
        assert _one(connection, f"SELECT sum(periods) FROM flow_1d WHERE {_day(day)}") == 40


def test_old_rows_go_and_their_aggregates_stay(migrated: DatabaseSettings) -> None:
    """A refresh after the retention must not wipe what the aggregates know of deleted rows."""
    day = (utc_now() - timedelta(days=120)).replace(hour=5, minute=0)
    rows = [row_of(CAMERA, flow(n, at=day + timedelta(seconds=n))) for n in range(20)]
    with psycopg.connect(migrated.url, autocommit=True, prepare_threshold=None) as connection:
        assert load(connection, FLOW, rows) == 20
        for level in ("1m", "15m", "1h", "1d"):
            connection.execute(
                f"CALL refresh_continuous_aggregate('flow_{level}', "
                f"'{(day - timedelta(days=2)).isoformat()}', "
                f"'{(day + timedelta(days=2)).isoformat()}')".encode()
            )
    for _ in range(2):
        run_policies(migrated)
        with psycopg.connect(migrated.url, autocommit=True, prepare_threshold=None) as connection:
            old = "time < now() - INTERVAL '100 days'"
            assert _one(connection, f"SELECT count(*) FROM flow WHERE {old}") == 0
            assert _one(connection, f"SELECT sum(periods) FROM flow_1d WHERE {_day(day)}") == 20
            assert _one(connection, f"SELECT sum(periods) FROM flow_1m WHERE {_day(day)}") == 20


def _day(at: datetime) -> str:
    """The day that an instant at 05:00 UTC (noon in Vietnam) lies in."""
    start = at.astimezone(UTC).replace(second=0, microsecond=0) - timedelta(hours=12)
    end = start + timedelta(days=1)
    return f"bucket >= '{start.isoformat()}' AND bucket < '{end.isoformat()}'"
