"""Every original read again: whatever was changed in the store or the database is found."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from obstore.store import MemoryStore
from psycopg import AsyncConnection
from typer.testing import CliRunner

from console.custody import Custody, verify_all
from console.keeping import DamagedError, check, keep, sweep_staged
from console.originals import open_store
from ioc.commands.console import app as commands
from ioc.settings import DatabaseSettings, load_settings
from tests.console.custody import as_owner, running
from tests.console.senders import enrol, execute, make_set, rows, send
from tests.servers.postgres import Postgres
from tests.vision.evidence.sets import key_of


@dataclass
class Held:
    """A console's originals: two sets of one device."""

    database: DatabaseSettings
    folder: Path
    manifest: str

    def files(self) -> list[Path]:
        return sorted(path for path in self.folder.rglob("*") if path.is_file())

    def verified(self) -> Custody:
        async def work() -> Custody:
            async with await AsyncConnection.connect(self.database.url) as connection:
                return await verify_all(connection, open_store(str(self.folder)))

        return asyncio.run(work())


@pytest.fixture(scope="module")
def held(
    postgres: Postgres, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Held]:
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE custody_all TEMPLATE {template}".encode())
    database = DatabaseSettings(url=postgres.url("custody_all"))
    folder = tmp_path_factory.mktemp("custody")
    enrol(database, key_of(folder / "keys"))

    async def fill() -> str:
        async with running(database, folder) as console:
            for track in (7, 8):
                found = make_set(folder / f"node-{track}", folder / "keys", track=track)
                await send(console.app, database, folder / f"node-{track}", found)
        return next(ref.sha256 for ref in found.refs if ref.role == "manifest")

    yield Held(database, folder / "originals", asyncio.run(fill()))


def test_all_is_well_at_first(held: Held) -> None:
    custody = held.verified()
    assert custody.findings == []
    # The two sets show the same act: all files but the manifests are the same.
    assert (custody.files, custody.sets) == (len(held.files()), 2)
    assert custody.bytes == sum(path.stat().st_size for path in held.files())


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_one_flipped_bit_in_any_file_is_found(held: Held, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(held.files()))
    before = path.read_bytes()
    at = data.draw(st.integers(0, len(before) - 1))
    bit = data.draw(st.integers(0, 7))
    path.chmod(0o600)
    path.write_bytes(before[:at] + bytes([before[at] ^ 1 << bit]) + before[at + 1 :])
    try:
        assert [str(one) for one in held.verified().findings] == [
            f"{path.name}: its bytes have changed"
        ]
    finally:
        path.write_bytes(before)


@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_a_file_that_is_cut_longer_or_gone_is_found(held: Held, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(held.files()))
    before = path.read_bytes()
    after = data.draw(st.sampled_from([before[:-1], before + b"\0", b"", None]))
    path.chmod(0o600)
    if after is None:
        path.unlink()
    else:
        path.write_bytes(after)
    try:
        (found,) = held.verified().findings
        assert found.sha256 == path.name
    finally:
        path.write_bytes(before)


@pytest.mark.parametrize(
    ("change", "undo", "told"),
    [
        (
            "UPDATE evidence_set SET content = jsonb_set(content, '{manifest,track}', '9')",
            "UPDATE evidence_set SET content = jsonb_set(content, '{manifest,track}', '8')",
            "content",
        ),
        (
            "UPDATE evidence_set SET act_time = act_time + interval '1 us'",
            "UPDATE evidence_set SET act_time = act_time - interval '1 us'",
            "act_time",
        ),
        (
            "UPDATE evidence_set SET device = 'cam-2'",
            "UPDATE evidence_set SET device = 'cam-1'",
            "device",
        ),
        (
            "UPDATE evidence_set SET rule = 'speeding'",
            "UPDATE evidence_set SET rule = 'red_light'",
            "rule",
        ),
        (
            "UPDATE evidence_set SET fault = 'revoked'",
            "UPDATE evidence_set SET fault = NULL",
            "fault",
        ),
    ],
)
def test_a_manifest_that_was_changed_in_the_database_is_found(
    change: str, undo: str, told: str, held: Held
) -> None:
    where = " WHERE manifest = %s"
    execute(held.database, change + where, held.manifest)
    try:
        (found,) = held.verified().findings
        assert found.sha256 == held.manifest
        assert found.what == f"the database says otherwise: {told}"
    finally:
        execute(held.database, undo + where, held.manifest)


def test_rows_that_were_removed_or_invented_are_found(held: Held) -> None:
    database, manifest = held.database, held.manifest
    insert = "INSERT INTO {0} SELECT * FROM json_populate_record(NULL::{0}, %s)"
    insert_set = insert.format("evidence_set")
    kept = rows(database, "SELECT row_to_json(s)::text FROM evidence_set s WHERE manifest = %s",
                manifest)[0][0]  # fmt: skip
    execute(database, "DELETE FROM evidence_set WHERE manifest = %s", manifest)
    assert [one.what for one in held.verified().findings] == [
        "is a manifest, and the database has none"
    ]
    execute(database, insert_set, kept)
    size = "UPDATE evidence SET bytes = bytes + %s WHERE sha256 = %s"
    execute(database, size, 1, manifest)
    (wrong,) = held.verified().findings
    assert "the database says" in wrong.what
    execute(database, size, -1, manifest)

    execute(database, "DELETE FROM evidence_set WHERE manifest = %s", manifest)
    row = rows(database, "SELECT row_to_json(e)::text FROM evidence e WHERE sha256 = %s", manifest)
    execute(database, "DELETE FROM evidence WHERE sha256 = %s", manifest)
    assert "came, as the audit says, and is not in the database" in {
        one.what for one in held.verified().findings if one.sha256 == manifest
    }
    execute(database, insert.format("evidence"), row[0][0])
    execute(database, insert_set, kept)
    assert held.verified().findings == []

    invented = "0" * 64
    execute(
        database,
        "INSERT INTO evidence (sha256, bytes, media_type, city, site, device) "
        "VALUES (%s, 5, 'video/mp4', 'a', 'b', 'c')",
        invented,
    )
    assert {one.what for one in held.verified().findings} == {
        "is gone", "is in the database, and the audit does not say that it came",
    }  # fmt: skip
    execute(database, "DELETE FROM evidence WHERE sha256 = %s", invented)


def test_what_was_deleted_must_be_gone_and_strangers_are_named(held: Held) -> None:
    sha256 = held.files()[0].name
    execute(held.database, "UPDATE evidence SET deleted = now() WHERE sha256 = %s", sha256)
    stranger = held.folder / "ab" / "stranger"
    stranger.parent.mkdir(exist_ok=True)
    stranger.write_bytes(b"?")
    try:
        assert [str(one) for one in held.verified().findings] == [
            f"{sha256}: was deleted, and is still in the store"
        ]
        os.utime(stranger, (1, 1))
        assert "stranger: ab/stranger is in the store, and nobody has sent it" in [
            str(one) for one in held.verified().findings
        ]
    finally:
        stranger.unlink()
        execute(held.database, "UPDATE evidence SET deleted = NULL WHERE sha256 = %s", sha256)


def test_the_command_prints_faults_and_exits_with_1(
    held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IOC_DATABASE__URL", held.database.url)
    monkeypatch.setenv("IOC_CONSOLE__EVIDENCE_URL", str(held.folder))
    load_settings.cache_clear()
    good = CliRunner().invoke(commands, ["verify-evidence", "--json"])
    assert good.exit_code == 0
    assert json.loads(good.stdout) == {
        "ok": True, "files": len(held.files()), "sets": 2, "faults": [],
    }  # fmt: skip
    path = held.files()[0]
    before = path.read_bytes()
    path.chmod(0o600)
    path.write_bytes(before[:-1] + bytes([before[-1] ^ 1]))
    try:
        bad = CliRunner().invoke(commands, ["verify-evidence"])
    finally:
        path.write_bytes(before)
    assert bad.exit_code == 1
    assert bad.stdout == f"{path.name}: its bytes have changed\n"
    lines = rows(held.database, "SELECT action, subject FROM audit WHERE action LIKE 'evidence.%%' "
                 "AND actor = 'system:command' ORDER BY seq")  # fmt: skip
    assert lines == [
        ("evidence.verified", "evidence"), ("evidence.damaged", f"evidence:{path.name}"),
        ("evidence.verified", "evidence"),
    ]  # fmt: skip
    as_owner(held.database, "DELETE FROM audit WHERE actor = 'system:command'")


async def test_the_store_keeps_what_is_right_and_replaces_what_a_power_cut_left(
    tmp_path: Path,
) -> None:
    store, source = open_store(str(tmp_path / "store")), tmp_path / "source"
    source.write_bytes(b"evidence")
    sha256 = hashlib.sha256(b"evidence").hexdigest()
    place = tmp_path / "store" / sha256[:2] / sha256
    await keep(store, sha256, source)
    first = place.stat()
    await keep(store, sha256, source)
    assert (place.stat().st_ino, place.stat().st_mtime_ns) == (first.st_ino, first.st_mtime_ns)
    place.chmod(0o600)
    place.write_bytes(b"")
    with pytest.raises(DamagedError):
        await check(store, sha256)
    await keep(store, sha256, source)
    assert await check(store, sha256) == 8
    assert place.stat().st_mode & 0o777 == 0o444
    memory = MemoryStore()  # as S3 does it: no path, no modes
    for _ in range(2):
        await keep(memory, sha256, source)
    assert await check(memory, sha256) == 8
    staged = place.with_name(sha256 + "#1")
    staged.write_bytes(b"evid")
    assert sweep_staged(store, 60, staged.stat().st_mtime + 61) == 1
    assert place.exists()
