"""Two years of data under the policies: what goes, what is packed, and no figure that changes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from ioc.clock import utc_now
from ioc.settings import DatabaseSettings
from tests.store.series import LEVELS, TABLES, assert_aggregates, load_events, sample
from tests.timescale.policies import run_policies

pytestmark = pytest.mark.service

NOW = utc_now()
DAY = timedelta(days=1)
# An hour of every tenth day, and the last hour.
EVENTS = [
    event
    for number in range(74)
    for event in sample(NOW - number * 10 * DAY - DAY / 24, days=1, rows=8, seed=number)
]
PACKED_AFTER = {"raw": 8, "1m": 45, "15m": 60, "1h": 120, "1d": 400}
CHUNK = {"raw": 1, "1m": 10, "15m": 30, "1h": 90, "1d": 360}
CHUNKS = """
SELECT coalesce(view.view_name, chunk.hypertable_name), chunk.range_start, chunk.range_end,
       chunk.is_compressed
FROM timescaledb_information.chunks AS chunk
LEFT JOIN timescaledb_information.continuous_aggregates AS view
    ON view.materialization_hypertable_name = chunk.hypertable_name
"""


@pytest.fixture(scope="module")
def aged(migrated: DatabaseSettings) -> DatabaseSettings:
    """Two years of rows, aggregated as the policies would have done in time, and looked after."""
    with psycopg.connect(migrated.url, autocommit=True, prepare_threshold=None) as connection:
        # The scheduler of a real server would delete what has not been aggregated yet.
        connection.execute(
            "SELECT alter_job(job_id, scheduled => false) FROM timescaledb_information.jobs "
            "WHERE proc_name LIKE 'policy_%%'",
            prepare=False,
        )
        assert load_events(connection, EVENTS) == len(EVENTS)
        for table in TABLES.values():
            for level in LEVELS:
                # By itself each minute of the years is a batch with a transaction.
                connection.execute(
                    f"CALL refresh_continuous_aggregate('{table.name}_{level}', NULL, "
                    f"'{(NOW - 2 * DAY).isoformat()}', "
                    """options => '{"buckets_per_batch": 0}')""".encode()
                )
        connection.execute(
            "SELECT alter_job(job_id, scheduled => true) FROM timescaledb_information.jobs "
            "WHERE proc_name LIKE 'policy_%%'",
            prepare=False,
        )
    for _ in range(2):  # what a refresh after the retention wiped would be missing now
        run_policies(migrated)
    return migrated


@pytest.fixture
def years(aged: DatabaseSettings) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(aged.url, autocommit=True, prepare_threshold=None) as opened:
        yield opened


def test_the_long_ones_still_say_everything(years: psycopg.Connection[Any]) -> None:
    assert_aggregates(years, EVENTS, ["15m", "1h", "1d"])
    assert_aggregates(years, EVENTS, ["1m"], since=NOW - 400 * DAY)


def test_raw_rows_and_minutes_go_when_their_time_is_over(years: psycopg.Connection[Any]) -> None:
    for table in TABLES.values():
        for name, column, kept, chunk in (
            (table.name, "time", 90, CHUNK["raw"]),
            (f"{table.name}_1m", "bucket", 400, CHUNK["1m"]),
        ):
            query = f"SELECT min({column}) FROM {name}"
            row = years.execute(query.encode()).fetchone()
            assert row is not None
            # What goes are whole chunks; and nothing goes before its time.
            assert NOW - (kept + chunk) * DAY < row[0] < NOW - (kept - 10) * DAY, name


def test_old_chunks_are_packed_and_young_ones_are_not(years: psycopg.Connection[Any]) -> None:
    seen = set()
    for name, start, end, packed in years.execute(CHUNKS.encode()).fetchall():
        if name == "core_figure":
            continue
        level = name.partition("_")[2] or "raw"
        assert end - start == CHUNK[level] * DAY, name
        assert packed == (end < NOW - PACKED_AFTER[level] * DAY), (name, start)
        seen.add((name, packed))
    names = {f"{t.name}{tail}" for t in TABLES.values() for tail in ("", "_1m", "_15m", "_1h")}
    assert seen >= {(name, packed) for name in names for packed in (True, False)}
