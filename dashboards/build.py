"""The files that Grafana is given, and whether they are what the code says.

==============================================  ==================================================
``dashboards/json/{uid}.json``                  the screens, for Grafana's provisioning or its API
``dashboards/playlist.json``                    all of them in turn, for the wall
``deploy/grafana/provisioning/alerting/*.yaml`` alert rules, contact points, policies, mute timings
==============================================  ==================================================
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml
from grafana_foundation_sdk.builders import playlistv1
from grafana_foundation_sdk.cog.encoder import JSONEncoder

from dashboards import contacts
from dashboards.alert_rules import RULES
from dashboards.alerts import provisioned
from dashboards.grafana import CONSOLE_URL, DATASOURCE_UID, dashboard
from dashboards.screens import SCREENS
from ioc.grafana_settings import GrafanaSettings

ROOT: Final = Path(__file__).parent.parent
"""The checkout, where the committed files are."""

SCREENS_DIR: Final = Path("dashboards/json")
PLAYLIST: Final = Path("dashboards/playlist.json")
ALERTING_DIR: Final = Path("deploy/grafana/provisioning/alerting")

PLAYLIST_NAME: Final = "ioc-wall"
PLAYLIST_TITLE: Final = "IOC: màn hình lớn"
INTERVAL: Final = "30s"
"""A screen of seven tiles is read in half a minute; all seven come round in three and a half."""

_CLOCK: Final = re.compile(r"\d\d:\d\d")
_HEADER: Final = "# Written by `ioc dashboards build`; change dashboards/ and build again.\n"


def committed() -> dict[Path, str]:
    """All files with default settings, by their paths in the checkout.

    Raises:
        QueryError: A query's file is missing or holds an unknown macro.
    """
    return files(GrafanaSettings(), CONSOLE_URL)


def files(settings: GrafanaSettings, console_url: str) -> dict[Path, str]:
    """All files of an installation, by their paths in the checkout.

    Raises:
        QueryError: A query's file is missing or holds an unknown macro.
    """
    found = {
        SCREENS_DIR / f"{screen.uid}.json": as_json(dashboard(screen, console_url))
        for screen in SCREENS
    }
    found[PLAYLIST] = as_json(playlist())
    # A folder of its own: Grafana makes the folder of its rules by title, with a uid by chance, and
    # may do so before that of the screens, whose uid we choose.
    rules = provisioned(
        RULES, folder=f"{settings.folder} cảnh báo", datasource=DATASOURCE_UID, org=settings.org
    )
    for name, document in (
        ("rules", rules),
        ("contact-points", contacts.contact_points(settings.contacts, settings.org)),
        ("policies", contacts.policies(settings.contacts, settings.org)),
        ("mute-timings", contacts.mute_timings(settings.org)),
    ):
        found[ALERTING_DIR / f"{name}.yaml"] = _HEADER + as_yaml(document)
    return found


def playlist() -> dict[str, Any]:
    """The playlist of the wall, as a resource of Grafana's API but for the version of that API."""
    made = playlistv1.Playlist(PLAYLIST_TITLE).interval(INTERVAL)
    items = [
        playlistv1.PlaylistItem().type("dashboard_by_uid").value(screen.uid) for screen in SCREENS
    ]
    spec: dict[str, Any] = json.loads(json.dumps(made.items(list(items)).build(), cls=JSONEncoder))
    return {"kind": "Playlist", "metadata": {"name": PLAYLIST_NAME}, "spec": spec}


def write(found: Mapping[Path, str], folder: Path) -> list[Path]:
    """Write the files that differ, each in one step, and remove screens that are no more.

    Returns:
        The paths of what was changed.
    """
    changed = []
    for path, text in found.items():
        where = folder / path
        if not where.is_file() or where.read_text(encoding="utf-8") != text:
            where.parent.mkdir(parents=True, exist_ok=True)
            _replace(where, text)
            changed.append(path)
    for path in _strangers(found, folder):
        (folder / path).unlink()
        changed.append(path)
    return changed


def differences(folder: Path = ROOT) -> list[str]:
    """What the committed files say that the code does not, one line a file; empty when all is well.

    Raises:
        QueryError: As ``committed``.
    """
    found = committed()
    lines = []
    for path, text in found.items():
        where = folder / path
        if not where.is_file():
            lines.append(f"{path}: missing")
        elif where.read_text(encoding="utf-8") != text:
            lines.append(f"{path}: differs from the code")
    lines += [f"{path}: no screen has this name any more" for path in _strangers(found, folder)]
    return lines


def as_json(document: Mapping[str, Any]) -> str:
    """A document in a form that changes only where its meaning does."""
    return json.dumps(document, ensure_ascii=False, indent=2, sort_keys=True) + "\n"


def as_yaml(document: Mapping[str, Any]) -> str:
    """The same in YAML, with texts of several lines as they are."""
    return yaml.dump(document, Dumper=_Lines, allow_unicode=True, sort_keys=False, width=100)


class _Lines(yaml.SafeDumper):
    """Texts of several lines as blocks, which a person can read and a diff can show."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else None
    if _CLOCK.fullmatch(value):
        style = "'"  # 00:00 is a number in base 60 to some readers of YAML
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Lines.add_representer(str, _text)


def _strangers(found: Mapping[Path, str], folder: Path) -> list[Path]:
    here = (path.relative_to(folder) for path in sorted((folder / SCREENS_DIR).glob("*.json")))
    return [path for path in here if path not in found]


def _replace(path: Path, text: str) -> None:
    # Grafana reads the folder at any time: it must never meet half a file.
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
