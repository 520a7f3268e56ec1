"""What somebody else did in Grafana is never lost unasked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.dashboards.push import grafana_api
from tests.dashboards.push.conftest import Push
from tests.dashboards.push.grafana_api import Fault, Grafana


def test_a_change_by_hand_is_not_lost_unasked(grafana: Grafana, push: Push) -> None:
    push()
    grafana.edit("giao-thong", "nguyen.van.a", lambda body: body.update(title="Của tôi"))
    grafana.writes.clear()
    done = push()
    assert done.exit_code == 1
    assert (
        "ioc: dashboard giao-thong: changed in Grafana by nguyen.van.a at 2026-11-22T05:00:00Z; "
        "take that change over into dashboards/screens, or push with --overwrite" in done.stderr
    )
    assert grafana.writes == []
    assert push("--overwrite").exit_code == 0
    assert grafana.dashboards["giao-thong"].body["title"] == "Giao thông"
    assert push().exit_code == 0


def test_a_screen_that_was_moved_comes_back(grafana: Grafana, push: Push) -> None:
    push()
    grafana.dashboards["vi-pham"].folder = ""
    done = push()
    assert "folder: none → ioc" in done.output
    assert grafana.dashboards["vi-pham"].folder == "ioc"


def test_two_who_save_at_once(
    grafana: Grafana, push: Push, monkeypatch: pytest.MonkeyPatch
) -> None:
    push()
    monkeypatch.setenv("IOC_GRAFANA__CONSOLE_URL", "https://other.example")
    answer = Grafana.dashboard_versions

    def another_saves(self: Grafana, parts: tuple[str, ...], body: Any) -> Any:
        told = answer(self, parts, body)
        self.dashboards[parts[0]].body["version"] += 1
        return told

    monkeypatch.setattr(Grafana, "dashboard_versions", another_saves)
    routes = [
        (method, path, another_saves if act is answer else act)
        for method, path, act in grafana_api._ROUTES
    ]
    monkeypatch.setattr(grafana_api, "_ROUTES", routes)
    done = push()
    assert done.exit_code == 1
    assert "The dashboard has been changed by someone else (412)" in done.stderr
    assert "--overwrite" in done.stderr


def test_the_folder_s_title_follows_and_conflicts_are_told(
    grafana: Grafana, push: Push, monkeypatch: pytest.MonkeyPatch
) -> None:
    push()
    monkeypatch.setenv("IOC_GRAFANA__FOLDER", "Trung tâm điều hành")
    assert 'title: "IOC" → "Trung tâm điều hành"' in push().output
    assert grafana.folders["ioc"]["title"] == "Trung tâm điều hành"
    grafana.folders["ioc"]["title"] = "x"
    grafana.faults.append(Fault("PUT", "/api/folders/ioc", status=412))
    done = push()
    assert done.exit_code == 1
    assert "folder Trung tâm điều hành:" in done.stderr and "set [grafana] folder" in done.stderr


def test_a_folder_of_this_title_that_is_not_ours(grafana: Grafana, push: Push) -> None:
    grafana.folders["theirs"] = {"uid": "theirs", "title": "IOC", "version": 1}
    done = push()
    assert done.exit_code == 1
    assert "a folder with the same name already exists" in done.stderr
    assert "another uid than 'ioc'" in done.stderr


def test_a_data_source_of_this_name_that_is_not_ours(grafana: Grafana, push: Push) -> None:
    grafana.datasources["theirs"] = {"uid": "theirs", "name": "IOC"}
    done = push()
    assert done.exit_code == 1
    assert "data source IOC: data source with the same name already exists" in done.stderr


def test_a_new_password_is_sent_when_asked(grafana: Grafana, push: Push, tmp_path: Path) -> None:
    push()
    (tmp_path / "password").write_text("second secret")
    assert "0 changed" in push().output  # Grafana never shows the one it has
    done = push("--renew-secrets")
    assert "+ secureJsonData.password: (secret)" in done.output
    assert "second secret" not in done.output
    assert grafana.secrets["ioc"]["password"] == "second secret"


def test_what_comes_from_files_there_is_left(grafana: Grafana, push: Push) -> None:
    push()
    grafana.datasources["ioc"] |= {"readOnly": True, "url": "database:5432"}
    for saved in grafana.dashboards.values():
        saved.provisioned = True
    grafana.writes.clear()
    done = push()
    assert done.exit_code == 0 and grafana.writes == []
    assert "provisioned dashboard tong-quan" in done.output
    grafana.dashboards["tong-quan"].body["title"] = "old"
    done = push()
    assert done.exit_code == 1
    assert "copy the files of `ioc dashboards build` there" in done.stderr


def test_a_playlist_changed_by_hand(grafana: Grafana, push: Push) -> None:
    push()
    grafana.playlists["ioc-wall"]["spec"]["interval"] = "5m"
    done = push()
    assert 'interval: "5m" → "30s"' in done.output
    assert grafana.playlists["ioc-wall"]["spec"]["interval"] == "30s"


def test_a_playlist_that_somebody_changes_at_this_moment(grafana: Grafana, push: Push) -> None:
    push()
    grafana.playlists["ioc-wall"]["spec"]["interval"] = "5m"
    grafana.faults.append(Fault("PUT", ".*/playlists/ioc-wall", status=409))
    done = push()
    assert done.exit_code == 1 and "push again" in done.stderr
