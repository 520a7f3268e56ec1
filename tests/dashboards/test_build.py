"""The committed files are what the code says, and ``ioc dashboards check`` tells when not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from dashboards import build
from dashboards.build import ALERTING_DIR, PLAYLIST, ROOT, SCREENS_DIR, committed
from dashboards.screens import SCREENS
from ioc.cli import app
from ioc.settings import DatabaseSettings, load_settings

FILES = len(SCREENS) + 1 + 4


def ioc(*words: str) -> Result:
    load_settings.cache_clear()
    return CliRunner().invoke(app, ["dashboards", *words])


def test_what_is_committed_is_what_the_code_says() -> None:
    assert build.differences() == [], "run `ioc dashboards build` and commit what it writes"


def test_building_twice_gives_the_same_bytes() -> None:
    assert committed() == committed()


def test_each_file_is_what_its_reader_expects() -> None:
    for path, text in committed().items():
        if path.suffix == ".yaml":
            assert yaml.safe_load(text)["apiVersion"] == 1
        else:
            json.loads(text)
        assert text.endswith("\n") and "\t" not in text


def test_only_screens_lie_where_grafana_looks_for_screens() -> None:
    here = {path.name for path in (ROOT / SCREENS_DIR).iterdir()}
    assert here == {f"{screen.uid}.json" for screen in SCREENS}


def test_the_playlist_shows_all_screens_in_turn() -> None:
    spec = json.loads(committed()[PLAYLIST])["spec"]
    assert [one["value"] for one in spec["items"]] == [screen.uid for screen in SCREENS]
    assert spec["interval"] == "30s"


def test_check_names_the_file_that_differs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build.write(committed(), tmp_path)
    monkeypatch.setattr(build.differences, "__defaults__", (tmp_path,))
    assert ioc("check").exit_code == 0
    changed = tmp_path / SCREENS_DIR / "vi-pham.json"
    changed.write_text(changed.read_text().replace('"refresh": "10s"', '"refresh": "5s"'))
    (tmp_path / ALERTING_DIR / "rules.yaml").unlink()
    (tmp_path / SCREENS_DIR / "old.json").write_text("{}")
    done = ioc("check")
    assert done.exit_code == 1
    assert done.stdout.splitlines() == [
        "dashboards/json/vi-pham.json: differs from the code",
        "deploy/grafana/provisioning/alerting/rules.yaml: missing",
        "dashboards/json/old.json: no screen has this name any more",
    ]
    assert "ioc dashboards build" in done.stderr
    document = json.loads(ioc("check", "--json").stdout)
    assert document["ok"] is False and len(document["files"]) == 3


def test_build_mends_what_differs_and_nothing_else(tmp_path: Path) -> None:
    build.write(committed(), tmp_path)
    kept = tmp_path / SCREENS_DIR / "tong-quan.json"
    before = kept.stat().st_mtime_ns
    (tmp_path / SCREENS_DIR / "old.json").write_text("{}")
    (tmp_path / PLAYLIST).write_text("{}")
    assert build.write(committed(), tmp_path) == [PLAYLIST, SCREENS_DIR / "old.json"]
    assert kept.stat().st_mtime_ns == before
    assert build.differences(tmp_path) == []
    assert build.write(committed(), tmp_path) == []


def test_files_of_an_installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IOC_CONSOLE__PUBLIC_URL", "https://review.vithanh.example")
    monkeypatch.setenv("IOC_GRAFANA__FOLDER", "Vị Thanh")
    done = ioc("build", "--out", str(tmp_path))
    assert done.exit_code == 0
    assert f"{FILES} files, {FILES} changed" in done.stdout
    board = json.loads((tmp_path / SCREENS_DIR / "tong-quan.json").read_text())
    (console,) = [one for one in board["templating"]["list"] if one["name"] == "console"]
    assert console["query"] == "https://review.vithanh.example"
    rules = yaml.safe_load((tmp_path / ALERTING_DIR / "rules.yaml").read_text())
    assert {group["folder"] for group in rules["groups"]} == {"Vị Thanh cảnh báo"}
    assert f"{FILES} files, 0 changed" in ioc("build", "--out", str(tmp_path)).stdout


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = ioc("build", "--out", str(tmp_path / "file"))
    assert "cannot write" in str(done.exception)


def test_check_asks_a_database(database: DatabaseSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "differences", lambda: [])
    monkeypatch.setenv("IOC_DATABASE__URL", database.url)
    done = ioc("check", "--database")
    assert done.exit_code == 0, done.output
    assert "the database answers every question" in done.stdout
    _break(monkeypatch)
    done = ioc("check", "--database")
    assert done.exit_code == 1
    assert "ioc-stuck: dashboards/queries/alert-stuck.sql: relation" in done.stdout
    document = json.loads(ioc("check", "--database", "--json").stdout)
    assert [one["where"] for one in document["queries"]] == ["ioc-stuck"]


def test_a_database_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "differences", lambda: [])
    monkeypatch.setenv("IOC_DATABASE__URL", "postgresql://127.0.0.1:1/ioc")
    done = ioc("check", "--database")
    assert done.exit_code == 1
    assert done.stderr.startswith("ioc: database: ") and len(done.stderr.splitlines()) == 1


def _break(monkeypatch: pytest.MonkeyPatch) -> None:
    from dashboards import ask

    whole = ask.alert_statement

    def one_wrong(rule: Any, now: Any) -> str:
        return "SELECT 1 FROM nowhere" if rule.uid == "ioc-stuck" else whole(rule, now)

    monkeypatch.setattr(ask, "alert_statement", one_wrong)
