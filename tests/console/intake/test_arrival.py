"""Evidence from real uploaders to a real console, that arrives whole whatever happens."""

from __future__ import annotations

import asyncio
import os
import stat
from pathlib import Path

import httpx
import pytest

from edge.evidence_store import EvidenceStore, NewFile
from ioc.settings import DatabaseSettings
from tests.console.custody import PASSWORD, enter_people
from tests.console.intake.requests import ask, put, sha
from tests.console.senders import (
    OTHER,
    PATH,
    LiveConsole,
    enrol,
    enter_violation,
    event_of,
    grant,
    make_set,
    rows,
    stored,
    until,
    uploader,
)
from tests.vision.evidence.sets import key_of


def test_a_set_arrives_whole_and_is_evidence(
    console: LiveConsole, database: DatabaseSettings, tmp_path: Path
) -> None:
    evidence = make_set(tmp_path / "node", tmp_path / "keys")
    enrol(database, key_of(tmp_path / "keys"))
    node = EvidenceStore(tmp_path / "node", budget_bytes=2**28)
    sender = uploader(node, console.url, grant(database), tmp_path)
    try:
        assert sender.drain(30)
    finally:
        sender.stop()
        node.close()
    assert sender.stats().refused == 0
    digests = {ref.sha256: ref for ref in evidence.refs}
    found = rows(database, "SELECT sha256, bytes, media_type, city, site, device FROM evidence")
    assert {row[0] for row in found} == digests.keys()
    for sha256, size, media_type, *path in found:
        assert (size, media_type) == (digests[sha256].bytes, digests[sha256].media_type)
        assert tuple(path) == PATH
        original = console.original(sha256)
        assert sha(original.read_bytes()) == sha256
        assert stat.S_IMODE(original.stat().st_mode) == 0o444, "nobody may write to an original"
    manifest = next(ref.sha256 for ref in evidence.refs if ref.role == "manifest")
    assert rows(database, "SELECT manifest, device, rule, fault FROM evidence_set") == [
        (manifest, PATH.device, "red_light", None)
    ]
    lines = rows(database, "SELECT actor, subject FROM audit WHERE action = 'evidence.received'")
    assert sorted(lines) == sorted(
        (f"device:{PATH.source}", f"evidence:{sha256}") for sha256 in digests
    )
    assert not list((console.folder / "work" / "uploads").iterdir())


@pytest.mark.parametrize("first", ["event", "evidence"])
def test_from_the_node_to_the_reviewer(
    first: str, console: LiveConsole, database: DatabaseSettings, tmp_path: Path
) -> None:
    """Evidence may come before its event or after it, and the key after both."""
    asyncio.run(enter_people(database))
    key = key_of(tmp_path / "keys")
    found = make_set(tmp_path / "node", tmp_path / "keys", proxy=False)
    if first == "event":
        enter_violation(database, event_of(found, key))
    store = EvidenceStore(tmp_path / "node", budget_bytes=2**28)
    sender = uploader(store, console.url, grant(database), tmp_path)
    try:
        assert sender.drain(30)
    finally:
        sender.stop()
        store.close()
    if first == "evidence":
        enter_violation(database, event_of(found, key))
    enrol(database, key)
    until(lambda: bool(rows(database, "SELECT number FROM review_case")))
    ((number,),) = rows(database, "SELECT number FROM review_case")
    clip = next(ref for ref in found.refs if ref.role == "clip")
    url = f"{console.url}/{clip.sha256}/view?case={number}"
    with httpx.Client(base_url=console.base) as client:
        answer = client.post("/login", data={"name": "reviewer", "password": PASSWORD})
        assert answer.status_code == 303
        until(lambda: client.get(url).status_code == 200)
        whole = client.get(url)
        assert whole.headers["content-type"] == "video/mp4"
        part = client.get(url, headers={"Range": "bytes=100-199"})
        assert (part.status_code, part.content) == (206, whole.content[100:200])
        original = client.get(f"{console.url}/{clip.sha256}")
        assert original.status_code == 405
    assert stored(tmp_path / "node", clip.sha256) not in whole.content
    viewed = "SELECT actor, subject FROM audit WHERE action = 'evidence.viewed'"
    assert rows(database, viewed) == [("person:reviewer", f"case:{number}")]


def test_what_is_held_is_not_sent_again(
    console: LiveConsole, database: DatabaseSettings, tmp_path: Path
) -> None:
    make_set(tmp_path / "node", tmp_path / "keys")
    make_set(tmp_path / "restored", tmp_path / "keys")  # the same node, after its disk was lost
    token = grant(database)
    sent = []
    for folder in ("node", "restored"):
        store = EvidenceStore(tmp_path / folder, budget_bytes=2**28)
        sender = uploader(store, console.url, token, tmp_path)
        assert sender.drain(30)
        sender.stop()
        store.close()
        sent.append(sender.stats().sent_bytes)
    assert sent[0] > 0
    assert sent[1] == 0
    count = "SELECT count(*) FROM audit WHERE action = 'evidence.received'"
    assert rows(database, count) == rows(database, "SELECT count(*) FROM evidence")


def test_a_killed_console_goes_on_where_it_was(
    database: DatabaseSettings, node: EvidenceStore, tmp_path: Path
) -> None:
    console = LiveConsole(database, tmp_path / "console").start()
    size = 24 * 2**20
    clip = NewFile("clip", os.urandom(size), "video/mp4")
    node.commit([clip], b"a manifest, or not")
    sender = uploader(node, console.url, grant(database), tmp_path, bandwidth_kbps=80_000)
    uploads = console.folder / "work" / "uploads"
    try:
        for reached in (5 * 2**20, 15 * 2**20):
            until(lambda at=reached: any(p.stat().st_size >= at for p in uploads.iterdir()))
            console.kill()
            held = max(path.stat().st_size for path in uploads.iterdir())
            assert held < size
            console.start()
        assert sender.drain(60)
    finally:
        sender.stop()
        console.stop()
    assert console.original(clip.sha256).read_bytes() == clip.data
    # What was on its way when the console was killed is sent again, and nothing else: two blocks
    # of the console and the buffers of both sockets, each time.
    assert sender.stats().sent_bytes < size + 2 * 5 * 2**20
    assert not list(uploads.iterdir())


def test_a_console_killed_between_store_and_database_counts_the_file_later(
    console: LiveConsole, database: DatabaseSettings
) -> None:
    data, token = os.urandom(200_000), grant(database)
    place = console.original(sha(data))
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(data)  # it got as far as here
    assert ask(console, token, sha(data)).status_code == 404, "nothing counts without a row"
    assert put(console, token, data).status_code == 201
    assert rows(database, "SELECT bytes FROM evidence") == [(len(data),)]


def test_remains_of_a_power_cut_do_not_stand_for_the_file(
    console: LiveConsole, database: DatabaseSettings
) -> None:
    data, token = os.urandom(200_000), grant(database)
    place = console.original(sha(data))
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(bytes(200_000))  # its name was on the disk, its bytes were not yet
    assert put(console, token, data).status_code == 201
    assert place.read_bytes() == data


def test_an_original_is_never_written_again(
    console: LiveConsole, database: DatabaseSettings
) -> None:
    data, token = os.urandom(50_000), grant(database)
    assert put(console, token, data).status_code == 201
    before = console.original(sha(data)).stat()
    assert put(console, token, data).status_code == 200
    assert put(console, grant(database, OTHER), data).status_code == 200
    after = console.original(sha(data)).stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    assert rows(database, "SELECT device FROM evidence") == [(PATH.device,)]


def test_other_bytes_than_their_name_says_are_forgotten(
    console: LiveConsole, database: DatabaseSettings
) -> None:
    data, token = os.urandom(30_000), grant(database)
    wrong = bytes([data[0] ^ 1]) + data[1:]
    answer = put(console, token, wrong, name=sha(data))
    assert answer.status_code == 422
    assert answer.json()["error"] == "upload_digest"
    assert ask(console, token, sha(data)).status_code == 404
    assert rows(database, "SELECT count(*) FROM evidence") == [(0,)]
    assert put(console, token, data).status_code == 201


def test_bytes_that_changed_on_the_consoles_disk_are_asked_for_again(
    console: LiveConsole, database: DatabaseSettings, node: EvidenceStore, tmp_path: Path
) -> None:
    clip = NewFile("clip", os.urandom(3 * 2**20), "video/mp4")
    node.commit([clip], b"a manifest, or not")
    token = grant(database)
    half = clip.data[: 2**20]
    span = {"Content-Range": f"bytes 0-{len(half) - 1}/{len(clip.data)}"}
    assert put(console, token, half, name=clip.sha256, **span).status_code == 202
    (partial,) = (console.folder / "work" / "uploads").iterdir()
    partial.write_bytes(bytes([half[0] ^ 1]) + half[1:])
    sender = uploader(node, console.url, token, tmp_path)
    try:
        assert sender.drain(30)
    finally:
        sender.stop()
    assert console.original(clip.sha256).read_bytes() == clip.data
    assert sender.stats().refused == 0


def test_an_offset_that_is_not_held_is_told(
    console: LiveConsole, database: DatabaseSettings
) -> None:
    data, token = os.urandom(3000), grant(database)
    first = {"Content-Range": "bytes 0-999/3000"}
    assert put(console, token, data[:1000], name=sha(data), **first).headers["Upload-Offset"] == (
        "1000"
    )
    gap = {"Content-Range": "bytes 2000-2999/3000"}
    answer = put(console, token, data[2000:], name=sha(data), **gap)
    assert (answer.status_code, answer.headers["Upload-Offset"]) == (409, "1000")
    held = ask(console, token, sha(data))
    assert (held.status_code, held.headers["Upload-Offset"]) == (200, "1000")
    assert "Upload-Complete" not in held.headers
    rest = {"Content-Range": "bytes 1000-2999/3000"}
    assert put(console, token, data[1000:], name=sha(data), **rest).status_code == 201
    whole = ask(console, token, sha(data))
    assert (whole.headers["Upload-Offset"], whole.headers["Upload-Complete"]) == ("3000", "?1")


def test_all_bytes_held_and_none_to_come(console: LiveConsole, database: DatabaseSettings) -> None:
    data, token = os.urandom(3000), grant(database)
    name = console.folder / "work" / "uploads"
    put(console, token, data[:1], name=sha(data), **{"Content-Range": "bytes 0-0/3000"})
    (partial,) = name.iterdir()
    partial.write_bytes(data)  # killed before it looked at the digest
    end = {"Content-Range": "bytes */3000"}
    assert put(console, token, b"", name=sha(data), **end).status_code == 201


def test_what_is_too_large_is_set_aside_and_the_rest_arrives(
    database: DatabaseSettings, node: EvidenceStore, tmp_path: Path
) -> None:
    console = LiveConsole(database, tmp_path / "console", max_file_mb=1).start()
    clip = NewFile("clip", os.urandom(4 * 2**20), "video/mp4")
    still = NewFile("at", os.urandom(20_000), "image/jpeg")
    node.commit([clip, still], b"a manifest, or not")
    sender = uploader(node, console.url, grant(database), tmp_path)
    try:
        assert sender.drain(30)
    finally:
        sender.stop()
        console.stop()
    assert sender.stats().refused == 1
    assert {row[0] for row in rows(database, "SELECT sha256 FROM evidence")} == {
        still.sha256, node.manifests()[0],
    }  # fmt: skip
    assert not list((console.folder / "work" / "uploads").iterdir())


def test_a_full_disk_puts_uploads_off_and_loses_nothing(
    database: DatabaseSettings, node: EvidenceStore, tmp_path: Path
) -> None:
    full = LiveConsole(database, tmp_path / "console", min_free_mb=2**40).start()
    still = NewFile("at", os.urandom(20_000), "image/jpeg")
    node.commit([still], b"a manifest, or not")
    token = grant(database)
    sender = uploader(node, full.url, token, tmp_path)
    try:
        until(lambda: sender.stats().failures >= 2)
        assert put(full, token, still.data).status_code == 507
    finally:
        full.stop()
    full.env["IOC_CONSOLE__MIN_FREE_MB"] = "0"
    full.start()
    try:
        assert sender.drain(30)
    finally:
        sender.stop()
        full.stop()
    assert sender.stats().refused == 0
    assert full.original(still.sha256).read_bytes() == still.data
