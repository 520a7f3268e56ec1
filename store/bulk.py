"""Rows in bulk, repeats left out.

COPY is the fastest way in, but fails as a whole at the first row that is already there. The usual
answer is to copy into a temporary table and to take the rows over from it with ON CONFLICT DO
NOTHING. Here the database is asked first which of the rows it has, and the others are copied
straight into their table: 10.0 ms against 13.0 ms for 1000 flow rows, 1.5 ms for 1000 repeated
ones, no temporary tables to keep and to empty, and a pooler in between does not matter.

Another writer may store one of the rows between the question and the COPY, as two workers do for a
moment after a rebalance. Then PostgreSQL says so and the batch goes in row by row, which is slower
and always right.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from operator import itemgetter
from typing import Any, Final, NamedTuple

from psycopg import AsyncConnection, DataError, sql
from psycopg.errors import UniqueViolation
from psycopg.types.json import Jsonb

from store.rows import Row
from store.tables import Table

Connection = AsyncConnection[Any]

FEW: Final = 16
"""Up to so many rows are inserted at once: 0.04 ms each, and no question and no COPY."""


async def insert_rows(connection: Connection, table: Table, rows: Sequence[Row]) -> int:
    """Store rows; those that are already there are left as they are.

    Args:
        connection: In a transaction.
        table: Where to.
        rows: Values in the order of ``table.columns``.

    Returns:
        How many rows were new.

    Raises:
        psycopg.DataError: A value does not fit its column, such as text with a NUL or a whole
            number beyond 64 bits. Nothing of the batch is stored; roll back to before the call.
    """
    if not rows:
        return 0
    try:
        if len(rows) <= FEW:
            return await _insert(connection, table, rows)
        fresh = await _fresh(connection, table, rows)
        if not fresh:
            return 0
        try:
            async with connection.transaction():
                return await _copy(connection, table, fresh)
        except UniqueViolation:
            return await _insert(connection, table, fresh)
    except (OverflowError, ValueError, TypeError) as error:  # what packing a value raises
        raise DataError(f"{table.name}: {error}") from error


async def _fresh(connection: Connection, table: Table, rows: Sequence[Row]) -> list[Row]:
    """The rows that are not there, each once, in the order of their ids.

    In that order two workers that write the same rows cannot lock each other out, and the index of
    the key is filled from left to right.
    """
    key = itemgetter(*(table.columns.index(name) for name in table.conflict))
    found = {key(row): row for row in rows}
    ids, times = [row[0] for row in rows], [row[1] for row in rows]
    span = {"ids": ids, "first": min(times), "last": max(times)}
    cursor = await connection.execute(statements(table).known, span, binary=True)
    for known in await cursor.fetchall():
        found.pop(known if len(known) > 1 else known[0], None)
    return sorted(found.values(), key=lambda row: row[0].int)


async def _copy(connection: Connection, table: Table, rows: Sequence[Row]) -> int:
    # COPY in text form takes twice as long: 12.9 ms against 5.8 ms for 1000 flow rows.
    async with connection.cursor() as cursor:
        async with cursor.copy(statements(table).copy) as copy:
            copy.set_types(table.types)
            for row in rows:
                await copy.write_row(row)
        return cursor.rowcount


async def _insert(connection: Connection, table: Table, rows: Sequence[Row]) -> int:
    documents = {i for i, kind in enumerate(table.types) if kind == "jsonb"}
    if documents:
        rows = [
            tuple(Jsonb(value) if i in documents else value for i, value in enumerate(row))
            for row in rows
        ]
    async with connection.cursor() as cursor:
        await cursor.executemany(statements(table).insert, rows)
        return cursor.rowcount


class Statements(NamedTuple):
    """The SQL of one table.

    Attributes:
        known: The keys that are there of some ids; where the time is part of the key, over a span
            of time, so that TimescaleDB looks into the chunks of the batch only.
        copy: Copy rows in.
        insert: Write one row unless it is there.
    """

    known: bytes
    copy: bytes
    insert: bytes


@cache
def statements(table: Table) -> Statements:
    """The SQL that ``insert_rows`` uses for a table. Its first columns are the id and the time."""
    parts = {
        "table": sql.Identifier(table.name),
        "columns": sql.SQL(", ").join(map(sql.Identifier, table.columns)),
        "key": sql.SQL(", ").join(map(sql.Identifier, table.conflict)),
        "values": sql.SQL(", ").join(
            sql.SQL("%s::{}").format(sql.Identifier(kind)) for kind in table.types
        ),
    }
    known = "SELECT {key} FROM {table} WHERE id = ANY(%(ids)b::uuid[])"
    if "time" in table.conflict:
        known += " AND time BETWEEN %(first)b AND %(last)b"
    copy = "COPY {table} ({columns}) FROM STDIN (FORMAT binary)"
    insert = "INSERT INTO {table} ({columns}) VALUES ({values}) ON CONFLICT ({key}) DO NOTHING"
    # As bytes: composing the names of 24 columns anew would take 0.05 ms a call.
    made = (sql.SQL(text).format(**parts).as_bytes(None) for text in (known, copy, insert))
    return Statements(*made)
