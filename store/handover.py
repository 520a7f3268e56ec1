"""Decided cases as other systems may fetch them, within what their credential reaches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import class_row

from store.cases import SPOKEN

Connection = AsyncConnection[Any]

Outcome = Literal["confirmed", "rejected"]


class Scope(NamedTuple):
    """What a program may know of; None does not narrow."""

    city: str | None = None
    site: str | None = None
    device: str | None = None

    def where(self, table: str) -> tuple[list[str], dict[str, Any]]:
        """The conditions of a query on ``table``, and their values."""
        values = {name: value for name, value in self._asdict().items() if value is not None}
        where = [f"{table}.{name} = %(scope_{name})s" for name in values]
        return where, {f"scope_{name}": value for name, value in values.items()}


class Place(NamedTuple):
    """A place in a list that is ordered by time and then by id."""

    at: datetime
    key: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class DecidedCase:
    """A decided case and the junction it was at.

    Attributes:
        plate_read: As the camera read it.
        plate_fixed: As a reviewer corrected it.
        name_vi: Name of the junction; None, as all that follows, where no site file names it.
    """

    id: UUID
    number: int
    city: str
    site: str
    device: str
    vehicle: str
    rules: list[str]
    act_first: datetime
    act_last: datetime
    plate_read: str | None
    plate_fixed: str | None
    plate_colour: str | None
    state: Outcome
    round: int
    decided: datetime
    expunged: datetime | None
    name_vi: str | None
    name_en: str | None
    city_name_vi: str | None
    city_name_en: str | None
    ward: str | None
    latitude: float | None
    longitude: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DecidedAct:
    """A violation of a decided case, as the camera sent it."""

    id: UUID
    rule: str
    vehicle: str
    device: str
    act_time: datetime
    lane: str | None
    speed_kmh: float | None
    limit_kmh: float | None
    calibration: str | None
    signal_phase: str | None
    evidence: list[dict[str, Any]]
    signature_fault: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What somebody said; who it was stays here, only the unit is told."""

    round: int
    stage: str
    verdict: str
    reason: str | None
    unit: str
    decided: datetime


_PLACE: Final = ("name_vi", "name_en", "city_name_vi", "city_name_en", "ward", "latitude",
                 "longitude")  # fmt: skip
_CASE: Final = ", ".join(
    f"{'s' if name in _PLACE else 'c'}.{name}" for name in DecidedCase.__dataclass_fields__
)
_FROM: Final = "FROM review_case c LEFT JOIN site s ON (s.city, s.site) = (c.city, c.site)"
_ACT: Final = ", ".join(
    f"{'m' if name == 'signature_fault' else 'v'}.{name}"
    for name in DecidedAct.__dataclass_fields__
)


async def decided_cases(
    connection: Connection,
    scope: Scope,
    *,
    state: Outcome,
    before: datetime,
    since: datetime | None = None,
    after: Place | None = None,
    city: str | None = None,
    site: str | None = None,
    limit: int,
) -> list[DecidedCase]:
    """Cases in the order of their decisions.

    Args:
        connection: Any.
        scope: What the asking program may know of.
        state: Confirmed or rejected ones.
        before: Only those decided before this.
        since: Only those decided at or after this.
        after: Only those behind this place of the list.
        city: Only of this city.
        site: Only of this site.
        limit: At most so many.
    """
    where, values = scope.where("c")
    where += ["c.state = %(state)s", "c.decided < %(before)s"]
    values |= {"state": state, "before": before, "limit": limit}
    if since is not None:
        where.append("c.decided >= %(since)s")
        values["since"] = since
    if after is not None:
        where.append("(c.decided, c.id) > (%(after)s, %(after_id)s)")
        values |= {"after": after.at, "after_id": after.key}
    for name, value in (("city", city), ("site", site)):
        if value is not None:
            where.append(f"c.{name} = %({name})s")
            values[name] = value
    async with connection.cursor(row_factory=class_row(DecidedCase)) as cursor:
        await cursor.execute(
            f"SELECT {_CASE} {_FROM} WHERE {' AND '.join(where)} "
            "ORDER BY c.decided, c.id LIMIT %(limit)s",
            values,
        )
        return await cursor.fetchall()


async def decided_case(
    connection: Connection, scope: Scope, number: int, state: Outcome
) -> DecidedCase | None:
    """One case; None when there is none of this state within the scope."""
    where, values = scope.where("c")
    where += ["c.number = %(number)s", "c.state = %(state)s", "c.decided IS NOT NULL"]
    async with connection.cursor(row_factory=class_row(DecidedCase)) as cursor:
        await cursor.execute(
            f"SELECT {_CASE} {_FROM} WHERE {' AND '.join(where)}",
            {**values, "number": number, "state": state},
        )
        return await cursor.fetchone()


async def acts_of(connection: Connection, case: UUID) -> list[DecidedAct]:
    """The violations of a case, in the order of their acts."""
    async with connection.cursor(row_factory=class_row(DecidedAct)) as cursor:
        await cursor.execute(
            f"SELECT {_ACT} FROM case_violation m JOIN violation v ON v.id = m.violation "
            "WHERE m.case_id = %s ORDER BY v.act_time, v.id",
            (case,),
        )
        return await cursor.fetchall()


async def verdicts_of(connection: Connection, case: UUID) -> list[Verdict]:
    """What was said of a case, in all rounds, in order."""
    async with connection.cursor(row_factory=class_row(Verdict)) as cursor:
        await cursor.execute(
            "SELECT d.round, d.stage, d.verdict, d.reason, p.unit, d.decided "
            "FROM review_decision d JOIN person p ON p.id = d.person "
            f"WHERE d.case_id = %s ORDER BY {SPOKEN}",
            (case,),
        )
        return await cursor.fetchall()


async def held_of(connection: Connection, digests: Sequence[str]) -> set[str]:
    """Which of these files are held here now."""
    cursor = await connection.execute(
        "SELECT sha256 FROM evidence WHERE sha256 = ANY(%s) AND deleted IS NULL", (list(digests),)
    )
    return {digest for (digest,) in await cursor.fetchall()}
