"""What an export of a case needs beyond the case itself, and the record that it was made."""

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
class Envelope:
    """What the message said round a violation."""

    id: UUID
    time: datetime
    received: datetime
    bootid: UUID
    sequence: int
    replayed: bool
    adapter: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Junction:
    """Where a case happened. Columns as in the table ``site``."""

    name_vi: str
    name_en: str
    city_name_vi: str
    city_name_en: str
    ward: str | None
    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRow:
    """An export that was made. Columns as in the table ``case_export``."""

    id: UUID
    name: str | None
    why: str
    sha256: str
    bytes: int
    made: datetime


_ENVELOPE: Final = ", ".join(f"v.{name}" for name in Envelope.__dataclass_fields__)
_JUNCTION: Final = ", ".join(Junction.__dataclass_fields__)


async def envelopes(connection: Connection, case: UUID) -> list[Envelope]:
    """The violations of a case, in the order of their acts."""
    async with connection.cursor(row_factory=class_row(Envelope)) as cursor:
        await cursor.execute(
            f"SELECT {_ENVELOPE} FROM case_violation m JOIN violation v ON v.id = m.violation "
            "WHERE m.case_id = %s ORDER BY v.act_time, v.id",
            (case,),
        )
        return await cursor.fetchall()


async def junction(connection: Connection, city: str, site: str) -> Junction | None:
    """A junction by its names; None while no site file has told of it."""
    async with connection.cursor(row_factory=class_row(Junction)) as cursor:
        await cursor.execute(
            f"SELECT {_JUNCTION} FROM site WHERE city = %s AND site = %s", (city, site)
        )
        return await cursor.fetchone()


async def add_export(
    connection: Connection,
    *,
    id: UUID,
    case: UUID,
    person: UUID,
    why: str,
    sha256: str,
    bytes: int,
    now: datetime,
) -> None:
    """Write down that a case was exported, and the digest of what was given."""
    await connection.execute(
        "INSERT INTO case_export (id, case_id, person, why, sha256, bytes, made) "
        "VALUES (%s, %s, %s, %s, %s, %s, %s)",
        (id, case, person, why, sha256, bytes, now),
    )


async def exports(connection: Connection, case: UUID) -> Sequence[ExportRow]:
    """Exports of a case, newest first."""
    async with connection.cursor(row_factory=class_row(ExportRow)) as cursor:
        await cursor.execute(
            "SELECT e.id, p.name, e.why, e.sha256, e.bytes, e.made FROM case_export e "
            "LEFT JOIN person p ON p.id = e.person WHERE e.case_id = %s ORDER BY e.made DESC",
            (case,),
        )
        return await cursor.fetchall()
