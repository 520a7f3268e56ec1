"""Work that evidence needs beside the requests: old pieces swept, verdicts and views kept fresh."""

from __future__ import annotations

import asyncio
import time
from datetime import datetime
from typing import Final

from console.context import Context
from console.judging import recheck, recheck_device
from console.keeping import sweep_staged
from console.views import views_of
from ioc.telemetry import logger
from store import device_keys, evidence, evidence_files

DAY_S: Final = 86_400.0
PARTIAL_S: Final = 7 * DAY_S
"""A device that has not gone on with a file for so long begins again."""

VIEW_S: Final = 30 * DAY_S
CASES_AHEAD: Final = 50
PAGE: Final = 1000
_NEW: Final = datetime.min

_log = logger("console.evidence")


async def sweep(context: Context) -> None:
    """Remove unfinished uploads and copies that nobody wants, and copies of what was deleted."""
    partial = await asyncio.to_thread(context.partial_files.sweep, PARTIAL_S)
    staged = await asyncio.to_thread(sweep_staged, context.originals, DAY_S, time.time())
    views = await asyncio.to_thread(context.views.sweep, VIEW_S)
    held = await asyncio.to_thread(context.views.held)
    for begin in range(0, len(held), PAGE):
        async with context.pool.connection() as connection:
            rows = await evidence_files.files_of(connection, held[begin : begin + PAGE])
        for row in rows.values():
            if row.deleted is not None:
                await asyncio.to_thread(context.views.forget, row.sha256)
    if partial or staged or views:
        _log.info("swept", unfinished=partial, staged=staged, views=views)


class Rejudge:
    """Judges signatures again whose keys were enrolled or revoked since.

    Verdicts on manifests and on events without a key tell by themselves that they are old. For
    the rest the keys are remembered; the commands that change keys judge at once, so that nothing
    is missed while no console runs.
    """

    def __init__(self) -> None:
        self._known: dict[bytes, datetime | None] | None = None

    async def work(self, context: Context) -> int:
        """One turn; returns how many verdicts have changed."""
        changed = 0
        while count := await self._page(context):
            changed += count
        async with context.pool.connection() as connection:
            now = {key.public: key for key in await device_keys.keys(connection)}
        known, self._known = self._known, {key.public: key.revoked for key in now.values()}
        if known is None:
            return changed
        paths = {key.path for key in now.values() if known.get(key.public, _NEW) != key.revoked}
        for path in sorted(paths):
            async with context.pool.connection() as connection, connection.transaction():
                changed += await recheck_device(connection, path)
        return changed

    async def _page(self, context: Context) -> int:
        async with context.pool.connection() as connection, connection.transaction():
            return await recheck(connection, context.clock())


async def view_ahead(context: Context) -> None:
    """Make the viewing copies of the cases that reviewers will open next."""
    async with context.pool.connection() as connection:
        cases = await evidence.cases_ahead(connection, CASES_AHEAD)
        sets = await evidence.sets_of_cases(connection, cases) if cases else {}
    for case in cases:
        for one in sets.get(case, ()):
            if not all(context.views.ahead(context, view) for view in views_of(one)):
                return
