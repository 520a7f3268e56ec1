"""The screens and their playlist in a Grafana, and everything that is pushed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from dashboards import build
from dashboards.difference import differences
from dashboards.grafana import FOLDER_UID, dashboard
from dashboards.push import Change, Options, Step, Thing
from dashboards.push_places import Datasource, Folder, Permissions, datasource
from dashboards.screens import SCREENS
from dashboards.server import PushError, Server, StatusError
from ioc.grafana_settings import GrafanaSettings

MESSAGE: Final = "ioc dashboards push"
"""Begins the message of each version that we save: by it a change by hand is known."""

PLAYLISTS: Final = "playlist.grafana.app"
_KNOWN_VERSIONS: Final = ("v1", "v0alpha1")
"""Versions of the playlists' API that look alike: 12 has the last, 13 both."""


def everything(settings: GrafanaSettings, console_url: str, options: Options) -> list[Thing]:
    """All that is pushed, in the order in which they need each other.

    Raises:
        ConfigError: A file of the settings cannot be read.
        QueryError: A query's file is missing or holds an unknown macro.
    """
    return [
        Folder(settings.folder),
        Permissions(settings.folder),
        Datasource(datasource(settings.database), options.renew_secrets),
        *(Dashboard(dashboard(screen, console_url), options.overwrite) for screen in SCREENS),
        Playlist(build.playlist(), settings.org),
    ]


@dataclass(frozen=True, slots=True)
class Dashboard:
    """One screen."""

    body: Mapping[str, Any]
    overwrite: bool

    @property
    def name(self) -> str:
        """Kind and name, for messages."""
        return f"dashboard {self.body['uid']}"

    def step(self, server: Server) -> Step:
        """Save it when it is not what we saved last; never over somebody's change unasked."""
        uid = str(self.body["uid"])
        boards = server.api.dashboard
        found = server.maybe(f"{self.name}: read", lambda: boards.get_dashboard(uid))
        if found is None:
            return Step(
                Change(kind="dashboard", name=uid, action="create"),
                lambda: self._saved(server, None, 0),
            )
        meta, there = found.get("meta") or {}, found.get("dashboard") or {}
        kept = {key: value for key, value in there.items() if key not in ("id", "version")}
        lines = differences(kept, dict(self.body))
        if meta.get("provisioned"):
            if lines:
                raise PushError(
                    f"{self.name}: comes from a file on Grafana's machine and differs from the "
                    "code; copy the files of `ioc dashboards build` there"
                )
            return Step(Change(kind="dashboard", name=uid, action="provisioned"))
        moved = meta.get("folderUid") not in (None, FOLDER_UID)
        if moved:
            lines.insert(0, f"folder: {meta.get('folderUid') or 'none'} → {FOLDER_UID}")
        newest = self._newest(server, uid)
        message = str(newest.get("message") or "")
        if message == self._message and not moved:
            # What Grafana itself adds or brings to its own form is not a difference.
            return Step(Change(kind="dashboard", name=uid, action="same"))
        if not lines:
            return Step(Change(kind="dashboard", name=uid, action="same"))
        if not message.startswith(MESSAGE) and not self.overwrite:
            raise PushError(
                f"{self.name}: changed in Grafana by {newest.get('createdBy') or 'somebody'}"
                f"{_at(newest)}; take that change over into dashboards/screens, or push with "
                "--overwrite"
            )
        return Step(
            Change(kind="dashboard", name=uid, action="update", lines=tuple(lines)),
            lambda: self._saved(server, there.get("id"), int(there.get("version") or 0)),
        )

    @property
    def _message(self) -> str:
        text = json.dumps(self.body, sort_keys=True, ensure_ascii=False)
        return f"{MESSAGE} {hashlib.sha256(text.encode()).hexdigest()[:16]}"

    def _newest(self, server: Server, uid: str) -> Mapping[str, Any]:
        versions = server.get(
            f"{self.name}: read its versions", f"/api/dashboards/uid/{uid}/versions?limit=1"
        )
        listed = (versions or {}).get("versions") or [{}]
        newest = listed[0] if isinstance(listed[0], Mapping) else {}
        if newest.get("parentVersion") == 0:
            # The list says "Initial save" of every first version; alone it has its own message.
            number = newest.get("version")
            newest = (
                server.get(
                    f"{self.name}: read its first version",
                    f"/api/dashboards/uid/{uid}/versions/{number}",
                )
                or newest
            )
        return newest

    def _saved(self, server: Server, number: int | None, version: int) -> None:
        body = {
            "dashboard": {**self.body, "id": number, "version": version},
            "folderUid": FOLDER_UID,
            "message": self._message,
            "overwrite": self.overwrite,
        }
        try:
            server.call(
                f"{self.name}: write", lambda: server.api.dashboard.update_dashboard(body), dict
            )
        except StatusError as error:
            if error.status in (409, 412):
                raise PushError(
                    f"{self.name}: {error.message or error.status} ({error.status}); "
                    "somebody saved it at this moment, or another has its title in this folder: "
                    "push again to see who, or with --overwrite"
                ) from None
            raise


@dataclass(frozen=True, slots=True)
class Playlist:
    """All screens in turn, for the wall."""

    body: Mapping[str, Any]
    org: int

    @property
    def name(self) -> str:
        """Kind and name, for messages."""
        return f"playlist {self.body['metadata']['name']}"

    def step(self, server: Server) -> Step:
        """Make it or set what differs."""
        uid = self.body["metadata"]["name"]
        version = self._version(server)
        group = f"/apis/{PLAYLISTS}/{version}"
        space = "default" if self.org == 1 else f"org-{self.org}"
        path = f"{group}/namespaces/{space}/playlists"
        body = {**self.body, "apiVersion": f"{PLAYLISTS}/{version}"}
        found = server.get(f"{self.name}: read", f"{path}/{uid}")
        if found is None:
            return Step(
                Change(kind="playlist", name=uid, action="create"),
                lambda: self._written(server, "POST", path, body),
            )
        lines = differences(found.get("spec"), body["spec"])
        if not lines:
            return Step(Change(kind="playlist", name=uid, action="same"))
        metadata = {**self.body["metadata"]}
        metadata["resourceVersion"] = (found.get("metadata") or {}).get("resourceVersion")
        return Step(
            Change(kind="playlist", name=uid, action="update", lines=tuple(lines)),
            lambda: self._written(server, "PUT", f"{path}/{uid}", {**body, "metadata": metadata}),
        )

    def _version(self, server: Server) -> str:
        found = server.get(f"{self.name}: ask for the API", f"/apis/{PLAYLISTS}")
        offered = {one.get("version") for one in (found or {}).get("versions") or []}
        for version in _KNOWN_VERSIONS:
            if version in offered:
                return version
        raise PushError(
            f"{self.name}: this Grafana offers {', '.join(sorted(map(str, offered))) or 'no'} "
            f"versions of {PLAYLISTS}; known are {', '.join(_KNOWN_VERSIONS)}"
        )

    def _written(self, server: Server, method: str, path: str, body: Mapping[str, Any]) -> None:
        try:
            server.send(f"{self.name}: write", method, path, body)
        except StatusError as error:
            if error.status == 409:
                raise PushError(
                    f"{self.name}: {error.message or 'conflict'} (409); "
                    "somebody changed it at this moment: push again"
                ) from None
            raise


def _at(version: Mapping[str, Any]) -> str:
    at = version.get("created")
    return f" at {at}" if at else ""
