"""Fixtures for all tests: folders that servers can use, a stack, a database, clean settings."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from ioc.local import LocalStack
from ioc.settings import PREFIX, load_settings
from tests.servers.postgres import Postgres

# In CI the examples are the same on every run, so that a failure there is the change's doing; at
# home they are new each time, and what is found there becomes a test of its own.
settings.register_profile("ci", derandomize=True, deadline=None)
if os.environ.get("CI", "").lower() in {"1", "true"}:
    settings.load_profile("ci")


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
