"""``store.rate``: rows a second into ``flow`` through ``store``, one transaction a batch.

What is measured: events become rows, go through ``insert_rows`` on a connection of the pool, and
are committed. The limit is the plain script that does the same with psycopg alone, not async, on
rows made beforehand: binary COPY into a temporary table, ``INSERT … ON CONFLICT DO NOTHING``,
commit. The two take turns batch by batch, because whatever else the machine does changes within
a second; the figures are medians over the rounds.
"""

from __future__ import annotations

import asyncio
import gc
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import psycopg

from ioc.settings import Settings
from measure.bench.traffic import devices, flow_events
from measure.figures import Figure, against
from store.bulk import insert_rows
from store.pool import conninfo, open_pool
from store.rows import FLOW, Row, row_of

Progress = Callable[[str], None]


def run(
    settings: Settings,
    progress: Progress,
    *,
    rows: int = 20_000,
    batch: int = 1000,
    rounds: int = 7,
) -> list[Figure]:
    """Measure on the database that the settings name; it must have the schema, ``flow`` is emptied.

    Args:
        settings: The database.
        progress: Told what happens.
        rows: Rows of one round on each side.
        batch: Rows of one transaction.
        rounds: How often.
    """
    plain, ours = [], []
    for number in range(rounds):
        _empty(settings)
        seconds = asyncio.run(_round(settings, rows, batch))
        plain.append(rows / seconds[0])
        ours.append(rows / seconds[1])
        progress(
            f"  round {number + 1} of {rounds}: store {ours[-1]:,.0f}, "
            f"plain psycopg {plain[-1]:,.0f} rows/s"
        )
    return [against("store.rate", statistics.median(ours), statistics.median(plain), "rows/s")]


async def _round(settings: Settings, rows: int, batch: int) -> tuple[float, float]:
    """Seconds that the plain script and the store took for ``rows`` rows each."""
    events = flow_events(devices(100), 2 * rows)
    parts = [events[first : first + batch] for first in range(0, 2 * rows, batch)]
    made = [[row_of(path, event) for path, event in part] for part in parts[::2]]
    seconds = [0.0, 0.0]
    # The events that only the benchmark holds would be walked by every full garbage collection of
    # the side that makes objects, which is ours.
    gc.collect()
    gc.freeze()
    async with (
        open_pool(settings.database, "ioc-bench", size=1) as pool,
        pool.connection() as connection,
    ):
        with psycopg.connect(conninfo(settings.database, "ioc-bench")) as bare:
            plain = _Plain(bare)
            for number, (ready, part) in enumerate(zip(made, parts[1::2], strict=True)):
                for side in (0, 1) if number % 2 == 0 else (1, 0):
                    began = time.perf_counter()
                    if side == 0:
                        plain.write(ready)
                    else:
                        async with connection.transaction():
                            await insert_rows(connection, FLOW, [row_of(*pair) for pair in part])
                    seconds[side] += time.perf_counter() - began
    gc.unfreeze()
    return seconds[0], seconds[1]


class _Plain:
    """The plain script."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        columns = ", ".join(FLOW.columns)
        self._connection = connection
        self._cursor = connection.cursor()
        self._copy = f"COPY plain ({columns}) FROM STDIN (FORMAT binary)".encode()
        self._merge = (
            f"INSERT INTO flow ({columns}) SELECT {columns} FROM plain "
            "ON CONFLICT (id, time) DO NOTHING"
        ).encode()
        self._cursor.execute(
            f"CREATE TEMP TABLE plain ON COMMIT DELETE ROWS AS "
            f"SELECT {columns} FROM flow WITH NO DATA".encode()
        )
        connection.commit()

    def write(self, rows: Sequence[Row]) -> None:
        with self._cursor.copy(self._copy) as copy:
            copy.set_types(FLOW.types)
            for row in rows:
                copy.write_row(row)
        self._cursor.execute(self._merge)
        self._connection.commit()


def _empty(settings: Settings) -> None:
    with psycopg.connect(conninfo(settings.database, "ioc-bench"), autocommit=True) as connection:
        connection.execute("TRUNCATE flow")
        connection.execute("CHECKPOINT")
