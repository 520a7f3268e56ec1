"""Follows the audit's chain: every few minutes what is new, once a day all of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from msgspec import Struct

from console import audit_roots
from console.context import Context
from console.progress import read_progress, write_progress
from ioc.identity import Trust
from ioc.telemetry import logger
from store import audit, core_figures, roots
from store.chain import Chain, Head, Line
from store.core_figures import CoreFigure
from store.roots import Root

FILE: Final = "audit-check.json"
"""Below ``console.work_dir``: what is known of the chain must not lie in the same database."""

PART: Final = "console"
"""Of the figures for the wall (docs/core-figures.md)."""

FULL_EVERY: Final = timedelta(hours=24)
BATCH: Final = 1000
_BEGIN: Final = -(2**63)
_MOST_KEPT: Final = 100
_log = logger("console.audit")

Stretch = Callable[[int, int], Awaitable[tuple[list[Line], Head]]]
"""``store.audit.stretch`` on some connection."""


class Checked(Struct, frozen=True, kw_only=True):
    """What the last check has found.

    Attributes:
        at: When it was.
        full: When all lines were followed last.
        seq: Number of the last line that was followed.
        hash: Its hash, hex.
        roots: How many signed roots there were.
        faults: What is wrong, in words, the first ones.
        many: How much is wrong.
    """

    at: datetime
    full: datetime
    seq: int
    hash: str
    roots: int
    faults: tuple[str, ...]
    many: int


async def work(context: Context) -> Checked:
    """One turn."""
    path = context.settings.work_dir / FILE
    now = context.clock()
    before = read(path)
    full = before is None or now - before.full >= FULL_EVERY or now < before.full
    start = Head(before.seq, bytes.fromhex(before.hash)) if before and not full else None

    async def stretch(begin: int, most: int) -> tuple[list[Line], Head]:
        async with context.pool.connection() as connection:
            return await audit.stretch(connection, begin, most)

    async with context.pool.connection() as connection:
        stored = await roots.roots(connection)
    folder = context.settings.work_dir / audit_roots.FOLDER
    exported, unreadable = audit_roots.read_files([folder] if folder.is_dir() else [])
    trust = audit_roots.trusted(context.settings.keys_dir)
    chain = await check(stretch, stored, exported, trust, start=start)
    for fault in unreadable:
        chain.note(fault)
    carried = before.faults if before and not full else ()
    faults = (*carried, *(fault for fault in chain.faults if fault not in carried))
    carried_more = before.many - len(carried) if before and not full else 0
    told = Checked(
        at=now,
        full=now if full or before is None else before.full,
        seq=chain.seq,
        hash=chain.hash.hex(),
        roots=len(stored),
        faults=faults[:_MOST_KEPT],
        many=len(faults) + chain.more + carried_more,
    )
    write_progress(path, told)
    if told.many:
        _log.error("the audit is not whole", faults=told.many, first=told.faults[0])
    figures = [
        CoreFigure(PART, "audit_lines", now, told.seq, "count"),
        CoreFigure(PART, "audit_faults", now, told.many, "count"),
        CoreFigure(PART, "audit_roots", now, told.roots, "count"),
    ]
    async with context.pool.connection() as connection:
        await core_figures.insert(connection, figures)
    return told


async def check(
    stretch: Stretch,
    stored: list[Root],
    exported: list[Root],
    trust: Trust,
    *,
    start: Head | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Chain:
    """Follow the chain to its end, and hold it against its roots.

    Args:
        stretch: Gives lines.
        stored: Roots of the database, by day.
        exported: Roots of files.
        trust: Keys of the console.
        start: Where an earlier check has ended; None for all.
        progress: Is told the number of the newest line and of the last one.
    """
    known = list(dict.fromkeys((*stored, *exported)))
    if start is not None:
        known = [root for root in known if root.seq >= start.seq]
    wanted = {root.seq for root in known}
    chain = Chain(remember=wanted) if start is None else Chain(start, wanted)
    begin = _BEGIN if start is None else start.seq + 1
    while True:
        rows, end = await stretch(begin, BATCH)
        # Hashing a thousand lines takes long enough to hold up other requests.
        await asyncio.to_thread(_follow, chain, rows)
        if progress is not None:
            progress(chain.seq, end.seq)
        if len(rows) < BATCH:
            break
        begin = rows[-1].seq + 1
    chain.close(end)
    for root in dict.fromkeys((*stored, *exported)):
        fault = roots.fault_of(root, trust)
        if fault is not None:
            chain.note(fault)
    roots.compare(known, chain)
    for fault in roots.gaps(stored, exported):
        chain.note(fault)
    return chain


def read(path: Path) -> Checked | None:
    """What the last check has found; None when there was none, or nobody knows."""
    told = read_progress(path, Checked)
    try:
        return told if told is not None and len(bytes.fromhex(told.hash)) == 32 else None
    except ValueError:
        return None


def _follow(chain: Chain, rows: list[Line]) -> None:
    for line in rows:
        chain.follow(line)
