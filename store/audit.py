"""The audit: who did what, when and why, each line chained to the one before it.

``audit_append`` in the database is the only way in: it numbers, dates and chains a line under a
lock, so that there is one chain however many consoles run. Whether the chain is whole is decided
by ``store.chain``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from psycopg import AsyncConnection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from ioc.clock import VIETNAM
from store.chain import START, Head, Line

Connection = AsyncConnection[Any]

# Whoever writes a year beyond Python's into the table makes a fault, not a crash.
_COLUMNS: Final = (
    "seq, greatest(least(at, '9999-12-30 00:00:00Z'), '0001-01-03 00:00:00Z') AS at, "
    "actor, action, subject, record, previous, hash"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which lines are wanted; None for all.

    Attributes:
        actor: Of whom; with ``*`` at the end of all whose name begins so.
        action: What; as ``actor``.
        subject: On what; as ``actor``.
        first: From this line on.
        last: Up to this line.
        day: Of this day in Vietnam.
    """

    actor: str | None = None
    action: str | None = None
    subject: str | None = None
    first: int | None = None
    last: int | None = None
    day: date | None = None


async def append(
    connection: Connection, actor: str, action: str, subject: str, /, **detail: Any
) -> int:
    """Add a line, in the transaction of the deed itself: both stand, or neither.

    Call it last in the transaction: it holds the lock of the chain until the commit. A line stays
    for ever: no plate and nobody's address goes into it, for those must one day be removed.

    Args:
        connection: Inside a transaction.
        actor: Who: ``person:login``, ``device:/city/site/device``, ``system:part``.
        action: What: ``case.viewed``; noun and past participle.
        subject: On what: ``case:123``, ``evidence:<sha256>``, ``person:login``.
        detail: The rest, as JSON values; ``why`` is the reason that a person gave.

    Returns:
        The number of the line.
    """
    values = (actor, action, subject, Jsonb(detail))
    cursor = await connection.execute("SELECT audit_append(%s, %s, %s, %s)", values)
    row = await cursor.fetchone()
    assert row is not None
    return int(row[0])


async def lines(
    connection: Connection, *, after: int = 0, subjects: Sequence[str] | None = None
) -> AsyncIterator[Line]:
    """Lines in their order, through a cursor on the server: any number of them.

    Args:
        connection: Inside a transaction.
        after: Only those with a higher number.
        subjects: Only those on one of these.
    """
    where = "seq > %s" if subjects is None else "seq > %s AND subject = ANY(%s)"
    values = (after,) if subjects is None else (after, list(subjects))
    cursor = connection.cursor("audit_lines", row_factory=class_row(Line))
    async with cursor:
        await cursor.execute(f"SELECT {_COLUMNS} FROM audit WHERE {where} ORDER BY seq", values)
        async for line in cursor:
            yield line


async def stretch(connection: Connection, begin: int, most: int) -> tuple[list[Line], Head]:
    """The next lines of the chain, and its end at the same instant.

    One statement sees one state of the database: fewer lines than asked for are the last ones.

    Args:
        connection: Any.
        begin: Those from this number on.
        most: At most so many.
    """
    cursor = await connection.execute(
        "SELECT head.seq, head.hash, line.* FROM (SELECT) AS one "
        "LEFT JOIN audit_head AS head ON true LEFT JOIN LATERAL ("
        f"SELECT {_COLUMNS} FROM audit WHERE seq >= %s ORDER BY seq LIMIT %s"
        ") AS line ON true ORDER BY line.seq",
        (begin, most),
    )
    rows = await cursor.fetchall()
    seq, digest = rows[0][:2]
    end = START if seq is None else Head(seq, digest)
    return [Line(*row[2:]) for row in rows if row[2] is not None], end


async def head(connection: Connection) -> Head:
    """The end of the chain as the database has it."""
    cursor = await connection.execute("SELECT seq, hash FROM audit_head")
    row = await cursor.fetchone()
    return START if row is None else Head(*row)


async def newest(
    connection: Connection, wanted: Filter, *, before: int | None = None, most: int
) -> list[Line]:
    """Lines that a filter lets through, newest first.

    Args:
        connection: Any.
        wanted: Which.
        before: Only those with a lower number: where the page before has ended.
        most: At most so many.
    """
    return await _found(connection, wanted, "seq < %(from)s", before, "DESC", most)


async def oldest(
    connection: Connection, wanted: Filter, *, after: int | None = None, most: int
) -> list[Line]:
    """Lines that a filter lets through, oldest first.

    Args:
        connection: Any.
        wanted: Which.
        after: Only those with a higher number.
        most: At most so many.
    """
    return await _found(connection, wanted, "seq > %(from)s", after, "ASC", most)


def span_of(day: date) -> tuple[datetime, datetime]:
    """Begin and end of a day in Vietnam."""
    begin = datetime.combine(day, time(), VIETNAM)
    return begin, begin + timedelta(days=1)


async def _found(
    connection: Connection, wanted: Filter, side: str, limit: int | None, order: str, most: int
) -> list[Line]:
    where = ["true"]
    values: dict[str, Any] = {"most": most, "from": limit}
    if limit is not None:
        where.append(side)
    for name in ("actor", "action", "subject"):
        value = getattr(wanted, name)
        if value is None:
            continue
        if value.endswith("*"):
            where.append(f"starts_with({name}, %({name})s)")
            value = value[:-1]
        else:
            where.append(f"{name} = %({name})s")
        values[name] = value
    for name, comparison in (("first", ">="), ("last", "<=")):
        if getattr(wanted, name) is not None:
            where.append(f"seq {comparison} %({name})s")
            values[name] = getattr(wanted, name)
    table, begin = "audit", ""
    if wanted.day is not None:
        # Else the planner walks the whole chain by number until it comes to that day.
        table = "day"
        begin = (
            "WITH day AS MATERIALIZED (SELECT * FROM audit WHERE at >= %(begin)s AND at < %(end)s) "
        )
        values["begin"], values["end"] = span_of(wanted.day)
    async with connection.cursor(row_factory=class_row(Line)) as cursor:
        await cursor.execute(
            f"{begin}SELECT {_COLUMNS} FROM {table} WHERE {' AND '.join(where)} "
            f"ORDER BY seq {order} LIMIT %(most)s",
            values,
        )
        return await cursor.fetchall()
