"""Which of the spool's rows go out next, and when they are due again.

One cursor for each priority runs over the rows: those beyond it are fresh. This costs no memory
however long the link was down. Rows that were sent carry the time at which they are due again.
"""

from __future__ import annotations

import sqlite3
from bisect import insort
from collections.abc import Collection
from uuid import UUID

from edge.backoff import resend_wait
from edge.spool_file import SpoolFile
from edge.stored import LEVELS, Stored
from ioc.clock import Clock


class SendOrder:
    """The order of sending over one spool file. For whoever holds the spool's lock.

    Args:
        file: The spool's file; every call is inside of its ``run``, so errors of SQLite pass.
        clock: Time of sending.
    """

    def __init__(self, file: SpoolFile, clock: Clock) -> None:
        self._file = file
        self._clock = clock
        self._cursor = dict.fromkeys(LEVELS, 0)
        self._again: dict[int, list[int]] = {level: [] for level in LEVELS}

    def take(self, limit: int, now: float, resend_after_s: float) -> list[Stored]:
        """The next rows, marked as sent; see ``Spool.take``."""
        before = (dict(self._cursor), dict(self._again))
        try:
            with self._file.transaction():
                return self._mark_next(limit, now, resend_after_s)
        except sqlite3.Error:
            self._cursor, self._again = before  # nothing was taken
            raise

    def put_first(self, rows: Collection[int]) -> None:
        """Put rows that were taken first in line again."""
        for row in rows:
            found = self._file.db.execute("SELECT priority FROM events WHERE row = ?", (row,))
            for (level,) in found.fetchall():
                # A row beyond the cursor comes by itself; from here it would come twice.
                if row <= self._cursor[level] and row not in self._again[level]:
                    insort(self._again[level], row)

    def rewind(self) -> None:
        """Begin at the oldest row again, with the first wait; see ``Spool.rewind``."""
        with self._file.transaction():
            self._file.db.execute("UPDATE events SET sends = 1 WHERE sends > 1")
        for level in LEVELS:
            self._cursor[level] = 0
            self._again[level].clear()

    def _mark_next(self, limit: int, now: float, resend_after_s: float) -> list[Stored]:
        chosen: list[Stored] = []
        fresh: set[int] = set()
        for level in LEVELS:
            chosen += self._take_again(level, limit - len(chosen))
            taken = self._take_fresh(level, limit - len(chosen))
            fresh.update(stored.row for stored in taken)
            chosen += taken
        if len(chosen) < limit:
            # Only now: before the cursors are at the end, the times may be an earlier process's.
            late = self._select(
                "resend_at <= ? ORDER BY resend_at, row LIMIT ?", (now, limit - len(chosen))
            )
            rows = {stored.row for stored in chosen}
            chosen += [stored for stored in late if stored.row not in rows]
        if not chosen:
            return []
        sent_at = self._clock().timestamp()
        self._file.db.executemany(
            "UPDATE events SET sends = sends + 1, sent_at = ?, resend_at = ? WHERE row = ?",
            [
                # What a rewind sends again waits as it did at first: twice as long was 60 s.
                (sent_at, now + resend_wait(n, resend_after_s), stored.row)
                for stored in chosen
                for n in (1 if stored.row in fresh else stored.sends + 1,)
            ],
        )
        return chosen

    def _take_again(self, level: int, limit: int) -> list[Stored]:
        wanted, self._again[level] = self._again[level][:limit], self._again[level][limit:]
        marks = ", ".join("?" * len(wanted))
        return self._select(f"row IN ({marks}) ORDER BY row", tuple(wanted)) if wanted else []

    def _take_fresh(self, level: int, limit: int) -> list[Stored]:
        if limit <= 0:
            return []
        chosen = self._select(
            "priority = ? AND row > ? ORDER BY row LIMIT ?", (level, self._cursor[level], limit)
        )
        if chosen:
            self._cursor[level] = chosen[-1].row
        return chosen

    def _select(self, where: str, values: tuple[float, ...]) -> list[Stored]:
        rows = self._file.db.execute(
            f"SELECT row, bootid, sequence, id, kind, payload, sends FROM events WHERE {where}",
            values,
        )
        return [
            Stored(row, UUID(bytes=bootid), sequence, UUID(bytes=event_id), kind, payload, sends)
            for row, bootid, sequence, event_id, kind, payload, sends in rows
        ]
