"""Migrations: once each, in order, one at a time, never changed afterwards."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ioc.errors import ConfigError
from ioc.settings import DatabaseSettings
from store import migrate as module
from store.migrate import Applied, MigrationError, choose, migrate, pending
from store.schema import FOLDER, Flavour, Migration, migrations
from tests.servers.postgres import Postgres

PLAIN, TIMESCALE = Flavour.PLAIN, Flavour.TIMESCALE


def test_both_flavours_have_the_same_steps() -> None:
    plain, timescale = migrations(PLAIN), migrations(TIMESCALE)
    assert [(m.version, m.name) for m in plain] == [(m.version, m.name) for m in timescale]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (["0001_a.sql", "0003_b.sql"], "migration 0002 is missing"),
        (["0001_a.sql", "0001_b.sql"], "there twice"),
        (["0001_a.plain.sql"], "both flavours"),
        (["0001_a.sql", "0001_a.plain.sql", "0001_a.timescale.sql"], "both flavours"),
        (["1_a.sql"], "expected 0001_name.sql"),
    ],
)
def test_a_folder_that_makes_no_order_is_refused(
    tmp_path: Path, files: list[str], message: str
) -> None:
    for name in files:
        (tmp_path / name).write_text("SELECT 1")
    with pytest.raises(ValueError, match=message):
        migrations(PLAIN, tmp_path)


def _applied(steps: list[Migration], flavour: Flavour = PLAIN) -> list[Applied]:
    return [Applied(s.version, s.name, s.checksum, flavour) for s in steps]


def test_the_flavour_is_chosen_once() -> None:
    done = _applied(list(migrations(PLAIN)))
    assert choose(None, [], extension=False) is PLAIN
    assert choose(None, [], extension=True) is TIMESCALE
    assert choose(PLAIN, [], extension=True) is PLAIN
    assert choose(None, done, extension=True) is PLAIN
    with pytest.raises(MigrationError, match="cannot become 'timescale'"):
        choose(TIMESCALE, done, extension=True)
    with pytest.raises(MigrationError, match="shared_preload_libraries"):
        choose(TIMESCALE, [], extension=False)


def test_what_is_pending() -> None:
    steps = list(migrations(PLAIN))
    assert pending(steps, []) == steps
    assert pending(steps, _applied(steps[:2])) == steps[2:]
    assert pending(steps, _applied(steps)) == []
    with pytest.raises(MigrationError, match="run a newer program"):
        pending(steps[:2], _applied(steps))


def test_a_database_is_made_and_migrated_once(empty_database: DatabaseSettings) -> None:
    first = migrate(empty_database)
    assert first.created
    assert first.flavour is PLAIN
    assert len(first.applied) == first.version == len(migrations(PLAIN))
    second = migrate(empty_database)
    assert (second.created, second.applied, second.version) == (False, (), first.version)
    with psycopg.connect(empty_database.url) as connection:
        assert connection.execute("SHOW server_encoding").fetchone() == ("UTF8",)


def _with_folder(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setattr(module, "migrations", lambda flavour: migrations(flavour, folder))


def _copy(tmp_path: Path) -> Path:
    for path in FOLDER.glob("*.sql"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


def test_a_changed_step_is_refused(
    database: DatabaseSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = _copy(tmp_path) / "0001_tables.sql"
    first.write_text(first.read_text() + "\n-- harmless?\n")
    _with_folder(monkeypatch, tmp_path)
    with pytest.raises(MigrationError, match="0001_tables was changed after it was applied"):
        migrate(database)


def test_a_step_that_fails_leaves_nothing(
    database: DatabaseSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = _copy(tmp_path) / f"{len(migrations(PLAIN)) + 1:04}_more.sql"
    bad.write_text("CREATE TABLE half (id int);\nSELECT 1/0;")
    _with_folder(monkeypatch, tmp_path)
    with pytest.raises(MigrationError, match="division by zero"):
        migrate(database)
    bad.write_text("CREATE TABLE half (id int);")
    migrations.cache_clear()
    assert migrate(database).applied == (bad.stem,)


def test_two_migrations_at_once_both_succeed(empty_database: DatabaseSettings) -> None:
    outcomes: list[Any] = []

    def work() -> None:
        try:
            outcomes.append(migrate(empty_database))
        except Exception as error:
            outcomes.append(error)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(len(outcome.applied) for outcome in outcomes) == [0, 0, len(migrations(PLAIN))]


def test_a_role_that_may_not_create_is_told_what_to_run(postgres: Postgres) -> None:
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS reader")
        connection.execute("CREATE ROLE reader LOGIN")
    url = postgres.url("not_there").replace("ioc@", "reader@")
    with pytest.raises(ConfigError, match="as an administrator run: CREATE DATABASE not_there"):
        migrate(DatabaseSettings(url=url))
    url = postgres.url("postgres").replace("ioc@", "reader@")
    with pytest.raises(ConfigError, match="the role that owns the database"):
        migrate(DatabaseSettings(url=url))


def test_a_server_that_is_away_is_named(postgres: Postgres) -> None:
    with pytest.raises(ConfigError, match=r"database\.url: .*127\.0\.0\.1.*refused"):
        migrate(DatabaseSettings(url="postgresql://127.0.0.1:1/ioc"))
