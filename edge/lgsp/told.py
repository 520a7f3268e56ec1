"""What was told already: on disk, so that a restart tells nothing twice and forgets no correction.

A figure is known by its quantity and the time at which it was worked out. The same value again is
no news; another value for the same time is a correction, told as an event of its own one
millisecond later, so that the newest row of the database is the right one. The order is: publish,
sync the spool, then note here. Whoever dies in between publishes again at the next start, with the
same ids, which the core takes for the same events.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from edge.lgsp.mapping import Value
from edge.spool_file import is_corrupt
from ioc.clock import Clock
from ioc.errors import ConfigError
from ioc.ids import unix_ms
from ioc.telemetry import logger

MESSAGES_KEPT: Final = timedelta(days=2)
"""How long a pushed message's id is known. Its signature is good for minutes only."""

MAX_ROWS: Final = 200_000
"""Of each kind; older ones go. What comes again after that has the same id and is stored once."""

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS told(
    quantity TEXT NOT NULL,
    time INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    value REAL NOT NULL,
    unit TEXT NOT NULL,
    PRIMARY KEY (quantity, time)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS told_time ON told(time);
CREATE TABLE IF NOT EXISTS message(id TEXT PRIMARY KEY, digest BLOB NOT NULL, time INTEGER NOT NULL)
WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS message_time ON message(time);
"""


class ToldError(Exception):
    """The file cannot be read or written; the message names it and the reason."""


@dataclass(frozen=True, slots=True)
class News:
    """A value that was not told yet.

    Attributes:
        value: Which.
        revision: How often another value was told for the same time.
    """

    value: Value
    revision: int

    @property
    def time(self) -> datetime:
        """The time of its event."""
        return self.value.time + timedelta(milliseconds=self.revision)


class Told:
    """The file of one adapter. Not thread-safe.

    Args:
        path: Where it lies; made if it is not there.
        keep: How long a figure is remembered after its time; older ones are not believed anyway.
        clock: The present instant.

    Raises:
        ConfigError: The folder cannot be written.
    """

    def __init__(self, path: Path, keep: timedelta, clock: Clock) -> None:
        self.path = path
        self._keep = keep
        self._clock = clock
        self._log = logger("edge.lgsp.told")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = self._open()
        except (OSError, sqlite3.Error) as error:
            raise ConfigError(
                f"{path}: {error}; edge.spool_dir must be a folder on a disk that can be written"
            ) from None

    def news(self, values: Iterable[Value]) -> list[News]:
        """Those values that were not told yet, in their order.

        Raises:
            ToldError: The file cannot be read.
        """
        found = []
        with self._guarded():
            for value in values:
                row = self._db.execute(
                    "SELECT revision, value, unit FROM told WHERE quantity = ? AND time = ?",
                    (value.quantity, unix_ms(value.time)),
                ).fetchone()
                if row is None:
                    found.append(News(value, 0))
                elif row[1:] != (value.value, value.unit):
                    found.append(News(value, row[0] + 1))
        return found

    def note(self, news: Sequence[News], message: tuple[str, bytes] | None = None) -> None:
        """Remember what was told, and the message that it came in, in one step.

        Args:
            news: What is safe in the spool.
            message: Id and digest of a pushed message.

        Raises:
            ToldError: The file cannot be written.
        """
        now = self._clock()
        with self._guarded(), self._db:
            self._db.executemany(
                "INSERT OR REPLACE INTO told VALUES (?, ?, ?, ?, ?)",
                [
                    (
                        n.value.quantity,
                        unix_ms(n.value.time),
                        n.revision,
                        n.value.value,
                        n.value.unit,
                    )
                    for n in news
                ],
            )
            if message is not None:
                self._db.execute(
                    "INSERT OR REPLACE INTO message VALUES (?, ?, ?)", (*message, unix_ms(now))
                )
            self._forget("told", unix_ms(now - self._keep))
            self._forget("message", unix_ms(now - MESSAGES_KEPT))

    def digest(self, message: str) -> bytes | None:
        """The digest of a pushed message that was taken already; None for a new one.

        Raises:
            ToldError: The file cannot be read.
        """
        with self._guarded():
            row = self._db.execute("SELECT digest FROM message WHERE id = ?", (message,)).fetchone()
        return None if row is None else bytes(row[0])

    def close(self) -> None:
        """Close the file. Safe to call twice."""
        self._db.close()

    def _forget(self, table: str, before: int) -> None:
        run = self._db.execute
        run(f"DELETE FROM {table} WHERE time < ?", (before,))
        (rows,) = run(f"SELECT count(*) FROM {table}").fetchone()
        if rows > MAX_ROWS:
            (limit,) = run(
                f"SELECT time FROM {table} ORDER BY time DESC LIMIT 1 OFFSET ?", (MAX_ROWS - 1,)
            ).fetchone()
            run(f"DELETE FROM {table} WHERE time < ?", (limit,))

    def _open(self) -> sqlite3.Connection:
        try:
            return _opened(self.path)
        except sqlite3.Error as error:
            if not is_corrupt(error):
                raise
        # It only saves work: without it everything is told once more, with the same ids.
        aside = self.path.with_name(f"{self.path.name}.broken-{unix_ms(self._clock())}")
        self.path.rename(aside)
        for suffix in ("-wal", "-shm"):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)
        self._log.error("what was told is forgotten: its file is broken", set_aside=str(aside))
        return _opened(self.path)

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise ToldError(f"{self.path}: {error}") from None


def _opened(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=5, check_same_thread=False)
    try:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.executescript(_SCHEMA)
        db.execute("SELECT count(*) FROM told").fetchone()
    except BaseException:
        db.close()
        raise
    return db
