"""All that the page of one case shows beside the case itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import class_row

Connection = AsyncConnection[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """A violation of a case, as the page needs it."""

    id: UUID
    rule: str
    vehicle: str
    device: str
    act_time: datetime
    confidence: float
    lane: str | None
    plate_text: str | None
    plate_confidence: float | None
    plate_colour: str | None
    speed_kmh: float | None
    limit_kmh: float | None
    calibration: str | None
    signal_head: str | None
    signal_phase: str | None
    signal_since: datetime | None
    clock_source: str
    clock_offset_ms: float | None
    model_name: str
    evidence: list[dict[str, Any]]
    reasons: list[str]
    signature_fault: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteRow:
    """A remark on a case."""

    name: str
    text: str
    written: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """Another case of the same vehicle."""

    number: int
    act_first: datetime
    site_name: str
    rules: list[str]
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A junction."""

    city: str
    site: str
    name_vi: str
    name_en: str
    city_name_vi: str
    city_name_en: str
    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True)
class Phase:
    """A change of a signal head."""

    phase: str
    since: datetime


_ACT: Final = ", ".join(
    f"{'m' if name == 'signature_fault' else 'v'}.{name}" for name in Act.__dataclass_fields__
)
_PLACE: Final = ", ".join(Place.__dataclass_fields__)


async def acts(connection: Connection, case: UUID) -> list[Act]:
    """The violations of a case, in the order of their acts."""
    async with connection.cursor(row_factory=class_row(Act)) as cursor:
        await cursor.execute(
            f"SELECT {_ACT} FROM case_violation m JOIN violation v ON v.id = m.violation "
            "WHERE m.case_id = %s ORDER BY v.act_time, v.id",
            (case,),
        )
        return await cursor.fetchall()


async def notes(connection: Connection, case: UUID) -> list[NoteRow]:
    """Remarks on a case, in order."""
    async with connection.cursor(row_factory=class_row(NoteRow)) as cursor:
        await cursor.execute(
            "SELECT p.name, n.text, n.written FROM review_note n JOIN person p ON p.id = n.person "
            "WHERE n.case_id = %s ORDER BY n.written, n.id",
            (case,),
        )
        return await cursor.fetchall()


async def add_note(
    connection: Connection, case: UUID, *, id: UUID, person: UUID, text: str, now: datetime
) -> None:
    """Write down a remark."""
    await connection.execute(
        "INSERT INTO review_note (id, case_id, person, text, written) VALUES (%s, %s, %s, %s, %s)",
        (id, case, person, text, now),
    )


async def earlier(connection: Connection, plate: str, but: UUID, limit: int = 20) -> list[Earlier]:
    """Other cases of a vehicle, newest first."""
    async with connection.cursor(row_factory=class_row(Earlier)) as cursor:
        await cursor.execute(
            "SELECT c.number, c.act_first, coalesce(s.name_vi, c.site) AS site_name, c.rules, "
            "c.state FROM review_case c LEFT JOIN site s ON (s.city, s.site) = (c.city, c.site) "
            "WHERE coalesce(c.plate_fixed, c.plate_read) = %s AND c.id <> %s "
            "ORDER BY c.act_first DESC LIMIT %s",
            (plate, but, limit),
        )
        return await cursor.fetchall()


async def places(connection: Connection) -> list[Place]:
    """All junctions."""
    async with connection.cursor(row_factory=class_row(Place)) as cursor:
        await cursor.execute(f"SELECT {_PLACE} FROM site ORDER BY city, site")
        return await cursor.fetchall()


async def phases(
    connection: Connection, city: str, site: str, head: str, first: datetime, last: datetime
) -> list[Phase]:
    """How a signal head changed in a span of time, with the phase that it began in."""
    async with connection.cursor(row_factory=class_row(Phase)) as cursor:
        await cursor.execute(
            "(SELECT phase, since FROM signal WHERE city = %(city)s AND site = %(site)s "
            "AND head = %(head)s AND since <= %(first)s AND time > %(first)s - interval '1 hour' "
            "ORDER BY since DESC LIMIT 1) UNION ALL "
            "(SELECT phase, since FROM signal WHERE city = %(city)s AND site = %(site)s "
            "AND head = %(head)s AND since > %(first)s AND since < %(last)s "
            "AND time > %(first)s - interval '1 hour' AND time < %(last)s + interval '1 hour' "
            "ORDER BY since LIMIT 200) ORDER BY since",
            {"city": city, "site": site, "head": head, "first": first, "last": last},
        )
        return await cursor.fetchall()
