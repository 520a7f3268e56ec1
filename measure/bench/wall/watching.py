"""Many viewers at once: each asks all tiles of its screen anew every few seconds."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from dashboards.screen import Screen
from ioc.clock import utc_now
from ioc.settings import DatabaseSettings
from measure.bench.wall.asking import ROLE, Question, render_for
from measure.bench.wall.place import Province
from store.pool import conninfo

POOL: Final = 10
"""Grafana's ``max_open_conns`` of the data source: all viewers share so many connections."""


@dataclass(slots=True)
class Watched:
    """What the viewers waited for, in milliseconds.

    Attributes:
        queries: Of each query, the wait for a connection with it.
        screens: Of each whole screen, until its last tile is there.
        late: Refreshes that were due while the one before still ran.
    """

    queries: list[float] = field(default_factory=list)
    screens: list[float] = field(default_factory=list)
    late: int = 0


def watch(
    settings: DatabaseSettings, province: Province, screens: Sequence[Screen],
    *, viewers: int, every_s: float, seconds: float,
) -> Watched:  # fmt: skip
    """Look at the screens, evenly shared out, and begin evenly spread over the interval.

    Args:
        settings: The database.
        province: All its junctions are chosen.
        screens: What is looked at.
        viewers: How many look.
        every_s: Seconds between two refreshes.
        seconds: How long; the first refresh of each viewer comes before that and does not count.
    """
    return asyncio.run(_watch(settings, province, screens, viewers, every_s, seconds))


async def _watch(
    settings: DatabaseSettings, province: Province, screens: Sequence[Screen],
    viewers: int, every_s: float, seconds: float,
) -> Watched:  # fmt: skip
    seen = Watched()
    async with AsyncConnectionPool(
        conninfo(settings, "ioc-bench-viewers", role=ROLE),
        kwargs={"autocommit": True, "prepare_threshold": None},
        min_size=POOL,
        max_size=POOL,
        open=False,
    ) as pool:
        await pool.wait()
        start = time.perf_counter()
        await asyncio.gather(
            *(
                _look(
                    *(pool, province, screens[number % len(screens)], seen),
                    *(start + every_s * number / viewers, every_s, start + every_s + seconds),
                )
                for number in range(viewers)
            )
        )
    return seen


async def _look(
    pool: AsyncConnectionPool[AsyncConnection], province: Province, screen: Screen, seen: Watched,
    first: float, every_s: float, last: float,
) -> None:  # fmt: skip
    due, counts = first, False
    while due < last:
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        began = time.perf_counter()
        took = await asyncio.gather(
            *(_ask(pool, province, screen, tile.query) for tile in screen.tiles)
        )
        if counts:
            seen.queries += took
            seen.screens.append(1000 * (time.perf_counter() - began))
        counts = True
        due += every_s
        while due < time.perf_counter():
            seen.late += 1
            due += every_s


async def _ask(
    pool: AsyncConnectionPool[AsyncConnection], province: Province, screen: Screen, query: str
) -> float:
    began = time.perf_counter()
    question = Question(query, timedelta(hours=screen.span_h))
    statement = render_for(province, question, utc_now()).encode()
    async with pool.connection() as connection:
        await (await connection.execute(statement)).fetchall()
    return 1000 * (time.perf_counter() - began)
