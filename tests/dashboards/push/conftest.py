"""A Grafana's API to push to, and settings that lead there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from dashboards import push as pushing
from ioc.cli import app
from ioc.settings import load_settings
from tests.dashboards.push.grafana_api import ADMIN, Grafana

Push = Callable[..., Result]


@pytest.fixture
def grafana() -> Iterator[Grafana]:
    server = Grafana()
    yield server
    server.stop()


@pytest.fixture
def token(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text(f"{ADMIN}\n")
    return path


@pytest.fixture(autouse=True)
def set_up(grafana: Grafana, token: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    password = tmp_path / "password"
    password.write_text("first secret\n")
    for name, value in {
        "URL": grafana.url,
        "TOKEN_FILE": token,
        "WAIT_S": 5,
        "TIMEOUT_S": 5,
        "CONSOLE_URL": "https://review.vithanh.example",
        "DATABASE__HOST": "db.vithanh.example",
        "DATABASE__PASSWORD_FILE": password,
    }.items():
        monkeypatch.setenv(f"IOC_GRAFANA__{name}", str(value))
    monkeypatch.setattr(pushing, "_FIRST_WAIT_S", 0.02)


@pytest.fixture
def push() -> Push:
    def run(*options: str) -> Result:
        load_settings.cache_clear()
        return CliRunner().invoke(app, ["dashboards", "push", *options])

    return run
