"""Reads all stored evidence again, slowly and in turn: whatever has changed or gone is found.

The check goes through the files in the order of their digests and remembers in a file where it
was, so that the next one is always that which was read longest ago. A turn reads so many bytes
(``console.check_mb``), a round is all files. What is found is told to the audit once.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Final

import msgspec
from msgspec import Struct

from console.context import Context
from console.custody import verify_file
from console.keeping import StorageError
from console.progress import read_progress, write_progress
from ioc.telemetry import logger
from store import audit, core_figures, evidence_checks, evidence_files
from store.core_figures import CoreFigure
from store.evidence_files import EvidenceRow

FILE: Final = "evidence-check.json"
"""Below ``console.work_dir``, as that of the audit's check."""

EVERY_S: Final = 60.0
"""Between two turns."""

ROUND_LEAST: Final = timedelta(hours=1)
"""A round begins no sooner than so long after the one before: few files are read over and over."""

PAGE: Final = 200
MOST_FILES: Final = 2000
"""Of one turn: files that are gone cost no bytes."""

MIB: Final = 2**20
ACTOR: Final = "system:evidence-check"
PART: Final = "console"
_MOST_KEPT: Final = 1000
_log = logger("console.evidence")


class Checked(Struct, frozen=True, kw_only=True):
    """How far the check is.

    Attributes:
        began: When this round began.
        after: Digest of the last file that was read; empty before the first.
        done: This round has read all files and waits for the next to begin.
        files: Files read in this round.
        round_s: Length of the last whole round, seconds; None before the first is done.
        faults: Digests of files that are not as they were, as last read, the first ones.
        more: How many faulty files this round has found beyond those.
        more_before: How many the round before had found beyond those.
        debt: Bytes that the last turn has read beyond its share.
    """

    began: datetime
    after: str = ""
    done: bool = False
    files: int = 0
    round_s: float | None = None
    faults: tuple[str, ...] = ()
    more: int = 0
    more_before: int = 0
    debt: int = 0

    @property
    def many(self) -> int:
        """Files that are not as they were."""
        return len(self.faults) + max(self.more, self.more_before)


async def work(context: Context) -> Checked | None:
    """One turn; None where the store of originals cannot be reached: nothing is known then."""
    path = context.settings.work_dir / FILE
    now = context.clock()
    told = _begin(await asyncio.to_thread(read_progress, path, Checked), now)
    try:
        told = await _turn(context, told)
    except StorageError as error:
        _log.warning("evidence cannot be checked", error=str(error))
        return None
    await asyncio.to_thread(write_progress, path, told)
    async with context.pool.connection() as connection:
        left = 0 if told.done else await evidence_checks.count_after(connection, told.after)
        figures = [
            CoreFigure(PART, "evidence_checked", now, told.files, "count"),
            CoreFigure(PART, "evidence_left", now, left, "count"),
            CoreFigure(PART, "evidence_faults", now, told.many, "count"),
        ]
        if told.round_s is not None:
            figures.append(CoreFigure(PART, "evidence_round_s", now, told.round_s, "s"))
        await core_figures.insert(connection, figures)
    return told


def _begin(before: Checked | None, now: datetime) -> Checked:
    """Where a turn goes on: in its round, or in a new one when that is due."""
    if before is None:
        return Checked(began=now)
    if before.done and (now - before.began >= ROUND_LEAST or now < before.began):
        return msgspec.structs.replace(
            before, began=now, after="", done=False, files=0, more=0, more_before=before.more
        )
    return before


async def _turn(context: Context, told: Checked) -> Checked:
    """Read a turn's share of files."""
    share = int(context.settings.check_mb * MIB) - told.debt
    files, size, after, more = told.files, 0, told.after, told.more
    faults, done = set(told.faults), told.done
    while not done and size < share and files - told.files < MOST_FILES:
        async with context.pool.connection() as connection:
            page = await evidence_checks.next_files(connection, after, PAGE)
        if not page:
            done = True
        for row in page:
            if size >= share:
                break
            if await _is_damaged(context, row, known=row.sha256 in faults):
                if row.sha256 in faults or len(faults) < _MOST_KEPT:
                    faults.add(row.sha256)
                else:
                    more += 1
            else:
                faults.discard(row.sha256)
            files, size, after = files + 1, size + row.bytes, row.sha256
    faults -= await _deleted(context, faults)
    ended = done and not told.done
    return msgspec.structs.replace(
        told,
        after=after,
        done=done,
        files=files,
        round_s=(context.clock() - told.began).total_seconds() if ended else told.round_s,
        faults=tuple(sorted(faults)),
        more=more,
        more_before=more if ended else told.more_before,
        # A file larger than a share is paid off by turns that read nothing.
        debt=max(0, size - share),
    )


async def _is_damaged(context: Context, row: EvidenceRow, *, known: bool) -> bool:
    """Read one file, and tell the audit where it is not what it was, or is so again."""
    what, _ = await verify_file(context.originals, row)
    if what is None and not known:
        return False
    async with context.pool.connection() as connection, connection.transaction():
        if not await evidence_checks.is_kept(connection, row.sha256):
            return False  # retention has removed it meanwhile
        told = await evidence_checks.is_told_damaged(connection, row.sha256)
        if what is not None and not told:
            _log.error("evidence is not what it was", sha256=row.sha256, what=what)
            await audit.append(
                *(connection, ACTOR, evidence_checks.DAMAGED, f"evidence:{row.sha256}"), what=what
            )
        if what is None and told:
            _log.warning("evidence is again what it was", sha256=row.sha256)
            await audit.append(
                *(connection, ACTOR, evidence_checks.RESTORED, f"evidence:{row.sha256}")
            )
    return what is not None


async def _deleted(context: Context, digests: set[str]) -> set[str]:
    """Those that retention has removed since they were found damaged."""
    if not digests:
        return set()
    async with context.pool.connection() as connection:
        rows = await evidence_files.files_of(connection, sorted(digests))
    return {row.sha256 for row in rows.values() if row.deleted is not None}
