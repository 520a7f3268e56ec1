"""One export for all tests of the verifier; each puts back what it changes."""

from __future__ import annotations

import asyncio
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from console import audit_roots
from console.auth.vault import SIGNING
from ioc.identity import DeviceKey
from ioc.settings import DatabaseSettings
from tests.console.custody import running
from tests.console.export.intact import Exported
from tests.console.exports import deliver, enrol_camera, enter_case, make_act
from tests.servers.postgres import Postgres


@pytest.fixture(scope="session")
def exported(
    postgres: Postgres, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Exported]:
    """Made by a console in a real database, with a signed root."""
    home = tmp_path_factory.mktemp("exported")
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE export_verify TEMPLATE {template}".encode())
    database = DatabaseSettings(url=postgres.url("export_verify"))

    async def make() -> bytes:
        async with running(database, home) as console:
            acts = [make_act(database, home, track=track) for track in (7, 8)]
            enrol_camera(database, home)
            for act in acts:
                deliver(database, home, act)
            number = enter_case(database, acts)
            console.clock.now = datetime.now(UTC) + timedelta(days=1)
            await audit_roots.work(console.context)
            console.clock.now = datetime.now(UTC)
            async with console.as_("auditor") as client:
                answer = await client.post(f"/cases/{number}/export", data={"why": "x"})
            assert answer.status_code == 200, answer.text
            return answer.content

    archive = home / "export.zip"
    archive.write_bytes(asyncio.run(make()))
    folder = home / "unpacked"
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(folder)
    camera = DeviceKey.load(next((home / "node-keys").glob("*.pem")))
    yield Exported(archive, folder, DeviceKey.load(home / "keys" / SIGNING), camera)
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        connection.execute(b"DROP DATABASE export_verify WITH (FORCE)")
