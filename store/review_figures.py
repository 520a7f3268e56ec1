"""What the review says of the machine: reject rates, reasons, how reviewers agree."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from psycopg import AsyncConnection

Connection = AsyncConnection[Any]


class Rate(NamedTuple):
    """How often something was rejected.

    Attributes:
        name: The rule or camera.
        decided: Cases that were decided.
        rejected: Of these, those that were rejected.
    """

    name: str
    decided: int
    rejected: int


class Pace(NamedTuple):
    """What one reviewer did; ``median_s`` is the time from opening to deciding."""

    name: str
    decided: int
    rejected: int
    median_s: float | None


async def by_rule(connection: Connection, since: datetime) -> list[Rate]:
    """Reject rate of each rule; a case of several rules counts for each."""
    return await _rates(connection, "r.rule", "CROSS JOIN unnest(c.rules) AS r(rule)", since)


async def by_camera(connection: Connection, since: datetime) -> list[Rate]:
    """Reject rate of each camera, ``city/site/device``."""
    return await _rates(connection, "c.city || '/' || c.site || '/' || c.device", "", since)


async def reasons(connection: Connection, since: datetime) -> list[tuple[str, int]]:
    """How often each reason was given, most frequent first."""
    cursor = await connection.execute(
        "SELECT reason, count(*) FROM review_decision WHERE verdict = 'reject' AND decided >= %s "
        "GROUP BY 1 ORDER BY 2 DESC, 1",
        (since,),
    )
    return [(reason, count) for reason, count in await cursor.fetchall()]


async def pairs(connection: Connection, since: datetime) -> list[tuple[str, str, str]]:
    """Stage of the second look, first verdict and second verdict of each case that has both."""
    cursor = await connection.execute(
        "SELECT b.stage, a.verdict, b.verdict FROM review_decision a "
        "JOIN review_decision b ON (b.case_id, b.round) = (a.case_id, a.round) "
        "AND b.stage IN ('second', 'blind') WHERE a.stage = 'first' AND b.decided >= %s "
        "AND a.verdict <> 'more' AND b.verdict <> 'more'",
        (since,),
    )
    return [(stage, first, second) for stage, first, second in await cursor.fetchall()]


async def by_person(connection: Connection, since: datetime) -> list[Pace]:
    """What each reviewer did."""
    cursor = await connection.execute(
        "SELECT p.name, count(*), count(*) FILTER (WHERE d.verdict = 'reject'), "
        "percentile_cont(0.5) WITHIN GROUP (ORDER BY d.seconds) FROM review_decision d "
        "JOIN person p ON p.id = d.person WHERE d.decided >= %s GROUP BY p.id, p.name ORDER BY 1",
        (since,),
    )
    return [Pace(*row) for row in await cursor.fetchall()]


async def _rates(connection: Connection, name: str, join: str, since: datetime) -> list[Rate]:
    cursor = await connection.execute(
        f"SELECT {name}, count(*), count(*) FILTER (WHERE c.state = 'rejected') "
        f"FROM review_case c {join} WHERE c.decided >= %s GROUP BY 1 "
        "ORDER BY count(*) FILTER (WHERE c.state = 'rejected')::float / count(*) DESC, 1",
        (since,),
    )
    return [Rate(*row) for row in await cursor.fetchall()]
