"""``ioc dashboards push`` against Grafana's API: what it writes and what it leaves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dashboards.screens import SCREENS
from tests.dashboards.push.conftest import Push
from tests.dashboards.push.grafana_api import USER, Grafana

THINGS = 3 + len(SCREENS) + 1


def test_an_empty_grafana_gets_everything(grafana: Grafana, push: Push) -> None:
    done = push()
    assert done.exit_code == 0, done.output
    assert f"{THINGS} things, {THINGS} changed" in done.output
    assert grafana.folders["ioc"]["title"] == "IOC"
    assert set(grafana.dashboards) == {screen.uid for screen in SCREENS}
    assert {saved.folder for saved in grafana.dashboards.values()} == {"ioc"}
    assert grafana.secrets["ioc"] == {"password": "first secret"}
    source = grafana.datasources["ioc"]
    assert (source["url"], source["user"]) == ("db.vithanh.example:5432", "grafana")
    assert source["jsonData"]["timescaledb"] is True
    assert source["jsonData"]["sslmode"] == "verify-full"
    playlist = grafana.playlists["ioc-wall"]
    assert playlist["spec"]["interval"] == "30s"
    assert [item["value"] for item in playlist["spec"]["items"]] == [one.uid for one in SCREENS]
    assert playlist["apiVersion"] == "playlist.grafana.app/v1"
    assert grafana.orgs == {"1", ""} or grafana.orgs == {"1"}


def test_links_go_to_this_installation_s_console(grafana: Grafana, push: Push) -> None:
    push()
    (variable,) = [
        one
        for one in grafana.dashboards["tong-quan"].body["templating"]["list"]
        if one["name"] == "console"
    ]
    assert variable["query"] == "https://review.vithanh.example"


def test_nobody_but_administrators_changes_a_screen(grafana: Grafana, push: Push) -> None:
    push()
    roles = {
        one["role"]: one["permission"] for one in grafana.permissions["ioc"] if one.get("role")
    }
    assert roles == {"Viewer": 1, "Editor": 1}
    # Grafana gave it to whoever made the folder; without it the next push could not write.
    assert {"userId": 7, "permission": 4} in grafana.permissions["ioc"]


def test_a_second_push_writes_nothing(grafana: Grafana, push: Push) -> None:
    push()
    grafana.writes.clear()
    done = push()
    assert f"{THINGS} things, 0 changed" in done.output
    assert grafana.writes == []


def test_what_grafana_adds_to_a_screen_is_no_difference(grafana: Grafana, push: Push) -> None:
    push()
    for saved in grafana.dashboards.values():
        saved.body |= {"schemaVersion": 99, "liveNow": False, "annotations": {"list": [{}]}}
    grafana.writes.clear()
    assert "0 changed" in push().output
    assert grafana.writes == []


def test_a_dry_run_writes_nothing_and_says_how_it_differs(
    grafana: Grafana, push: Push, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = push("--dry-run")
    assert f"{THINGS} things, {THINGS} would change" in done.output
    assert grafana.writes == []
    push()
    grafana.writes.clear()
    monkeypatch.setenv("IOC_GRAFANA__CONSOLE_URL", "https://other.example")
    monkeypatch.setenv("IOC_GRAFANA__DATABASE__MAX_CONNECTIONS", "7")
    done = push("--dry-run")
    assert grafana.writes == []
    assert "update      dashboard tong-quan" in done.output
    line = (
        "templating.list[3] 'console'.query: "
        '"https://review.vithanh.example" → "https://other.example"'
    )
    assert line in done.output
    assert "jsonData.maxOpenConns: 15 → 7" in done.output
    assert f"{THINGS} things, {len(SCREENS) + 1} would change" in done.output


def test_changed_sql_is_shown_by_its_lines(grafana: Grafana, push: Push) -> None:
    push()
    saved = grafana.dashboards["tong-quan"]
    target = saved.body["panels"][0]["targets"][0]
    target["rawSql"] = target["rawSql"].replace("AS tile", "AS other")
    saved.versions[-1]["message"] = "ioc dashboards push 0123"
    done = push("--dry-run")
    assert "panels[0] 'Hai đô thị'.targets[0] 'A'.rawSql:" in done.output
    assert "    -) AS other" in done.output and "    +) AS tile" in done.output


def test_the_report_for_programs(grafana: Grafana, push: Push) -> None:
    document = json.loads(push("--json").stdout)
    assert document["error"] is None and document["dry_run"] is False
    assert [one["action"] for one in document["changes"]] == [
        "create", "update", *["create"] * (len(SCREENS) + 2)
    ]  # fmt: skip
    again = json.loads(push("--json").stdout)
    assert {one["action"] for one in again["changes"]} == {"same"}


def test_grafana_12_has_an_older_api_of_playlists(grafana: Grafana, push: Push) -> None:
    grafana.playlist_versions = ["v0alpha1"]
    assert push().exit_code == 0
    assert grafana.playlists["ioc-wall"]["apiVersion"] == "playlist.grafana.app/v0alpha1"


@pytest.mark.parametrize("offered", [[], ["v7"]])
def test_a_grafana_without_an_api_of_playlists_that_we_know(
    offered: list[str], grafana: Grafana, push: Push
) -> None:
    grafana.playlist_versions = offered
    done = push()
    assert done.exit_code == 1
    assert "versions of playlist.grafana.app; known are v1, v0alpha1" in done.stderr


def test_another_organisation(
    grafana: Grafana, push: Push, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IOC_GRAFANA__ORG", "3")
    assert push().exit_code == 0
    assert grafana.orgs == {"3"}
    assert grafana.playlists["ioc-wall"]["metadata"]["namespace"] == "org-3"


def test_a_user_instead_of_a_token(
    push: Push, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("IOC_GRAFANA__TOKEN_FILE")
    secret = tmp_path / "secret"
    secret.write_text(USER[1])
    monkeypatch.setenv("IOC_GRAFANA__USER", USER[0])
    monkeypatch.setenv("IOC_GRAFANA__PASSWORD_FILE", str(secret))
    assert push().exit_code == 0
