"""Files that are named by their content: ``objects/ab/<sha256>``.

A file is written beside its place, brought to the disk, and then renamed: under its digest there
is the whole file or nothing, whenever the power goes.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

from ioc.errors import ConfigError

DIGITS: Final = 64
BLOCK: Final = 4096
"""Space on the disk goes in blocks; a file is counted with its last one full."""

RESERVE_BYTES: Final = 2**20
_CHUNK: Final = 2**20


def room_of(size: int) -> int:
    """Bytes that a file of a size takes on the disk."""
    return -(-size // BLOCK) * BLOCK


def digest_of(path: Path) -> str:
    """SHA-256 of a file, hex.

    Raises:
        OSError: It cannot be read.
    """
    sha = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            sha.update(chunk)
    return sha.hexdigest()


def object_path(folder: Path, sha256: str) -> Path:
    """Where a file lies in a store."""
    return folder / "objects" / sha256[:2] / sha256


class ObjectFiles:
    """The files of one store, which one process alone writes.

    Args:
        folder: The store's folder.

    Raises:
        OSError: The folder cannot be made.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._objects = folder / "objects"
        self._drafts = folder / "tmp"
        self._reserve = folder / "reserve"
        for place in (self._objects, self._drafts):
            place.mkdir(parents=True, exist_ok=True, mode=0o700)
        _sync(folder)
        self._number = 0

    def path(self, sha256: str) -> Path:
        """Where a file lies, or would."""
        return object_path(self.folder, sha256)

    def write(self, sha256: str, data: bytes) -> None:
        """Store a file; it is on the disk itself when this returns.

        Raises:
            OSError: There is no room, or the disk refuses.
        """
        target = self.path(sha256)
        self._number += 1
        draft = self._drafts / f"{os.getpid()}-{self._number}"
        try:
            with draft.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            if not target.parent.is_dir():
                target.parent.mkdir(mode=0o700, exist_ok=True)
                _sync(self._objects)
            draft.rename(target)
        except BaseException:
            with suppress(OSError):
                draft.unlink(missing_ok=True)
            raise
        _sync(target.parent)

    def remove(self, sha256: str) -> None:
        """Remove a file, if it is there.

        Raises:
            OSError: The disk refuses.
        """
        self.path(sha256).unlink(missing_ok=True)

    def sweep(self, known: set[str]) -> tuple[int, int]:
        """Remove what an end without warning left behind.

        Args:
            known: Digests that belong to a set.

        Returns:
            Drafts removed, and whole files removed that belong to no set.
        """
        drafts = orphans = 0
        for draft in self._drafts.iterdir():
            draft.unlink()
            drafts += 1
        for path in self.all():
            if path.name not in known:
                path.unlink()
                orphans += 1
        return drafts, orphans

    def all(self) -> Iterator[Path]:
        """Every file under ``objects``."""
        for place in sorted(self._objects.iterdir()):
            yield from sorted(place.iterdir())

    def free_bytes(self) -> int:
        """What is left on the disk for this user."""
        stat = os.statvfs(self.folder)
        return stat.f_bavail * stat.f_frsize

    def hold_reserve(self) -> None:
        """Keep 1 MiB of the disk back, if there is room, for deleting when it is full."""
        with suppress(OSError):
            if self._reserve.exists() and self._reserve.stat().st_size == RESERVE_BYTES:
                return
            with self._reserve.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, RESERVE_BYTES)

    def spend_reserve(self) -> None:
        """Give that room free: SQLite needs some for its journal even to delete."""
        with suppress(OSError):
            self._reserve.unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def own(path: Path) -> IO[bytes]:
    """Hold a store until the file is closed, or the process dies in whatever way.

    Raises:
        ConfigError: Another process holds it.
        OSError: The file cannot be made.
    """
    file = path.open("ab")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
            raise
        raise ConfigError(
            f"{path.parent}: another process stores evidence of this device; stop it, or give "
            "another evidence.dir"
        ) from None
    return file
