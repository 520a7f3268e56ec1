"""Typed reads: dead letters, the ledger of what is stored, and what alerts are judged from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from psycopg import AsyncConnection, sql
from psycopg.rows import class_row, dict_row

from ioc.deadletter import DeadLetter
from ioc.decode import Reason
from ioc.topics import DevicePath
from store.tables import BULK_TABLES, NUMBERED_TABLES

Connection = AsyncConnection[Any]

# --- dead letters -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterLine:
    """A dead letter in a list: all but its bytes."""

    id: UUID
    received: datetime
    stage: str
    topic: str
    city: str | None
    site: str | None
    device: str | None
    reason: str
    field: str
    detail: str
    raw_bytes: int
    replayed_at: datetime | None
    replays: int


@dataclass(frozen=True, slots=True)
class StoredLetter:
    """A dead letter and what became of it.

    Attributes:
        replayed_at: When it was sent again last.
        replays: How often.
    """

    letter: DeadLetter
    replayed_at: datetime | None
    replays: int


_LINE_COLUMNS: Final = tuple(LetterLine.__dataclass_fields__)


async def list_dead_letters(
    connection: Connection,
    *,
    reason: str | None = None,
    device: str | None = None,
    since: datetime | None = None,
    replayed: bool | None = None,
    limit: int = 50,
) -> list[LetterLine]:
    """Dead letters, newest first.

    Args:
        connection: Any.
        reason: Only those of this reason.
        device: Only those below this path: ``city``, ``city/site`` or ``city/site/device``.
        since: Only those set aside at or after this.
        replayed: Only those that were, or were not, sent again.
        limit: At most so many.
    """
    where, values = ["true"], {"limit": limit, "reason": reason, "since": since}
    if reason is not None:
        where.append("reason = %(reason)s")
    if since is not None:
        where.append("received >= %(since)s")
    if replayed is not None:
        where.append(f"replayed_at IS {'NOT ' if replayed else ''}NULL")
    for name, value in zip(("city", "site", "device"), (device or "").split("/"), strict=False):
        if value:
            where.append(f"{name} = %({name})s")
            values[name] = value
    async with connection.cursor(row_factory=class_row(LetterLine)) as cursor:
        await cursor.execute(
            f"SELECT {', '.join(_LINE_COLUMNS)} FROM dead_letter WHERE {' AND '.join(where)} "
            "ORDER BY received DESC, id DESC LIMIT %(limit)s",
            values,
        )
        return await cursor.fetchall()


async def find_dead_letter(connection: Connection, prefix: str) -> StoredLetter:
    """The dead letter whose id is, or begins with, ``prefix``.

    Raises:
        LookupError: There is none, or more than one.
    """
    text = prefix.strip().lower().replace("-", "")
    if not text or len(text) > 32 or set(text) - set("0123456789abcdef"):
        raise LookupError(f"{prefix!r} is not an id: give the beginning of one that is listed")
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(
            "SELECT * FROM dead_letter WHERE id BETWEEN %s AND %s ORDER BY id LIMIT 2",
            (UUID(text.ljust(32, "0")), UUID(text.ljust(32, "f"))),
        )
        rows = await cursor.fetchall()
    if not rows:
        raise LookupError(f"no dead letter has an id that begins with {prefix!r}")
    if len(rows) > 1:
        raise LookupError(f"more than one dead letter begins with {prefix!r}; give more of the id")
    row = rows[0]
    parts = [row.pop(name) for name in ("city", "site", "device")]
    replayed_at, replays = row.pop("replayed_at"), row.pop("replays")
    device = "/".join(parts) if None not in parts else ""
    row["reason"] = Reason(row["reason"])
    return StoredLetter(DeadLetter(**row, device=device), replayed_at, replays)


async def mark_replayed(connection: Connection, letter_id: UUID) -> None:
    """Note that a dead letter was sent again."""
    await connection.execute(
        "UPDATE dead_letter SET replayed_at = now(), replays = replays + 1 WHERE id = %s",
        (letter_id,),
    )


# --- the ledger ---------------------------------------------------------------------------------


class Numbered(NamedTuple):
    """One numbered event: the device's key ``city/site/device``, its boot, its number."""

    device: str
    bootid: UUID
    sequence: int


class Doubled(NamedTuple):
    """A numbered event that stands in the tables more than once."""

    device: str
    bootid: UUID
    sequence: int
    rows: int


# Events that an adapter translated carry numbers that prove nothing.
_ALL_NUMBERED: Final = " UNION ALL ".join(
    f"SELECT city, site, device, bootid, sequence FROM {table.name} WHERE adapter IS NULL"
    for table in NUMBERED_TABLES
)
_DEAD_NUMBERED: Final = (
    "SELECT city, site, device, bootid, sequence FROM dead_letter "
    "WHERE bootid IS NOT NULL AND sequence IS NOT NULL AND device IS NOT NULL"
)
_KEY: Final = "city || '/' || site || '/' || device"


async def stored_sequences(
    connection: Connection, bootids: Sequence[UUID] | None = None, *, dead: bool = True
) -> set[Numbered]:
    """Every numbered event that is stored or set aside; what a device sent beyond that is lost.

    Args:
        connection: Any.
        bootids: Only of these boots.
        dead: Whether dead letters count.

    Returns:
        About 200 bytes an event: for tests and checks of one run, not for a year.
    """
    sources = f"{_ALL_NUMBERED} UNION ALL {_DEAD_NUMBERED}" if dead else _ALL_NUMBERED
    cursor = await connection.execute(
        f"SELECT DISTINCT {_KEY}, bootid, sequence FROM ({sources}) AS event "
        "WHERE %(all)s OR bootid = ANY(%(bootids)s::uuid[])",
        {"all": bootids is None, "bootids": list(bootids or ())},
    )
    return {Numbered(*row) for row in await cursor.fetchall()}


async def doubled_sequences(connection: Connection, limit: int = 1000) -> list[Doubled]:
    """Numbered events with more than one row over all event tables; there must be none."""
    cursor = await connection.execute(
        f"SELECT {_KEY}, bootid, sequence, count(*) FROM ({_ALL_NUMBERED}) AS event "
        "GROUP BY 1, 2, 3 HAVING count(*) > 1 ORDER BY 1, 2, 3 LIMIT %s",
        (limit,),
    )
    return [Doubled(*row) for row in await cursor.fetchall()]


async def row_counts(connection: Connection) -> dict[str, int]:
    """Rows of each event table and of ``dead_letter``."""
    query = sql.SQL(" UNION ALL ").join(
        sql.SQL("SELECT {}, count(*) FROM {}").format(table.name, sql.Identifier(table.name))
        for table in BULK_TABLES
    )
    cursor = await connection.execute(query)
    return dict(await cursor.fetchall())


# --- what alerts are judged from ----------------------------------------------------------------


class Gap(NamedTuple):
    """Events that a device has numbered and the core has not got.

    Attributes:
        missing: How many, over all its boots.
        since: When the oldest of its gaps was first seen.
    """

    missing: int
    since: datetime


class Measured(NamedTuple):
    """A value and the time it is true for."""

    value: float
    time: datetime


class LaneKey(NamedTuple):
    """One lane as one camera sees it."""

    city: str
    site: str
    device: str
    lane: str


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """What the core knows at one instant.

    Attributes:
        now: The instant.
        started: When this judge began; a device never heard is silent since then.
        heard: When the core last stored something of each device.
        gaps: Devices with missing events.
        readings: Newest good reading of the last ``READINGS_WITHIN`` by device and quantity.
        queues: Newest queue of the last ``QUEUES_WITHIN`` by lane, m.
        violations: Violations of the last ``VIOLATIONS_WITHIN`` by (city, site).
    """

    now: datetime
    started: datetime
    heard: Mapping[DevicePath, datetime] = field(default_factory=dict)
    gaps: Mapping[DevicePath, Gap] = field(default_factory=dict)
    readings: Mapping[tuple[DevicePath, str], Measured] = field(default_factory=dict)
    queues: Mapping[LaneKey, Measured] = field(default_factory=dict)
    violations: Mapping[tuple[str, str], int] = field(default_factory=dict)


READINGS_WITHIN: Final = timedelta(hours=1)
QUEUES_WITHIN: Final = timedelta(minutes=15)
VIOLATIONS_WITHIN: Final = timedelta(minutes=5)


async def alert_snapshot(connection: Connection, now: datetime, started: datetime) -> Snapshot:
    """What alerts are judged from: five short queries, each over a bounded span of time.

    Args:
        connection: In a transaction.
        now: The instant to judge at.
        started: When the judge began.
    """
    return Snapshot(
        now=now,
        started=started,
        heard=await _heard(connection),
        gaps=await _gaps(connection),
        readings=await _readings(connection, now),
        queues=await _queues(connection, now),
        violations=await _violations(connection, now),
    )


async def _heard(connection: Connection) -> dict[DevicePath, datetime]:
    cursor = await connection.execute(
        "SELECT city, site, device, last_received FROM device WHERE last_received IS NOT NULL"
    )
    return {DevicePath(*row[:3]): row[3] for row in await cursor.fetchall()}


async def _gaps(connection: Connection) -> dict[DevicePath, Gap]:
    cursor = await connection.execute(
        "SELECT city, site, device, sum(missing)::bigint, min(gap_since) FROM sequence_gap "
        "GROUP BY 1, 2, 3"
    )
    return {DevicePath(*row[:3]): Gap(row[3], row[4]) for row in await cursor.fetchall()}


async def _readings(
    connection: Connection, now: datetime
) -> dict[tuple[DevicePath, str], Measured]:
    cursor = await connection.execute(
        "SELECT DISTINCT ON (city, site, device, quantity) city, site, device, quantity, value, "
        "time FROM reading WHERE time > %s AND time <= %s AND quality = 'good' "
        "ORDER BY city, site, device, quantity, time DESC",
        (now - READINGS_WITHIN, now + timedelta(minutes=5)),
    )
    return {
        (DevicePath(*row[:3]), row[3]): Measured(row[4], row[5]) for row in await cursor.fetchall()
    }


async def _queues(connection: Connection, now: datetime) -> dict[LaneKey, Measured]:
    cursor = await connection.execute(
        "SELECT DISTINCT ON (city, site, device, lane) city, site, device, lane, queue_m, minute "
        "FROM flow_minute WHERE minute > %s AND minute <= %s AND queue_m IS NOT NULL "
        "ORDER BY city, site, device, lane, minute DESC",
        (now - QUEUES_WITHIN, now + timedelta(minutes=5)),
    )
    return {LaneKey(*row[:4]): Measured(row[4], row[5]) for row in await cursor.fetchall()}


async def _violations(connection: Connection, now: datetime) -> dict[tuple[str, str], int]:
    cursor = await connection.execute(
        "SELECT city, site, count(*) FROM violation WHERE time > %s AND time <= %s GROUP BY 1, 2",
        (now - VIOLATIONS_WITHIN, now + timedelta(minutes=5)),
    )
    return {(row[0], row[1]): row[2] for row in await cursor.fetchall()}
