"""Violations without a case, and the cases that are made of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

Connection = AsyncConnection[Any]


async def ungrouped(connection: Connection, since: datetime, limit: int) -> list[tuple[Any, ...]]:
    """Violations that belong to no case, those that came first first.

    Args:
        connection: Any.
        since: Only those that came since then; to look at all of them takes long.
        limit: At most so many.

    Returns:
        id, city, site, device, bootid, track, rule, vehicle, act_time, plate_text, plate_colour,
        plate_confidence.
    """
    cursor = await connection.execute(
        "SELECT v.id, v.city, v.site, v.device, v.bootid, v.track, v.rule, v.vehicle, v.act_time, "
        "v.plate_text, v.plate_colour, coalesce(v.plate_confidence, 0) FROM violation v "
        "WHERE v.received >= %s "
        "AND NOT EXISTS (SELECT 1 FROM case_violation m WHERE m.violation = v.id) "
        "ORDER BY v.received, v.id LIMIT %s",
        (since, limit),
    )
    return await cursor.fetchall()


async def untouched(
    connection: Connection, first: datetime, last: datetime, now: datetime
) -> list[tuple[Any, ...]]:
    """Cases in a span of time that nobody has open or has spoken about; their rows are locked.

    Returns:
        id, city, site, device, bootid, track, vehicle, act_first, act_last, plate_read,
        plate_colour, rules.
    """
    cursor = await connection.execute(
        "SELECT id, city, site, device, bootid, track, vehicle, act_first, act_last, plate_read, "
        "plate_colour, rules FROM review_case WHERE state = 'pending' AND round = 1 "
        "AND act_last >= %s AND act_first <= %s AND (locked_until IS NULL OR locked_until <= %s) "
        "ORDER BY act_first FOR UPDATE SKIP LOCKED",
        (first, last, now),
    )
    return await cursor.fetchall()


async def add_case(
    connection: Connection,
    *,
    id: UUID,
    city: str,
    site: str,
    device: str,
    bootid: UUID,
    track: int,
    vehicle: str,
    rules: Sequence[str],
    first: datetime,
    last: datetime,
    plate: str | None,
    colour: str | None,
    deadline: datetime,
) -> None:
    """Enter a case."""
    await connection.execute(
        "INSERT INTO review_case (id, city, site, device, bootid, track, vehicle, rules, act_first,"
        " act_last, plate_read, plate_colour, deadline) "
        "VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (id, city, site, device, bootid, track, vehicle, list(rules), first, last, plate, colour,
         deadline),
    )  # fmt: skip


async def widen_case(
    connection: Connection,
    case: UUID,
    *,
    rules: Sequence[str],
    first: datetime,
    last: datetime,
    plate: str | None,
    colour: str | None,
) -> None:
    """Let a case hold more violations."""
    await connection.execute(
        "UPDATE review_case SET rules = %s, act_first = %s, act_last = %s, plate_read = %s, "
        "plate_colour = %s WHERE id = %s",
        (list(rules), first, last, plate, colour, case),
    )


async def enter(connection: Connection, case: UUID, violations: Sequence[UUID]) -> None:
    """Say which violations a case has."""
    await connection.execute(
        "INSERT INTO case_violation (violation, case_id) SELECT unnest(%s::uuid[]), %s",
        (list(violations), case),
    )
