"""What tests ask a database beside the code that they test."""

from __future__ import annotations

import asyncio
from typing import Any

from psycopg import AsyncConnection

Connection = AsyncConnection[Any]


async def one(connection: Connection, query: str) -> Any:
    """The one row of a query; of one column its value."""
    row = await (await connection.execute(query.encode())).fetchone()
    await connection.commit()
    assert row is not None
    return row[0] if len(row) == 1 else row


async def wait_for_lock(connection: Connection, count: int = 1) -> None:
    """Return when so many sessions of the database wait for another one."""
    await connection.set_autocommit(True)
    query = (
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    while (await (await connection.execute(query)).fetchone()) != (count,):  # noqa: ASYNC110
        await asyncio.sleep(0.01)
