"""Which stored files belong together, and how far each is on its way: one SQLite file a store.

A set becomes visible by one transaction, committed with a sync (``synchronous=FULL``) after all
of its files are on the disk. The index is no evidence: what it says of a set stands in the set's
signed manifest too, and a broken index is made again from these.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple

from edge.spool_file import is_corrupt, quarantine
from ioc.clock import Clock
from ioc.errors import ConfigError

SCHEMA_VERSION: Final = 1
FILE_NAME: Final = "index.sqlite"

_SCHEMA: Final = """
CREATE TABLE objects(
    sha256 TEXT PRIMARY KEY,
    bytes INTEGER NOT NULL,
    media_type TEXT NOT NULL,
    uploaded REAL,
    refused TEXT
) WITHOUT ROWID;
CREATE TABLE sets(
    row INTEGER PRIMARY KEY AUTOINCREMENT,
    manifest TEXT NOT NULL UNIQUE,
    created REAL NOT NULL,
    settled REAL
);
CREATE TABLE members(
    set_row INTEGER NOT NULL,
    place INTEGER NOT NULL,
    role TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    PRIMARY KEY(set_row, place)
) WITHOUT ROWID;
CREATE INDEX by_object ON members(sha256);
CREATE INDEX by_settled ON sets(settled, created);
CREATE TABLE counters(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
"""


class Member(NamedTuple):
    """A file of a set."""

    role: str
    sha256: str
    bytes: int
    media_type: str


class StoredSet(NamedTuple):
    """A set as the index knows it.

    Attributes:
        row: Its place in the order of storing.
        manifest: Digest of its manifest.
        created: When it was stored, seconds since 1970.
        settled: When the last of its files was uploaded or refused; None while it is pending.
    """

    row: int
    manifest: str
    created: float
    settled: float | None


class EvidenceIndex:
    """The open index of a store. Not thread-safe.

    Attributes:
        db: The connection, in autocommit; ``transaction`` groups statements.
        quarantined: The broken index that was moved aside at opening, if one was.
    """

    def __init__(self, folder: Path, clock: Clock) -> None:
        """Open the index, or make it; a broken one goes aside first.

        Raises:
            ConfigError: It cannot be opened, or a newer version wrote it.
        """
        self.path = folder / FILE_NAME
        self.quarantined: Path | None = None
        try:
            try:
                self.db = _connect(self.path)
            except sqlite3.DatabaseError as error:
                if not is_corrupt(error):
                    raise
                self.quarantined = quarantine(self.path, clock())
                self.db = _connect(self.path)
        except (sqlite3.Error, OSError) as error:
            raise ConfigError(
                f"{self.path}: {error}; evidence.dir must be a folder on a disk that can be written"
            ) from None

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All statements or none; on the disk itself when it ends."""
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.db.execute("COMMIT")
        except BaseException:
            if self.db.in_transaction:
                self.db.execute("ROLLBACK")
            raise

    def reuse_journal(self) -> None:
        """Bring the journal into the file and write over it from now on."""
        with suppress(sqlite3.Error):
            self.db.execute("PRAGMA wal_checkpoint(RESTART)")

    def has_set(self, manifest: str) -> bool:
        """Whether a set is stored."""
        found = self.db.execute("SELECT 1 FROM sets WHERE manifest = ?", (manifest,)).fetchone()
        return found is not None

    def known(self) -> dict[str, int]:
        """Every file of every set: digest → bytes."""
        return dict(self.db.execute("SELECT sha256, bytes FROM objects"))

    def add(self, members: Sequence[Member], created: float) -> None:
        """Make a set visible, its manifest being the last member."""
        with self.transaction():
            row = self.db.execute(
                "INSERT INTO sets(manifest, created) VALUES (?, ?)", (members[-1].sha256, created)
            ).lastrowid
            for place, member in enumerate(members):
                self.db.execute(
                    "INSERT INTO objects(sha256, bytes, media_type) VALUES (?, ?, ?) "
                    "ON CONFLICT DO NOTHING",
                    member[1:],
                )
                self.db.execute(
                    "INSERT INTO members VALUES (?, ?, ?, ?)",
                    (row, place, member.role, member.sha256),
                )
            self._raise({"stored": 1})
            self.settle(created)  # all of its files may have been uploaded with other sets

    def remove(self, row: int, reason: str) -> list[tuple[str, int]]:
        """Make a set invisible, and count it under the reason.

        Returns:
            Files that no set needs any more: digest and bytes.
        """
        with self.transaction():
            self._raise({reason: 1})
            self.db.execute("DELETE FROM members WHERE set_row = ?", (row,))
            self.db.execute("DELETE FROM sets WHERE row = ?", (row,))
            return self.db.execute(
                "DELETE FROM objects WHERE sha256 NOT IN (SELECT sha256 FROM members) "
                "RETURNING sha256, bytes"
            ).fetchall()

    def members(self, row: int) -> list[Member]:
        """The files of a set, the manifest last."""
        rows = self.db.execute(
            "SELECT role, sha256, bytes, media_type FROM members JOIN objects USING (sha256) "
            "WHERE set_row = ? ORDER BY place",
            (row,),
        )
        return [Member(*found) for found in rows]

    def sets(self) -> list[StoredSet]:
        """All sets in the order of storing."""
        rows = self.db.execute("SELECT row, manifest, created, settled FROM sets ORDER BY row")
        return [StoredSet(*found) for found in rows]

    def next_pending(self) -> Member | None:
        """The file that is to go out next: oldest set first, its manifest last."""
        found = self.db.execute(
            "SELECT role, sha256, bytes, media_type FROM sets "
            "JOIN members ON set_row = sets.row JOIN objects USING (sha256) "
            "WHERE settled IS NULL AND uploaded IS NULL AND refused IS NULL "
            "ORDER BY sets.row, place LIMIT 1"
        ).fetchone()
        return None if found is None else Member(*found)

    def mark(self, sha256: str, now: float, refused: str | None = None) -> int:
        """A file was uploaded, or refused; returns how many sets that settles."""
        with self.transaction():
            self.db.execute(
                "UPDATE objects SET uploaded = iif(?1 IS NULL, ?2, NULL), refused = ?1 "
                "WHERE sha256 = ?3",
                (refused, now, sha256),
            )
            return self.settle(now)

    def settle(self, now: float) -> int:
        """Close the sets of which nothing is left to send; returns how many."""
        return self.db.execute(
            "UPDATE sets SET settled = ? WHERE settled IS NULL AND NOT EXISTS ("
            "SELECT 1 FROM members JOIN objects USING (sha256) WHERE set_row = sets.row "
            "AND uploaded IS NULL AND refused IS NULL)",
            (now,),
        ).rowcount

    def evictable(self, older_than: float) -> tuple[StoredSet, str] | None:
        """The settled set that can be spared most, and why: expired, evicted, evicted_refused."""
        found = self.db.execute(
            "SELECT row, manifest, created, settled, EXISTS(SELECT 1 FROM members "
            "JOIN objects USING (sha256) WHERE set_row = sets.row AND refused IS NOT NULL) AS bad "
            "FROM sets WHERE settled IS NOT NULL "
            "ORDER BY created >= ?, bad, created, row LIMIT 1",
            (older_than,),
        ).fetchone()
        if found is None:
            return None
        stored = StoredSet(*found[:4])
        if stored.created < older_than:
            return stored, "expired"
        return stored, "evicted_refused" if found[4] else "evicted"

    def counters(self) -> dict[str, int]:
        """Numbers that outlive the process, by name."""
        return dict(self.db.execute("SELECT name, value FROM counters"))

    def count(self, raises: Mapping[str, int]) -> None:
        """Raise some of ``counters``."""
        with self.transaction():
            self._raise(raises)

    def _raise(self, raises: Mapping[str, int]) -> None:
        self.db.executemany(
            "INSERT INTO counters VALUES (?, ?) "
            "ON CONFLICT DO UPDATE SET value = value + excluded.value",
            list(raises.items()),
        )

    def close(self) -> None:
        """Close the file."""
        self.db.close()


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=5, isolation_level=None, check_same_thread=False)
    run = connection.execute
    try:
        run("PRAGMA journal_mode = WAL")
        run("PRAGMA synchronous = FULL")
        # The journal keeps its length and is written over, so that little room is ever needed.
        run("PRAGMA wal_autocheckpoint = 64")
        run("PRAGMA journal_size_limit = 1048576")
        (version,) = run("PRAGMA user_version").fetchone()
        if version > SCHEMA_VERSION:
            raise ConfigError(
                f"{path}: written by a newer version (schema {version}, this one knows "
                f"{SCHEMA_VERSION}); upgrade, or move the folder away"
            )
        if version == 0:
            connection.executescript(
                f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
            )
        (verdict,) = run("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            fault = sqlite3.DatabaseError(verdict)
            fault.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
            raise fault
    except BaseException:
        connection.close()
        raise
    return connection
