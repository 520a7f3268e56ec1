"""A fresh TimescaleDB: in WebAssembly, or a real one that ``IOC_TEST_TIMESCALE_URL`` names."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from ioc.settings import DatabaseSettings
from store.migrate import migrate
from store.schema import Flavour
from tests.servers.timescale import Timescale

REAL_URL = os.environ.get("IOC_TEST_TIMESCALE_URL")
"""Read before ``clean_settings`` takes it away."""


@pytest.fixture(scope="module")
def timescale() -> Iterator[DatabaseSettings]:
    """Settings of an empty database that has nothing of ours yet."""
    if REAL_URL:
        yield from _real(REAL_URL)
        return
    folder = Path(tempfile.mkdtemp(prefix="ioc-timescale-"))
    server = Timescale(folder)
    try:
        server.start()
        yield DatabaseSettings(url=server.url())
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def migrated(timescale: DatabaseSettings) -> DatabaseSettings:
    """Settings of a migrated, empty database."""
    migrate(timescale, Flavour.TIMESCALE)
    return timescale


@pytest.fixture
def connection(migrated: DatabaseSettings) -> Iterator[psycopg.Connection[Any]]:
    """A connection to it in autocommit mode; the only one that PGlite takes at a time."""
    # PGlite's sessions are one session: statements that are prepared by name would meet again.
    with psycopg.connect(migrated.url, autocommit=True, prepare_threshold=None) as opened:
        yield opened


def _real(url: str) -> Iterator[DatabaseSettings]:
    name = f"ioc_test_{os.getpid()}_{os.urandom(4).hex()}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    yield DatabaseSettings(url=make_conninfo(url, dbname=name))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
