"""Viewing copies on this console's disk: made one at a time, what somebody waits for first."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import os
import shutil
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from console.keeping import DamagedError, StorageError, copy
from console.view_process import KilledError, ViewProcess
from console.views import View
from ioc.errors import ConfigError
from ioc.telemetry import logger
from store import audit

if TYPE_CHECKING:
    from console.context import Context

MOST_WAITING: Final = 500
"""Copies in the queue; who asks beyond that is told to come back."""
MOST_AHEAD: Final = 100
"""Copies that nobody waits for, in the queue."""
MOST_FAILURES: Final = 1000
RETRY_FAILED_S: Final = 300.0
"""A copy that could not be made is tried again after this."""

LOGGED_FOR_S: Final = 3600.0
"""Who looks at a case is written down once in so long: a player asks for a clip in many parts."""
MOST_LOGGED: Final = 10_000

_log = logger("console.views")


class NotReadyError(Exception):
    """The copy is not there yet; the message is the key of the text that says so."""


class FailedError(Exception):
    """No copy can be made.

    Attributes:
        text: Key of the text that says why.
        why: What the decoder said.
    """

    def __init__(self, text: str, why: str = "") -> None:
        super().__init__(text)
        self.text = text
        self.why = why


@dataclass(slots=True)
class _Wish:
    view: View
    asked: bool
    done: asyncio.Event = field(default_factory=asyncio.Event)


class Views:
    """All viewing copies of this console. Lives in one event loop."""

    def __init__(self, folder: Path) -> None:
        """Make the folder.

        Raises:
            ConfigError: It cannot be written.
        """
        self.folder = folder
        self._drafts = folder / "drafts"
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._drafts.mkdir(exist_ok=True, mode=0o700)
        except OSError as error:
            raise ConfigError(
                f"{folder}: {error.strerror}; console.work_dir must be a folder that this user "
                "may write"
            ) from None
        self._process = ViewProcess()
        self._wishes: dict[Path, _Wish] = {}
        self._queue: list[tuple[int, int, Path]] = []
        self._numbers = itertools.count()
        self._failures: dict[Path, tuple[float, FailedError]] = {}
        self._work: asyncio.Task[None] | None = None

    def ready(self, view: View) -> Path | None:
        """Where a copy lies, if it does."""
        path = self.folder / view.place
        return path if path.is_file() else None

    async def get(self, context: Context, view: View, wait_s: float) -> Path:
        """Where a copy lies; it is made first if need be.

        Args:
            context: Of the console.
            view: Which.
            wait_s: Longest to wait for it.

        Raises:
            NotReadyError: It is being made, or will be.
            FailedError: It cannot be made.
        """
        path = self.ready(view)
        if path is not None:
            return path
        self._raise_failure(view)
        wish = self._wish(context, view, asked=True)
        with suppress(TimeoutError):
            await asyncio.wait_for(wish.done.wait(), wait_s)
        path = self.ready(view)
        if path is not None:
            return path
        self._raise_failure(view)
        raise NotReadyError("view_making")

    def ahead(self, context: Context, view: View) -> bool:
        """Make a copy when nobody waits for another; False when there is no room for the wish."""
        if self.ready(view) is not None or view.place in self._failures:
            return True
        if view.place not in self._wishes and len(self._wishes) >= MOST_AHEAD:
            return False
        self._wish(context, view, asked=False)
        return True

    def forget(self, sha256: str) -> None:
        """Remove all copies of an original that retention has removed."""
        shutil.rmtree(self.folder / sha256[:2] / sha256, ignore_errors=True)

    def held(self) -> list[str]:
        """Digests of the originals that there are copies of."""
        return [path.name for path in self.folder.glob("[0-9a-f][0-9a-f]/*") if path.is_dir()]

    def sweep(self, older_s: float) -> int:
        """Remove copies that nobody has looked at for so long; returns how many."""
        swept = 0
        for path in (*self.folder.glob("[0-9a-f][0-9a-f]/*/*"), *self._drafts.iterdir()):
            with suppress(FileNotFoundError):
                if time.time() - path.stat().st_mtime >= older_s:
                    path.unlink()
                    swept += 1
        for path in self.folder.glob("[0-9a-f][0-9a-f]/*"):
            with suppress(OSError):  # not empty
                path.rmdir()
        return swept

    async def close(self) -> None:
        """End the work, in the middle of a copy if need be."""
        if self._work is not None:
            self._work.cancel()
        await asyncio.to_thread(self._process.kill)
        if self._work is not None:
            await asyncio.gather(self._work, return_exceptions=True)

    def _wish(self, context: Context, view: View, *, asked: bool) -> _Wish:
        wish = self._wishes.get(view.place)
        if wish is None:
            if len(self._wishes) >= MOST_WAITING:
                raise NotReadyError("view_busy")
            wish = self._wishes[view.place] = _Wish(view, asked)
        elif not asked or wish.asked:
            return wish
        wish.asked = asked
        # One that was wished ahead stands twice then; who comes to it again finds it done.
        heapq.heappush(self._queue, (0 if asked else 1, next(self._numbers), view.place))
        if self._work is None or self._work.done():
            self._work = asyncio.create_task(self._work_off(context))
        return wish

    async def _work_off(self, context: Context) -> None:
        while self._queue:
            _, _, place = heapq.heappop(self._queue)
            wish = self._wishes.get(place)
            if wish is None:
                continue
            try:
                await self._make(context, wish.view)
            except FailedError as error:
                self._note(place, error)
            except Exception:
                _log.exception("a viewing copy could not be made", sha256=wish.view.sha256)
                self._note(place, FailedError("view_unreadable", "?"))
            finally:
                del self._wishes[place]
                wish.done.set()

    async def _make(self, context: Context, view: View) -> None:
        path = self.folder / view.place
        if path.is_file():
            return
        source = self._drafts / f"{view.sha256}.original.{os.getpid()}"
        target = self._drafts / f"{path.name}.{os.getpid()}{path.suffix}"
        try:
            try:
                await copy(context.originals, view.sha256, source)
            except DamagedError as error:
                _log.error("evidence is damaged", error=str(error))
                await _report(context, view.sha256, str(error))
                raise FailedError("view_damaged") from None
            except StorageError as error:
                raise FailedError("view_unreadable", str(error)) from None
            try:
                fault = await asyncio.to_thread(self._process.make, view, source, target)
            except KilledError as error:
                fault = str(error)
            if fault is not None:
                _log.warning("evidence cannot be shown", sha256=view.sha256, why=fault)
                raise FailedError("view_unreadable", fault)
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            target.replace(path)
        finally:
            for one in (source, target):
                one.unlink(missing_ok=True)

    def _raise_failure(self, view: View) -> None:
        at, error = self._failures.get(view.place, (0.0, None))
        if error is None:
            return
        if time.monotonic() - at < RETRY_FAILED_S:
            raise FailedError(error.text, error.why)
        del self._failures[view.place]

    def _note(self, place: Path, error: FailedError) -> None:
        while len(self._failures) >= MOST_FAILURES:
            del self._failures[next(iter(self._failures))]
        self._failures[place] = (time.monotonic(), error)


class SeenCases:
    """Who has looked at which case lately."""

    def __init__(self) -> None:
        self._until: dict[tuple[str, int], float] = {}

    def is_new(self, login: str, number: int, now_s: float) -> bool:
        """Whether that has to be written down; it counts as written then."""
        if self._until.get((login, number), 0.0) > now_s:
            return False
        while len(self._until) >= MOST_LOGGED:
            del self._until[next(iter(self._until))]
        self._until.pop((login, number), None)
        self._until[login, number] = now_s + LOGGED_FOR_S
        return True


async def _report(context: Context, sha256: str, what: str) -> None:
    """Put damage into the audit."""
    async with context.pool.connection() as connection, connection.transaction():
        await audit.append(
            connection, "system:views", "evidence.damaged", f"evidence:{sha256}", what=what
        )
