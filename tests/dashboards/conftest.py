"""A database to ask the wall's queries of, on plain PostgreSQL and on TimescaleDB alike.

Each test works in a transaction that is rolled back. It fills tables as the owner and asks as the
role that Grafana has, so that a query which needs more than that fails.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import dict_row

from dashboards.query import Range, render
from ioc.settings import DatabaseSettings
from store.migrate import migrate
from store.schema import Flavour
from tests.servers.postgres import Postgres
from tests.servers.timescale import Timescale

Fill = Callable[[str, Sequence[Mapping[str, Any]]], None]
FillCases = Callable[[Sequence[Mapping[str, Any]]], None]
Ask = Callable[..., list[dict[str, Any]]]


@pytest.fixture(
    scope="module", params=["plain", pytest.param("timescale", marks=pytest.mark.service)]
)
def migrated(request: pytest.FixtureRequest) -> Iterator[DatabaseSettings]:
    """Settings of a migrated, empty database of either flavour."""
    folder = Path(tempfile.mkdtemp(prefix="ioc-wall-"))
    folder.chmod(0o755)  # PostgreSQL of a root user runs as "nobody", who must get in
    server: Postgres | Timescale
    try:
        if request.param == "plain":
            postgres: Postgres = request.getfixturevalue("postgres")
            template: str = request.getfixturevalue("template")
            name = f"wall_{request.module.__name__.rpartition('.')[2]}"
            with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
                connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())
            yield DatabaseSettings(url=postgres.url(name))
            with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
                connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
            return
        server = Timescale(folder)
        try:
            server.start()
            settings = DatabaseSettings(url=server.url())
            migrate(settings, Flavour.TIMESCALE)
            yield settings
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def wall(migrated: DatabaseSettings) -> Iterator[psycopg.Connection[Any]]:
    """A connection in a transaction that will be rolled back."""
    with psycopg.connect(migrated.url, prepare_threshold=None, row_factory=dict_row) as connection:
        yield connection
        connection.rollback()


@pytest.fixture
def fill(wall: psycopg.Connection[Any]) -> Fill:
    """``fill("flow", [{column: value, …}, …])`` stores rows, whose columns are the first one's."""

    def store(table: str, rows: Sequence[Mapping[str, Any]]) -> None:
        if not rows:
            return
        names = list(rows[0])
        insert = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
            sql.Identifier(table),
            sql.SQL(", ").join(map(sql.Identifier, names)),
            sql.SQL(", ").join(sql.Placeholder() * len(names)),
        )
        for row in rows:  # PGlite knows neither COPY nor pipelines
            wall.execute(insert, [row[name] for name in names], prepare=False)

    return store


@pytest.fixture
def fill_cases(fill: Fill, wall: psycopg.Connection[Any]) -> FillCases:
    """``fill_cases([{column: value, …}, …])`` stores cases in any state.

    A case begins as pending and only decisions move it; the triggers that see to it rest here.
    """

    def store(rows: Sequence[Mapping[str, Any]]) -> None:
        wall.execute("SET LOCAL session_replication_role = replica")
        fill("review_case", rows)
        wall.execute("SET LOCAL session_replication_role = origin")

    return store


@pytest.fixture
def ask(wall: psycopg.Connection[Any]) -> Ask:
    """``ask("flow-now", now, hours=24, cities=[…], sites=[…])``: the rows that a viewer gets."""

    def answer(
        query: str,
        now: datetime,
        *,
        hours: float = 24,
        cities: Sequence[str] = ("vithanh", "ngabay"),
        sites: Sequence[str] = ("tran-hung-dao", "hung-vuong"),
    ) -> list[dict[str, Any]]:
        chosen = Range.until(now, timedelta(hours=hours), cities, sites)
        wall.execute("SET LOCAL ROLE ioc_wall")
        try:
            return wall.execute(render(query, chosen).encode(), prepare=False).fetchall()
        finally:
            if not wall.broken and wall.info.transaction_status.name != "INERROR":
                wall.execute("RESET ROLE")

    return answer
