"""Deliveries to those who are told of decided cases: what is due, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import class_row

Connection = AsyncConnection[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Untold:
    """A decided case that a target has not been told of."""

    id: UUID
    number: int
    state: str
    decided: datetime
    city: str
    site: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A delivery that is due.

    Attributes:
        number: Of the case.
        attempts: How many have failed.
        lease: Until then it is nobody else's.
    """

    id: UUID
    event: str
    number: int
    body: str
    attempts: int
    lease: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Abandoned:
    """A delivery that is tried no more."""

    target: str
    event: str
    number: int
    created: datetime
    abandoned: datetime
    attempts: int
    error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """How a target stands."""

    target: str
    waiting: int
    delivered: int
    abandoned: int


_OPEN: Final = "delivered IS NULL AND abandoned IS NULL"


async def added_at(connection: Connection, target: str) -> datetime | None:
    """Since when a target is told of cases, as the audit has it; None: not yet."""
    cursor = await connection.execute(
        "SELECT at FROM audit WHERE subject = %s AND action = 'webhook.added' ORDER BY seq LIMIT 1",
        (f"webhook:{target}",),
    )
    row = await cursor.fetchone()
    return None if row is None else row[0]


async def untold(
    connection: Connection, target: str, states: Sequence[str], since: datetime, limit: int
) -> list[Untold]:
    """Cases decided at or after an instant that a target has no delivery of, in order."""
    async with connection.cursor(row_factory=class_row(Untold)) as cursor:
        await cursor.execute(
            "SELECT c.id, c.number, c.state, c.decided, c.city, c.site FROM review_case c "
            "WHERE c.decided >= %(since)s AND c.state = ANY(%(states)s) AND NOT EXISTS ("
            "SELECT 1 FROM webhook_delivery d WHERE d.target = %(target)s "
            "AND d.event = 'case.' || c.state AND d.case_id = c.id) "
            "ORDER BY c.decided, c.id LIMIT %(limit)s",
            {"target": target, "states": list(states), "since": since, "limit": limit},
        )
        return await cursor.fetchall()


async def add(
    connection: Connection,
    target: str,
    rows: Sequence[tuple[UUID, str, UUID, str]],
    now: datetime,
) -> None:
    """Enter deliveries.

    Args:
        connection: Any.
        target: Whose.
        rows: Id, event, case, body; one that is there already is left as it is.
        now: They are due at once.
    """
    async with connection.cursor() as cursor:
        await cursor.executemany(
            "INSERT INTO webhook_delivery (id, target, event, case_id, body, created, next_try) "
            "VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (target, event, case_id) DO NOTHING",
            [(id, target, event, case, body, now, now) for id, event, case, body in rows],
        )


async def claim(
    connection: Connection, target: str, now: datetime, lease: datetime
) -> Delivery | None:
    """Take the delivery of a target that has waited longest, if one is due.

    Two who ask at once never get the same; whoever dies with it leaves it to others at the end of
    the lease. Nothing stays locked while it is being sent.

    Args:
        connection: Any; the claim holds from its commit.
        target: Whose.
        now: What is due before this.
        lease: How long it is ours.
    """
    async with connection.cursor(row_factory=class_row(Delivery)) as cursor:
        await cursor.execute(
            "UPDATE webhook_delivery d SET next_try = %(lease)s FROM review_case c "
            "WHERE c.id = d.case_id AND d.id = (SELECT id FROM webhook_delivery "
            f"WHERE target = %(target)s AND {_OPEN} AND next_try <= %(now)s "
            "ORDER BY next_try, id LIMIT 1 FOR UPDATE SKIP LOCKED) "
            "RETURNING d.id, d.event, c.number, d.body, d.attempts, d.next_try AS lease",
            {"target": target, "now": now, "lease": lease},
        )
        return await cursor.fetchone()


async def settle(
    connection: Connection,
    delivery: Delivery,
    *,
    now: datetime,
    error: str | None,
    next_try: datetime | None,
) -> bool:
    """Write down what became of an attempt.

    Args:
        connection: Any.
        delivery: As it was claimed.
        now: When.
        error: Why it failed; None: it was delivered.
        next_try: When it is tried again; None with an error: no more.

    Returns:
        False when the lease had ended and somebody else has it.
    """
    cursor = await connection.execute(
        "UPDATE webhook_delivery SET attempts = attempts + 1, error = %(error)s, "
        "delivered = CASE WHEN %(error)s::text IS NULL THEN %(now)s END, "
        "abandoned = CASE WHEN %(error)s::text IS NOT NULL AND %(next)s::timestamptz IS NULL "
        "THEN %(now)s END, next_try = coalesce(%(next)s, next_try) "
        f"WHERE id = %(id)s AND next_try = %(lease)s AND {_OPEN}",
        {"error": error, "now": now, "next": next_try, "id": delivery.id, "lease": delivery.lease},
    )
    return cursor.rowcount == 1


async def counts(connection: Connection) -> list[Count]:
    """How every target stands that something was ever due to."""
    async with connection.cursor(row_factory=class_row(Count)) as cursor:
        await cursor.execute(
            f"SELECT target, count(*) FILTER (WHERE {_OPEN}) AS waiting, "
            "count(delivered) AS delivered, count(abandoned) AS abandoned "
            "FROM webhook_delivery GROUP BY target ORDER BY target"
        )
        return await cursor.fetchall()


async def abandoned(
    connection: Connection, target: str | None = None, limit: int = 1000
) -> list[Abandoned]:
    """Deliveries that are tried no more, the oldest first."""
    async with connection.cursor(row_factory=class_row(Abandoned)) as cursor:
        await cursor.execute(
            "SELECT d.target, d.event, c.number, d.created, d.abandoned, d.attempts, d.error "
            "FROM webhook_delivery d JOIN review_case c ON c.id = d.case_id "
            "WHERE d.abandoned IS NOT NULL AND (%(target)s::text IS NULL OR d.target = %(target)s) "
            "ORDER BY d.abandoned, d.id LIMIT %(limit)s",
            {"target": target, "limit": limit},
        )
        return await cursor.fetchall()


async def retry(connection: Connection, now: datetime, target: str | None = None) -> int:
    """Let abandoned deliveries be tried again, with all their attempts; returns how many."""
    cursor = await connection.execute(
        "UPDATE webhook_delivery SET abandoned = NULL, attempts = 0, next_try = %(now)s "
        "WHERE abandoned IS NOT NULL AND (%(target)s::text IS NULL OR target = %(target)s)",
        {"now": now, "target": target},
    )
    return cursor.rowcount
