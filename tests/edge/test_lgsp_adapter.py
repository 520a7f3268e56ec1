"""The whole adapter against a platform and a broker: readings as of any device, and its check."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from typer.testing import CliRunner

from edge.lgsp.adapter import Adapter
from edge.lgsp.config import load_config
from ioc.cli import app
from ioc.clock import utc_now
from ioc.errors import ConfigError
from ioc.events import HealthEvent, ReadingEvent, StatusEvent
from ioc.local_process import free_port
from ioc.settings import EdgeSettings, Settings
from ioc.topics import device_path
from ioc.webhook_signing import sign
from tests.edge.conftest import Core, LocalBroker, eventually
from tests.edge.lgsp_server import Platform
from tests.servers import ROOT

PATH = device_path("vithanh", "hanh-chinh", "lgsp")
PUSH_SECRET = "p" * 32


@pytest.fixture
def platform() -> Iterator[Platform]:
    with Platform() as one:
        one.answer = {"t": utc_now().isoformat(), "happy": "97,5%", "late": 12}
        yield one


def write_config(folder: Path, platform: Platform, port: int | None = None) -> Path:
    """An adapter's file; TOML takes JSON's text and numbers as they are."""
    oauth = platform.oauth(folder)
    lines = [
        'city = "vithanh"\nsite = "hanh-chinh"\n[[source]]\nname = "dvc"\ninterval_s = 10',
        f"url = {json.dumps(platform.url('data'))}\n[source.oauth]",
        *(f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in oauth.items()),
        '[source.mapping]\ntime = { path = "t" }',
        '[[source.mapping.value]]\nquantity = "gov.satisfaction"\npath = "happy"',
        '[[source.mapping.value]]\nquantity = "gov.late_files"\npath = "late"',
    ]
    if port is not None:
        (folder / "push.secret").write_text(PUSH_SECRET)
        lines += [
            f'[push]\nport = {port}\nsecret_file = "push.secret"\n[push.mapping]',
            'time = { path = "t" }',
            '[[push.mapping.value]]\nquantity = "gov.vneid_sign_in"\npath = "vneid"',
        ]
    path = folder / "lgsp.toml"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def push(port: int, document: dict[str, Any], name: str) -> httpx.Response:
    body, second = msgspec.json.encode(document), int(time.time())
    headers = {
        "content-type": "application/json",
        "webhook-id": name,
        "webhook-timestamp": str(second),
        "webhook-signature": sign(PUSH_SECRET.encode(), name, second, body),
    }
    url = f"http://127.0.0.1:{port}/lgsp"
    deadline = time.monotonic() + 15
    while True:
        try:
            return httpx.post(url, content=body, headers=headers, trust_env=False, timeout=20)
        except httpx.ConnectError:  # the adapter is about to listen
            assert time.monotonic() < deadline
            time.sleep(0.05)


class Running:
    """An adapter on a thread, until the end of a ``with``."""

    def __init__(self, config: Path, broker: LocalBroker, edge: EdgeSettings) -> None:
        settings = Settings(mqtt=broker.settings, edge=edge)
        self.adapter = Adapter(load_config(config), settings)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self.adapter.run, args=(self._stop,))

    def __enter__(self) -> Running:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop.set()
        self._thread.join(20)
        assert not self._thread.is_alive()

    def metric(self, name: str, **labels: str) -> float | None:
        for family in self.adapter.counters.collect():
            for sample in family.samples:
                if sample.name == name and labels.items() <= sample.labels.items():
                    return sample.value
        return None


def readings(core: Core) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for seen in core.events():
        if isinstance(seen.event, ReadingEvent):
            found.setdefault(seen.event.data.quantity, []).append(seen.event.data.value)
    return found


def test_it_is_a_device_like_any_other(
    platform: Platform, broker: LocalBroker, core: Core, settings: EdgeSettings, tmp_path: Path
) -> None:
    port = free_port()
    with Running(write_config(tmp_path, platform, port), broker, settings) as running:
        eventually(lambda: len(readings(core)) == 2, "both figures of the source")
        eventually(
            lambda: any(isinstance(seen.event, HealthEvent) for seen in core.events()), "health"
        )
        answer = push(port, {"t": utc_now().isoformat(), "vneid": "88%"}, "msg_1")
        assert (answer.status_code, answer.json()["taken"]) == (202, 1)
        eventually(lambda: "gov.vneid_sign_in" in readings(core), "the pushed figure")
        assert running.metric("ioc_lgsp_pulls_total", source="dvc", outcome="new") == 1
        assert running.metric("ioc_lgsp_values_total", source="push", outcome="published") == 1
        assert running.metric("ioc_edge_published_total", device=PATH.key) == 4
        assert running.metric("ioc_edge_depth") == 4, "no receipt has come"
    assert readings(core) == {
        "gov.satisfaction": [97.5],
        "gov.late_files": [12.0],
        "gov.vneid_sign_in": [88.0],
    }
    assert {seen.topic for seen in core.events()} == {
        PATH.topic("metric/reading"),
        PATH.topic("metric/health"),
    }
    assert sorted(int(seen.properties["sequence"]) for seen in core.events()) == [0, 1, 2, 3]
    statuses = [seen.event for seen in core.seen if isinstance(seen.event, StatusEvent)]
    assert [status.source for status in statuses] == [PATH.source] * len(statuses)
    eventually(lambda: core.states() == ["online", "offline"], "it says when it leaves")


def test_a_restart_tells_nothing_twice_and_a_repeat_is_the_same_event(
    platform: Platform, broker: LocalBroker, core: Core, settings: EdgeSettings, tmp_path: Path
) -> None:
    port = free_port()
    config = write_config(tmp_path, platform, port)
    pushed = {"t": utc_now().isoformat(), "vneid": 88}
    with Running(config, broker, settings):
        eventually(lambda: len(readings(core)) == 2, "both figures of the source")
        assert push(port, pushed, "msg_1").json()["taken"] == 1
    with Running(config, broker, settings) as again:
        eventually(
            lambda: again.metric("ioc_lgsp_values_total", outcome="repeated") == 2, "known figures"
        )
        answer = push(port, pushed, "msg_1")
        assert (answer.status_code, answer.json()["repeated"]) == (202, 1)
        assert push(port, {**pushed, "vneid": 89}, "msg_1").status_code == 400
        eventually(lambda: len(core.events()) >= 8, "what had no receipt comes again")
    by_id = {seen.event.id: seen.event for seen in core.events()}
    told = [event for event in by_id.values() if isinstance(event, ReadingEvent)]
    assert sorted(event.data.quantity for event in told) == [
        *("gov.late_files", "gov.satisfaction", "gov.vneid_sign_in"),
    ]


def test_without_a_broker_a_pushed_figure_is_taken_and_waits(
    platform: Platform, broker: LocalBroker, settings: EdgeSettings, tmp_path: Path
) -> None:
    port = free_port()
    config = write_config(tmp_path, platform, port)
    broker.kill()
    with Running(config, broker, settings) as running:
        answer = push(port, {"t": utc_now().isoformat(), "vneid": 88}, "msg_1")
        assert answer.status_code == 202
        eventually(lambda: (running.metric("ioc_edge_depth") or 0) >= 4, "all in the spool")
    broker.start()
    core = Core(broker.settings)
    with Running(config, broker, settings):
        eventually(lambda: len(readings(core)) == 3, "all that was said without a broker")
    core.stop()
    replayed = [s.event for s in core.events() if isinstance(s.event, ReadingEvent)]
    assert all(event.replayed for event in replayed)


def test_two_adapters_of_one_device_are_refused(
    platform: Platform, broker: LocalBroker, settings: EdgeSettings, tmp_path: Path
) -> None:
    config = write_config(tmp_path, platform)
    with Running(config, broker, settings):
        eventually(lambda: platform.statuses, "the first one works")
        second = Adapter(load_config(config), Settings(mqtt=broker.settings, edge=settings))
        with pytest.raises(ConfigError, match=r"another process|in use"):
            second.run(threading.Event())


def test_the_command_runs_until_a_signal(
    platform: Platform, broker: LocalBroker, core: Core, tmp_path: Path
) -> None:
    config = write_config(tmp_path, platform)
    running = subprocess.Popen(
        [sys.executable, "-m", "ioc.cli", "lgsp", "run", str(config)],
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "IOC_MQTT__PORT": str(broker.port),
            "IOC_TELEMETRY__LOG_FORMAT": "json",
        },
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        eventually(lambda: len(readings(core)) == 2, "the figures", 60)
        running.send_signal(signal.SIGTERM)
        _, log = running.communicate(timeout=30)
    finally:
        running.kill()
        running.wait()
    assert running.returncode == 0, log
    assert "Traceback" not in log
    assert "bí mật" not in log and "token-" not in log, "no secret in a log"


def checked(config: Path, *options: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["lgsp", "check", str(config), *options])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def test_check_shows_what_would_be_published_and_publishes_nothing(
    platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    config = write_config(tmp_path, platform, free_port())
    before = sorted(path.name for path in tmp_path.iterdir())
    code, out = checked(config)
    assert code == 0, out
    assert "gov.satisfaction" in out and "97.5" in out and "≥ 90: reached" in out
    assert "≤ 0: not reached" in out
    assert "webhook: POST http://127.0.0.1:" in out
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    code, out = checked(config, "--json")
    document = json.loads(out)
    assert document["device"] == PATH.key
    values = document["sources"][0]["values"]
    assert [(v["quantity"], v["value"], v["unit"]) for v in values] == [
        ("gov.satisfaction", 97.5, "%"),
        ("gov.late_files", 12.0, "1"),
    ]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ({"t": "2025", "happy": 90, "late": 1}, "gov.satisfaction.time: '2025' is not a time"),
        ({"happy": None, "late": None}, "gov.satisfaction: no value in the answer"),
    ],
)
def test_check_fails_where_a_value_is_not_understood(
    platform: Platform, answer: Any, told: str, tmp_path: Path
) -> None:
    platform.answer = answer
    code, out = checked(write_config(tmp_path, platform))
    assert code == 1
    assert told in out


def test_check_fails_where_a_source_does_not_answer(platform: Platform, tmp_path: Path) -> None:
    config = write_config(tmp_path, platform)
    platform.trouble += [500, "broken"]
    code, out = checked(config)
    assert (code, "dvc: answers 500" in out) == (1, True)
    code, out = checked(config, "--json")
    assert code == 1
    assert "cannot be read" in json.loads(out)["sources"][0]["error"]


def test_a_push_secret_that_is_too_short_is_wrong_configuration(
    platform: Platform, tmp_path: Path
) -> None:
    config = write_config(tmp_path, platform, free_port())
    (tmp_path / "push.secret").write_text("short")
    with pytest.raises(ConfigError, match=r"push\.secret_file: .*5 bytes; give at least 24"):
        CliRunner().invoke(app, ["lgsp", "check", str(config)], catch_exceptions=False)
