"""The wall's benchmark on a real database: what is loaded, how it is asked, who writes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner

from dashboards.screens import SCREENS
from ioc.cli import app
from ioc.errors import ConfigError
from ioc.settings import DatabaseSettings
from measure.bench.wall import raw
from measure.bench.wall.asking import ask, connect, questions
from measure.bench.wall.load import load
from measure.bench.wall.place import Province, Spread
from measure.bench.wall.series import COLUMNS
from measure.bench.wall.watching import watch
from measure.bench.wall.writing import writer
from tests.servers.postgres import Postgres

NOW = datetime(2026, 11, 20, 1, 15, 30, tzinfo=UTC)
SPREAD = Spread(days=3, dense_days=0, every_s=900)
PROVINCE = Province(2, 1)
SERIES = ("flow", "flow_minute", "reading", "health")
ACTS = ("violation", "evidence", "evidence_set", "audit", "status", "dead_letter")

Connection = psycopg.Connection[Any]


def quiet(_: str) -> None:
    """Progress that nobody reads."""


@pytest.fixture
def opened(database: DatabaseSettings) -> Iterator[Connection]:
    with psycopg.connect(database.url, autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="module")
def loaded(postgres: Postgres, template: str) -> Iterator[DatabaseSettings]:
    """Settings of a database with three days in it."""
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE bench_wall_loaded TEMPLATE {template}".encode())
    settings = DatabaseSettings(url=postgres.url("bench_wall_loaded"))
    with psycopg.connect(settings.url, autocommit=True) as connection:
        load(connection, PROVINCE, SPREAD, NOW, quiet, timescale=False)
    yield settings
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        connection.execute("DROP DATABASE bench_wall_loaded WITH (FORCE)")


def one(connection: Connection, query: str) -> Any:
    row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row[0] if len(row) == 1 else row


def summary(connection: Connection, table: str) -> Any:
    """Number and digest of a table's rows, in whatever order they lie."""
    return one(
        connection,
        f"SELECT count(*), sum(hashtextextended(t::text, 0)) FROM {table} AS t",
    )


def test_a_load_that_goes_on_later_has_the_rows_of_one_in_one_go(
    loaded: DatabaseSettings, opened: Connection
) -> None:
    earlier = NOW - timedelta(minutes=44)
    first = load(opened, PROVINCE, SPREAD, earlier, quiet, timescale=False)
    held = one(opened, "SELECT count(*) FROM flow")
    again = load(opened, PROVINCE, SPREAD, earlier, quiet, timescale=False)
    assert again.rows == 0
    assert again.until == first.until == earlier.replace(second=0)
    for table, column in (("flow", "time"), ("flow_minute", "minute")):
        # Left by events that were written while viewers looked.
        names = [name for name, _ in COLUMNS[table]]
        values = {name: name for name in names} | {column: "%s", "id": "gen_random_uuid()"}
        taken = ", ".join(values[name] for name in names)
        query = (
            f"INSERT INTO {table} ({', '.join(names)}) "
            f"SELECT {taken} FROM {table} ORDER BY {column} DESC LIMIT 1"
        )
        assert opened.execute(query.encode(), (first.until,)).rowcount == 1
    last = load(opened, PROVINCE, SPREAD, NOW, quiet, timescale=False)
    assert last.until == NOW.replace(second=0)
    assert one(opened, "SELECT count(*) FROM flow") > held
    with psycopg.connect(loaded.url) as whole:
        for table in (*SERIES, *ACTS):
            assert summary(opened, table) == summary(whole, table), table
            assert summary(opened, table)[0] > 0, table


def test_another_load_is_not_mixed_in(loaded: DatabaseSettings) -> None:
    with (
        psycopg.connect(loaded.url, autocommit=True) as connection,
        pytest.raises(ConfigError, match=r"another load.*DROP DATABASE bench_wall_loaded"),
    ):
        load(connection, Province(2, 2), SPREAD, NOW, quiet, timescale=False)


def test_the_rows_are_what_was_meant(loaded: DatabaseSettings) -> None:
    with psycopg.connect(loaded.url) as connection:
        for table in SERIES:
            time = "minute" if table == "flow_minute" else "time"
            first, last = one(connection, f"SELECT min({time}), max({time}) FROM {table}")
            assert first == datetime(2026, 11, 17, tzinfo=UTC)
            assert timedelta(0) < NOW - last < timedelta(minutes=17), table
        assert one(connection, "SELECT count(DISTINCT (city, site, device, lane)) FROM flow") == 8
        assert one(connection, "SELECT count(DISTINCT (city, site, device)) FROM sensor") == 20
        speed, occupancy = one(connection, "SELECT avg(speed_kmh), max(occupancy) FROM flow")
        assert 20 < speed < 60
        assert 0 < occupancy <= 1
        assert one(connection, "SELECT count(*) FROM flow WHERE received - time > '1 s'") == 0
        counts = "motorcycle + car + bus + truck + bicycle + three_wheeler + pedestrian + other"
        assert one(connection, f"SELECT count(*) FROM flow WHERE total <> {counts}") == 0
        windows = one(
            connection,
            "SELECT sum(total), sum(periods), max(queue_m), sum(occupancy_sum), sum(speed_sum), "
            "sum(speed_weight) FROM flow_minute",
        )
        assert windows == pytest.approx(
            one(
                connection,
                "SELECT sum(total), count(*), max(queue_m), sum(occupancy * period_s), "
                "sum(speed_kmh * total), sum(total) FROM flow",
            )
        )
        share = one(connection, "SELECT avg((quality = 'bad')::int) FROM reading")
        assert 0.0005 < share < 0.01
        assert one(connection, "SELECT count(*) FROM health WHERE fps IS NULL") > 0
        undecided = "SELECT count(*) FROM review_case WHERE state IN ('confirmed', 'rejected')"
        assert one(connection, undecided) > 0
        assert one(connection, "SELECT count(*) FROM review_case WHERE decided > now()") == 0
        alone = (
            "SELECT count(*) FROM review_case AS c WHERE state = 'confirmed' AND 2 <> ("
            "SELECT count(DISTINCT person) FROM review_decision WHERE case_id = c.id)"
        )
        assert one(connection, alone) == 0
        with pytest.raises(psycopg.errors.CheckViolation):  # the guard is on again
            connection.execute("UPDATE review_case SET state = 'confirmed' WHERE state = 'pending'")


def test_raw_views_answer_as_the_aggregates_do(loaded: DatabaseSettings) -> None:
    """On plain PostgreSQL TimescaleDB's function is what the plain aggregates write out."""
    with psycopg.connect(loaded.url) as connection:
        connection.execute(
            b"CREATE FUNCTION time_bucket(width interval, at timestamptz) RETURNS timestamptz "
            b"LANGUAGE sql RETURN date_bin(width, at, TIMESTAMPTZ '2000-01-03 00:00:00+00');"
            b"CREATE FUNCTION time_bucket(width interval, at timestamptz, zone text) "
            b"RETURNS timestamptz LANGUAGE sql RETURN date_trunc('day', at, zone);"
            b"DROP SCHEMA raw;" + raw.views(timescale=True).encode()
        )
        for name in raw.bodies():
            names = one(
                connection,
                "SELECT string_agg(CASE data_type WHEN 'double precision' "
                "THEN format('round(%I::numeric, 6)', column_name) "
                "ELSE quote_ident(column_name) END, ', ') FROM information_schema.columns "
                f"WHERE table_schema = 'public' AND table_name = '{name}'",
            )
            for ours, theirs in (("public", "raw"), ("raw", "public")):
                left = f"SELECT {names} FROM {ours}.{name}"
                right = f"SELECT {names} FROM {theirs}.{name}"
                assert one(connection, f"SELECT count(*) FROM ({left} EXCEPT {right}) AS d") == 0
            assert one(connection, f"SELECT count(*) FROM raw.{name}") > 0
        connection.rollback()


def test_every_query_is_asked_as_the_role_of_grafana(loaded: DatabaseSettings) -> None:
    told: list[str] = []
    asked = questions(SCREENS)
    found = ask(loaded, PROVINCE, asked, NOW, told.append, runs=2, raw_runs=0)
    assert [one.query for one in found] == [one.query for one in asked]
    assert all(len(one.times) == 2 and min(one.times) > 0 for one in found)
    assert len(told) == len(asked)
    with connect(loaded) as connection:
        assert one(connection, "SELECT current_user") == "ioc_wall"
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT plate_text FROM violation")


@pytest.mark.slow
def test_viewers_look_while_events_are_written(loaded: DatabaseSettings) -> None:
    screens = SCREENS[:2]
    with psycopg.connect(loaded.url, autocommit=True) as connection:
        before = one(connection, "SELECT count(*) FROM flow")
        with writer(loaded, PROVINCE, rate=50) as written:
            seen = watch(loaded, PROVINCE, screens, viewers=4, every_s=2.0, seconds=4.0)
        rows = one(connection, "SELECT count(*) FROM flow") - before
    # Each viewer refreshes at 2 and 4 seconds; what it asked first does not count.
    assert len(seen.screens) + seen.late == 8
    assert len(seen.queries) >= len(seen.screens) * min(len(screen.tiles) for screen in screens)
    assert max(seen.screens) >= max(seen.queries)
    assert 0.5 * 50 <= written.rate <= 1.5 * 50
    assert rows == pytest.approx(0.6 * written.rows, rel=0.1)


@pytest.mark.slow
def test_the_command_prints_one_object(postgres: Postgres) -> None:
    command = ["bench", "wall", "--database", postgres.url("postgres"), "--sites", "2", "--days"]
    command += ["2", "--dense-days", "0", "--runs", "2", "--viewers", "2", "--for", "6s"]
    command += ["--rate", "20"]
    try:
        ran = CliRunner().invoke(app, [*command, "--json"])
        assert ran.exit_code == 0, ran.stderr
        printed = json.loads(ran.stdout)
        values = {figure["name"]: figure["value"] for figure in printed["figures"]}
        assert values["wall.p95"] > 0
        assert values["wall.refresh.p95"] > 0
        assert values["wall.refresh.writes"] == pytest.approx(20, rel=0.3)
        assert {f"wall.{tile.query}.p95" for screen in SCREENS for tile in screen.tiles} <= set(
            values
        )
        assert "wall.speedup" not in values
        assert "plain views" in printed["environment"]["timescaledb"]
        assert printed["environment"]["load"]["sites"] == 2
        refused = CliRunner().invoke(app, [*command, "--seed", "9"])
        assert isinstance(refused.exception, ConfigError)
        assert "another load" in str(refused.exception)
    finally:
        with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
            connection.execute("DROP DATABASE IF EXISTS ioc_bench_wall WITH (FORCE)")
