"""Pieces of files: what the headers say of them, and how they come together on the disk."""

from __future__ import annotations

import base64
import fcntl
import hashlib
import os
import tempfile
import threading
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from console.partial_files import PartialFile, PartialFiles
from console.upload_headers import (
    UNKNOWN_TYPE,
    HeaderError,
    Part,
    check_digest,
    media_type_of,
    part_of,
)
from ioc.errors import ConfigError

SENDER = UUID(int=1)
NAME = "ab" * 32


@given(
    total=st.integers(1, 10**15),
    ends=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    length=st.booleans(),
)
def test_a_range_is_read_as_it_was_written(
    total: int, ends: tuple[float, float], length: bool
) -> None:
    first, last = sorted(int(end * (total - 1)) for end in ends)
    told = str(last - first + 1) if length else None
    assert part_of(f"bytes {first}-{last}/{total}", told) == Part(first, last + 1, total)
    assert part_of(f"bytes */{total}", "0") == Part(total, total, total)
    assert part_of(None, str(total)) == Part(0, total, total)


@given(
    content_range=st.none()
    | st.text(max_size=40)
    | st.from_regex(r"bytes [0-9*/ -]{0,40}", fullmatch=True),
    content_length=st.none() | st.text(max_size=20) | st.integers(-5, 10**20).map(str),
)
def test_whatever_a_header_says_the_part_can_be(
    content_range: str | None, content_length: str | None
) -> None:
    try:
        part = part_of(content_range, content_length)
    except HeaderError as error:
        assert "Content-" in str(error)
        return
    assert 0 <= part.start <= part.end <= part.total
    assert part.total > 0


@given(data=st.binary(max_size=50), other=st.binary(max_size=50), more=st.text(max_size=30))
def test_the_digest_in_the_header_is_that_of_the_name(data: bytes, other: bytes, more: str) -> None:
    name = hashlib.sha256(data).hexdigest()
    told = base64.b64encode(hashlib.sha256(other).digest()).decode()
    header = f"sha-512=:AAAA:, sha-256=:{told}:"
    if data == other:
        check_digest(header, name)
    else:
        with pytest.raises(HeaderError):
            check_digest(header, name)
    check_digest(None, name)
    try:
        check_digest(f"sha-256=:{more}:", name)
    except HeaderError:
        return
    assert base64.b64decode(more).hex() == name or "," in more


@given(text=st.none() | st.text(max_size=60))
def test_a_media_type_is_one_or_unknown(text: str | None) -> None:
    found = media_type_of(text)
    assert found == UNKNOWN_TYPE or found.count("/") == 1
    assert 3 <= len(found) <= 100
    assert found.isascii()


class Growing(RuleBasedStateMachine):
    """A file that is written to, let go of, restarted and taken up again is what was written."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "file"
        self.expected = b""
        self.file: PartialFile | None = None

    def teardown(self) -> None:
        if self.file is not None:
            self.file.close()
        self.folder.cleanup()

    @precondition(lambda self: self.file is None)
    @rule()
    def take(self) -> None:
        self.file = PartialFile.open(self.path)
        assert self.file is not None
        assert self.file.held == len(self.expected)

    @precondition(lambda self: self.file is not None)
    @rule(data=st.binary(max_size=3000))
    def write(self, data: bytes) -> None:
        assert self.file is not None
        self.file.write(data)
        self.expected += data
        assert self.file.held == len(self.expected)

    @precondition(lambda self: self.file is not None)
    @rule()
    def look(self) -> None:
        assert self.file is not None
        assert self.file.sha256() == hashlib.sha256(self.expected).hexdigest()
        assert self.file.head(10) == self.expected[:10]
        assert PartialFile.open(self.path) is None, "it is ours"

    @precondition(lambda self: self.file is not None)
    @rule()
    def restart(self) -> None:
        assert self.file is not None
        self.file.restart()
        self.expected = b""

    @precondition(lambda self: self.file is not None)
    @rule()
    def let_go(self) -> None:
        assert self.file is not None
        self.file.close()
        self.file.close()
        self.file = None
        assert self.path.exists() == bool(self.expected)


TestGrowing = Growing.TestCase
TestGrowing.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)


def test_a_file_that_is_finished_while_another_opens_it_is_not_mixed_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name goes between the opening and the lock: bytes written then would have none."""
    files = PartialFiles(tmp_path)
    first = files.open(SENDER, NAME)
    assert first is not None
    first.write(b"whole")
    real = fcntl.flock

    def finished_meanwhile(file: int, operation: int) -> None:
        monkeypatch.setattr(fcntl, "flock", real)
        first.restart()
        first.close()
        real(file, operation)

    monkeypatch.setattr(fcntl, "flock", finished_meanwhile)
    second = files.open(SENDER, NAME)
    assert second is not None
    assert second.held == 0
    second.write(b"of its own")
    assert files.path(SENDER, NAME).read_bytes() == b"of its own"
    second.close()


def test_many_at_once_never_find_bytes_of_each_other(tmp_path: Path) -> None:
    files = PartialFiles(tmp_path)
    faults: list[str] = []

    def work(seed: int) -> None:
        for n in range(100):
            file = files.open(SENDER, NAME)
            if file is None:
                continue
            if file.held:
                faults.append("found bytes of another")
            file.write(b"%d-%d" % (seed, n))
            if files.path(SENDER, NAME).read_bytes() != b"%d-%d" % (seed, n):
                faults.append("writes to a file that has no name")
            file.restart()
            file.close()

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []


def test_old_pieces_are_swept_and_those_in_use_are_not(tmp_path: Path) -> None:
    files = PartialFiles(tmp_path)
    for n, sender in enumerate([uuid4(), uuid4(), uuid4()]):
        file = files.open(sender, NAME)
        assert file is not None
        file.write(b"x")
        if n != 2:
            file.close()
        if n != 1:
            os.utime(files.path(sender, NAME), (1, 1))
    (tmp_path / "README").write_text("somebody's own file")
    os.utime(tmp_path / "README", (1, 1))
    assert files.sweep(60) == 1
    assert len(list(tmp_path.iterdir())) == 3
    assert file is not None
    file.close()


def test_a_folder_that_cannot_be_made_names_its_setting(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"console\.work_dir"):
        PartialFiles(tmp_path / "file" / "uploads")
