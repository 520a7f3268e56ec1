"""The SQLite file behind a spool: its name, its schema, its lock, and what to do when it is broken.

Durability. The file is in WAL mode with ``synchronous=NORMAL``: a commit is handed to the
operating system, so a crash or ``kill -9`` of the process loses nothing, but the disk is told to
write only at checkpoints, so a power cut would lose every commit since the last one (up to 1000
pages, 4 MiB). ``synchronous=FULL`` closes that hole with one fsync per commit: 0.1 ms on the
build machine, 5 to 20 ms on the eMMC and SD cards of edge nodes, that is 50 to 200 events/s.
So ``Publisher`` has the WAL synced itself: before ``publish`` returns for a violation, and
within its sync interval for the rest. A power cut loses at most that interval of metrics and
never a violation; the file stays consistent, because WAL frames carry checksums and
SQLite stops at the first torn one.
"""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import Final, TypeVar

from ioc.clock import Clock
from ioc.errors import ConfigError
from ioc.topics import DevicePath

T = TypeVar("T")

SCHEMA_VERSION: Final = 1
PAGE_BYTES: Final = 4096
CHECK_BELOW_BYTES: Final = 64 * 2**20
"""A larger file is not checked page by page at the start: at 20 MB/s of an SD card a full one of
512 MiB would hold up the start for 25 s. What is broken in it shows when it is read."""

_SCHEMA: Final = """
CREATE TABLE events(
    row INTEGER PRIMARY KEY AUTOINCREMENT,
    bootid BLOB NOT NULL,
    sequence INTEGER NOT NULL,
    id BLOB NOT NULL,
    kind TEXT NOT NULL,
    priority INTEGER NOT NULL,
    size INTEGER NOT NULL,
    sends INTEGER NOT NULL DEFAULT 0,
    sent_at REAL,
    resend_at REAL,
    payload BLOB NOT NULL
);
CREATE UNIQUE INDEX by_sequence ON events(bootid, sequence);
CREATE INDEX by_priority ON events(priority, row, size);
CREATE INDEX by_resend ON events(resend_at, row) WHERE resend_at IS NOT NULL;
CREATE TABLE boots(bootid BLOB PRIMARY KEY, issued INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE counters(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
"""


class SpoolError(Exception):
    """The spool cannot store or read; the message names the file and the reason."""


class SpoolFullError(SpoolError):
    """There is no room for the event, and nothing of lower priority is left to drop."""


def spool_file(folder: Path, path: DevicePath) -> Path:
    """Where a device's spool lies: ``{city}__{site}__{device}.sqlite``.

    A name may hold ``__`` itself; a dot, which no name may hold, is put between such underscores,
    so that two devices never share a file.
    """
    return folder / ("__".join(re.sub("_(?=_)", "_.", name) for name in path) + ".sqlite")


def is_corrupt(error: sqlite3.Error) -> bool:
    """Whether SQLite says that the file is broken, as opposed to busy, full or unreadable."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def is_full(error: sqlite3.Error) -> bool:
    """Whether SQLite says that the disk, or the file's own limit, is full."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL


class SpoolFile:
    """An open spool file that this process alone may use. Not thread-safe, but for ``sync``.

    Attributes:
        path: Where it lies.
        db: The connection, in autocommit; ``transaction`` groups statements.
        quarantined: Broken files that were moved aside since the start of this process.
        unsynced: Whether something was committed since the last ``sync``.
    """

    def __init__(self, path: Path, *, max_bytes: int, clock: Clock) -> None:
        """Open the file, or make it; a broken one goes aside first.

        Args:
            path: Where it lies.
            max_bytes: SQLite refuses to let the file grow beyond this.
            clock: Names the broken files.

        Raises:
            ConfigError: Another process has it open, the folder cannot be written, or a newer
                version wrote it.
        """
        self.path = path
        self.quarantined: list[Path] = []
        self._max_bytes = max_bytes
        self._clock = clock
        self._wal = -1
        self._syncing = Lock()
        self.unsynced = False
        self._open()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All statements or none."""
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.db.execute("COMMIT")
        except BaseException:
            if self.db.in_transaction:  # SQLite itself rolls back when the disk is full
                self.db.execute("ROLLBACK")
            raise
        self.unsynced = True

    def run(self, work: Callable[[], T], reload: Callable[[], None]) -> T:
        """Do work on the file; when it is full or broken, once more after mending that.

        Args:
            work: Statements on ``db``.
            reload: Called when ``db`` has become a new, empty file.

        Raises:
            SpoolError: SQLite refuses, or the second try fails too.
        """
        if self._wal < 0:
            raise SpoolError(f"{self.path}: the spool is closed")
        try:
            try:
                return work()
            except sqlite3.DatabaseError as error:
                if is_full(error):
                    self.reuse_wal()
                elif is_corrupt(error):
                    self._release()
                    self._set_aside()
                    self._open()
                    reload()
                else:
                    raise
            return work()
        except (sqlite3.Error, OSError, ConfigError) as error:
            raise SpoolError(f"{self.path}: {error}") from None

    def reuse_wal(self) -> None:
        """Bring the WAL into the file and write over it from now on.

        It keeps its length, up to 4 MiB, so deletes go through on a disk that is full.
        """
        with suppress(sqlite3.OperationalError):
            self.db.execute("PRAGMA wal_checkpoint(RESTART)")

    def counters(self) -> dict[str, int]:
        """Numbers that outlive the process, by name."""
        return dict(self.db.execute("SELECT name, value FROM counters"))

    def count(self, name: str, value: int) -> None:
        """Set one of ``counters``."""
        self.db.execute("INSERT OR REPLACE INTO counters VALUES (?, ?)", (name, value))

    def sync(self) -> None:
        """Bring what is committed to the disk itself. Any thread may call it.

        Raises:
            SpoolError: The disk refuses.
        """
        with self._syncing:  # whoever comes second waits until the disk has its commit too
            if not self.unsynced or self._wal < 0:
                return
            self.unsynced = False
            try:
                # A copy of the handle, so that a replaced or closed file does not pull it away.
                wal = os.dup(self._wal)
                try:
                    os.fsync(wal)
                finally:
                    os.close(wal)
            except OSError as error:
                self.unsynced = True
                raise SpoolError(f"{self.path}: cannot sync: {error.strerror}") from None

    def close(self) -> None:
        """Sync and close. Safe to call twice."""
        if self._wal >= 0:
            self._release()

    def _open(self) -> None:
        try:
            self.db = self._connect()
        except sqlite3.DatabaseError as error:
            if not is_corrupt(error):
                raise
            self._set_aside()
            self.db = self._connect()
        self._wal = os.open(self.path.with_name(self.path.name + "-wal"), os.O_RDONLY)

    def _connect(self) -> sqlite3.Connection:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(
                f"edge.spool_dir: {self.path.parent}: {error.strerror}; "
                "give a folder that can be written"
            ) from None
        try:
            connection = sqlite3.connect(
                self.path, timeout=1, isolation_level=None, check_same_thread=False
            )
        except sqlite3.Error as error:
            raise ConfigError(_explain(self.path, error)) from None
        try:
            _prepare(connection, self.path, self._max_bytes)
        except sqlite3.Error as error:
            connection.close()
            if is_corrupt(error):
                raise
            raise ConfigError(_explain(self.path, error)) from None
        except ConfigError:
            connection.close()
            raise
        return connection

    def _set_aside(self) -> None:
        self.quarantined.append(quarantine(self.path, self._clock()))

    def _release(self) -> None:
        os.close(self._wal)
        self._wal = -1
        self.db.close()  # checkpoints and syncs


def quarantine(file: Path, at: datetime) -> Path:
    """Move a broken file and its WAL aside, so that work can go on with a new one.

    Returns:
        Where the broken file lies now: ``NAME.corrupt-20260801T120000.000Z``.

    Raises:
        OSError: It cannot be moved.
    """
    stamp = at.strftime("%Y%m%dT%H%M%S.") + f"{at.microsecond // 1000:03d}Z"
    moved = file.with_name(f"{file.name}.corrupt-{stamp}")
    for suffix in ("-wal", "-shm"):
        extra = file.with_name(file.name + suffix)
        if extra.exists():
            extra.rename(moved.with_name(moved.name + suffix))
    file.rename(moved)
    return moved


def _prepare(connection: sqlite3.Connection, file: Path, max_bytes: int) -> None:
    run = connection.execute
    run(f"PRAGMA page_size = {PAGE_BYTES}")
    # Taken by the first read and held until close, or until the process dies in whatever way.
    run("PRAGMA locking_mode = EXCLUSIVE")
    run("PRAGMA journal_mode = WAL")
    run("PRAGMA synchronous = FULL")
    run(f"PRAGMA journal_size_limit = {PAGE_BYTES * 1000}")
    run(f"PRAGMA max_page_count = {max(64, max_bytes // PAGE_BYTES)}")
    (version,) = run("PRAGMA user_version").fetchone()
    if version > SCHEMA_VERSION:
        raise ConfigError(
            f"{file}: written by a newer version (schema {version}, this one knows "
            f"{SCHEMA_VERSION}); upgrade, or move the file away"
        )
    if version == 0:
        connection.executescript(
            f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
        )
    elif file.stat().st_size < CHECK_BELOW_BYTES:
        (verdict,) = run("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            fault = sqlite3.DatabaseError(verdict)
            fault.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
            raise fault
    # The one commit under FULL: it makes SQLite sync the folder's entry of the new WAL file too.
    run("INSERT INTO counters VALUES ('starts', 1) ON CONFLICT DO UPDATE SET value = value + 1")
    run("PRAGMA synchronous = NORMAL")


def _explain(file: Path, error: sqlite3.Error) -> str:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return f"{file}: another process publishes for this device; stop it, or rename the device"
    return f"{file}: {error}; edge.spool_dir must be a folder on a disk that can be written"
