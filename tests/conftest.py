"""Fixtures for all tests: folders that servers can use, a stack, a database, clean settings."""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
import structlog
from hypothesis import HealthCheck, settings
from psycopg import AsyncConnection
from xdist.scheduler.loadscope import LoadScopeScheduling

from ioc.local import LocalStack
from ioc.settings import PREFIX, DatabaseSettings, load_settings
from store.migrate import migrate
from tests.servers.postgres import Postgres

# In CI (.ci/run) the examples are the same on every run, so that a failure there is the change's
# doing; at home they are new each time, and what is found there becomes a test of its own. How long
# it takes to make or try one says more of the machine than of the code: there is no deadline.
_PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("home", _PATIENT)
settings.register_profile("ci", _PATIENT, derandomize=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "home"))


SERVERS = ("edge", "faults", "ingest", "integration", "measure", "servers", "store", "streams",
           "timescale")  # fmt: skip
"""Folders whose tests wait for servers and kill them: one after another, in one process, while
another process works through the rest."""

_numbers = count()

LONG = "accuracy"
"""The folder whose tests take minutes: they begin first, so that none runs alone at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Bring what takes longest to the front; the rest keeps its order."""
    rank = {**dict.fromkeys(SERVERS, 0), LONG: 1}
    items.sort(key=lambda item: rank.get(_folder(item.nodeid), 2))


class OneProcessForServers(LoadScopeScheduling):  # type: ignore[misc]
    """Tests that wait for servers are one share of the work, each other file is one.

    xdist's own ``loadgroup`` does nothing under pytest 9: all tests of the servers were dealt out
    to both processes, and fixtures of a module were made in each.
    """

    def _split_scope(self, nodeid: str) -> str:
        return "servers" if _folder(nodeid) in SERVERS else nodeid.split("::", 1)[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> OneProcessForServers:
    """Deal out the tests in the order in which they were collected."""
    config.option.loadscopereorder = False
    return OneProcessForServers(config, log)


def _folder(nodeid: str) -> str:
    return nodeid.removeprefix("tests/").split("/", 1)[0]


@pytest.fixture(autouse=True)
def clean_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """No setting in the environment of the developer reaches a test, and none leaves a trace."""
    for name in list(os.environ):
        if name == PREFIX + "CONFIG" or (name.startswith(PREFIX) and "__" in name):
            monkeypatch.delenv(name)
    monkeypatch.setenv("IOC_EVIDENCE__DIR", str(tmp_path / "evidence"))
    monkeypatch.setenv("IOC_EVIDENCE__KEYS_DIR", str(tmp_path / "keys"))
    load_settings.cache_clear()
    yield
    load_settings.cache_clear()


@pytest.fixture(autouse=True)
def own_logs() -> Iterator[None]:
    """A command run inside a test sends logs to that test's standard error, not to the next's."""
    root = logging.getLogger()
    # A fixture of a whole module may have set up logs, which must not speak in another one.
    for handler in root.handlers[:]:
        if isinstance(handler.formatter, structlog.stdlib.ProcessorFormatter):
            root.removeHandler(handler)
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.contextvars.clear_contextvars()


def _server_folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="ioc-test-"))
    folder.chmod(0o755)  # PostgreSQL of a root user runs as "nobody", who must get in
    return folder


@pytest.fixture
def server_folder() -> Iterator[Path]:
    """A new folder for servers, removed after the test; unlike ``tmp_path`` others may enter it."""
    folder = _server_folder()
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def local_stack() -> Iterator[LocalStack]:
    """One embedded stack for all tests that leave its servers running."""
    with LocalStack() as stack:
        yield stack


@pytest.fixture
def stack_env(local_stack: LocalStack, monkeypatch: pytest.MonkeyPatch) -> LocalStack:
    """The session's stack with the settings of this process pointing at it."""
    for name, value in local_stack.settings_env().items():
        monkeypatch.setenv(name, value)
    load_settings.cache_clear()
    return local_stack


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One PostgreSQL for all tests that leave it running; make a database of your own in it."""
    folder = _server_folder()
    server = Postgres(folder)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


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
