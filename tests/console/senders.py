"""What tests of evidence share: real signed sets, their events, senders, a console to kill."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Container
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import msgspec
import psycopg
from fastapi import FastAPI
from psycopg.types.json import Jsonb

from console.auth.guard import token_of
from edge.evidence_store import EvidenceStore
from edge.upload import Uploader
from ioc.events import ViolationData, ViolationEvent
from ioc.identity import DeviceKey
from ioc.ids import uuid7
from ioc.local_process import free_port
from ioc.manifest import sign_violation
from ioc.settings import DatabaseSettings, EvidenceSettings
from ioc.topics import DevicePath
from store.rows import row_of
from store.tables import VIOLATION
from tests.servers import ROOT
from tests.vision.evidence import sets
from vision.evidence.request import Evidence

PATH = sets.PATH
ROLES = ("clip", "before", "at", "after", "plate", "proxy", "manifest")
OTHER = DevicePath("ngabay", "cho-noi", "cam-9")


def make_set(folder: Path, keys: Path, *, track: int = 7, proxy: bool = True) -> Evidence:
    """A signed set of one act, in the store of a node."""
    store = EvidenceStore(folder, budget_bytes=2**28)
    try:
        extras = [sets.PROXY] if proxy else []
        builder = sets.builder_of(store, keys)
        return builder.build(sets.request(track), sets.packets(), extras)
    finally:
        store.close()


def stored(folder: Path, sha256: str) -> bytes:
    """A file of a node's store."""
    return (folder / "objects" / sha256[:2] / sha256).read_bytes()


def event_of(evidence: Evidence, key: DeviceKey | None, *, track: int = 7) -> ViolationData:
    """The violation that a node sends with a set."""
    data = replace_data(sets.request(track).violation, evidence=evidence.refs)
    return data if key is None else sign_violation(data, key)


def replace_data(data: ViolationData, **changes: Any) -> ViolationData:
    return msgspec.structs.replace(data, **changes)


def enter_violation(
    database: DatabaseSettings, data: ViolationData, path: DevicePath = PATH
) -> UUID:
    """Put an event into the database, as the sink does."""
    now = datetime.now(UTC)
    event = ViolationEvent(
        specversion="1.0", id=uuid7(now), source=path.source, time=now, bootid=uuid7(now),
        sequence=0, data=data,
    )  # fmt: skip
    row = [Jsonb(v) if isinstance(v, list) else v for v in row_of(path, event)]
    places = ", ".join(["%s"] * len(row))
    with psycopg.connect(database.url) as connection:
        connection.execute(
            f"INSERT INTO violation ({', '.join(VIOLATION.columns)}) VALUES ({places})".encode(),
            row,
        )
    return event.id


def grant(
    database: DatabaseSettings, path: DevicePath = PATH, *, parts: int = 3, **columns: Any
) -> str:
    """A bearer token of a device, its site (``parts=2``) or its city (``parts=1``)."""
    token = secrets.token_urlsafe(16)
    city, site, device = (*path[:parts], None, None)[:3]
    values = {
        "id": uuid7(datetime.now(UTC)), "name": secrets.token_hex(4), "token": token_of(token),
        "scope": "evidence", "city": city, "site": site, "device": device, **columns,
    }  # fmt: skip
    with psycopg.connect(database.url) as connection:
        names = ", ".join(values)
        places = ", ".join(f"%({name})s" for name in values)
        connection.execute(f"INSERT INTO credential ({names}) VALUES ({places})".encode(), values)
    return token


def enrol(database: DatabaseSettings, key: DeviceKey, path: DevicePath = PATH) -> None:
    """Trust a device's key."""
    with psycopg.connect(database.url) as connection:
        connection.execute(
            "INSERT INTO device_key (public, key, city, site, device) VALUES (%s, %s, %s, %s, %s)",
            (key.public, key.id, *path),
        )


def rows(database: DatabaseSettings, query: str, *values: Any) -> list[tuple[Any, ...]]:
    with psycopg.connect(database.url) as connection:
        return connection.execute(query.encode(), values).fetchall()


def execute(database: DatabaseSettings, statement: str, *values: Any) -> None:
    with psycopg.connect(database.url) as connection:
        connection.execute(statement.encode(), values)


class LiveConsole:
    """``ioc console run`` as it is in production, in a process that may be killed.

    Attributes:
        folder: Of its files.
        url: Where evidence goes to.
    """

    def __init__(self, database: DatabaseSettings, folder: Path, **settings: Any) -> None:
        self.database = database
        self.folder = folder
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.url = f"{self.base}/evidence"
        told = {
            "port": self.port,
            "public_url": self.base,
            "evidence_url": folder / "originals",
            "work_dir": folder / "work",
            "keys_dir": folder / "keys",
            "min_free_mb": 0,
            "second_factor": "optional",
            **settings,
        }
        self.env = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "IOC_DATABASE__URL": database.url,
            **{f"IOC_CONSOLE__{name.upper()}": str(value) for name, value in told.items()},
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> LiveConsole:
        folder = self.folder
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "ioc.cli", "console", "run"],
                env=self.env, cwd=folder, stdout=log, stderr=log,
            )  # fmt: skip
        end = time.monotonic() + 60
        while time.monotonic() < end:
            if self._process.poll() is not None:
                raise AssertionError((folder / "log").read_text())
            try:
                if httpx.get(f"{self.base}/health").status_code == 200:
                    return self
            except httpx.TransportError:
                time.sleep(0.1)
        raise AssertionError((folder / "log").read_text())

    def kill(self) -> None:
        """End it as a power cut does."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def original(self, sha256: str) -> Path:
        return self.folder / "originals" / sha256[:2] / sha256

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run ``ioc console …`` with this console's settings."""
        return subprocess.run(
            [sys.executable, "-m", "ioc.cli", "console", *words],
            env=self.env, cwd=self.folder, capture_output=True, text=True, check=False,
            timeout=120,
        )  # fmt: skip


def uploader(store: EvidenceStore, url: str, token: str, folder: Path, **settings: Any) -> Uploader:
    """A node's uploader, begun."""
    file = folder / f"token-{secrets.token_hex(4)}"
    file.write_text(token)
    values = {"upload_url": url, "token_file": file, "retry_max_s": 0.5, **settings}
    begun = Uploader(store, EvidenceSettings.model_validate(values), first_wait_s=0.05)
    begun.start()
    return begun


def until(condition: Any, seconds: float = 30.0) -> None:
    """Wait until something is true."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never became true"
        time.sleep(0.02)


def make_case(database: DatabaseSettings, *violations: UUID, path: DevicePath = PATH) -> int:
    """A case of some violations, as the console makes them; returns its number."""
    act = sets.request().violation.act_time
    case, boot = uuid7(datetime.now(UTC)), uuid7(datetime.now(UTC))
    with psycopg.connect(database.url) as connection:
        row = connection.execute(
            "INSERT INTO review_case (id, city, site, device, bootid, track, vehicle, rules, "
            "act_first, act_last, deadline) VALUES (%s, %s, %s, %s, %s, 7, 'motorcycle', "
            "'{red_light}', %s, %s, %s) RETURNING number",
            (case, *path, boot, act, act, act + timedelta(days=10)),
        ).fetchone()
        for violation in violations:
            connection.execute(
                "INSERT INTO case_violation (violation, case_id) VALUES (%s, %s)",
                (violation, case),
            )
    assert row is not None
    return int(row[0])


async def send(
    app: FastAPI,
    database: DatabaseSettings,
    folder: Path,
    evidence: Evidence,
    roles: Container[str] = ROLES,
) -> None:
    """Send files of a set to a console of this process."""
    headers = {"Authorization": f"Bearer {grant(database)}"}
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
        for ref in evidence.refs:
            if ref.role in roles:
                answer = await client.put(
                    f"/evidence/{ref.sha256}", content=stored(folder, ref.sha256),
                    headers={**headers, "Content-Type": ref.media_type},
                )  # fmt: skip
                assert answer.status_code in (200, 201), answer.text
