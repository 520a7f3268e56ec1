"""A Grafana's HTTP API as its documentation describes it, on this machine, with a state of its own.

It answers, refuses and counts versions as Grafana does, holds every body against the schema of the
documentation, and can be told to fail: with a status, slowly, or by a connection that breaks before
or after the request was carried out.
"""

from __future__ import annotations

import base64
import json
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import urlsplit

from tests.dashboards.push import schemas

ADMIN: Final = "glsa_admin"
VIEWER: Final = "glsa_viewer"
USER: Final = ("admin", "secret of admin")

Body = dict[str, Any]
Reply = tuple[int, Any]


@dataclass
class Fault:
    """What happens to the next request that fits, instead of or after being carried out."""

    method: str
    path: str
    status: int | None = None
    text: str | None = None
    slow_s: float = 0
    breaks: str | None = None  # "before" or "after" it was carried out
    times: int = 1


@dataclass
class Saved:
    """A dashboard with its history."""

    body: Body
    folder: str
    versions: list[Body] = field(default_factory=list)
    provisioned: bool = False


class Grafana:
    """One server; ``stop`` and ``start`` keep its state and its port, as a restart does."""

    def __init__(self) -> None:
        self.version: str | None = "12.4.0"
        self.playlist_versions = ["v0alpha1", "v1"]
        self.folders: dict[str, Body] = {}
        self.permissions: dict[str, list[Body]] = {}
        self.datasources: dict[str, Body] = {}
        self.secrets: dict[str, Body] = {}
        self.dashboards: dict[str, Saved] = {}
        self.playlists: dict[str, Body] = {}
        self.writes: list[tuple[str, str]] = []
        self.faults: list[Fault] = []
        self.orgs: set[str] = set()
        self._lock = threading.RLock()
        self._server: ThreadingHTTPServer | None = None
        self._port = 0
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        server = ThreadingHTTPServer(("127.0.0.1", self._port), _handler(self))
        server.daemon_threads = True
        self._port = server.server_address[1]
        self._server = server
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def edit(self, uid: str, by: str, change: Callable[[Body], None]) -> None:
        """Somebody changes a dashboard in the browser."""
        saved = self.dashboards[uid]
        body = json.loads(json.dumps(saved.body))
        change(body)
        self._save(saved, body, by, "")

    # --- what it answers ---------------------------------------------------------------------

    def answer(self, method: str, path: str, role: str | None, body: Any) -> Reply:
        with self._lock:
            if path == "/api/health":
                health = {"database": "ok", "commit": "x"}
                return 200, health if self.version is None else {**health, "version": self.version}
            if role is None:
                return 401, {"message": "Invalid username or password", "statusCode": 401}
            if path == "/api/frontend/settings":
                return 200, {"buildInfo": {"version": "12.4.0"}}
            for wanted, pattern, act in _ROUTES:
                found = re.fullmatch(pattern, path)
                if found and wanted == method:
                    if method != "GET":
                        if role != "Admin":
                            return 403, {
                                "message": "You'll need additional permissions to perform this "
                                "action. Permissions needed: folders:create"
                            }
                        self.writes.append((method, path))
                    return act(self, found.groups(), body)
            return 404, {"message": "Not found"}

    def folder_get(self, parts: tuple[str, ...], _: Any) -> Reply:
        found = self.folders.get(parts[0])
        return (200, found) if found else (404, {"message": "folder not found"})

    def folder_create(self, _: tuple[str, ...], body: Body) -> Reply:
        if fault := _wrong("folder", body):
            return fault
        if body["uid"] in self.folders:
            return 409, {"message": "the folder has been changed by someone else"}
        if any(one["title"] == body["title"] for one in self.folders.values()):
            return 409, {"message": "a folder with the same name already exists in the location"}
        made = {"id": len(self.folders) + 1, "version": 1, "parentUid": "", **body}
        self.folders[body["uid"]] = made
        self.permissions[body["uid"]] = [
            {"role": "Viewer", "permission": 1, "permissionName": "View", "userId": 0},
            {"role": "Editor", "permission": 2, "permissionName": "Edit", "userId": 0},
            {"userId": 7, "userLogin": "sa-push", "permission": 4, "permissionName": "Admin"},
        ]
        return 200, made

    def folder_update(self, parts: tuple[str, ...], body: Body) -> Reply:
        if fault := _wrong("folder update", body):
            return fault
        found = self.folders[parts[0]]
        if not body.get("overwrite") and body.get("version") != found["version"]:
            return 412, {
                "message": "The folder has been changed by someone else",
                "status": "version-mismatch",
            }
        found |= {"title": body["title"], "version": found["version"] + 1}
        return 200, found

    def permissions_get(self, parts: tuple[str, ...], _: Any) -> Reply:
        if parts[0] not in self.folders:
            return 404, {"message": "folder not found"}
        inherited = {"role": "Admin", "permission": 4, "inherited": True}
        return 200, [*self.permissions[parts[0]], inherited]

    def permissions_set(self, parts: tuple[str, ...], body: Body) -> Reply:
        if fault := _wrong("permissions", body):
            return fault
        self.permissions[parts[0]] = body["items"]
        return 200, {"message": "Folder permissions updated"}

    def datasource_get(self, parts: tuple[str, ...], _: Any) -> Reply:
        found = self.datasources.get(parts[0])
        return (200, found) if found else (404, {"message": "Data source not found"})

    def datasource_create(self, _: tuple[str, ...], body: Body) -> Reply:
        if fault := _wrong("datasource", body):
            return fault
        if any(one["name"] == body["name"] for one in self.datasources.values()):
            return 409, {"message": "data source with the same name already exists"}
        return 200, {"message": "Datasource added", "datasource": self._hold(body, 1)}

    def datasource_update(self, parts: tuple[str, ...], body: Body) -> Reply:
        if fault := _wrong("datasource", body):
            return fault
        version = self.datasources[parts[0]]["version"]
        return 200, {"message": "Datasource updated", "datasource": self._hold(body, version + 1)}

    def _hold(self, body: Body, version: int) -> Body:
        uid = body["uid"]
        self.secrets.setdefault(uid, {}).update(body.get("secureJsonData") or {})
        self.datasources[uid] = {
            **{key: value for key, value in body.items() if key != "secureJsonData"},
            "id": 1, "orgId": 1, "version": version, "readOnly": False, "basicAuth": False,
            "secureJsonFields": dict.fromkeys(self.secrets[uid], True),
        }  # fmt: skip
        return self.datasources[uid]

    def dashboard_get(self, parts: tuple[str, ...], _: Any) -> Reply:
        saved = self.dashboards.get(parts[0])
        if saved is None:
            return 404, {"message": "Dashboard not found"}
        meta = {
            "folderUid": saved.folder, "version": saved.body["version"],
            "provisioned": saved.provisioned, "updatedBy": saved.versions[-1]["createdBy"],
        }  # fmt: skip
        return 200, {"meta": meta, "dashboard": saved.body}

    def dashboard_versions(self, parts: tuple[str, ...], _: Any) -> Reply:
        saved = self.dashboards.get(parts[0])
        if saved is None:
            return 404, {"message": "Dashboard not found"}
        newest = saved.versions[-1]
        if newest["parentVersion"] == 0:  # a real one (10.1) hides the first one's own words here
            newest = {**newest, "message": "Initial save"}
        return 200, {"continueToken": "", "versions": [newest]}

    def dashboard_version(self, parts: tuple[str, ...], _: Any) -> Reply:
        saved = self.dashboards.get(parts[0])
        number = int(parts[1])
        for one in saved.versions if saved else ():
            if one["version"] == number:
                return 200, one
        return 500, {"message": f"Dashboard version {number} not found for dashboardId 1"}

    def dashboard_save(self, _: tuple[str, ...], body: Body) -> Reply:
        if fault := _wrong("dashboard", body):
            return fault
        board, folder = body["dashboard"], body.get("folderUid", "")
        if folder and folder not in self.folders:
            return 400, {"message": "folder not found"}
        saved = self.dashboards.get(board["uid"])
        if saved is None:
            saved = self.dashboards[board["uid"]] = Saved({"version": 0}, folder)
        elif saved.provisioned:
            return 400, {"message": "Cannot save provisioned dashboard"}
        elif not body.get("overwrite") and board.get("version") != saved.body["version"]:
            return 412, {
                "message": "The dashboard has been changed by someone else",
                "status": "version-mismatch",
            }
        saved.folder = folder
        self._save(saved, board, "sa-push", body.get("message", ""))
        return 200, {"status": "success", "uid": board["uid"], "version": saved.body["version"]}

    def _save(self, saved: Saved, body: Body, by: str, message: str) -> None:
        version = saved.body["version"] + 1
        saved.body = {**body, "id": 1, "version": version}
        at = "2026-11-22T05:00:00Z"
        saved.versions.append(
            {
                "version": version,
                "parentVersion": version - 1,
                "createdBy": by,
                "message": message,
                "created": at,
            }
        )

    def playlist_group(self, _: tuple[str, ...], __: Any) -> Reply:
        if not self.playlist_versions:
            return 404, {"message": "Not found"}
        return 200, {
            "kind": "APIGroup",
            "versions": [{"version": version} for version in self.playlist_versions],
        }

    def playlist_get(self, parts: tuple[str, ...], _: Any) -> Reply:
        found = self.playlists.get(parts[1])
        if found is None:
            return 404, {"kind": "Status", "message": "playlists not found", "code": 404}
        return 200, found

    def playlist_create(self, parts: tuple[str, ...], body: Body) -> Reply:
        if fault := _wrong("playlist", body):
            return fault
        if body["metadata"]["name"] in self.playlists:
            return 409, {"kind": "Status", "message": "playlist already exists", "code": 409}
        return 201, self._play(parts[0], body)

    def playlist_update(self, parts: tuple[str, ...], body: Body) -> Reply:
        if fault := _wrong("playlist", body):
            return fault
        found = self.playlists[parts[1]]["metadata"]["resourceVersion"]
        if body["metadata"].get("resourceVersion") != found:
            return 409, {"kind": "Status", "message": "the object has been modified", "code": 409}
        return 200, self._play(parts[0], body)

    def _play(self, space: str, body: Body) -> Body:
        number = str(len(self.writes))
        made = {
            **body,
            "metadata": {**body["metadata"], "namespace": space, "resourceVersion": number},
        }
        self.playlists[body["metadata"]["name"]] = made
        return made


_PLAYLISTS: Final = r"/apis/playlist\.grafana\.app/(?:v1|v0alpha1)/namespaces/([\w-]+)/playlists"
_ROUTES: Final[list[tuple[str, str, Callable[[Grafana, Any, Any], Reply]]]] = [
    ("GET", r"/api/folders/([\w-]+)", Grafana.folder_get),
    ("POST", r"/api/folders", Grafana.folder_create),
    ("PUT", r"/api/folders/([\w-]+)", Grafana.folder_update),
    ("GET", r"/api/folders/([\w-]+)/permissions", Grafana.permissions_get),
    ("POST", r"/api/folders/([\w-]+)/permissions", Grafana.permissions_set),
    ("GET", r"/api/datasources/uid/([\w-]+)", Grafana.datasource_get),
    ("POST", r"/api/datasources", Grafana.datasource_create),
    ("PUT", r"/api/datasources/uid/([\w-]+)", Grafana.datasource_update),
    ("GET", r"/api/dashboards/uid/([\w-]+)", Grafana.dashboard_get),
    ("GET", r"/api/dashboards/uid/([\w-]+)/versions", Grafana.dashboard_versions),
    ("GET", r"/api/dashboards/uid/([\w-]+)/versions/(\d+)", Grafana.dashboard_version),
    ("POST", r"/api/dashboards/db", Grafana.dashboard_save),
    ("GET", r"/apis/playlist\.grafana\.app", Grafana.playlist_group),
    ("GET", _PLAYLISTS + r"/([\w-]+)", Grafana.playlist_get),
    ("POST", _PLAYLISTS, Grafana.playlist_create),
    ("PUT", _PLAYLISTS + r"/([\w-]+)", Grafana.playlist_update),
]


def _wrong(name: str, body: Any) -> Reply | None:
    message = schemas.fault(name, body)
    return None if message is None else (400, {"message": message})


def _handler(grafana: Grafana) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:
            pass

        def do_GET(self) -> None:
            self._serve("GET")

        def do_POST(self) -> None:
            self._serve("POST")

        def do_PUT(self) -> None:
            self._serve("PUT")

        def _serve(self, method: str) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            path = urlsplit(self.path).path
            fault = self._fault(method, path)
            if fault is not None and fault.slow_s:
                time.sleep(fault.slow_s)
            if fault is not None and fault.breaks == "before":
                self._hang_up()
                return
            if fault is not None and (fault.status is not None or fault.text is not None):
                self._reply(fault.status or 200, {"message": "fault"}, fault.text)
                return
            grafana.orgs.add(self.headers.get("X-Grafana-Org-Id", ""))
            status, answer = grafana.answer(
                method, path, self._role(), json.loads(raw) if raw else None
            )
            if fault is not None and fault.breaks == "after":
                self._hang_up()
                return
            self._reply(status, answer, None)

        def _fault(self, method: str, path: str) -> Fault | None:
            for fault in grafana.faults:
                if fault.times and fault.method == method and re.fullmatch(fault.path, path):
                    fault.times -= 1
                    return fault
            return None

        def _role(self) -> str | None:
            given = self.headers.get("Authorization", "")
            basic = base64.b64encode(":".join(USER).encode()).decode()
            roles = {f"Bearer {ADMIN}": "Admin", f"Bearer {VIEWER}": "Viewer"}
            return {**roles, f"Basic {basic}": "Admin"}.get(given)

        def _hang_up(self) -> None:
            self.close_connection = True
            self.connection.close()

        def _reply(self, status: int, answer: Any, text: str | None) -> None:
            content = (json.dumps(answer) if text is None else text).encode()
            self.send_response(status)
            kind = "application/json" if text is None or text[:1] in "{[" else "text/html"
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    return Handler
