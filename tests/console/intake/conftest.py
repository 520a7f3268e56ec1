"""A console that is killed, lied to and run out of room, and a node that sends to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from edge.evidence_store import EvidenceStore
from ioc.settings import DatabaseSettings
from tests.console.custody import as_owner
from tests.console.senders import (
    LiveConsole,
)
from tests.servers.postgres import Postgres


@pytest.fixture(scope="session")
def shared(
    postgres: Postgres, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LiveConsole]:
    """One console for all tests that leave it running."""
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE intake TEMPLATE {template}".encode())
    database = DatabaseSettings(url=postgres.url("intake"))
    running = LiveConsole(database, tmp_path_factory.mktemp("console"), max_file_mb=64).start()
    yield running
    running.stop()


@pytest.fixture
def console(shared: LiveConsole) -> LiveConsole:
    """That console, as if it were new."""
    for table in ("case_violation", "review_case", "violation", "evidence_set", "evidence",
                  "credential", "device_key", "session", "person", "audit"):  # fmt: skip
        as_owner(shared.database, f"DELETE FROM {table}")
    for part in ("originals", "work/uploads"):
        for path in (shared.folder / part).rglob("*"):
            if path.is_file():
                path.unlink()
    return shared


@pytest.fixture
def database(console: LiveConsole) -> DatabaseSettings:
    """Its database."""
    return console.database


@pytest.fixture
def node(tmp_path: Path) -> Iterator[EvidenceStore]:
    """A node's store with nothing in it."""
    opened = EvidenceStore(tmp_path / "node", budget_bytes=2**28)
    yield opened
    opened.close()
