"""Retention: what is past its time loses plate and evidence; what it was, and its hash, stay.

A case of the police is deleted by nobody's hand: confirmed, rejected and never decided ones each
have their time in the settings, and a legal hold stops the clock.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Literal
from uuid import UUID

import obstore
from obstore.exceptions import BaseError, NotFoundError
from obstore.store import ObjectStore

from console.context import Context
from console.keeping import StorageError
from console.originals import place_of
from ioc.console_settings import ConsoleSettings
from ioc.telemetry import logger
from store import audit, retention
from store.retention import Connection, Cutoffs, KeptCase

Reason = Literal["confirmed", "rejected", "unreviewed", "no_event"]

BATCH: Final = 200
"""Cases that are looked at together: whose files others use too is asked once for all of them."""

ORPHANS: Final = 500
ACTOR: Final = "system:retention"

Forget = Callable[[str], Awaitable[None]]
"""Removes what was derived from an original."""

_log = logger("console.retention")


# --- what goes when: pure ------------------------------------------------------------------------


def cutoffs(settings: ConsoleSettings, now: datetime) -> Cutoffs:
    """The limits of this instant."""
    return Cutoffs(
        confirmed=now - timedelta(days=settings.confirmed_keep_days),
        rejected=now - timedelta(days=settings.rejected_keep_days),
        unreviewed=now - timedelta(days=settings.unreviewed_keep_days),
    )


def reason_to_go(case: KeptCase, limits: Cutoffs) -> Reason | None:
    """Why a case is past its time; None when it stays."""
    if case.hold is not None or case.expunged is not None:
        return None
    if case.state not in ("confirmed", "rejected"):
        return "unreviewed" if case.act_last < limits.unreviewed else None
    if case.decided is None:
        return None
    if case.state == "confirmed":
        return "confirmed" if case.decided < limits.confirmed else None
    return "rejected" if case.decided < limits.rejected else None


def split(
    files: Collection[str], users: Mapping[str, set[UUID | None]], case: UUID
) -> tuple[list[str], list[str]]:
    """Which files of a case go with it, and which stay because others use them."""
    kept = {one for one in files if users.get(one, set()) - {case}}
    return sorted(set(files) - kept), sorted(kept)


# --- doing it ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Gone:
    """A case that was, or would be, emptied.

    Attributes:
        deleted: Digests of the files that went with it.
        kept: Digests of those that others use too.
    """

    number: int
    reason: Reason
    deleted: tuple[str, ...]
    kept: tuple[str, ...]


@dataclass(slots=True)
class Outcome:
    """What one turn did, or would do.

    Attributes:
        cases: Cases, by number.
        orphans: Digests of files without an event.
        bytes: Size of all files that went.
    """

    cases: list[Gone] = field(default_factory=list)
    orphans: list[str] = field(default_factory=list)
    bytes: int = 0

    @property
    def files(self) -> int:
        """How many files went."""
        return sum(len(case.deleted) for case in self.cases) + len(self.orphans)


async def work(context: Context) -> Outcome:
    """One turn of the background work."""

    async def forget(sha256: str) -> None:
        await asyncio.to_thread(context.views.forget, sha256)

    async with context.pool.connection() as connection:
        done = await run(
            connection, context.originals, context.settings, context.clock(), forget=forget
        )
    if done.files or done.cases:
        _log.info("removed", cases=len(done.cases), files=done.files, bytes=done.bytes)
    return done


async def run(
    connection: Connection,
    originals: ObjectStore,
    settings: ConsoleSettings,
    now: datetime,
    *,
    forget: Forget,
    dry: bool = False,
) -> Outcome:
    """Empty all cases that are past their time, and remove files that never found an event.

    Each case is one transaction: its row, its files' rows, the bytes, the audit. Bytes go before
    the commit: whatever fails, the case is still due in the next turn, and nothing that is called
    deleted is left.

    Args:
        connection: Not in a transaction.
        originals: Where evidence is kept.
        settings: How long what is kept.
        now: The time.
        forget: Removes what was derived from an original.
        dry: Only tell what would go.

    Raises:
        StorageError: The store of originals refuses.
    """
    limits, outcome = cutoffs(settings, now), Outcome()
    after = 0
    while True:
        cases = await retention.due_cases(connection, limits, after=after, limit=BATCH)
        files = await retention.files_of_cases(connection, [case.id for case in cases])
        digests = {digest for of_case in files.values() for digest in of_case}
        users = await retention.users_of(connection, list(digests), limits) if digests else {}
        await connection.commit()
        for case in cases:
            gone, kept = split(files[case.id], users, case.id)
            reason = reason_to_go(case, limits)
            if not dry:
                reason = await _empty(connection, originals, forget, case, gone, limits, now)
            if reason is None:
                continue
            for using in users.values():
                using.discard(case.id)
            outcome.cases.append(Gone(case.number, reason, tuple(gone), tuple(kept)))
            outcome.bytes += sum(files[case.id][digest] for digest in gone)
        if len(cases) < BATCH:
            break
        after = cases[-1].number
    await _orphans(connection, originals, forget, limits, now, outcome, dry=dry)
    return outcome


async def _empty(
    connection: Connection,
    originals: ObjectStore,
    forget: Forget,
    case: KeptCase,
    gone: list[str],
    limits: Cutoffs,
    now: datetime,
) -> Reason | None:
    async with connection.transaction():
        # Somebody may have held or decided it since.
        locked = await retention.lock_case(connection, case.id)
        reason = None if locked is None else reason_to_go(locked, limits)
        if reason is None:
            return None
        await retention.expunge(connection, case.id, now)
        marked = await _remove(connection, originals, forget, gone, now)
        for digest in marked:
            await audit.append(
                *(connection, ACTOR, "evidence.deleted", f"evidence:{digest}"),
                why=reason,
                case=case.number,
            )
        await audit.append(
            *(connection, ACTOR, "case.expunged", f"case:{case.number}"),
            why=reason,
            files=len(marked),
        )
    return reason


async def _orphans(
    connection: Connection,
    originals: ObjectStore,
    forget: Forget,
    limits: Cutoffs,
    now: datetime,
    outcome: Outcome,
    *,
    dry: bool,
) -> None:
    # Files of the cases that a dry run leaves alone are still in use for the database.
    most = 2**31 if dry else ORPHANS
    while True:
        found = await retention.orphans(connection, limits, most)
        await connection.commit()
        if not dry and found:
            async with connection.transaction():
                for digest in await _remove(connection, originals, forget, list(found), now):
                    await audit.append(
                        *(connection, ACTOR, "evidence.deleted", f"evidence:{digest}"),
                        why="no_event",
                    )
        outcome.orphans += found
        outcome.bytes += sum(found.values())
        if len(found) < most:
            return


async def _remove(
    connection: Connection,
    originals: ObjectStore,
    forget: Forget,
    digests: list[str],
    now: datetime,
) -> list[str]:
    """Mark files as deleted and delete them; returns those that were there."""
    marked = await retention.mark_deleted(connection, digests, now)
    for digest in marked:
        try:
            await obstore.delete_async(originals, place_of(digest))
        except (FileNotFoundError, NotFoundError):
            _log.warning("was gone already", sha256=digest)
        except (BaseError, OSError) as error:
            raise StorageError(" ".join(str(error).split())) from None
        await forget(digest)
    return marked
