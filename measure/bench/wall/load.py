"""Filling the benchmark's own database: two years, from the oldest on, and later only what is new.

How far it has got stands in the database, written with the rows, so that a load which was stopped
goes on, and one that is complete only adds what has passed since.

On TimescaleDB the aggregates of each stretch are refreshed and its chunks compressed as the
policies would have done, and minutes that are past their time are dropped. Only raw rows stay for
all the years, which production deletes after 90 days: they are what answers are compared with.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, Final, NamedTuple

from psycopg import Connection, sql
from psycopg.types.json import Jsonb

from ioc.errors import ConfigError
from measure.bench.wall import acts, place, policies, raw, register
from measure.bench.wall.binary import HEADER, TRAILER
from measure.bench.wall.place import Province, Spread, Step
from measure.bench.wall.series import COLUMNS, Block, blocks

Progress = Callable[[str], None]

_BATCH_BYTES: Final = 1 << 23
_WRITTEN: Final = {"flow": "time", "reading": "time", "health": "time", "flow_minute": "minute"}
"""What ``measure.bench.wall.writing`` fills, with the column of its time."""


class Loaded(NamedTuple):
    """What the database holds.

    Attributes:
        until: Up to here.
        rows: In all that was written now.
        seconds: How long that took.
    """

    until: datetime
    rows: int
    seconds: float


def load(
    connection: Connection[Any], province: Province, spread: Spread, now: datetime,
    progress: Progress, *, timescale: bool,
) -> Loaded:  # fmt: skip
    """Fill what is missing up to now.

    Args:
        connection: In autocommit mode, to a migrated database that is nobody else's.
        province: Who sends.
        spread: How the years are filled.
        now: The present instant.
        progress: Told what happens.
        timescale: Whether there are aggregates to refresh and chunks to compress.

    Raises:
        ConfigError: The database holds another load.
    """
    plan = Jsonb(place.as_plan(province, spread))
    if _one(connection, "SELECT to_regclass('bench.plan')") is None:
        first, dense = place.begin(now, spread)
        with connection.transaction():
            register.write(connection, province)
            connection.execute(raw.views(timescale=timescale).encode())
            connection.execute(
                "INSERT INTO bench.plan (content, first, dense, until) VALUES (%s, %s, %s, %s)",
                (plan, first, dense, first),
            )
    row = connection.execute(
        "SELECT content = %s, content::text, dense, until FROM bench.plan", (plan,)
    ).fetchone()
    assert row is not None
    same, held, dense, until = row
    if not same:
        name = connection.info.dbname
        raise ConfigError(
            f"database {name!r} holds another load: {held}; ask for the same, or drop it: "
            f"DROP DATABASE {name}"
        )
    if timescale:
        policies.stop(connection)
    _forget(connection, until)
    began, total = time.perf_counter(), 0
    for step in place.steps(until, dense, now):
        total += _fill(connection, province, spread, step, now)
        if timescale:
            policies.roll(connection, step, now)
        until = step.last
        rate = total / (time.perf_counter() - began)
        progress(f"  up to {until:%Y-%m-%d %H:%M}: {total:,} rows of series, {rate:,.0f} rows/s")
    with connection.transaction():
        register.present(connection, province, until)
    if timescale:
        policies.start(connection, until)
    if total:
        progress("  vacuum and statistics")
        connection.execute("VACUUM (ANALYZE)")
    return Loaded(until, total, time.perf_counter() - began)


def _forget(connection: Connection[Any], until: datetime) -> None:
    """Delete what was written while viewers looked: the load writes that time anew."""
    with connection.transaction():
        for table, column in _WRITTEN.items():
            statement = sql.SQL("DELETE FROM {} WHERE {} >= %s").format(
                sql.Identifier(table), sql.Identifier(column)
            )
            connection.execute(statement, (until,))


def _fill(
    connection: Connection[Any], province: Province, spread: Spread, step: Step, now: datetime
) -> int:
    """The rows of a step in one transaction."""
    total = 0
    waiting: dict[str, list[Block]] = {table: [] for table in COLUMNS}
    with connection.transaction():
        for block in blocks(province, step, spread.every_s):
            held = waiting[block.table]
            held.append(block)
            if sum(len(one.content) for one in held) > _BATCH_BYTES:
                total += _copy(connection, block.table, held)
                held.clear()
        for table, held in waiting.items():
            total += _copy(connection, table, held)
        acts.fill(connection, province, step, now)
        connection.execute("UPDATE bench.plan SET until = %s", (step.last,))
    return total


def _copy(connection: Connection[Any], table: str, held: Iterable[Block]) -> int:
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(
        sql.Identifier(table),
        sql.SQL(", ").join(sql.Identifier(name) for name, _ in COLUMNS[table]),
    )
    rows = 0
    with connection.cursor().copy(statement) as copy:
        copy.write(HEADER)
        for block in held:
            copy.write(block.content)
            rows += block.rows
        copy.write(TRAILER)
    return rows


def _one(connection: Connection[Any], query: str) -> Any:
    row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]
