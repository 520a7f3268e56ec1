"""The spool: every event of a device on disk until the core has said that it is committed.

One SQLite file a device, one row an event. Rows leave it in two ways only: a receipt names them,
or the disk budget is used up, and then they are counted. The spool numbers the events; the number
and the row are one transaction, so an append that fails burns no number.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import Final, TypeVar
from uuid import UUID

from edge.send_order import SendOrder
from edge.spool_file import SpoolFile, SpoolFullError, is_full
from edge.stored import LEVELS, PRIORITIES, Stored, kind_of
from ioc.clock import Clock
from ioc.events import NumberedEvent, encode
from ioc.receipt import Range

T = TypeVar("T")

ROW_OVERHEAD_BYTES: Final = 250
"""What a row is taken to need on disk beside its payload: keys, index entries, part-filled pages.
160 were measured over 8000 events of 300 to 600 bytes, so the file stays below the budget."""

_DROP_ROWS: Final = 64
_FILE_SLACK: Final = 1.25
"""SQLite's own limit of the file, over the budget: a backstop, should rows take more than that."""


class Spool:
    """A device's events on disk. Safe to use from several threads.

    Attributes:
        bootid: Whose sequence ``append`` counts in.
        depth: Events that wait for their receipt.
        bytes: What they take of the budget.
        dropped: Kind → events given up for room, over all starts of the device.
        corrupt_files: Broken files set aside, over all starts.
        last_row: Row of the newest event ever appended.
        newest_signal: The same of kind ``signal``.
    """

    def __init__(self, file: Path, bootid: UUID, *, budget_bytes: int, clock: Clock) -> None:
        """Open the file, or make it.

        Args:
            file: Where it lies.
            bootid: This start of the device.
            budget_bytes: The oldest events of lowest priority go when there is more than this.
            clock: Time of sending, and the names of broken files.

        Raises:
            ConfigError: Another process has the file, or it cannot be made.
            SpoolError: The disk does not work.
        """
        self.bootid = bootid
        self.depth = 0
        self.bytes = 0
        self.dropped: Mapping[str, int] = {}
        self.corrupt_files = 0
        self.last_row = 0
        self.newest_signal = 0
        self._budget = budget_bytes
        self._lock = RLock()
        self._sequence = 0
        self._issued: dict[UUID, int] = {}
        self._file = SpoolFile(file, max_bytes=int(budget_bytes * _FILE_SLACK), clock=clock)
        self._order = SendOrder(self._file, clock)
        self._aside = 0
        self._run(self._load)

    @property
    def quarantined(self) -> tuple[Path, ...]:
        """Broken files that were set aside since the start of this process."""
        return tuple(self._file.quarantined)

    def append(self, make: Callable[[int], NumberedEvent]) -> NumberedEvent:
        """Number an event and store it, in one transaction.

        It survives the death of this process at once, and a power cut after the next ``sync``
        (see ``edge.spool_file``).

        Args:
            make: Makes the event from its sequence number; if it raises, no number is burnt.

        Returns:
            The event as stored.

        Raises:
            SpoolFullError: The disk is full and nothing less important is left to drop.
            SpoolError: The disk does not work.
        """
        with self._lock:
            event = make(self._sequence)
            payload = encode(event)
            self._run(lambda: self._append(event, payload))
            return event

    def take(self, limit: int, now: float, resend_after_s: float) -> list[Stored]:
        """The next events to send, now counted as sent.

        Higher priority first, older first within it; then, when nothing fresh is left, those
        whose receipt is overdue. They are marked before they are sent: whoever dies between the
        two sends them again as ``replayed``, which is right.

        Args:
            limit: At most so many.
            now: Monotonic seconds.
            resend_after_s: Wait for a receipt after the first send; it doubles with each.

        Raises:
            SpoolError: The disk does not work.
        """
        with self._lock:
            return self._run(lambda: self._order.take(limit, now, resend_after_s))

    def send_again(self, rows: Collection[int]) -> None:
        """Put rows first in line again, because the broker did not acknowledge them.

        Raises:
            SpoolError: The disk does not work.
        """
        with self._lock:
            self._run(lambda: self._order.put_first(rows))

    def rewind(self) -> None:
        """Send everything again from the oldest on: the broker may have lost what it had.

        The waits begin anew: a broker that has just come back acknowledges and drops what comes
        before its subscribers do, and after five restarts the next try was 96 s away, not 6.
        """
        with self._lock:
            self._run(self._order.rewind)

    def forget(self, bootid: UUID, ranges: Sequence[Range]) -> tuple[int, int]:
        """Delete what a receipt names, as far as it was sent.

        Returns:
            How many events were deleted, and how many stay because they were never sent.

        Raises:
            SpoolError: The disk does not work.
        """
        with self._lock:
            return self._run(lambda: self._forget(bootid, ranges))

    def issued(self) -> dict[UUID, int]:
        """Boot id → sequences it has issued, for this boot and every earlier one with events."""
        with self._lock:
            return dict(self._issued)

    @property
    def unsynced(self) -> bool:
        """Whether something was written that a power cut could still take."""
        return self._file.unsynced

    def sync(self) -> None:
        """Bring all that was appended to the disk itself, so that a power cut spares it.

        Raises:
            SpoolError: The disk refuses.
        """
        self._file.sync()  # without the lock: an fsync may take 20 ms, and appends go on

    def close(self) -> None:
        """Sync and close; the events stay in the file. Safe to call twice."""
        with self._lock:
            self._file.close()

    def _append(self, event: NumberedEvent, payload: bytes) -> None:
        kind = kind_of(event)
        priority = PRIORITIES.get(kind, 0)
        size = len(payload) + ROW_OVERHEAD_BYTES
        while True:
            try:
                with self._transaction():
                    row = self._insert(event, kind, priority, size, payload)
                    self.depth += 1
                    self.bytes += size
                    while self.bytes > self._budget and self._drop(1, max(LEVELS)):
                        continue
                break
            except sqlite3.OperationalError as error:
                if not is_full(error):
                    raise
                self._make_room(size, priority)
        self._sequence = self._issued[self.bootid] = event.sequence + 1
        self.last_row = row
        if kind == "signal":
            self.newest_signal = row

    def _insert(
        self, event: NumberedEvent, kind: str, priority: int, size: int, payload: bytes
    ) -> int:
        run = self._file.db.execute
        boot = event.bootid.bytes
        row = run(
            "INSERT INTO events(bootid, sequence, id, kind, priority, size, payload) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            (boot, event.sequence, event.id.bytes, kind, priority, size, payload),
        ).lastrowid
        assert row is not None
        run("UPDATE boots SET issued = ? WHERE bootid = ?", (event.sequence + 1, boot))
        if kind == "signal":
            self._file.count("newest_signal", row)
        return row

    def _make_room(self, size: int, priority: int) -> None:
        """Free pages when the disk is full.

        Raises:
            SpoolFullError: Nothing of this priority or below is left, or deleting fails too.
        """
        try:
            self._file.reuse_wal()
            with self._transaction():
                dropped = self._drop(_DROP_ROWS, priority)
        except sqlite3.OperationalError as error:
            if not is_full(error):
                raise
            dropped = 0
        if not dropped:
            raise SpoolFullError(
                f"{self._file.path}: no room for {size} bytes: the disk is full and nothing less "
                "important is left to drop; free the disk or lower edge.spool_budget_mb"
            )

    def _drop(self, count: int, up_to: int) -> int:
        """Delete the oldest events of the lowest priority that has any; returns how many."""
        run = self._file.db.execute
        for level in range(up_to + 1):
            rows = run(
                "SELECT row, size, kind FROM events WHERE priority = ? ORDER BY row LIMIT ?",
                (level, count),
            ).fetchall()
            for row, size, kind in rows:
                run("DELETE FROM events WHERE row = ?", (row,))
                self.depth -= 1
                self.bytes -= size
                # A new dict each time: other threads read the old one.
                self.dropped = {**self.dropped, kind: self.dropped.get(kind, 0) + 1}
                self._file.count(f"dropped.{kind}", self.dropped[kind])
            if rows:
                return len(rows)
        return 0

    def _forget(self, bootid: UUID, ranges: Sequence[Range]) -> tuple[int, int]:
        run = self._file.db.execute
        gone = unsent = 0
        where = "bootid = ? AND sequence BETWEEN ? AND ?"
        with self._transaction():
            for first, last in ranges:
                key = (bootid.bytes, first, last)
                for sent, count, size in run(
                    f"SELECT sends > 0, COUNT(*), SUM(size) FROM events WHERE {where} GROUP BY 1",
                    key,
                ).fetchall():
                    if sent:
                        gone += count
                        self.depth -= count
                        self.bytes -= size
                    else:
                        unsent += count
                run(f"DELETE FROM events WHERE {where} AND sends > 0", key)
        return gone, unsent

    def _load(self) -> None:
        """Take the state from the file, and enter this boot in it."""
        run = self._file.db.execute
        with self._file.transaction():
            run("DELETE FROM boots WHERE bootid NOT IN (SELECT bootid FROM events)")
            run("INSERT OR IGNORE INTO boots VALUES (?, ?)", (self.bootid.bytes, self._sequence))
            aside = len(self._file.quarantined)
            counters = self._file.counters()
            self.corrupt_files = counters.get("corrupt_files", 0) + aside - self._aside
            self._aside = aside
            self._file.count("corrupt_files", self.corrupt_files)
        self.dropped = {
            name.removeprefix("dropped."): value
            for name, value in counters.items()
            if name.startswith("dropped.")
        }
        self.newest_signal = counters.get("newest_signal", 0)
        # A scan of the index by priority, which holds the size: payloads are not touched.
        self.depth, self.bytes = run(
            "SELECT COUNT(*), COALESCE(SUM(size), 0) FROM events INDEXED BY by_priority"
        ).fetchone()
        (self.last_row,) = run("SELECT COALESCE(MAX(seq), 0) FROM sqlite_sequence").fetchone()
        self._issued = {UUID(bytes=boot): issued for boot, issued in run("SELECT * FROM boots")}

    def _reload(self) -> None:
        """Go on in a new file where the broken one stopped.

        Rows and numbers count on: the core shall see a gap, not other events in its place.
        """
        with self._file.transaction():
            self._file.db.execute(
                "INSERT INTO sqlite_sequence VALUES ('events', ?)", (self.last_row,)
            )
            for kind, count in self.dropped.items():
                self._file.count(f"dropped.{kind}", count)
            self._file.count("newest_signal", self.newest_signal)
            self._file.count("corrupt_files", self.corrupt_files)
        self._load()

    def _run(self, work: Callable[[], T]) -> T:
        return self._file.run(work, self._reload)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All or nothing, the totals in memory included."""
        before = (self.depth, self.bytes, self.dropped)
        try:
            with self._file.transaction():
                yield
        except BaseException:
            self.depth, self.bytes, self.dropped = before
            raise
