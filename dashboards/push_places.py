"""Where the screens live in a Grafana: their folder, its rights, the database they read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from dashboards.difference import differences
from dashboards.grafana import DATASOURCE_NAME, DATASOURCE_UID, FOLDER_UID
from dashboards.push import Change, Step
from dashboards.server import PushError, Server, StatusError
from dashboards.targets import DATASOURCE_TYPE
from ioc.errors import ConfigError
from ioc.grafana_settings import GrafanaDatabaseSettings

VIEW: Final = 1
"""Grafana's number for the right to look."""


@dataclass(frozen=True, slots=True)
class Folder:
    """The folder that the screens lie in."""

    title: str

    @property
    def name(self) -> str:
        """Kind and name, for messages."""
        return f"folder {self.title}"

    def step(self, server: Server) -> Step:
        """Make it, or give it its title."""
        folders = server.api.folder
        found = server.maybe(f"{self.name}: read", lambda: folders.get_folder(FOLDER_UID))
        if found is None:
            return Step(
                Change(kind="folder", name=self.title, action="create"),
                lambda: self._written(
                    server, lambda: folders.create_folder(self.title, uid=FOLDER_UID)
                ),
            )
        lines = differences({"title": found.get("title")}, {"title": self.title})
        if not lines:
            return Step(Change(kind="folder", name=self.title, action="same"))
        return Step(
            Change(kind="folder", name=self.title, action="update", lines=tuple(lines)),
            lambda: self._written(
                server,
                lambda: folders.update_folder(
                    FOLDER_UID, title=self.title, version=found.get("version")
                ),
            ),
        )

    def _written(self, server: Server, write: Any) -> None:
        try:
            server.call(f"{self.name}: write", write, dict)
        except StatusError as error:
            if error.status in (409, 412):
                raise PushError(
                    f"{self.name}: {error.message or error.status}; a folder of this title exists "
                    f"already with another uid than {FOLDER_UID!r}, or somebody changes it at this "
                    "moment: rename that one, or set [grafana] folder"
                ) from None
            raise


@dataclass(frozen=True, slots=True)
class Permissions:
    """Who may do what with the screens: everybody looks, nobody but administrators changes.

    What was granted to single people and teams stays, the pusher's own rights among it.
    """

    title: str

    @property
    def name(self) -> str:
        """Kind and name, for messages."""
        return f"permissions of folder {self.title}"

    def step(self, server: Server) -> Step:
        """Set those of the two roles."""
        folders = server.api.folder
        try:
            found = server.call(
                f"{self.name}: read", lambda: folders.get_folder_permissions(FOLDER_UID), list
            )
        except StatusError as error:
            if error.status != 404:
                raise
            found = []  # a dry run, before there is a folder
        own = [one for one in found if not one.get("inherited")]
        roles = {one["role"]: one["permission"] for one in own if one.get("role")}
        wanted = {"Editor": VIEW, "Viewer": VIEW}
        lines = differences(roles, wanted)
        if not lines:
            return Step(Change(kind="permissions", name=self.title, action="same"))
        items: list[dict[str, Any]] = [
            {"role": role, "permission": level} for role, level in wanted.items()
        ]
        for one in own:
            for key in ("userId", "teamId"):
                if one.get(key) and not one.get("role"):
                    items.append({key: one[key], "permission": one["permission"]})
        return Step(
            Change(kind="permissions", name=self.title, action="update", lines=tuple(lines)),
            lambda: server.call(
                f"{self.name}: write",
                lambda: folders.update_folder_permissions(FOLDER_UID, {"items": items}),
                dict,
            ),
        )


def datasource(settings: GrafanaDatabaseSettings) -> dict[str, Any]:
    """The data source as Grafana's API takes it, secrets among it.

    Raises:
        ConfigError: A file of the settings cannot be read.
    """
    json_data: dict[str, Any] = {
        "database": settings.name,
        "sslmode": settings.tls,
        "postgresVersion": 1600,
        "timescaledb": True,
        "maxOpenConns": settings.max_connections,
        "maxIdleConns": min(5, settings.max_connections),
        "connMaxLifetime": 3600,
    }
    secure: dict[str, str] = {}
    if settings.password_file is not None:
        secure["password"] = _content("password_file", settings.password_file)
    if settings.ca_file is not None:
        json_data["tlsConfigurationMethod"] = "file-content"
        secure["tlsCACert"] = _content("ca_file", settings.ca_file)
    return {
        "uid": DATASOURCE_UID,
        "name": DATASOURCE_NAME,
        "type": DATASOURCE_TYPE,
        "access": "proxy",
        "url": f"{settings.host}:{settings.port}",
        "user": settings.user,
        "isDefault": True,
        "jsonData": json_data,
        "secureJsonData": secure,
    }


def _content(key: str, path: Any) -> str:
    try:
        text = str(path.read_text(encoding="utf-8")).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"grafana.database.{key}: {path}: {error}") from None
    if not text:
        raise ConfigError(f"grafana.database.{key}: {path}: is empty")
    return text


@dataclass(frozen=True, slots=True)
class Datasource:
    """The database, as the role that reads the wall."""

    body: Mapping[str, Any]
    renew: bool

    @property
    def name(self) -> str:
        """Kind and name, for messages."""
        return f"data source {self.body['name']}"

    def step(self, server: Server) -> Step:
        """Make it or set what differs; secrets are sent when they are missing or to be renewed."""
        sources = server.api.datasource
        found = server.maybe(
            f"{self.name}: read", lambda: sources.get_datasource_by_uid(DATASOURCE_UID)
        )
        plain = {key: value for key, value in self.body.items() if key != "secureJsonData"}
        secure = self.body["secureJsonData"]
        if found is None:
            return Step(
                Change(kind="datasource", name=DATASOURCE_NAME, action="create"),
                lambda: self._created(server),
            )
        lines = differences(found, plain, extra=False)
        held = found.get("secureJsonFields") or {}
        lines += [
            f"+ secureJsonData.{key}: (secret)" for key in secure if self.renew or not held.get(key)
        ]
        if found.get("readOnly"):
            return Step(
                Change(
                    kind="datasource",
                    name=DATASOURCE_NAME,
                    action="provisioned",
                    # Files may name the server and its certificates as its own machine sees them.
                    lines=(),
                )
            )
        if not lines:
            return Step(Change(kind="datasource", name=DATASOURCE_NAME, action="same"))
        return Step(
            Change(kind="datasource", name=DATASOURCE_NAME, action="update", lines=tuple(lines)),
            lambda: server.call(
                f"{self.name}: write",
                lambda: sources.update_datasource_by_uid(
                    DATASOURCE_UID, {**self.body, "version": found.get("version")}
                ),
                dict,
            ),
        )

    def _created(self, server: Server) -> None:
        try:
            server.call(
                f"{self.name}: write",
                lambda: server.api.datasource.create_datasource(dict(self.body)),
                dict,
            )
        except StatusError as error:
            if error.status == 409:
                raise PushError(
                    f"{self.name}: {error.message or 'exists'}; a data source of this name has "
                    f"another uid than {DATASOURCE_UID!r}: rename or remove that one in Grafana"
                ) from None
            raise
