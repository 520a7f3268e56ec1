"""Whom alerts reach: contact points, policies, mute timings, and the settings they come from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dashboards.build import as_yaml
from dashboards.contacts import NIGHT, contact_points, mute_timings, policies
from ioc.errors import ConfigError
from ioc.grafana_settings import ContactSettings
from ioc.settings import read_settings

MAIL: dict[str, Any] = {"name": "mail", "kind": "email", "addresses": ["a@b.vn", "c@d.vn"]}
ZALO: dict[str, Any] = {
    "name": "zalo", "kind": "webhook", "url": "https://gate.example/zalo?x=$1",
    "secret_path": "/run/secrets/zalo", "severities": ["critical"],
}  # fmt: skip
TELEGRAM: dict[str, Any] = {
    "name": "telegram", "kind": "telegram", "chat_id": "-100123", "secret_path": "/run/secrets/bot",
}  # fmt: skip


def _contacts(*given: dict[str, Any]) -> list[ContactSettings]:
    return [ContactSettings(**one) for one in given]


def test_each_kind_of_contact() -> None:
    found = contact_points(_contacts(MAIL, ZALO, TELEGRAM))["contactPoints"]
    mail, zalo, telegram = (one["receivers"][0] for one in found)
    assert mail["type"] == "email" and mail["settings"]["addresses"] == "a@b.vn;c@d.vn"
    assert zalo["type"] == "webhook"
    assert zalo["settings"]["url"] == "https://gate.example/zalo?x=$$1"  # not a variable
    assert zalo["settings"]["authorization_credentials"] == "$__file{/run/secrets/zalo}"
    assert telegram["settings"]["bottoken"] == "$__file{/run/secrets/bot}"
    assert telegram["settings"]["chatid"] == "-100123"
    assert [one["name"] for one in found] == ["mail", "zalo", "telegram"]
    assert len({one["receivers"][0]["uid"] for one in found}) == 3


def test_without_any_the_address_comes_from_the_environment() -> None:
    (found,) = contact_points([])["contactPoints"]
    assert found["receivers"][0]["settings"]["addresses"] == "$__env{ALERT_EMAIL}"
    assert policies([])["policies"][0]["receiver"] == found["name"]


def test_each_contact_hears_of_its_severities_and_warnings_wait_for_the_morning() -> None:
    (tree,) = policies(_contacts(MAIL, ZALO))["policies"]
    assert tree["receiver"] == "mail"
    heard = [
        (route["receiver"], route["object_matchers"][1][2], route.get("mute_time_intervals"))
        for route in tree["routes"]
    ]
    assert heard == [
        ("mail", "critical", None), ("mail", "warning", [NIGHT]), ("zalo", "critical", None),
    ]  # fmt: skip
    assert all(route["continue"] for route in tree["routes"]), "all who should hear do"


def test_the_night_is_vietnam_s() -> None:
    (timing,) = mute_timings()["muteTimes"]
    assert timing["name"] == NIGHT
    (interval,) = timing["time_intervals"]
    assert interval["location"] == "Asia/Ho_Chi_Minh"
    # Unquoted, 00:00 is a number to readers of YAML 1.1.
    text = as_yaml(mute_timings())
    assert "start_time: '00:00'" in text and "end_time: '06:00'" in text


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"kind": "email", "addresses": []}, "a contact of kind 'email' needs addresses"),
        ({"kind": "email", "addresses": ["nobody"]}, "'nobody' is no e-mail address"),
        ({"kind": "email", "addresses": ["a@b;c@d"]}, "is no e-mail address"),
        ({"kind": "webhook"}, "a contact of kind 'webhook' needs url"),
        ({"kind": "telegram", "chat_id": "5"}, "needs secret_path, the bot's token"),
        ({"kind": "telegram", "chat_id": "x y", "secret_path": "/x"}, "chat_id"),
        ({"kind": "sms"}, "kind"),
    ],
)
def test_contacts_that_reach_nobody_are_refused(
    wrong: dict[str, Any], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IOC_GRAFANA__CONTACTS", json.dumps([{"name": "x", **wrong}]))
    with pytest.raises(ConfigError) as caught:
        read_settings()
    assert told in str(caught.value)
    assert "IOC_GRAFANA__CONTACTS" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('token_file = "a"\nuser = "u"\npassword_file = "b"', "not both"),
        ('user = "u"', "user and password_file go together"),
        ('url = "http://x"\nca_file = "a"', "ca_file is given, but url begins with http://"),
        ('url = "grafana:3000"', "url"),
        ('console_url = "https://x/path"', "console_url"),
        ("org = 0", "org"),
        ('[[grafana.contacts]]\nname = "x"\nkind = "webhook"\nurl = "https://x"\n' * 2,
         "two contacts have the same name"),
        ('tocken_file = "a"', "did you mean 'token_file'?"),
    ],
)  # fmt: skip
def test_settings_that_cannot_be_meant(
    text: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ioc.toml"
    path.write_text(f"[grafana]\n{text}\n")
    monkeypatch.setenv("IOC_CONFIG", str(path))
    with pytest.raises(ConfigError) as caught:
        read_settings()
    assert told in str(caught.value) and str(path) in str(caught.value)
