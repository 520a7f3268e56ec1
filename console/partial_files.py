"""Files that are still arriving: one folder, one file for each sender and digest.

A file grows at its end only and is locked while somebody writes to it, by whatever process: two
senders of the same file never mix their bytes. What a kill leaves behind is the beginning of a
file, and the sender goes on there.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import os
import re
import shutil
import threading
import time
from pathlib import Path
from typing import Final, Self
from uuid import UUID

from ioc.errors import ConfigError

BLOCK: Final = 2**20
MOST_AT_ONCE: Final = 64
_NAME: Final = re.compile(r"[0-9a-f]{32}-[0-9a-f]{64}")


class PartialFile:
    """The beginning of a file, open and locked by us.

    A request that is cancelled lets go while a thread of it may still write: whatever is done here
    waits for what was begun.

    Attributes:
        path: Where it lies.
        held: How many bytes there are.
    """

    def __init__(self, path: Path, file: int) -> None:
        self.path = path
        self.held = os.fstat(file).st_size
        self._file = file
        self._busy = threading.Lock()
        self._hash = hashlib.sha256()
        self._hashed = 0

    @classmethod
    def open(cls, path: Path) -> Self | None:
        """Open a file to go on with it; None while somebody else writes to it.

        Raises:
            OSError: The disk refuses.
        """
        while True:
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                # Whoever had it may have finished, and removed it, since we opened it.
                if _same(path, file):
                    return cls(path, file)
            except BlockingIOError:
                os.close(file)
                return None
            except BaseException:
                os.close(file)
                raise
            os.close(file)

    def write(self, data: bytes | bytearray) -> None:
        """Add bytes at the end.

        Raises:
            OSError: The disk refuses; what is there is still the beginning of the file.
        """
        view = memoryview(data)
        with self._busy:
            self._catch_up()
            while view:
                count = os.pwrite(self._file, view, self.held)
                self._hash.update(view[:count])
                self.held += count
                self._hashed = self.held
                view = view[count:]

    def sha256(self) -> str:
        """Digest of all that is there, hex."""
        with self._busy:
            self._catch_up()
            return self._hash.hexdigest()

    def head(self, size: int) -> bytes:
        """The first bytes."""
        with self._busy:
            return os.pread(self._file, size, 0)

    def restart(self) -> None:
        """Begin again with nothing: what is there is wrong."""
        with self._busy:
            os.ftruncate(self._file, 0)
            self._hash = hashlib.sha256()
            self.held = self._hashed = 0

    def close(self, *, sync: bool = True) -> None:
        """Let the file go. One that is empty is removed. Safe to call twice.

        Args:
            sync: Bring the bytes to the disk itself first, so that the sender may rely on them.
        """
        with self._busy:
            if self._file < 0:
                return
            file, self._file = self._file, -1
            try:
                if not self.held:
                    self.path.unlink(missing_ok=True)  # it is ours until the lock goes
                elif sync:
                    os.fsync(file)
            finally:
                os.close(file)

    def _catch_up(self) -> None:
        """Take bytes of an earlier request into the digest."""
        while self._hashed < self.held:
            block = os.pread(self._file, min(BLOCK, self.held - self._hashed), self._hashed)
            if not block:
                raise OSError(f"{self.path}: became shorter")
            self._hash.update(block)
            self._hashed += len(block)


class PartialFiles:
    """The folder of all files that are still arriving.

    Attributes:
        slots: One for each file that may arrive at the same time.
    """

    def __init__(self, folder: Path) -> None:
        """Make the folder.

        Raises:
            ConfigError: It cannot be written.
        """
        self.folder = folder
        self.slots = asyncio.Semaphore(MOST_AT_ONCE)
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise ConfigError(
                f"{folder}: {error.strerror}; console.work_dir must be a folder that this user "
                "may write"
            ) from None

    def path(self, sender: UUID, sha256: str) -> Path:
        """Where a sender's file lies: nobody touches what another one has begun."""
        return self.folder / f"{sender.hex}-{sha256}"

    def held(self, sender: UUID, sha256: str) -> int:
        """How many bytes a sender may skip."""
        try:
            return self.path(sender, sha256).stat().st_size
        except FileNotFoundError:
            return 0

    def open(self, sender: UUID, sha256: str) -> PartialFile | None:
        """Go on with a file; None while another request writes to it."""
        return PartialFile.open(self.path(sender, sha256))

    def free_bytes(self) -> int:
        """Room that is left on this disk."""
        return shutil.disk_usage(self.folder).free

    def sweep(self, older_s: float) -> int:
        """Remove what nobody has gone on with for so long; returns how many."""
        swept = 0
        for path in self.folder.iterdir():
            if not _NAME.fullmatch(path.name):
                continue
            try:
                if time.time() - path.stat().st_mtime < older_s:
                    continue
            except FileNotFoundError:
                continue
            found = PartialFile.open(path)
            if found is None:
                continue
            found.restart()
            found.close()
            swept += 1
        return swept


def _same(path: Path, file: int) -> bool:
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    here = os.fstat(file)
    return (there.st_dev, there.st_ino) == (here.st_dev, here.st_ino)
