"""Cases of the police's review: the queue, one case with all that is known, and what is decided."""

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
class CaseRow:
    """A case. Columns as in the table ``review_case``."""

    id: UUID
    number: int
    city: str
    site: str
    device: str
    bootid: UUID
    track: int
    vehicle: str
    rules: list[str]
    act_first: datetime
    act_last: datetime
    plate_read: str | None
    plate_colour: str | None
    plate_fixed: str | None
    deadline: datetime
    state: str
    round: int
    locked_by: UUID | None
    locked_until: datetime | None
    created: datetime
    decided: datetime | None
    hold: str | None
    expunged: datetime | None

    @property
    def plate(self) -> str | None:
        """As corrected, else as read."""
        return self.plate_fixed or self.plate_read

    @property
    def subject(self) -> str:
        """As the audit names it."""
        return f"case:{self.number}"


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueRow:
    """A case in a list.

    Attributes:
        locker: Name of whoever has it open.
        spoken: Whether the person who looks has spoken in this round.
    """

    number: int
    city: str
    site: str
    site_name: str
    vehicle: str
    rules: list[str]
    act_first: datetime
    deadline: datetime
    state: str
    plate: str | None
    locker: str | None
    spoken: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRow:
    """What somebody said of a case."""

    id: UUID
    round: int
    stage: str
    person: UUID
    login: str
    name: str
    unit: str
    verdict: str
    reason: str | None
    note: str
    plate: str | None
    decided: datetime


SPOKEN: Final = "d.round, array_position(ARRAY['first', 'second', 'blind', 'supervisor'], d.stage)"
"""The order in which people speak: by the rules, not by clocks: those of two servers differ."""

_CASE: Final = ", ".join(f"c.{name}" for name in CaseRow.__dataclass_fields__)

_FREE: Final = """
    c.state IN ('pending', 'second', 'blind')
    AND (c.locked_until IS NULL OR c.locked_until <= %(now)s OR c.locked_by = %(person)s)
    AND NOT EXISTS (
        SELECT 1 FROM review_decision d
        WHERE d.case_id = c.id AND d.round = c.round AND d.person = %(person)s)
"""


async def find_case(connection: Connection, number: int) -> CaseRow | None:
    """The case of a number."""
    return await _case(connection, "WHERE c.number = %s", number)


async def lock_row(connection: Connection, number: int) -> CaseRow | None:
    """The case of a number, its row locked until the end of the transaction."""
    return await _case(connection, "WHERE c.number = %s FOR UPDATE", number)


async def take_next(
    connection: Connection, person: UUID, now: datetime, until: datetime, after: int | None = None
) -> int | None:
    """Reserve the most urgent case that this person may speak about.

    Two who ask at once never get the same: a row that the other is just taking is passed over.

    Args:
        connection: Inside a transaction, or in autocommit mode.
        person: Who asks.
        now: Locks that end before this are void.
        until: How long the case is reserved.
        after: Not this one, which the person has open.

    Returns:
        Its number; None when nothing is left for this person.
    """
    cursor = await connection.execute(
        "UPDATE review_case SET locked_by = %(person)s, locked_until = %(until)s WHERE id = ("
        f"SELECT c.id FROM review_case c WHERE {_FREE} AND c.number IS DISTINCT FROM %(after)s "
        "ORDER BY c.deadline, c.id LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING number",
        {"person": person, "now": now, "until": until, "after": after},
    )
    row = await cursor.fetchone()
    return None if row is None else int(row[0])


async def take(
    connection: Connection, number: int, person: UUID, now: datetime, until: datetime
) -> bool:
    """Reserve this case, or keep it reserved; False when somebody else has it."""
    cursor = await connection.execute(
        "UPDATE review_case SET locked_by = %(person)s, locked_until = %(until)s "
        "WHERE number = %(number)s "
        "AND (locked_until IS NULL OR locked_until <= %(now)s OR locked_by = %(person)s)",
        {"person": person, "now": now, "until": until, "number": number},
    )
    return cursor.rowcount == 1


async def release(connection: Connection, person: UUID, number: int | None = None) -> int:
    """Let go of a case, or of all that a person has; returns how many."""
    cursor = await connection.execute(
        "UPDATE review_case SET locked_by = NULL, locked_until = NULL WHERE locked_by = %(person)s "
        "AND (%(number)s::bigint IS NULL OR number = %(number)s)",
        {"person": person, "number": number},
    )
    return cursor.rowcount


async def queue(
    connection: Connection,
    person: UUID,
    *,
    now: datetime,
    states: Sequence[str],
    site: str | None = None,
    rule: str | None = None,
    limit: int = 60,
) -> list[QueueRow]:
    """Open cases by deadline.

    Args:
        connection: Any.
        person: Who looks.
        now: Locks that end before this are not shown.
        states: Which.
        site: Only of ``city/site``.
        rule: Only with this rule.
        limit: At most so many.
    """
    where = ["c.state = ANY(%(states)s)"]
    values: dict[str, Any] = {"now": now, "limit": limit, "rule": rule, "person": person}
    values["states"] = list(states)
    if site is not None:
        values["city"], _, values["site"] = site.partition("/")
        where.append("c.city = %(city)s AND c.site = %(site)s")
    if rule is not None:
        where.append("%(rule)s = ANY(c.rules)")
    async with connection.cursor(row_factory=class_row(QueueRow)) as cursor:
        await cursor.execute(
            "SELECT c.number, c.city, c.site, coalesce(s.name_vi, c.site) AS site_name, c.vehicle, "
            "c.rules, c.act_first, c.deadline, c.state, coalesce(c.plate_fixed, c.plate_read) AS "
            "plate, CASE WHEN c.locked_until > %(now)s THEN p.name END AS locker, EXISTS ("
            "SELECT 1 FROM review_decision d WHERE (d.case_id, d.round) = (c.id, c.round) "
            "AND d.person = %(person)s) AS spoken "
            "FROM review_case c LEFT JOIN site s ON (s.city, s.site) = (c.city, c.site) "
            "LEFT JOIN person p ON p.id = c.locked_by "
            f"WHERE {' AND '.join(where)} ORDER BY c.deadline, c.id LIMIT %(limit)s",
            values,
        )
        return await cursor.fetchall()


async def counts(connection: Connection, person: UUID, now: datetime) -> dict[str, int]:
    """Open cases by state, and ``late``: past their deadline; ``mine``: decided by person today."""
    cursor = await connection.execute(
        "SELECT state, count(*), count(*) FILTER (WHERE deadline < %s) FROM review_case "
        "WHERE state IN ('pending', 'second', 'blind', 'disputed', 'needs_more') GROUP BY 1",
        (now,),
    )
    found = {"late": 0}
    for state, count, late in await cursor.fetchall():
        found[state] = count
        found["late"] += late
    cursor = await connection.execute(
        "SELECT count(*) FROM review_decision WHERE person = %s "
        "AND decided >= date_trunc('day', %s AT TIME ZONE 'Asia/Ho_Chi_Minh') "
        "AT TIME ZONE 'Asia/Ho_Chi_Minh'",
        (person, now),
    )
    row = await cursor.fetchone()
    found["mine"] = 0 if row is None else row[0]
    return found


async def decisions(connection: Connection, case: UUID) -> list[DecisionRow]:
    """What was said of a case, in order."""
    async with connection.cursor(row_factory=class_row(DecisionRow)) as cursor:
        await cursor.execute(
            "SELECT d.id, d.round, d.stage, d.person, p.login, p.name, p.unit, d.verdict, d.reason,"
            " d.note, d.plate, d.decided FROM review_decision d JOIN person p ON p.id = d.person "
            f"WHERE d.case_id = %s ORDER BY {SPOKEN}",
            (case,),
        )
        return await cursor.fetchall()


async def add_decision(
    connection: Connection,
    case: CaseRow,
    *,
    id: UUID,
    stage: str,
    person: UUID,
    verdict: str,
    reason: str | None,
    note: str,
    plate: str | None,
    seconds: float | None,
    state: str,
    now: datetime,
) -> None:
    """Write down what somebody said, and what the case becomes by it.

    Args:
        connection: Inside a transaction that has locked the case's row.
        case: As it was.
        state: What it becomes.
        now: When.
        id: Of the decision.
        stage: The stage at which it was said.
        person: Who says it.
        verdict: What.
        reason: Of a rejection.
        note: In words.
        plate: As the person saw it.
        seconds: Since the case was opened.

    Raises:
        psycopg.errors.UniqueViolation: This person, or another one at this stage, has spoken.
        psycopg.errors.CheckViolation: The database refuses: two people have not said so.
    """
    await connection.execute(
        "INSERT INTO review_decision "
        "(id, case_id, round, stage, person, verdict, reason, note, plate, seconds, decided) "
        "VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (id, case.id, case.round, stage, person, verdict, reason, note, plate, seconds, now),
    )
    done = state in ("confirmed", "rejected")
    await connection.execute(
        "UPDATE review_case SET state = %s, plate_fixed = %s, decided = %s, locked_by = NULL, "
        "locked_until = NULL WHERE id = %s",
        (
            state,
            plate if verdict == "confirm" and plate != case.plate_read else case.plate_fixed,
            now if done else None,
            case.id,
        ),
    )


async def reopen(connection: Connection, case: UUID) -> None:
    """Let a case that needed more come back, in its next round."""
    await connection.execute(
        "UPDATE review_case SET state = 'pending', round = round + 1 "
        "WHERE id = %s AND state = 'needs_more'",
        (case,),
    )


async def reopen_completed(connection: Connection) -> list[int]:
    """Let cases come back for which evidence has arrived since somebody wanted more."""
    cursor = await connection.execute(
        "UPDATE review_case c SET state = 'pending', round = round + 1 "
        "WHERE c.state = 'needs_more' AND EXISTS ("
        "SELECT 1 FROM case_violation m JOIN violation v ON v.id = m.violation, "
        "jsonb_to_recordset(v.evidence) AS e(sha256 text) JOIN evidence f ON f.sha256 = e.sha256 "
        "WHERE m.case_id = c.id AND f.received > (SELECT max(d.decided) FROM review_decision d "
        "WHERE d.case_id = c.id)) RETURNING number"
    )
    return [number for (number,) in await cursor.fetchall()]


async def _case(connection: Connection, where: str, value: Any) -> CaseRow | None:
    async with connection.cursor(row_factory=class_row(CaseRow)) as cursor:
        await cursor.execute(f"SELECT {_CASE} FROM review_case c {where}", (value,))
        return await cursor.fetchone()
