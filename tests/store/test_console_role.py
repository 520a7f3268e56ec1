"""The role of the console: made by whoever may, asked for by name where the migration may not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from ioc.settings import DatabaseSettings
from store.migrate import MigrationError, migrate
from store.pool import conninfo
from store.schema import Flavour, migrations
from tests.servers.postgres import Postgres


@pytest.fixture
def owner(postgres: Postgres) -> Iterator[Any]:
    """Makes an ordinary role and a database of its own; both are gone afterwards."""
    made: list[str] = []
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:

        def make(name: str, rights: str) -> DatabaseSettings:
            made.append(name)
            connection.execute(f"CREATE ROLE {name} LOGIN {rights}".encode())
            connection.execute(f"CREATE DATABASE {name} OWNER {name}".encode())
            url = postgres.url(name)
            return DatabaseSettings(url=url.replace("://ioc@", f"://{name}@"))

        yield make, connection
        for name in made:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
            connection.execute(f"DROP OWNED BY {name}".encode())
            connection.execute(f"DROP ROLE {name}".encode())


def test_an_ordinary_owner_is_told_what_to_ask_for_and_then_it_works(owner: Any) -> None:
    make, admin = owner
    settings = make("plain_owner", "")
    if not admin.execute("SELECT to_regrole('ioc_console')").fetchone()[0]:
        with pytest.raises(MigrationError, match="CREATE ROLE ioc_console NOLOGIN"):
            migrate(settings)
        admin.execute("CREATE ROLE ioc_console NOLOGIN")
    with pytest.raises(MigrationError, match="GRANT ioc_console TO plain_owner"):
        migrate(settings)
    admin.execute("GRANT ioc_console TO plain_owner")
    if not admin.execute("SELECT to_regrole('ioc_wall')").fetchone()[0]:
        with pytest.raises(MigrationError, match="CREATE ROLE ioc_wall NOLOGIN"):
            migrate(settings)
        admin.execute("CREATE ROLE ioc_wall NOLOGIN")
    assert migrate(settings).version == migrations(Flavour.PLAIN)[-1].version
    with psycopg.connect(conninfo(settings, "test", role="ioc_console")) as connection:
        told = connection.execute("SELECT audit_append('a', 'b', 'c', '{}')").fetchone()
        assert told == (1,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("DELETE FROM audit")
