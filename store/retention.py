"""What retention asks and does: cases that are past their time, their files, legal holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import class_row

Connection = AsyncConnection[Any]

GONE: Final = "(đã xóa)"
"""Stands where retention has removed free words, which may name a vehicle or a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptCase:
    """A case as retention sees it. Columns as in the table ``review_case``."""

    id: UUID
    number: int
    state: str
    act_last: datetime
    decided: datetime | None
    hold: str | None
    expunged: datetime | None


@dataclass(frozen=True, slots=True)
class Cutoffs:
    """What happened before these is past its time.

    Attributes:
        confirmed: Decisions of confirmed cases.
        rejected: Decisions of rejected cases.
        unreviewed: Acts of cases that were never decided; arrival of files without an event.
    """

    confirmed: datetime
    rejected: datetime
    unreviewed: datetime


_CASE: Final = ", ".join(KeptCase.__dataclass_fields__)

# A violation that has found no case yet uses its files until it is past its time too.
_LIVING: Final = (
    "LEFT JOIN case_violation m ON m.violation = v.id LEFT JOIN review_case c ON c.id = m.case_id "
    "WHERE c.expunged IS NULL AND (m.case_id IS NOT NULL OR v.received >= %(unreviewed)s)"
)
_NAMED: Final = "violation v CROSS JOIN LATERAL jsonb_to_recordset(v.evidence) AS e(sha256 text)"


async def due_cases(
    connection: Connection, cutoffs: Cutoffs, *, after: int, limit: int
) -> list[KeptCase]:
    """Cases that are past their time, by number; none that is held.

    Args:
        connection: Any.
        cutoffs: The limits.
        after: Only those with a higher number.
        limit: At most so many.
    """
    async with connection.cursor(row_factory=class_row(KeptCase)) as cursor:
        await cursor.execute(
            f"SELECT {_CASE} FROM review_case WHERE expunged IS NULL AND hold IS NULL "
            "AND number > %(after)s AND ("
            "(state = 'confirmed' AND decided < %(confirmed)s) "
            "OR (state = 'rejected' AND decided < %(rejected)s) "
            "OR (state NOT IN ('confirmed', 'rejected') AND act_last < %(unreviewed)s)) "
            "ORDER BY number LIMIT %(limit)s",
            {**_values(cutoffs), "after": after, "limit": limit},
        )
        return await cursor.fetchall()


async def lock_case(connection: Connection, case: UUID) -> KeptCase | None:
    """A case, its row locked until the end of the transaction."""
    async with connection.cursor(row_factory=class_row(KeptCase)) as cursor:
        await cursor.execute(f"SELECT {_CASE} FROM review_case WHERE id = %s FOR UPDATE", (case,))
        return await cursor.fetchone()


async def files_of_cases(
    connection: Connection, cases: Sequence[UUID]
) -> dict[UUID, dict[str, int]]:
    """Files that are held of cases: digest and size, by case."""
    found: dict[UUID, dict[str, int]] = {case: {} for case in cases}
    cursor = await connection.execute(
        "SELECT DISTINCT m.case_id, f.sha256, f.bytes FROM case_violation m "
        "JOIN violation v ON v.id = m.violation "
        "CROSS JOIN LATERAL jsonb_to_recordset(v.evidence) AS e(sha256 text) "
        "JOIN evidence f ON f.sha256 = e.sha256 AND f.deleted IS NULL "
        "WHERE m.case_id = ANY(%s) ORDER BY 2",
        (list(cases),),
    )
    for case, sha256, size in await cursor.fetchall():
        found[case][sha256] = size
    return found


async def users_of(
    connection: Connection, digests: Sequence[str], cutoffs: Cutoffs
) -> dict[str, set[UUID | None]]:
    """Living cases that use files, by digest; None stands for a violation without a case.

    One pass over all violations, however many files are asked for.
    """
    found: dict[str, set[UUID | None]] = {}
    cursor = await connection.execute(
        "SELECT DISTINCT w.sha256, m.case_id FROM "
        f"unnest(%(digests)s::text[]) AS w(sha256) JOIN ({_NAMED}) ON e.sha256 = w.sha256 "
        f"{_LIVING}",
        {"digests": list(digests), "unreviewed": cutoffs.unreviewed},
    )
    for sha256, case in await cursor.fetchall():
        found.setdefault(sha256, set()).add(case)
    return found


async def orphans(connection: Connection, cutoffs: Cutoffs, limit: int) -> dict[str, int]:
    """Files past their time that no living violation names: digest and size.

    One pass over all violations: 1.2 s for 100,000 of them with seven files each.
    """
    cursor = await connection.execute(
        f"SELECT f.sha256, f.bytes FROM evidence f LEFT JOIN "
        f"(SELECT e.sha256 FROM {_NAMED} {_LIVING}) AS used ON used.sha256 = f.sha256 "
        "WHERE f.deleted IS NULL AND f.received < %(unreviewed)s AND used.sha256 IS NULL "
        "ORDER BY f.sha256 LIMIT %(limit)s",
        {"unreviewed": cutoffs.unreviewed, "limit": limit},
    )
    return dict(await cursor.fetchall())


async def mark_deleted(connection: Connection, digests: Sequence[str], now: datetime) -> list[str]:
    """Write down that files are gone; returns those that were not gone before."""
    cursor = await connection.execute(
        "UPDATE evidence SET deleted = %s WHERE sha256 = ANY(%s) AND deleted IS NULL "
        "RETURNING sha256",
        (now, list(digests)),
    )
    return sorted(row[0] for row in await cursor.fetchall())


async def expunge(connection: Connection, case: UUID, now: datetime) -> None:
    """Remove what names the vehicle: plates and free words. The rest stays for the figures."""
    await connection.execute(
        "UPDATE review_case SET plate_read = NULL, plate_fixed = NULL, expunged = %s, "
        "locked_by = NULL, locked_until = NULL WHERE id = %s",
        (now, case),
    )
    await connection.execute(
        "UPDATE violation SET plate_text = NULL, plate_confidence = NULL WHERE id IN "
        "(SELECT violation FROM case_violation WHERE case_id = %s) AND plate_text IS NOT NULL",
        (case,),
    )
    await connection.execute(
        "UPDATE review_decision SET plate = NULL, "
        "note = CASE note WHEN '' THEN '' ELSE %(gone)s END WHERE case_id = %(case)s",
        {"gone": GONE, "case": case},
    )
    await connection.execute("UPDATE review_note SET text = %s WHERE case_id = %s", (GONE, case))


async def set_hold(connection: Connection, case: UUID, why: str | None) -> None:
    """Keep a case from retention; None: no longer."""
    await connection.execute("UPDATE review_case SET hold = %s WHERE id = %s", (why, case))


def _values(cutoffs: Cutoffs) -> dict[str, datetime]:
    return {
        "confirmed": cutoffs.confirmed,
        "rejected": cutoffs.rejected,
        "unreviewed": cutoffs.unreviewed,
    }
