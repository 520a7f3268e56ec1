"""The schema on TimescaleDB: complete, once, and with the same names as on plain PostgreSQL."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner

from ioc.cli import app
from ioc.settings import DatabaseSettings
from store.check import AGGREGATES, OTHER_RELATIONS, check
from store.maintain import RAW_DAYS, SERIES
from store.migrate import MigrationError, migrate
from store.schema import Flavour, migrations
from store.tables import BULK_TABLES
from tests.servers.postgres import Postgres

pytestmark = pytest.mark.service


def test_migrations_run_once(timescale: DatabaseSettings) -> None:
    first = migrate(timescale)
    assert first.flavour is Flavour.TIMESCALE
    assert len(first.applied) == len(migrations(Flavour.TIMESCALE))
    assert migrate(timescale, Flavour.TIMESCALE).applied == ()
    with pytest.raises(MigrationError, match="cannot become 'plain'"):
        migrate(timescale, Flavour.PLAIN)


def test_the_check_finds_everything_in_place(migrated: DatabaseSettings) -> None:
    report = check(migrated)
    assert report.good, report.findings
    assert report.extension is not None
    found = {f.name: f.detail for f in report.findings if f.level == "ok"}
    assert found["hypertable"] == "4 there"
    assert found["real-time aggregate"] == "12 there"
    assert found["policy refresh continuous aggregate"] == "12 there"
    assert found["policy compression"] == "4 there"
    assert found["policy retention"] == "16 there"


def test_the_check_misses_a_policy(migrated: DatabaseSettings) -> None:
    with psycopg.connect(migrated.url, autocommit=True) as connection:
        connection.execute("SELECT remove_retention_policy('flow')")
        connection.execute("ALTER MATERIALIZED VIEW flow_1h SET (timescaledb.materialized_only)")
    try:
        ran = CliRunner().invoke(app, ["db", "check"], env={"IOC_DATABASE__URL": migrated.url})
        assert ran.exit_code == 1
        assert "policy retention: missing for flow" in ran.stdout
        assert "real-time aggregate: missing for flow_1h" in ran.stdout
    finally:
        with psycopg.connect(migrated.url, autocommit=True) as connection:
            connection.execute(f"SELECT add_retention_policy('flow', INTERVAL '{RAW_DAYS} days')")
            connection.execute(
                "ALTER MATERIALIZED VIEW flow_1h SET (timescaledb.materialized_only = false)"
            )


def _jobs(connection: psycopg.Connection[Any], proc: str, key: str) -> dict[str, timedelta]:
    rows = connection.execute(
        "SELECT coalesce(view_name, job.hypertable_name), (config ->> %s)::interval "
        "FROM timescaledb_information.jobs AS job "
        "LEFT JOIN timescaledb_information.continuous_aggregates AS view "
        "ON view.materialization_hypertable_name = job.hypertable_name WHERE proc_name = %s",
        (key, proc),
    )
    return dict(rows.fetchall())


def test_the_spans_fit_together(connection: psycopg.Connection[Any]) -> None:
    """Raw rows outlive every refresh, and are compressed after the longest replay of a spool."""
    starts = _jobs(connection, "policy_refresh_continuous_aggregate", "start_offset")
    kept = _jobs(connection, "policy_retention", "drop_after")
    packed = _jobs(connection, "policy_compression", "compress_after")
    assert set(starts) == set(AGGREGATES)
    assert kept["core_figure"] == timedelta(days=RAW_DAYS)
    for series in SERIES:
        assert kept[series] == timedelta(days=RAW_DAYS)
        assert packed[series] > timedelta(days=7)
        levels = [f"{series}_{level}" for level in ("1m", "15m", "1h", "1d")]
        assert max(starts[level] for level in levels) < kept[series]
        spans = [kept[series], *(kept[level] for level in levels)]
        assert spans == sorted(spans)
        assert all(starts[level] >= timedelta(days=30) for level in levels)


def _columns(connection: psycopg.Connection[Any]) -> dict[tuple[str, str], str]:
    rows = connection.execute(
        "SELECT relname, attname, format_type(atttypid, atttypmod) FROM pg_attribute "
        "JOIN pg_class ON pg_class.oid = attrelid "
        "WHERE attnum > 0 AND NOT attisdropped AND relname = ANY(%s) "
        "AND relnamespace = 'public'::regnamespace",
        ([*(table.name for table in BULK_TABLES), *OTHER_RELATIONS],),
    )
    return {(relation, column): kind for relation, column, kind in rows}


def test_both_kinds_of_database_have_the_same_columns(
    connection: psycopg.Connection[Any], postgres: Postgres
) -> None:
    plain = DatabaseSettings(url=postgres.url("plain_columns"))
    migrate(plain, Flavour.PLAIN)
    with psycopg.connect(plain.url) as other:
        assert _columns(connection) == _columns(other)
