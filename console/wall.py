"""Who looks at the wall, and the one reader of the database that serves them all.

However many look on, the database is asked once a second at most, and not at all when nobody does.
A viewer gets what changed since it got something last: one that is slow skips what was in between,
so nothing piles up.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Literal
from uuid import UUID

import msgspec
import psycopg

from console.auth.guard import Visitor
from console.board import Board
from console.context import Context
from console.errors import ProblemError
from console.render import asset
from ioc.telemetry import logger
from store import wall as store

EVERY_S: Final = 1.0
"""Shortest time between two readings of the database."""

LOAD_SHARE: Final = 10
"""A reading that takes long is done less often: it may fill one part in so many of the time."""

SLOWEST_S: Final = 10.0
"""But no more seldom than this."""

BEAT_S: Final = 10.0
"""A viewer hears something at least this often, so that it can tell a dead line."""

CHECK_S: Final = 15.0
"""How often it is looked whether the viewers may still look on."""

RETRY_MS: Final = 3000
"""When a browser should come back by itself; ours does it sooner or later than that."""

MOST_VIEWERS: Final = 200
MOST_OF_ONE: Final = 10
"""Streams at a time, of all and of one person."""

Over = Literal["session", "shutdown"]

_log = logger("console.wall")


@dataclass(slots=True, eq=False)
class Viewer:
    """One open stream.

    Attributes:
        person: Whose.
        token: Of the log-in that it was opened with.
        stays: Whether looking on keeps the log-in alive.
        wake: There may be something to send.
        over: Why it ends.
    """

    person: UUID
    token: bytes
    stays: bool
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    over: Over | None = None


class Wall:
    """The figures of now and their viewers; one in each process.

    Args:
        context: The console's.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._board = Board()
        self._viewers: set[Viewer] = set()
        self._reader: asyncio.Task[None] | None = None
        self._reading = asyncio.Lock()
        self._nobody = asyncio.Event()
        self._read_at = -EVERY_S
        self._checked_at = 0.0
        self._away = False
        self._closed = False
        self._run = f"{time.time_ns() // 1_000_000:x}"

    @property
    def viewers(self) -> int:
        """How many look on."""
        return len(self._viewers)

    @property
    def reads(self) -> bool:
        """Whether the database is being asked."""
        return self._reader is not None

    def join(self, who: Visitor) -> Viewer:
        """Let somebody look on; to be followed by ``leave``.

        Raises:
            ProblemError: Too many do, or the console is ending.
        """
        if self._closed:
            raise ProblemError(503, "wall_closing", {"Retry-After": "5"})
        again = {"Retry-After": "30"}
        if sum(viewer.person == who.id for viewer in self._viewers) >= MOST_OF_ONE:
            raise ProblemError(503, "wall_full_person", again, most=MOST_OF_ONE)
        if len(self._viewers) >= MOST_VIEWERS:
            raise ProblemError(503, "wall_full", again, most=MOST_VIEWERS)
        # A wall hangs there for hours and nobody touches it. An operator may open nothing else, so
        # the log-in lives as long as the wall does; that of somebody who may open cases does not.
        viewer = Viewer(who.id, who.token, stays=who.role == "operator")
        self._viewers.add(viewer)
        self._nobody.clear()
        if self._reader is None:
            self._checked_at = time.monotonic()
            self._reader = asyncio.create_task(self._read_on())
        return viewer

    def leave(self, viewer: Viewer) -> None:
        """Somebody looks away; after the last one the database is left in peace."""
        self._viewers.discard(viewer)
        if not self._viewers:
            self._nobody.set()

    def end(self) -> None:
        """Send all viewers away: the server stops, and waits for every answer to end."""
        self._closed = True
        for viewer in self._viewers:
            self._dismiss(viewer, "shutdown")

    async def frames(self, viewer: Viewer) -> AsyncIterator[bytes]:
        """What a viewer is sent, until it is over: first all there is, then what changes."""
        yield b"retry: %d\n\n" % RETRY_MS
        seen = 0
        away = False
        beat_at = time.monotonic() + BEAT_S
        while viewer.over is None:
            viewer.wake.clear()
            board = self._board
            if board.version > seen:
                since, seen = seen, board.version
                yield self._frame("tiles" if since else "wall", self._since(since, whole=not since))
            if self._away is not away or time.monotonic() >= beat_at:
                away = self._away
                beat_at = time.monotonic() + BEAT_S
                yield self._frame("beat", self._head())
            with suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, beat_at - time.monotonic())):
                    await viewer.wake.wait()
        yield self._frame("end", self._head(over=viewer.over))

    async def snapshot(self) -> bytes:
        """All tiles as one JSON document.

        Raises:
            psycopg.OperationalError: The database is away.
        """
        await self._read()
        return self._since(0, whole=True)

    # --- the reader ----------------------------------------------------------------------------

    async def _read_on(self) -> None:
        """Keep the board as things are, until nobody looks any more."""
        while self._viewers:
            began = time.monotonic()
            pause = EVERY_S
            try:
                await self._read()
                if began - self._checked_at >= CHECK_S:
                    await self._check_sessions()
                    self._checked_at = began
                self._away = False
                took = time.monotonic() - began
                pause = max(EVERY_S - took, min(SLOWEST_S, took * (LOAD_SHARE - 1)))
            except psycopg.OperationalError as error:
                if not self._away:
                    _log.warning("the database is away", error=" ".join(str(error).split()))
                self._away = True
            except Exception:
                _log.exception("failed")
                self._away = True
            for viewer in self._viewers:
                viewer.wake.set()
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._nobody.wait()
        self._reader = None

    async def _read(self) -> None:
        """Bring the board up to date, unless that was just done."""
        async with self._reading:
            if time.monotonic() - self._read_at < EVERY_S * 0.9:
                return
            async with self._context.pool.connection(timeout=3) as connection:
                figures = await store.figures(connection, self._context.clock())
            self._board.update(figures)
            self._read_at = time.monotonic()

    async def _check_sessions(self) -> None:
        """Send away who has logged out, was shut out, or whose time is up."""
        now = self._context.clock()
        idle = timedelta(minutes=self._context.settings.idle_minutes)
        tokens = sorted({viewer.token for viewer in self._viewers})
        async with self._context.pool.connection(timeout=3) as connection:
            live = await store.live_sessions(connection, tokens, now, now - idle)
            staying = {v.token for v in self._viewers if v.stays and v.token in live}
            if staying:
                await store.touch_sessions(connection, sorted(staying), now)
        for viewer in self._viewers:
            if viewer.token not in live and viewer.token in tokens:
                self._dismiss(viewer, "session")

    def _dismiss(self, viewer: Viewer, why: Over) -> None:
        if viewer.over is None:
            viewer.over = why
        viewer.wake.set()

    # --- what is sent --------------------------------------------------------------------------

    def _head(self, **more: object) -> bytes:
        """The time here, so that the browser counts ages by it, and how things are."""
        return msgspec.json.encode(
            {"now": self._context.clock(), "database": not self._away, **more}
        )

    def _since(self, version: int, *, whole: bool) -> bytes:
        head = self._head(build=build()) if whole else self._head()
        ages = b"" if whole else b',"ages":%b' % self._board.ages_since(version)
        return b'%b,"tiles":%b%b}' % (head[:-1], self._board.tiles_since(version), ages)

    def _frame(self, event: str, data: bytes) -> bytes:
        return b"id: %b-%d\nevent: %b\ndata: %b\n\n" % (
            self._run.encode(),
            self._board.version,
            event.encode(),
            data,
        )


def build() -> str:
    """Changes with the page's own files: a wall that hangs for months loads itself anew then."""
    files = ("wall.css", "wall.js", "wall-tiles.js")
    return "-".join(asset(name).rpartition("?")[2] for name in files)
