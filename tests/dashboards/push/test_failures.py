"""A Grafana that refuses, is away, is slow, is none: one line each that says what to do."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from dashboards.screens import SCREENS
from ioc.errors import ConfigError
from tests.dashboards.push.conftest import Push
from tests.dashboards.push.grafana_api import VIEWER, Fault, Grafana


def test_wrong_credentials(push: Push, token: Path, grafana: Grafana) -> None:
    token.write_text("glsa_wrong")
    done = push()
    assert done.exit_code == 1
    assert f"ioc: {grafana.url}: the credentials are refused (401)" in done.stderr
    assert "glsa_wrong" not in done.output
    assert len(done.stderr.splitlines()) == 1


def test_credentials_that_may_only_look(push: Push, token: Path, grafana: Grafana) -> None:
    token.write_text(VIEWER)
    done = push()
    assert done.exit_code == 1
    assert "folder IOC: write: not allowed (403" in done.stderr
    assert "folders:create" in done.stderr and "role Admin" in done.stderr


def test_a_grafana_that_is_down(
    push: Push, grafana: Grafana, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IOC_GRAFANA__WAIT_S", "0.3")
    grafana.stop()
    began = time.monotonic()
    done = push()
    assert 0.3 <= time.monotonic() - began < 5
    assert done.exit_code == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith(f"ioc: {grafana.url}: no connection")
    assert last.endswith("given up after 0.3 s")


def test_a_grafana_that_comes_back_is_waited_for(
    push: Push, grafana: Grafana, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IOC_GRAFANA__WAIT_S", "60")
    grafana.stop()
    back = threading.Timer(3, grafana.start)
    back.start()
    done = push()
    back.join()
    assert done.exit_code == 0
    assert "waiting: " in done.stderr


@pytest.mark.parametrize("breaks", ["before", "after"])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/folders"),
        ("POST", "/api/folders/ioc/permissions"),
        ("POST", "/api/datasources"),
        ("POST", "/api/dashboards/db"),
        ("POST", "/apis/playlist.grafana.app/v1/namespaces/default/playlists"),
        ("GET", "/api/dashboards/uid/tong-quan"),
    ],
)
def test_a_connection_that_breaks_neither_loses_nor_doubles(
    method: str, path: str, breaks: str, push: Push, grafana: Grafana
) -> None:
    grafana.faults.append(Fault(method, path, breaks=breaks))
    done = push()
    assert done.exit_code == 0, done.output
    assert len(grafana.dashboards) == len(SCREENS)
    assert all(len(saved.versions) == 1 for saved in grafana.dashboards.values())
    assert "0 changed" in push().output


def test_a_restart_in_the_middle(
    push: Push, grafana: Grafana, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = grafana._save
    count = iter(range(100))

    def dies(*given: Any) -> None:
        save(*given)
        if next(count) == 3:
            grafana.faults += [Fault("GET", "/api/.*", breaks="before", times=3)]

    monkeypatch.setattr(grafana, "_save", dies)
    done = push()
    assert done.exit_code == 0
    assert all(len(saved.versions) == 1 for saved in grafana.dashboards.values())


def test_errors_of_the_server_may_pass(push: Push, grafana: Grafana) -> None:
    grafana.faults += [Fault("POST", "/api/dashboards/db", status=500, times=2)]
    grafana.faults += [Fault("GET", "/api/folders/ioc", status=502)]
    assert push().exit_code == 0


def test_errors_of_the_server_that_stay(
    push: Push, grafana: Grafana, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IOC_GRAFANA__WAIT_S", "0.2")
    grafana.faults += [Fault("POST", "/api/dashboards/db", status=500, times=1000)]
    done = push()
    assert done.exit_code == 1
    assert "dashboard tong-quan: write: 500 fault; given up after 0.2 s" in done.stderr
    assert "folder IOC" in done.stdout  # what was done is told


def test_a_slow_grafana(push: Push, grafana: Grafana, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IOC_GRAFANA__TIMEOUT_S", "0.3")
    monkeypatch.setenv("IOC_GRAFANA__WAIT_S", "0")
    grafana.faults.append(Fault("GET", "/api/folders/ioc", slow_s=1))
    done = push()
    assert done.exit_code == 1
    assert "no answer in 0.3 s (folder IOC: read)" in done.stderr


def test_a_bad_request_is_told_as_it_is(push: Push, grafana: Grafana) -> None:
    grafana.faults.append(Fault("POST", "/api/dashboards/db", status=400))
    done = push()
    assert done.exit_code == 1
    assert "ioc: dashboard tong-quan: write: 400 fault" in done.stderr


@pytest.mark.parametrize(
    "fault",
    [
        Fault("GET", "/api/health", text="<html>Hello</html>", times=9),
        Fault("GET", "/api/health", text="{not json", times=9),
        Fault("GET", "/api/health", text="[]", times=9),
        Fault("GET", "/api/health", text='{"status": "UP"}', times=9),
        Fault("GET", "/api/health", status=404, times=9),
    ],
    ids=["page", "broken", "list", "other", "nothing"],
)
def test_an_address_that_is_no_grafana(fault: Fault, push: Push, grafana: Grafana) -> None:
    fault.times = 9
    grafana.faults.append(fault)
    done = push()
    assert done.exit_code == 1
    assert f"ioc: {grafana.url}: what answers is no Grafana's API" in done.stderr
    assert grafana.writes == []


def test_a_grafana_below_a_path(
    push: Push, grafana: Grafana, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IOC_GRAFANA__URL", f"{grafana.url}/grafana/")
    done = push()
    assert done.exit_code == 1
    assert f"ioc: {grafana.url}/grafana: what answers is no Grafana's API" in done.stderr


@pytest.mark.parametrize("version", ["11.6.1", "9.5.0"])
def test_a_grafana_that_is_too_old(version: str, push: Push, grafana: Grafana) -> None:
    grafana.version = version
    done = push()
    assert done.exit_code == 1
    assert f"Grafana {version} is too old; 12.0.0 is the oldest" in done.stderr
    assert grafana.writes == []


def test_a_grafana_that_hides_its_version(push: Push, grafana: Grafana) -> None:
    grafana.version = None
    assert push().exit_code == 0


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"TOKEN_FILE": None}, "grafana: no way in; set token_file"),
        ({"TOKEN_FILE": "/nowhere"}, "grafana.token_file: /nowhere:"),
        ({"DATABASE__PASSWORD_FILE": "/nowhere"}, "grafana.database.password_file: /nowhere:"),
        ({"URL": "https://x", "CA_FILE": "/nowhere"}, "grafana.ca_file: /nowhere: no such file"),
    ],
)
def test_settings_that_cannot_work(
    change: dict[str, str | None], told: str, push: Push, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in change.items():
        if value is None:
            monkeypatch.delenv(f"IOC_GRAFANA__{name}")
        else:
            monkeypatch.setenv(f"IOC_GRAFANA__{name}", value)
    done = push()
    assert isinstance(done.exception, ConfigError)  # `ioc` ends with code 2
    assert told in str(done.exception)
