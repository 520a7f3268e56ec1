"""What each role that a service logs in as may do, and what it may not."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import pytest
from typer.testing import CliRunner

from ioc.cli import app
from ioc.errors import ConfigError
from ioc.settings import DatabaseSettings, load_settings
from store.logins import Login, make_login, reader
from store.migrate import MigrationError, migrate
from store.pool import open_pool
from tests.servers.postgres import Postgres

PASSWORD = "a-password-of-sixteen-letters"
_numbers = count()
Make = Callable[..., DatabaseSettings]


@pytest.fixture
def owner(postgres: Postgres) -> Iterator[DatabaseSettings]:
    """A database as an installation has it: its owner is no superuser, and nobody else may in."""
    name = f"logins_{next(_numbers)}"
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as admin:
        admin.execute(f"CREATE ROLE {name} LOGIN CREATEROLE".encode())
        for group in ("ioc_console", "ioc_wall", "ioc_core"):
            # Made by another test's database; here the owner has them as if it had made them.
            if admin.execute("SELECT to_regrole(%s)", (group,)).fetchone() == (None,):
                admin.execute(f"CREATE ROLE {group} NOLOGIN".encode())
            admin.execute(f"GRANT {group} TO {name} WITH ADMIN OPTION".encode())
        admin.execute(f"CREATE DATABASE {name} OWNER {name}".encode())
        admin.execute(f"REVOKE ALL ON DATABASE {name} FROM PUBLIC".encode())
        settings = DatabaseSettings(url=postgres.url(name).replace("://ioc@", f"://{name}@"))
        migrate(settings)
        yield settings
        made = admin.execute(
            "SELECT rolname FROM pg_roles WHERE rolname LIKE %s", (f"{name}_%",)
        ).fetchall()
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
        for (role,) in made:
            admin.execute(f"DROP ROLE {role}".encode())
        admin.execute(f"DROP OWNED BY {name}".encode())
        admin.execute(f"DROP ROLE {name}".encode())


@pytest.fixture
def made(owner: DatabaseSettings) -> Make:
    """Makes a login in that database; its settings."""

    def make(suffix: str, login: Login) -> DatabaseSettings:
        name = f"{owner.url.rsplit('/', 1)[1]}_{suffix}"
        assert make_login(owner, name, PASSWORD, login)
        return DatabaseSettings(
            url=owner.url.replace(owner.url.split("@")[0], f"postgresql://{name}")
        )

    return make


def _run(settings: DatabaseSettings, *queries: LiteralString) -> list[Any]:
    with psycopg.connect(settings.url, autocommit=True) as connection:
        cursor = connection.cursor()
        for query in queries:
            cursor.execute(query)
        return cursor.fetchall() if cursor.description else []


def _refused(settings: DatabaseSettings, *queries: LiteralString) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        _run(settings, *queries)


def test_grafana_reads_figures_and_no_plate_and_no_person(made: Make) -> None:
    grafana = made("grafana", reader(5, 5))
    assert _run(grafana, "SELECT count(*) FROM flow_15m") == [(0,)]
    assert _run(grafana, "SELECT rule, vehicle FROM violation") == []
    for column in ("plate_text", "signature", "evidence", "*"):
        _refused(grafana, f"SELECT {column} FROM violation")
    for table in ("person", "session", "credential", "review_note", "case_export"):
        _refused(grafana, f"SELECT * FROM {table}")
    for column in ("plate_read", "plate_fixed"):
        _refused(grafana, f"SELECT {column} FROM review_case")
    _refused(grafana, "SELECT raw FROM dead_letter")


def test_grafana_writes_nothing_not_even_when_it_switches_writing_on(made: Make) -> None:
    grafana = made("grafana", reader(5, 5))
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        _run(grafana, "DELETE FROM flow")
    switched: LiteralString = "SET default_transaction_read_only = off"
    for query in (
        "DELETE FROM flow",
        "INSERT INTO core_figure VALUES ('a', 'b', 'c', now(), 1, '')",
        "UPDATE alert SET published = true",
        "TRUNCATE reading",
        "CREATE TABLE mine (a int)",
        "CREATE TEMP TABLE mine (a int)",
        "SELECT audit_append('a', 'b', 'c', '{}')",
    ):
        _refused(grafana, switched, query)


def test_a_slow_question_of_grafana_is_ended(made: Make) -> None:
    grafana = made("grafana", reader(5, 0.5))
    began = time.monotonic()
    with pytest.raises(psycopg.errors.QueryCanceled):
        _run(grafana, "SELECT pg_sleep(10)")
    assert time.monotonic() - began < 5
    assert _run(made("usual", reader(5, 5)), "SHOW statement_timeout") == [("5s",)]


def test_grafana_holds_no_more_connections_than_it_was_given(made: Make) -> None:
    grafana = made("grafana", reader(2, 5))
    with (
        psycopg.connect(grafana.url),
        psycopg.connect(grafana.url),
        pytest.raises(psycopg.OperationalError, match="too many connections for role"),
    ):
        psycopg.connect(grafana.url)


def test_a_worker_touches_no_review_and_no_audit(made: Make) -> None:
    core = made("core", Login("ioc_core", 10))
    assert _run(core, "SELECT plate_text FROM violation") == []
    for query in (
        "SELECT * FROM person",
        "SELECT * FROM audit",
        "SELECT audit_append('a', 'b', 'c', '{}')",
        "INSERT INTO review_decision DEFAULT VALUES",
        "UPDATE violation SET plate_text = 'x'",
        "DELETE FROM violation",
        "DELETE FROM flow",
        "UPDATE dead_letter SET raw = ''",
        "TRUNCATE alert",
        "DROP TABLE flow",
        "CREATE TABLE mine (a int)",
        "SET ROLE ioc_console",
    ):
        _refused(core, query)


async def test_the_console_works_as_its_own_role(made: Make) -> None:
    console = made("console", Login("ioc_console", 10))
    async with (
        open_pool(console, "test", role="ioc_console") as pool,
        pool.connection() as connection,
    ):
        cursor = await connection.execute("SELECT audit_append('a', 'b', 'c', '{}')")
        assert await cursor.fetchone() == (1,)
    _refused(console, "DELETE FROM audit")
    _refused(console, "INSERT INTO flow_minute DEFAULT VALUES")


def test_repeating_it_changes_password_and_limits(
    owner: DatabaseSettings, postgres: Postgres, made: Make
) -> None:
    name = made("again", reader(5, 5)).url.split("//")[1].split("@")[0]

    def stored() -> Any:
        with psycopg.connect(postgres.url("postgres")) as admin:
            return admin.execute(
                "SELECT a.rolpassword, a.rolconnlimit, r.rolconfig FROM pg_authid a "
                "JOIN pg_roles r USING (rolname) WHERE rolname = %s",
                (name,),
            ).fetchone()

    before = stored()
    assert before[0].startswith("SCRAM-SHA-256$") and before[1] == 5
    assert not make_login(owner, name, PASSWORD + "2", reader(7, 3))
    after = stored()
    assert after[0] != before[0] and after[1] == 7
    assert "statement_timeout=3000ms" in after[2]


def test_a_role_that_is_more_is_left_alone(
    owner: DatabaseSettings, postgres: Postgres, made: Make
) -> None:
    wall = made("wall", reader(5, 5)).url.split("//")[1].split("@")[0]
    with pytest.raises(ConfigError, match=f"role {wall}: exists and is more than a login"):
        make_login(owner, wall, PASSWORD, Login("ioc_core", 5))
    with pytest.raises(ConfigError, match="role ioc: exists and is more"):
        make_login(owner, "ioc", PASSWORD, reader(5, 5))  # the superuser of these tests
    for name in ("ioc_wall", "Grafana", "a-b", "x" * 64, ""):
        with pytest.raises(ConfigError, match="use a-z"):
            make_login(owner, name, PASSWORD, reader(5, 5))
    for password in ("short", "", "two\nlines of a password"):
        with pytest.raises(ConfigError, match="at least 16 printable"):
            make_login(owner, "grafana", password, reader(5, 5))


def test_who_may_not_make_roles_is_told(made: Make) -> None:
    with pytest.raises(ConfigError, match="run this as the role that owns"):
        make_login(made("core", Login("ioc_core", 5)), "other", PASSWORD, reader(5, 5))


def test_an_empty_database_is_no_place_for_a_login(postgres: Postgres) -> None:
    with pytest.raises(MigrationError, match="ioc db migrate"):
        make_login(DatabaseSettings(url=postgres.url("postgres")), "x", PASSWORD, reader(5, 5))


def test_the_commands(
    owner: DatabaseSettings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("IOC_DATABASE__URL", owner.url)
    load_settings.cache_clear()
    secret = tmp_path / "secret"
    secret.write_text(PASSWORD + "\n")
    name = owner.url.rsplit("/", 1)[1]

    def call(*arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, ["db", *arguments])
        text = done.output if not isinstance(done.exception, ConfigError) else str(done.exception)
        return done.exit_code, text.strip()

    grafana = ("reader", f"{name}_g", "--password-file", str(secret))
    assert call(*grafana) == (0, f"{name}_g: made, with the rights of ioc_wall")
    assert call(*grafana) == (0, f"{name}_g: up to date, with the rights of ioc_wall")
    for part in ("core", "console"):
        done = call("login", f"{name}_{part}", "--part", part, "--password-file", str(secret))
        assert done == (0, f"{name}_{part}: made, with the rights of ioc_{part}")
    assert (
        "give core or console"
        in call("login", "x", "--part", "wall", "--password-file", str(secret))[1]
    )
    assert "No such file" in call("reader", "x", "--password-file", str(tmp_path / "none"))[1]
