"""Flow, readings and alerts with the place they were made at, for other systems.

What was observed where no site file gives a position is left out: a model for the exchange between
cities demands one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import class_row

from store.handover import Place, Scope

Connection = AsyncConnection[Any]
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What all of them have.

    Attributes:
        at: Begin of the minute, time of the reading, or when the alert was raised.
        key: Tells those of one instant apart.
        name_vi: Name of the junction.
    """

    at: datetime
    key: UUID
    city: str
    site: str
    name_vi: str
    city_name_vi: str
    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneMinute(Observed):
    """Traffic of one lane over one minute; people on foot do not count as vehicles."""

    device: str
    lane: str
    vehicles: int
    speed_kmh: float | None
    occupancy: float | None
    level: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GoodReading(Observed):
    """A value of a sensor that it calls good."""

    device: str
    value: float
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Raised(Observed):
    """An alert; ``cleared_at`` None: it stands."""

    device: str | None
    kind: str
    message_vi: str
    cleared_at: datetime | None


_SITE: Final = "s.name_vi, s.city_name_vi, s.latitude, s.longitude"
# A minute has no id of its own: its key is made of what names it, the same each time.
_LANE_KEY: Final = "md5(concat_ws('/', o.city, o.site, o.device, o.lane))::uuid"


async def lane_minutes(
    connection: Connection,
    scope: Scope,
    since: datetime,
    until: datetime,
    after: Place | None,
    limit: int,
) -> list[LaneMinute]:
    """Minutes of all lanes in order.

    Args:
        connection: Any.
        scope: What the asking program may know of.
        since: Minutes that begin at or after this.
        until: And before this.
        after: Only those behind this place of the list.
        limit: At most so many.
    """
    return await _listed(
        *(connection, LaneMinute, "flow_minute", "o.minute", _LANE_KEY),
        "o.device, o.lane, o.total - o.pedestrian AS vehicles, o.speed_kmh, o.occupancy, o.level",
        *(scope, since, until, after, limit),
    )


async def good_readings(
    connection: Connection,
    quantity: str,
    unit: str,
    scope: Scope,
    since: datetime,
    until: datetime,
    after: Place | None,
    limit: int,
) -> list[GoodReading]:
    """Readings of one quantity in one unit, in order; the rest as in ``lane_minutes``."""
    return await _listed(
        *(connection, GoodReading, "reading", "o.time", "o.id", "o.device, o.value, o.unit"),
        *(scope, since, until, after, limit),
        where=("o.quality = 'good'", "o.quantity = %(quantity)s", "o.unit = %(unit)s"),
        values={"quantity": quantity, "unit": unit},
    )


async def raised_alerts(
    connection: Connection,
    kinds: Sequence[str],
    scope: Scope,
    since: datetime,
    until: datetime,
    after: Place | None,
    limit: int,
) -> list[Raised]:
    """Alerts of some kinds by the time they were raised; the rest as in ``lane_minutes``."""
    return await _listed(
        *(connection, Raised, "alert", "o.raised_at", "o.id"),
        "o.device, o.kind, o.message_vi, o.cleared_at",
        *(scope, since, until, after, limit),
        where=("o.kind = ANY(%(kinds)s)",),
        values={"kinds": list(kinds)},
    )


async def _listed(
    connection: Connection,
    row: type[T],
    table: str,
    at: str,
    key: str,
    columns: str,
    scope: Scope,
    since: datetime,
    until: datetime,
    after: Place | None,
    limit: int,
    where: Sequence[str] = (),
    values: dict[str, Any] | None = None,
) -> list[T]:
    narrowed, scoped = scope.where("o")
    wheres = [*where, *narrowed, f"{at} >= %(since)s", f"{at} < %(until)s"]
    given = {**(values or {}), **scoped, "since": since, "until": until, "limit": limit}
    if after is not None:
        wheres.append(f"({at}, {key}) > (%(after)s, %(after_key)s)")
        given |= {"after": after.at, "after_key": after.key}
    async with connection.cursor(row_factory=class_row(row)) as cursor:
        await cursor.execute(
            f"SELECT {at} AS at, {key} AS key, o.city, o.site, {_SITE}, {columns} "
            f"FROM {table} o JOIN site s ON (s.city, s.site) = (o.city, o.site) "
            f"WHERE {' AND '.join(wheres)} ORDER BY {at}, {key} LIMIT %(limit)s",
            given,
        )
        return await cursor.fetchall()
