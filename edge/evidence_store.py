"""Evidence on the node's disk: whole sets or nothing, inside a budget, until it is uploaded.

A set is the files of one violation with its manifest. Its files are brought to the disk first and
one transaction makes it visible, so a kill at any moment leaves whole sets and some litter, which
the next start removes.

Of a full disk the sets go that are spared most easily: uploaded and older than ``keep_days``,
then uploaded, then those that the core refused. A set that has not been uploaded is never
removed; when only such are left, new ones are turned away, and the caller tries again with less.
"""

from __future__ import annotations

import errno
import hashlib
import sqlite3
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

import msgspec

from edge.bounded_log import BoundedLog
from edge.evidence_files import ObjectFiles, digest_of, own, room_of
from edge.evidence_index import EvidenceIndex, Member
from edge.evidence_stats import StoreStats
from edge.spool_file import is_full
from ioc.clock import Clock, utc_now
from ioc.errors import ConfigError
from ioc.identity import device_file_name
from ioc.settings import EvidenceSettings
from ioc.telemetry import logger
from ioc.topics import DevicePath

T = TypeVar("T")
MIB: Final = 2**20
MANIFEST_ROLE: Final = "manifest"


class StoreError(Exception):
    """The store cannot write or read; the message names the file and the reason."""


class StoreFullError(StoreError):
    """There is no room, and nothing is left that may be removed."""


class NewFile(NamedTuple):
    """A file to be stored."""

    role: str
    data: bytes
    media_type: str

    @property
    def sha256(self) -> str:
        """Its digest, hex."""
        return hashlib.sha256(self.data).hexdigest()


def store_folder(folder: Path, path: DevicePath) -> Path:
    """Where a device's store lies in the folder of all."""
    return folder / device_file_name(path)


class EvidenceStore:
    """The evidence of one device. Safe to use from several threads, of one process only."""

    def __init__(
        self,
        folder: Path,
        *,
        budget_bytes: int,
        floor_bytes: int = 0,
        keep_s: float = 30 * 86_400,
        clock: Clock = utc_now,
    ) -> None:
        """Open a store, or make it, and remove what an end without warning left behind.

        Args:
            folder: Its folder, all of its own.
            budget_bytes: Most room that its files may take.
            floor_bytes: Free room that is left to others on the disk.
            keep_s: How long an uploaded set is kept, seconds.
            clock: For the age of sets.

        Raises:
            ConfigError: The folder cannot be written, or another process uses it.
        """
        self.folder = folder
        self._budget = budget_bytes
        self._floor = floor_bytes
        self._keep_s = keep_s
        self._clock = clock
        self._lock = threading.RLock()
        self._log = BoundedLog(logger("edge.evidence").bind(store=str(folder)))
        try:
            self._files = ObjectFiles(folder)
            self._owner = own(folder / "lock")
        except OSError as error:
            raise ConfigError(
                f"{folder}: {error.strerror}; evidence.dir must be a folder that can be written"
            ) from None
        try:
            self._index = EvidenceIndex(folder, clock)
            try:
                self._begin()
            except (OSError, sqlite3.Error) as error:
                self._index.close()
                raise ConfigError(f"{folder}: cannot be opened: {error}") from None
        except BaseException:
            self._owner.close()
            raise

    @classmethod
    def of(
        cls, path: DevicePath, settings: EvidenceSettings, clock: Clock = utc_now
    ) -> EvidenceStore:
        """The store of a device as the settings want it.

        Raises:
            ConfigError: The folder cannot be written, or another process uses it.
        """
        return cls(
            store_folder(settings.dir, path),
            budget_bytes=int(settings.budget_mb * MIB),
            floor_bytes=int(settings.floor_mb * MIB),
            keep_s=settings.keep_days * 86_400,
            clock=clock,
        )

    def commit(self, files: Sequence[NewFile], manifest: bytes) -> str:
        """Store a set. All of it is on the disk itself when this returns.

        Args:
            files: The files that the manifest lists.
            manifest: The signed manifest.

        Returns:
            Digest of the manifest, under which the set is known. A set that is stored already is
            left as it is.

        Raises:
            StoreFullError: There is no room; nothing was stored.
            StoreError: The disk refuses; nothing was stored.
        """
        wanted = [*files, NewFile(MANIFEST_ROLE, manifest, "application/json")]
        members = [Member(f.role, f.sha256, len(f.data), f.media_type) for f in wanted]
        with self._lock, self._explained():
            if self._index.has_set(members[-1].sha256):
                return members[-1].sha256
            self._expire()
            missing = {
                member.sha256: file.data
                for member, file in zip(members, wanted, strict=True)
                if member.sha256 not in self._known
            }
            self._make_room(sum(room_of(len(data)) for data in missing.values()))
            written: list[str] = []
            try:
                for sha256, data in missing.items():
                    written.append(sha256)
                    self._files.write(sha256, data)
                self._index.add(members, self._now())
            except BaseException:
                # A commit may fail and yet be on the disk; then its files must stay.
                if not self._index.has_set(members[-1].sha256):
                    for sha256 in written:
                        self._files.remove(sha256)
                raise
            self._known.update({sha256: len(data) for sha256, data in missing.items()})
            return members[-1].sha256

    def path(self, sha256: str) -> Path:
        """Where a file lies."""
        return self._files.path(sha256)

    def manifests(self) -> list[str]:
        """Digests of the manifests of all sets, in the order of storing."""
        with self._lock, self._explained():
            return [stored.manifest for stored in self._index.sets()]

    def next_pending(self) -> Member | None:
        """The file that is to be uploaded next: oldest set first, its manifest last."""
        with self._lock, self._explained():
            return self._index.next_pending()

    def mark_uploaded(self, sha256: str) -> None:
        """The core has a file, and said that its digest is right."""
        with self._lock, self._explained():
            settled = self._recorded(lambda: self._index.mark(sha256, self._now()))
            if settled:
                self._count("uploaded", settled)
            self._expire()

    def mark_refused(self, sha256: str, why: str, *, damaged: bool = False) -> None:
        """A file will never be taken; it is set aside and counted.

        Args:
            sha256: Its digest.
            why: For the log and the index.
            damaged: The file here is missing or not what its name says.
        """
        with self._lock, self._explained():
            self._recorded(lambda: self._index.mark(sha256, self._now(), refused=why[:500]))
            self._count("damaged" if damaged else "upload_refused")
        self._log.warn("evidence file set aside, it will not be uploaded", sha256=sha256, why=why)

    def is_intact(self, sha256: str) -> bool:
        """Whether a file here is still what its name says."""
        try:
            return digest_of(self.path(sha256)) == sha256
        except OSError:
            return False

    def expire(self) -> int:
        """Remove uploaded sets that are older than ``keep_s``; returns how many."""
        with self._lock, self._explained():
            return self._expire()

    def count(self, reason: str, **fields: Any) -> None:
        """Count something that was left out or lost, and log it.

        Args:
            reason: A constant name, such as ``no_clip_full``.
            fields: What is special about this one, for the log.
        """
        with self._lock, self._explained():
            self._count(reason)
        self._log.warn(f"evidence: {reason}", **fields)

    def stats(self) -> StoreStats:
        """Figures as they are now."""
        with self._lock, self._explained():
            db = self._index.db
            files, size = db.execute(
                "SELECT count(*), coalesce(sum(bytes), 0) FROM objects "
                "WHERE uploaded IS NULL AND refused IS NULL"
            ).fetchone()
            sets, pending = db.execute(
                "SELECT count(*), count(*) FILTER (WHERE settled IS NULL) FROM sets"
            ).fetchone()
            counts = {**self._index.counters()}
            for name, by in self._uncounted.items():
                counts[name] = counts.get(name, 0) + by
            return StoreStats(self._used(), self._budget, sets, pending, files, size, counts)

    def close(self) -> None:
        """Let the store go. Safe to call twice."""
        with self._lock:
            self._index.close()
            self._owner.close()

    def _begin(self) -> None:
        self._uncounted: dict[str, int] = {}
        if self._index.quarantined is not None:
            self._rebuild()
        self._known = self._index.known()
        drafts, orphans = self._files.sweep(set(self._known))
        for name, found in (("drafts", drafts), ("orphans", orphans)):
            if found:
                self._count(name, found)
        self._files.hold_reserve()

    def _rebuild(self) -> None:
        """Find the sets again by their manifests; all of them are pending then."""
        found = 0
        for path in self._files.all():
            members = _members_of(path)
            if members and all(self.path(member.sha256).is_file() for member in members):
                self._index.add(members, path.stat().st_mtime)
                found += 1
        self._count("rebuilt")
        self._log.warn(
            "the index was broken and was made again from the manifests",
            aside=str(self._index.quarantined),
            sets=found,
        )

    def _used(self) -> int:
        return sum(map(room_of, self._known.values()))

    def _make_room(self, need: int) -> None:
        if need > self._budget:
            self._turn_away(need)
        while self._used() + need > self._budget or self._files.free_bytes() - need < self._floor:
            found = self._index.evictable(self._now() - self._keep_s)
            if found is None:
                self._turn_away(need)
            else:
                self._remove(*found)

    def _turn_away(self, need: int) -> None:
        self._count("refused_full")
        raise StoreFullError(
            f"{self.folder}: no room for {need} bytes: evidence that is not uploaded yet takes "
            f"{self._used()} of {self._budget}, and {self._files.free_bytes()} are free on the disk"
        )

    def _expire(self) -> int:
        removed = 0
        while found := self._index.evictable(self._now() - self._keep_s):
            if found[1] != "expired":
                break
            self._remove(*found)
            removed += 1
        return removed

    def _remove(self, stored: Any, reason: str) -> None:
        gone = self._recorded(lambda: self._index.remove(stored.row, reason))
        for sha256, _ in gone:
            self._known.pop(sha256, None)
            self._files.remove(sha256)
        self._files.hold_reserve()
        if reason != "expired":
            self._log.warn("evidence removed to make room", reason=reason, set=stored.manifest)

    def _recorded(self, work: Callable[[], T]) -> T:
        """Write to the index; on a full disk in the room that was held back for it."""
        try:
            return work()
        except sqlite3.Error as error:
            if not is_full(error):
                raise
        self._index.reuse_journal()
        try:
            return work()
        except sqlite3.Error as error:
            if not is_full(error):
                raise
        self._files.spend_reserve()
        return work()

    def _count(self, name: str, by: int = 1) -> None:
        """Count on the disk, or in memory until the disk takes it."""
        self._uncounted[name] = self._uncounted.get(name, 0) + by
        try:
            self._recorded(lambda: self._index.count(self._uncounted))
        except sqlite3.Error:
            return
        self._uncounted.clear()

    def _now(self) -> float:
        return self._clock().timestamp()

    def _explained(self) -> _Explained:
        return _Explained(self.folder, lambda: self._count("refused_full"))


class _Explained:
    """Turns errors of the disk into ones that say which store and whether it is full."""

    def __init__(self, folder: Path, on_full: Callable[[], None]) -> None:
        self._folder = folder
        self._on_full = on_full

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, at: object) -> None:
        full = (isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)) or (
            isinstance(error, sqlite3.Error) and is_full(error)
        )
        if full:
            self._on_full()
            raise StoreFullError(f"{self._folder}: {error}") from None
        if isinstance(error, OSError | sqlite3.Error):
            raise StoreError(f"{self._folder}: {error}") from None


def _members_of(path: Path) -> list[Member] | None:
    """The files of the set that a stored file is the manifest of, if it is one."""
    if path.stat().st_size > 4 * MIB:
        return None
    data = path.read_bytes()
    if not data.startswith(b'{"key":') or hashlib.sha256(data).hexdigest() != path.name:
        return None
    try:
        files = msgspec.json.decode(data)["manifest"]["files"]
        members = [Member(f["role"], f["sha256"], f["bytes"], f["media_type"]) for f in files]
    except (msgspec.DecodeError, KeyError, TypeError):
        return None
    own = Member(MANIFEST_ROLE, path.name, len(data), "application/json")
    return [*members, own]
