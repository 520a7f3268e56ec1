"""Evidence in a bucket of a real S3 server, reached as deploy/compose has it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
import tomllib
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import psycopg
import pytest
import yaml

from console import audit_roots, retention
from console.custody import verify_all
from console.keeping import StorageError
from console.originals import place_of
from edge.evidence_store import EvidenceStore, NewFile
from ioc.settings import DatabaseSettings
from simulator.devices.network import CuttableRelay
from tests.console.custody import running
from tests.console.exports import enrol_camera, enter_case, make_act
from tests.console.intake.requests import ask, put, sha
from tests.console.senders import OTHER, PATH, LiveConsole, grant, rows, send, until, uploader
from tests.servers import ROOT
from tests.servers.postgres import Postgres
from tests.servers.s3 import S3

pytestmark = pytest.mark.service

COMPOSE = ROOT / "deploy" / "compose"
URL = tomllib.loads((COMPOSE / "ioc.toml").read_text())["console"]["evidence_url"]
BUCKET = URL.removeprefix("s3://")
MIB = 2**20


def environment(server: S3, port: int | None = None) -> dict[str, str]:
    """The console's variables in deploy/compose, with this server's address and key."""
    services = yaml.safe_load((COMPOSE / "compose.yaml").read_text())["services"]
    said = {
        name.removesuffix("__FILE"): str(value)
        for name, value in services["console"]["environment"].items()
        if name.startswith("AWS_")
    }
    ours = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port or server.port}",
        "AWS_ACCESS_KEY_ID": server.key_id,
        "AWS_SECRET_ACCESS_KEY": server.key,
    }
    assert ours.keys() <= said.keys()
    return said | ours


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    begun = S3(tmp_path_factory.mktemp("s3"), BUCKET)
    begun.start()
    yield begun
    begun.stop()


@pytest.fixture(scope="module")
def line(server: S3) -> Iterator[CuttableRelay]:
    """Between console and store; counts what passes."""
    with CuttableRelay(server.port) as relay:
        yield relay


@pytest.fixture(scope="module")
def shared(
    server: S3, line: CuttableRelay, postgres: Postgres, template: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[LiveConsole]:  # fmt: skip
    """One console for all tests, with its originals in the bucket."""
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE intake_s3 TEMPLATE {template}".encode())
    database = DatabaseSettings(url=postgres.url("intake_s3"))
    live = LiveConsole(database, tmp_path_factory.mktemp("console"), evidence_url=URL)
    live.env.update(environment(server, line.port))
    yield live.start()
    live.stop()


@pytest.fixture(autouse=True)
def empty_bucket(server: S3) -> None:
    server.start()
    server.clear()


def uploads(console: LiveConsole) -> list[Path]:
    return list((console.folder / "work" / "uploads").iterdir())


def test_a_whole_upload_is_an_object_byte_for_byte(
    console: LiveConsole, database: DatabaseSettings, server: S3
) -> None:
    data, token = os.urandom(20 * MIB + 17), grant(database)
    assert _put(console, token, data).status_code == 201
    assert server.objects() == {place_of(sha(data))}
    assert server.place(place_of(sha(data))).read_bytes() == data
    held = ask(console, token, sha(data))
    assert (held.headers["Upload-Offset"], held.headers["Upload-Complete"]) == (
        str(len(data)), "?1",
    )  # fmt: skip
    assert rows(database, "SELECT sha256, bytes FROM evidence") == [(sha(data), len(data))]
    assert not uploads(console)
    read = console.command("verify-evidence")
    assert (read.returncode, read.stdout) == (0, ""), read.stderr
    server.place(place_of(sha(data))).write_bytes(bytes([data[0] ^ 1]) + data[1:])
    changed = console.command("verify-evidence")
    assert changed.returncode == 1
    assert changed.stdout == f"{sha(data)}: its bytes have changed\n"


def test_an_upload_that_broke_off_goes_on_where_it_was(
    console: LiveConsole, database: DatabaseSettings, server: S3
) -> None:
    data, token = os.urandom(5 * MIB), grant(database)

    def cut() -> Iterator[bytes]:
        yield data[: 3 * MIB + 17]
        raise RuntimeError("the line is gone")

    headers = {"Authorization": f"Bearer {token}", "Content-Length": str(len(data))}
    with pytest.raises(RuntimeError):
        httpx.put(f"{console.url}/{sha(data)}", content=cut(), headers=headers)
    until(lambda: ask(console, token, sha(data)).headers.get("Upload-Offset") == str(3 * MIB + 17))
    assert server.objects() == set(), "the store has whole files alone"
    span = {"Content-Range": f"bytes {3 * MIB + 17}-{len(data) - 1}/{len(data)}"}
    # Until the console has let go of the first connection, the second has to wait.
    until(lambda: put(console, token, data[3 * MIB + 17 :], name=sha(data), **span).status_code
          in (200, 201))  # fmt: skip
    assert server.place(place_of(sha(data))).read_bytes() == data
    assert not uploads(console)


def test_other_bytes_than_their_name_says_leave_nothing(
    console: LiveConsole, database: DatabaseSettings, server: S3
) -> None:
    data, token = os.urandom(30_000), grant(database)
    answer = put(console, token, bytes([data[0] ^ 1]) + data[1:], name=sha(data))
    assert (answer.status_code, answer.json()["error"]) == (422, "upload_digest")
    assert ask(console, token, sha(data)).status_code == 404
    assert server.objects() == set()
    assert rows(database, "SELECT count(*) FROM evidence") == [(0,)]
    assert not uploads(console)


def test_the_same_file_twice_is_one(
    console: LiveConsole, database: DatabaseSettings, server: S3
) -> None:
    data, token = os.urandom(50_000), grant(database)
    assert put(console, token, data).status_code == 201
    before = server.place(place_of(sha(data))).stat()
    assert put(console, token, data).status_code == 200
    assert put(console, grant(database, OTHER), data).status_code == 200
    after = server.place(place_of(sha(data))).stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    assert server.objects() == {place_of(sha(data))}
    assert rows(database, "SELECT device FROM evidence") == [(PATH.device,)]


def test_what_the_bucket_has_already_is_not_sent_there_again(
    console: LiveConsole, database: DatabaseSettings, server: S3, line: CuttableRelay
) -> None:
    """A console was killed between store and database. versitygw refuses the second in the middle
    of its body and may hang up, which looks like a broken line: the sender was put off again."""
    data, token = os.urandom(20 * MIB), grant(database)
    place = server.place(place_of(sha(data)))
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(data)
    before = line.counts()
    assert _put(console, token, data).status_code == 201
    after = line.counts()
    assert after.to_target - before.to_target < MIB, "sent to the store"
    assert after.to_client - before.to_client > len(data), "held against its digest"
    assert rows(database, "SELECT bytes FROM evidence") == [(len(data),)]


def test_other_bytes_in_the_bucket_do_not_stand_for_the_file(
    console: LiveConsole, database: DatabaseSettings, server: S3
) -> None:
    data, token = os.urandom(200_000), grant(database)
    place = server.place(place_of(sha(data)))
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(bytes(200_000))
    assert put(console, token, data).status_code == 201
    assert place.read_bytes() == data


def test_a_store_killed_during_an_upload_puts_the_sender_off_and_loses_nothing(
    console: LiveConsole, database: DatabaseSettings, server: S3, line: CuttableRelay,
    tmp_path: Path,
) -> None:  # fmt: skip
    node = EvidenceStore(tmp_path / "node", budget_bytes=2**28)
    clip = NewFile("clip", os.urandom(60 * MIB), "video/mp4")
    node.commit([clip], b"a manifest, or not")
    token = grant(database)
    before = line.counts().to_target
    answers: list[httpx.Response] = []

    sending = threading.Thread(target=lambda: answers.append(_put(console, token, clip.data)))
    sending.start()
    until(lambda: line.counts().to_target - before > 4 * MIB)
    server.kill()
    sending.join()
    (refused,) = answers
    assert (refused.status_code, refused.json()["error"]) == (503, "upload_store")
    assert refused.headers["Retry-After"] == "5"
    assert "send it later" in refused.text or "hãy gửi lại sau" in refused.text
    assert rows(database, "SELECT count(*) FROM evidence") == [(0,)]
    sender = uploader(node, console.url, token, tmp_path)
    try:
        until(lambda: sender.stats().failures >= 1, 60)
        server.start()
        assert sender.drain(60)
    finally:
        sender.stop()
        node.close()
    assert sender.stats().refused == 0
    assert sender.stats().sent_bytes < MIB, "the console still had the clip"
    assert server.place(place_of(clip.sha256)).read_bytes() == clip.data
    assert rows(database, "SELECT count(*) FROM evidence") == [(2,)]
    assert console.command("verify-evidence").returncode == 0
    assert not uploads(console)


@pytest.mark.slow
def test_a_slow_store_has_the_time_it_takes(
    console: LiveConsole, database: DatabaseSettings, server: S3, line: CuttableRelay
) -> None:
    """256 MiB in the 30 s that obstore gives by itself would need a line of 72 Mbit/s.

    versitygw is too quick to be slowed down so; this holds for S3Proxy.
    """
    data, token = os.urandom(60 * MIB), grant(database)
    before = line.counts().to_target
    answers: list[httpx.Response] = []
    sending = threading.Thread(target=lambda: answers.append(_put(console, token, data)))
    sending.start()
    until(lambda: line.counts().to_target - before > MIB)
    pid, began = server.pid, time.monotonic()
    assert pid is not None
    try:
        while not answers and time.monotonic() - began < 34:
            os.kill(pid, signal.SIGSTOP)
            time.sleep(1)
            os.kill(pid, signal.SIGCONT)
            time.sleep(0.01)
    finally:
        os.kill(pid, signal.SIGCONT)
    sending.join()
    assert [answer.status_code for answer in answers] == [201]
    assert time.monotonic() - began > 31, "the store was too quick for this test"
    assert server.place(place_of(sha(data))).read_bytes() == data


def _put(console: LiveConsole, token: str, data: bytes) -> httpx.Response:
    """As a node's uploader, which waits longer for the answer than httpx by itself."""
    return httpx.put(
        f"{console.url}/{sha(data)}", content=data, timeout=60,
        headers={"Authorization": f"Bearer {token}"},
    )  # fmt: skip


@pytest.fixture
def quiet(
    postgres: Postgres, template: str, server: S3, monkeypatch: pytest.MonkeyPatch
) -> Iterator[DatabaseSettings]:
    """A database of a console in this process, which makes no cases of its own; the environment
    is that of a console."""
    for name, value in environment(server).items():
        monkeypatch.setenv(name, value)
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        connection.execute(b"DROP DATABASE IF EXISTS quiet_s3 WITH (FORCE)")
        connection.execute(f"CREATE DATABASE quiet_s3 TEMPLATE {template}".encode())
    yield DatabaseSettings(url=postgres.url("quiet_s3"))
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        connection.execute(b"DROP DATABASE quiet_s3 WITH (FORCE)")


async def test_it_is_seen_whole_and_in_part_and_its_export_is_intact(
    quiet: DatabaseSettings, server: S3, tmp_path: Path
) -> None:
    async with running(quiet, tmp_path, evidence_url=URL) as console:
        act = make_act(quiet, tmp_path)
        enrol_camera(quiet, tmp_path)
        await send(console.app, quiet, act.node, act.evidence)
        number = enter_case(quiet, [act])
        console.clock.now = datetime.now(UTC) + timedelta(days=1)
        await audit_roots.work(console.context)
        console.clock.now = datetime.now(UTC)
        url = f"/evidence/{act.digest('at')}/view?case={number}"
        async with console.as_("auditor") as client:
            for _ in range(600):
                whole = await client.get(url)
                if whole.status_code != 202:
                    break
                await asyncio.sleep(0.1)  # it is being made
            assert whole.status_code == 200
            part = await client.get(url, headers={"Range": "bytes=100-199"})
            assert (part.status_code, part.content) == (206, whole.content[100:200])
            exported = await client.post(f"/cases/{number}/export", data={"why": "x"})
        assert exported.status_code == 200, exported.text
    archive, folder = tmp_path / "export.zip", tmp_path / "unpacked"
    archive.write_bytes(exported.content)
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(folder)
    done = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-I", str(folder / "verify.py"), str(archive)],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "NGUYÊN VẸN" in done.stdout
    assert "Mốc ký ngày" in done.stdout
    inside = {sha(path.read_bytes()) for path in folder.rglob("*") if path.is_file()}
    assert {ref.sha256 for ref in act.evidence.refs if ref.role != "proxy"} <= inside
    originals = {place_of(ref.sha256) for ref in act.evidence.refs}
    (root,) = server.objects() - originals
    assert root.startswith(audit_roots.PREFIX), "a copy of the day's root lies beside them"


async def test_retention_removes_the_objects(
    quiet: DatabaseSettings, server: S3, tmp_path: Path
) -> None:
    async with running(quiet, tmp_path, evidence_url=URL) as console:
        going, staying = (make_act(quiet, tmp_path, track=track) for track in (1, 2))
        for act in (going, staying):
            await send(console.app, quiet, act.node, act.evidence)
        number = enter_case(quiet, [going], state="rejected", decided=console.clock())
        enter_case(quiet, [staying], decided=console.clock())
        before = server.objects()
        console.clock.now += timedelta(days=8)
        server.kill()
        with pytest.raises(StorageError):
            await retention.work(console.context)
        server.start()
        assert server.objects() == before
        (gone,) = (await retention.work(console.context)).cases
        assert (gone.number, gone.reason) == (number, "rejected")
        kept = {place_of(ref.sha256) for ref in staying.evidence.refs}
        assert server.objects() == kept < before
        async with console.context.pool.connection() as connection:
            custody = await verify_all(connection, console.context.originals)
        assert (custody.findings, custody.files) == ([], len(kept))


@pytest.mark.parametrize(
    ("url", "key", "told"),
    [(URL, "wrong", "SignatureDoesNotMatch"), ("s3://no-such-bucket", None, "NoSuchBucket")],
)
def test_a_wrong_key_or_bucket_is_told_at_the_start(
    url: str, key: str | None, told: str, database: DatabaseSettings, server: S3, tmp_path: Path
) -> None:
    console = LiveConsole(database, tmp_path / "console", evidence_url=url)
    console.env.update(environment(server))
    console.env["AWS_SECRET_ACCESS_KEY"] = key or server.key
    try:
        with pytest.raises(AssertionError) as ended:
            console.start()
    finally:
        console.stop()
    (line,) = str(ended.value).strip().splitlines()[-1:]
    assert f"console.evidence_url: {url}" in line
    assert told in line
    assert "AWS_SECRET_ACCESS_KEY" in line
    assert server.key not in str(ended.value)
    assert len(line) < 500


def test_a_store_that_is_away_at_the_start_does_not_keep_reviewers_out(
    database: DatabaseSettings, server: S3, tmp_path: Path
) -> None:
    console = LiveConsole(database, tmp_path / "console", evidence_url=URL)
    console.env.update(environment(server))
    server.kill()
    began = time.monotonic()
    try:
        console.start()
        assert time.monotonic() - began < 30
        assert "the store of originals cannot be reached" in (console.folder / "log").read_text()
        server.start()
        assert put(console, grant(database), b"evidence").status_code == 201
    finally:
        console.stop()
