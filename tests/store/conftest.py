"""A database of its own for each test, made from a migrated template."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from itertools import count
from typing import Any

import psycopg
import pytest
from psycopg import AsyncConnection

from ioc.settings import DatabaseSettings
from store.migrate import migrate
from tests.servers.postgres import Postgres

_numbers = count()


@pytest.fixture(scope="session")
def template(postgres: Postgres) -> str:
    """The name of a migrated, empty database that nobody is connected to."""
    migrate(DatabaseSettings(url=postgres.url("store_template")))
    return "store_template"


@pytest.fixture
def empty_database(postgres: Postgres) -> Iterator[DatabaseSettings]:
    """Settings of a database that does not exist yet."""
    name = f"store_empty_{next(_numbers)}"
    yield DatabaseSettings(url=postgres.url(name))
    _drop(postgres, name)


@pytest.fixture
def database(postgres: Postgres, template: str) -> Iterator[DatabaseSettings]:
    """Settings of a migrated, empty database."""
    name = f"store_{next(_numbers)}"
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    yield DatabaseSettings(url=postgres.url(name))
    _drop(postgres, name)


@pytest.fixture
async def connection(database: DatabaseSettings) -> AsyncIterator[AsyncConnection[Any]]:
    """A connection to ``database`` that was not prepared by the pool."""
    async with await AsyncConnection.connect(database.url) as opened:
        yield opened


def _drop(postgres: Postgres, name: str) -> None:
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
