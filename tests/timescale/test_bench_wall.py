"""The benchmark of the wall leaves the database as the policies would, but for its raw rows."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import psycopg
import pytest

from ioc.clock import utc_now
from measure.bench.wall import policies
from measure.bench.wall.place import Step
from store.maintain import CHUNKED
from store.rows import FLOW, row_of
from tests.store.samples import CAMERA, flow
from tests.store.series import load

pytestmark = pytest.mark.service

NOW = utc_now()
TODAY = NOW.replace(hour=0, minute=0, second=0, microsecond=0)
STEP = Step(first=TODAY - timedelta(days=30), last=TODAY - timedelta(days=15), dense=False)


def _all(connection: psycopg.Connection[Any], query: str) -> list[Any]:
    return [row[0] for row in connection.execute(query.encode()).fetchall()]


def test_a_step_is_refreshed_and_compressed(connection: psycopg.Connection[Any]) -> None:
    policies.stop(connection)
    jobs = "FROM timescaledb_information.jobs WHERE proc_name LIKE 'policy_%'"
    assert not any(_all(connection, f"SELECT scheduled {jobs} AND hypertable_name IS NOT NULL"))
    times = [
        STEP.first,
        STEP.first + timedelta(days=3, minutes=7),
        STEP.last - timedelta(minutes=1),
    ]
    assert load(connection, FLOW, [row_of(CAMERA, flow(n, at=at)) for n, at in enumerate(times)])
    policies.roll(connection, STEP, NOW)
    finished = "WHERE bucket < (SELECT max(time) FROM flow) - INTERVAL '2 days'"
    for level in policies.ROLLED:
        # Only what is materialized: the view itself would add what is missing.
        connection.execute(
            f"ALTER MATERIALIZED VIEW flow_{level} SET (timescaledb.materialized_only)".encode()
        )
        assert _all(connection, f"SELECT sum(periods)::int FROM flow_{level}") == [3], level
    chunks = "FROM timescaledb_information.chunks WHERE hypertable_name = 'flow'"
    assert _all(connection, f"SELECT is_compressed {chunks}") == [True] * 3
    policies.start(connection, NOW)
    connection.execute("ALTER MATERIALIZED VIEW flow_1d SET (timescaledb.materialized_only)")
    assert sum(_all(connection, f"SELECT periods::int FROM flow_1d {finished}")) == 2
    names = ",".join(CHUNKED)
    raw = f"proc_name = 'policy_retention' AND hypertable_name = ANY('{{{names}}}')"
    assert _all(connection, f"SELECT scheduled {jobs} AND {raw}") == [False] * len(CHUNKED)
    others = _all(connection, f"SELECT scheduled {jobs} AND NOT ({raw})")
    assert len(others) > 20
    assert all(others)
