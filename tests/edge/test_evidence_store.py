"""The evidence store: whole sets or nothing, inside its budget, never silent."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edge.evidence_files import ObjectFiles
from edge.evidence_store import EvidenceStore, NewFile, StoreError, StoreFullError
from ioc.errors import ConfigError

KIB = 1024


class Now:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at


Open = Callable[..., EvidenceStore]


@pytest.fixture
def now() -> Now:
    return Now()


@pytest.fixture
def open_store(tmp_path: Path, now: Now) -> Iterator[Open]:
    opened: list[EvidenceStore] = []

    def begin(kib: float = 1024, **more: float) -> EvidenceStore:
        for store in opened:
            store.close()
        store = EvidenceStore(
            tmp_path / "store",
            budget_bytes=int(kib * KIB),
            clock=now,
            **more,  # type: ignore[arg-type]
        )
        opened.append(store)
        return store

    yield begin
    for store in opened:
        store.close()


def clip(kib: int = 40) -> NewFile:
    return NewFile("clip", os.urandom(kib * KIB), "video/mp4")


def add(store: EvidenceStore, kib: int = 40) -> str:
    return store.commit([clip(kib)], os.urandom(300))


def upload(store: EvidenceStore, count: int = 10_000) -> None:
    while count and (file := store.next_pending()) is not None:
        store.mark_uploaded(file.sha256)
        count -= 1


def on_disk(store: EvidenceStore) -> set[str]:
    return {path.name for path in (store.folder / "objects").glob("*/*")}


def test_a_set_is_there_after_a_restart(open_store: Open) -> None:
    file = clip()
    manifest = open_store().commit([file], b"{}")
    again = open_store()
    assert again.manifests() == [manifest]
    assert again.path(file.sha256).read_bytes() == file.data
    assert again.path(manifest).read_bytes() == b"{}"


def test_the_same_set_is_stored_once(open_store: Open) -> None:
    store, file = open_store(), clip()
    assert store.commit([file], b"{}") == store.commit([file], b"{}")
    assert (store.stats().sets, store.stats().counts) == (1, {"stored": 1})


def test_a_file_of_two_sets_stays_until_both_are_gone(open_store: Open, now: Now) -> None:
    store, shared = open_store(keep_s=100), clip()
    first = store.commit([shared], b"1")
    upload(store)
    now.at += timedelta(seconds=60)
    second = store.commit([shared], b"2")
    upload(store)
    now.at += timedelta(seconds=60)
    assert store.expire() == 1
    assert on_disk(store) == {shared.sha256, second}
    assert first not in store.manifests()
    now.at += timedelta(seconds=60)
    assert store.expire() == 1
    assert on_disk(store) == set()


def test_what_nobody_asked_for_is_gone_in_time(open_store: Open, now: Now) -> None:
    store = open_store(keep_s=86_400)
    add(store)
    upload(store)
    pending = add(store)
    now.at += timedelta(days=2)
    store.expire()
    assert store.manifests() == [pending], "what is not uploaded yet never expires"
    assert store.stats().counts["expired"] == 1


def test_the_oldest_uploaded_sets_make_room(open_store: Open, now: Now) -> None:
    store = open_store(kib=200)
    sets = []
    for _ in range(3):
        sets.append(add(store))
        now.at += timedelta(minutes=1)
    upload(store, 4)  # the first two
    sets.append(add(store, 80))
    assert store.manifests() == [sets[1], sets[2], sets[3]]
    sets.append(add(store, 40))
    assert store.manifests() == sets[2:]
    assert store.stats().counts["evicted"] == 2
    assert store.stats().bytes <= 200 * KIB


def test_evidence_that_is_not_uploaded_is_never_removed(open_store: Open) -> None:
    store = open_store(kib=100)
    sets = [add(store), add(store)]
    with pytest.raises(StoreFullError, match="not uploaded yet"):
        add(store)
    assert store.manifests() == sets
    assert store.stats().counts["refused_full"] == 1
    assert open_store(kib=100).stats().counts["refused_full"] == 1, "counts outlive the process"


def test_half_uploaded_is_pending(open_store: Open) -> None:
    store = open_store(kib=100)
    add(store)
    upload(store, 1)
    add(store)
    with pytest.raises(StoreFullError):
        add(store)
    assert len(store.manifests()) == 2


def test_refused_sets_go_after_uploaded_ones(open_store: Open, now: Now) -> None:
    store = open_store(kib=100)
    refused = add(store)
    for _ in range(2):
        file = store.next_pending()
        assert file is not None
        store.mark_refused(file.sha256, "413")
    now.at += timedelta(minutes=1)
    uploaded = add(store)
    upload(store)
    store.commit([], b"small")
    store.commit([clip(20)], b"x")
    assert refused in store.manifests()
    assert uploaded not in store.manifests()
    add(store)
    assert refused not in store.manifests()
    assert store.stats().counts["evicted_refused"] == 1


def test_litter_of_a_kill_is_removed_at_the_next_start(open_store: Open) -> None:
    store = open_store()
    kept = add(store)
    store.close()
    files = ObjectFiles(store.folder)
    orphan = clip()
    files.write(orphan.sha256, orphan.data)
    (store.folder / "tmp" / "99-1").write_bytes(b"half")
    again = open_store()
    assert not again.path(orphan.sha256).exists()
    assert list((again.folder / "tmp").iterdir()) == []
    assert again.manifests() == [kept]
    assert again.stats().counts == {"stored": 1, "drafts": 1, "orphans": 1}


def test_a_broken_index_is_made_again_from_the_manifests(open_store: Open) -> None:
    store, file = open_store(), clip()
    body = (
        f'{{"key":"","manifest":{{"files":[{{"role":"clip","sha256":"{file.sha256}",'
        f'"bytes":{len(file.data)},"media_type":"video/mp4"}}]}}}}'
    )
    manifest = store.commit([file], body.encode())
    upload(store)
    store.close()
    index = store.folder / "index.sqlite"
    index.write_bytes(b"no database at all" * 500)
    again = open_store()
    assert again.manifests() == [manifest]
    assert again.stats().pending_files == 2, "to be on the safe side all is offered again"
    assert list(store.folder.glob("index.sqlite.corrupt-*"))


def test_two_processes_do_not_share_a_store(open_store: Open, tmp_path: Path) -> None:
    open_store()
    with pytest.raises(ConfigError, match="another process"):
        EvidenceStore(tmp_path / "store", budget_bytes=KIB)


def test_a_folder_that_cannot_be_written_names_the_mend(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"evidence\.dir"):
        EvidenceStore(tmp_path / "file" / "x", budget_bytes=KIB)


@pytest.mark.parametrize("kind", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
@pytest.mark.parametrize("at", [1, 2, 3])
def test_a_disk_that_fails_in_the_middle_leaves_nothing_of_the_set(
    kind: int, at: int, open_store: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store()
    kept = add(store)
    before, real, calls = on_disk(store), os.fsync, 0

    def failing(handle: int) -> None:
        nonlocal calls
        calls += 1
        if calls == at:
            raise OSError(kind, os.strerror(kind))
        real(handle)

    monkeypatch.setattr(os, "fsync", failing)
    wanted = StoreError if kind == errno.EIO else StoreFullError
    with pytest.raises(wanted) as caught:
        store.commit([clip(), clip()], b"m")
    monkeypatch.undo()
    assert isinstance(caught.value, StoreFullError) == (kind != errno.EIO)
    assert on_disk(store) == before
    assert store.manifests() == [kept]
    assert add(store) in store.manifests()


def test_a_set_that_fails_takes_no_file_of_another_with_it(
    open_store: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, shared = open_store(kib=100), clip()
    store.commit([shared], b"1")

    def failing(self: ObjectFiles, sha256: str, data: bytes) -> None:
        raise OSError(errno.EIO, "broken")

    with monkeypatch.context() as patched, pytest.raises(StoreError):
        patched.setattr(ObjectFiles, "write", failing)
        store.commit([shared, clip(10)], b"2")
    assert store.path(shared.sha256).read_bytes() == shared.data
    store.commit([shared], b"3")
    store.commit([shared], b"4")
    assert store.stats().bytes == (40 + 3 * 4) * KIB, "what is shared takes room once"


def test_room_is_left_to_others_on_the_disk(
    open_store: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(floor_bytes=100 * KIB)
    old = add(store)
    upload(store)
    free = 130 * KIB

    def free_bytes(self: ObjectFiles) -> int:
        return free + (44 * KIB if old not in store.manifests() else 0)

    monkeypatch.setattr(ObjectFiles, "free_bytes", free_bytes)
    assert store.manifests() == [old]
    new = add(store)
    assert store.manifests() == [new]
    free = 10 * KIB
    with pytest.raises(StoreFullError):
        add(store)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 4 MiB, as far as this machine lets one be made."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    done = mount and subprocess.run(
        [mount, "-t", "tmpfs", "-o", "size=4m", "none", str(folder)], capture_output=True
    )
    if not done or done.returncode:
        pytest.skip("only root may mount a disk")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_that_is_full_to_the_last_byte(small_disk: Path, now: Now) -> None:
    store = EvidenceStore(small_disk / "store", budget_bytes=2**30, clock=now)
    try:
        sets = []
        with pytest.raises(StoreFullError):
            for _ in range(200):
                sets.append(add(store, 100))
        assert store.manifests() == sets
        upload(store, 2)
        with (small_disk / "others").open("wb", 0) as filler, pytest.raises(OSError, match="space"):
            while True:
                filler.write(bytes(4096))
        new = store.commit([clip(30)], b"m")  # needs the journal, which needs room
        assert store.manifests() == [*sets[1:], new]
        assert store.stats().counts["evicted"] == 1
    finally:
        store.close()
    again = EvidenceStore(small_disk / "store", budget_bytes=2**30, clock=now)
    try:
        assert again.manifests() == [*sets[1:], new]
    finally:
        again.close()
