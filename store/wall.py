"""What the wall shows: figures of now, by event time, and never a plate.

Everything here is asked once a second, so each query goes by an index over a bounded span of time:
through ``device``, which has a row for whatever was ever heard, and never over a whole series.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from psycopg import AsyncConnection
from psycopg.rows import class_row

from ioc.clock import VIETNAM, minute_of
from store.wall_rows import (
    Figures,
    OpenAlert,
    Place,
    RuleCount,
    SilentDevice,
    SiteDevices,
    SiteFlow,
    SiteName,
    Value,
    Waiting,
)

Connection = AsyncConnection[Any]

WITHIN: Final = timedelta(hours=24)
"""Older traffic and readings are not shown at all."""

SETTLE: Final = timedelta(seconds=5)
"""A minute is taken as full this long after its end: cameras of a junction do not end at once."""

SILENT_AFTER: Final = timedelta(minutes=5)
"""A device unheard for so long is silent, whatever alerts say; they know the limit of its site."""

CONGESTED: Final = 3
"""From this level a lane is congested."""

JUDGE_LOCK: Final = 0x10C_A1E7
"""Advisory lock of whoever judges the alerts (``streams.alerting``); nobody holds it: no judge."""

MOST_ALERTS: Final = 100
MOST_SILENT: Final = 50


async def figures(connection: Connection, now: datetime) -> Figures:
    """Everything, as one consistent picture.

    Args:
        connection: Not in a transaction.
        now: The instant to speak of.
    """
    async with connection.transaction():
        await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        await connection.execute("SET LOCAL statement_timeout = '5s'")
        heard = await _heard(connection, now)
        alerts, total = await _alerts(connection)
        devices, silent, devices_as_of = await _devices(connection, now)
        rules, newest = await _rules(connection, now)
        contacts = [contact for _, _, contact in heard if contact is not None]
        return Figures(
            now=now,
            sites=await sites(connection),
            flow=await _flow(connection, now, heard),
            cameras_as_of=max([*contacts, *([] if newest is None else [newest])], default=None),
            rules=rules,
            alerts=alerts,
            alerts_total=total,
            judged=await _judged(connection),
            devices=devices,
            silent=silent,
            devices_as_of=devices_as_of,
            values=await _values(connection, now),
            waiting=await _waiting(connection, now),
        )


def full_minute(as_of: datetime, now: datetime) -> datetime:
    """Start of the last full minute of somebody whose newest count is of ``as_of``."""
    return minute_of(min(as_of, now - SETTLE)) - timedelta(minutes=1)


def day_start(now: datetime) -> datetime:
    """Midnight in Vietnam."""
    return now.astimezone(VIETNAM).replace(hour=0, minute=0, second=0, microsecond=0)


async def live_sessions(
    connection: Connection, tokens: Sequence[bytes], now: datetime, idle_since: datetime
) -> set[bytes]:
    """Of some log-ins those whose person may still look on.

    Args:
        connection: Any.
        tokens: SHA-256 of the cookies.
        now: Sessions that expired before this are over.
        idle_since: So are those that were not used since this.
    """
    cursor = await connection.execute(
        "SELECT token FROM session JOIN person ON person.id = session.person "
        "WHERE token = ANY(%s) AND expires > %s AND last_seen > %s AND factor "
        "AND NOT disabled AND NOT must_change",
        (list(tokens), now, idle_since),
    )
    return {bytes(token) for (token,) in await cursor.fetchall()}


async def touch_sessions(connection: Connection, tokens: Sequence[bytes], now: datetime) -> None:
    """Some log-ins are in use."""
    await connection.execute(
        "UPDATE session SET last_seen = %s WHERE token = ANY(%s)", (now, list(tokens))
    )


async def sites(connection: Connection) -> list[SiteName]:
    """All junctions that anything is known of, with their names."""
    async with connection.cursor(row_factory=class_row(SiteName)) as cursor:
        await cursor.execute(
            "SELECT city, site, coalesce(name_vi, site) AS name_vi, coalesce(name_en, site) AS "
            "name_en, coalesce(city_name_vi, city) AS city_vi, coalesce(city_name_en, city) AS "
            "city_en FROM (SELECT city, site FROM device UNION SELECT city, site FROM site) AS k "
            "LEFT JOIN site USING (city, site) ORDER BY city, site"
        )
        return await cursor.fetchall()


_Heard = tuple[Place, datetime, datetime | None]


async def _heard(connection: Connection, now: datetime) -> list[_Heard]:
    """Devices that count traffic: site, newest count, last contact. A clock ahead gains nothing."""
    cursor = await connection.execute(
        "SELECT city, site, newest.time, least(last_time, last_received) FROM device "
        "CROSS JOIN LATERAL (SELECT least(time, received) AS time FROM flow WHERE "
        "(flow.city, flow.site, flow.device) = (device.city, device.site, device.device) "
        "AND time > %s ORDER BY flow.time DESC LIMIT 1) AS newest",
        (now - WITHIN,),
    )
    return [(Place(*row[:2]), row[2], row[3]) for row in await cursor.fetchall()]


async def _flow(connection: Connection, now: datetime, heard: Iterable[_Heard]) -> list[SiteFlow]:
    newest: dict[Place, datetime] = {}
    for place, time, _ in heard:
        newest[place] = max(time, newest.get(place, time))
    minutes = {place: full_minute(time, now) for place, time in newest.items()}
    cursor = await connection.execute(
        "SELECT city, site, minute, max(level), "
        "sum(speed_sum) / nullif(sum(speed_weight), 0)::double precision, "
        "sum(total - pedestrian)::bigint, count(*), count(*) FILTER (WHERE level >= %s) "
        "FROM flow_minute WHERE minute = ANY(%s) GROUP BY city, site, minute",
        (CONGESTED, sorted(set(minutes.values()))),
    )
    found: Mapping[tuple[Place, datetime], Sequence[Any]] = {
        (Place(*row[:2]), row[2]): row[3:] for row in await cursor.fetchall()
    }
    shown = []
    for place in sorted(newest):
        minute = minutes[place]
        row = found.get((place, minute), (None, None, None, 0, 0))
        shown.append(
            SiteFlow(
                **place._asdict(),
                as_of=newest[place],
                minute=minute,
                **dict(
                    zip(("level", "speed_kmh", "vehicles", "lanes", "congested"), row, strict=True)
                ),
            )
        )
    return shown


async def _rules(connection: Connection, now: datetime) -> tuple[list[RuleCount], datetime | None]:
    """Counts by kind, and when the newest of them was."""
    day, hour = day_start(now), now - timedelta(hours=1)
    cursor = await connection.execute(
        "SELECT rule, count(*) FILTER (WHERE time >= %(day)s), "
        "count(*) FILTER (WHERE time > %(hour)s), max(least(time, received)) "
        "FROM (SELECT DISTINCT city, site FROM device) AS place CROSS JOIN LATERAL ("
        "SELECT rule, time, received FROM violation WHERE violation.city = place.city "
        "AND violation.site = place.site AND time >= %(since)s) AS act GROUP BY rule ORDER BY rule",
        {"day": day, "hour": hour, "since": min(day, hour)},
    )
    rows = await cursor.fetchall()
    counts = [RuleCount(rule=rule, today=today, hour=hour) for rule, today, hour, _ in rows]
    return counts, max((row[3] for row in rows), default=None)


_WORST_FIRST: Final = (
    "flood",
    "rain",
    "queue_spillback",
    "violation_surge",
    "air_quality",
    "salinity",
    "noise",
    "threshold",
    "device_silent",
    "sequence_gap",
)
"""Danger to people first, our own troubles last; a kind that is not here comes after danger."""

_OURS: Final = ("device_silent", "sequence_gap")
"""Alerts about devices and not about what they measure."""


async def _alerts(connection: Connection) -> tuple[list[OpenAlert], int]:
    """The worst kinds first, of each the newest first; and how many there are."""
    async with connection.cursor() as cursor:
        await cursor.execute(
            "SELECT kind, city, site, device, raised_at, message_vi, message_en, count(*) OVER () "
            "FROM alert WHERE cleared_at IS NULL "
            "ORDER BY coalesce(array_position(%s::text[], kind), %s), raised_at DESC, id LIMIT %s",
            (list(_WORST_FIRST), _WORST_FIRST.index("device_silent"), MOST_ALERTS),
        )
        rows = await cursor.fetchall()
    names = tuple(OpenAlert.__dataclass_fields__)
    alerts = [OpenAlert(**dict(zip(names, row, strict=False))) for row in rows]
    return alerts, int(rows[0][-1]) if rows else 0


async def _judged(connection: Connection) -> bool:
    cursor = await connection.execute(
        "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND "
        "classid = 0 AND objid = %s AND objsubid = 1 AND database = "
        "(SELECT oid FROM pg_database WHERE datname = current_database()))",
        (JUDGE_LOCK,),
    )
    row = await cursor.fetchone()
    return bool(row is not None and row[0])


async def _devices(
    connection: Connection, now: datetime
) -> tuple[list[SiteDevices], list[SilentDevice], datetime | None]:
    """Counts by site, who is silent, and when any was heard last.

    A device that a site file names and that was never heard has no row, but an alert.
    """
    cursor = await connection.execute(
        "SELECT city, site, device, last_received, alerted OR state IS NOT DISTINCT FROM 'offline' "
        "OR last_received IS NULL OR last_received < %s FROM ("
        "SELECT city, site, device, bool_or(alerted) AS alerted FROM ("
        "SELECT city, site, device, false AS alerted FROM device UNION ALL "
        "SELECT city, site, device, true FROM alert WHERE cleared_at IS NULL "
        "AND kind = 'device_silent' AND device IS NOT NULL) AS named GROUP BY 1, 2, 3) AS known "
        "LEFT JOIN device USING (city, site, device) ORDER BY city, site, device",
        (now - SILENT_AFTER,),
    )
    rows = await cursor.fetchall()
    counts: dict[Place, list[int]] = {}
    silent: list[SilentDevice] = []
    for city, site, device, since, is_silent in rows:
        count = counts.setdefault(Place(city, site), [0, 0])
        count[0] += 1
        count[1] += not is_silent
        if is_silent:
            silent.append(SilentDevice(city=city, site=site, device=device, since=since))
    silent.sort(key=lambda gone: (gone.since is not None, gone.since))
    sites = [
        SiteDevices(**place._asdict(), total=total, heard=heard)
        for place, (total, heard) in counts.items()
    ]
    newest = max((row[3] for row in rows if row[3] is not None), default=None)
    return sites, silent[:MOST_SILENT], newest


async def _values(connection: Connection, now: datetime) -> list[Value]:
    async with connection.cursor(row_factory=class_row(Value)) as cursor:
        await cursor.execute(
            """
            SELECT device.city, device.site, device.device, quantity, value, unit,
                   least(newest.time, newest.received) AS time,
                   (SELECT max(threshold) FROM alert
                    WHERE cleared_at IS NULL AND kind <> ALL(%(ours)s)
                      AND subject = concat_ws('/', device.city, device.site, device.device)
                   ) AS threshold
            FROM device
            CROSS JOIN LATERAL (
                -- Quantities of a device, one step through the index each.
                WITH RECURSIVE step AS (
                    SELECT min(quantity) AS quantity FROM reading AS r
                    WHERE (r.city, r.site, r.device) = (device.city, device.site, device.device)
                      AND time > %(since)s
                    UNION ALL
                    SELECT (SELECT min(r.quantity) FROM reading AS r
                            WHERE (r.city, r.site, r.device)
                                  = (device.city, device.site, device.device)
                              AND r.quantity > step.quantity AND time > %(since)s)
                    FROM step WHERE step.quantity IS NOT NULL
                )
                SELECT quantity FROM step WHERE quantity IS NOT NULL
            ) AS named
            CROSS JOIN LATERAL (
                SELECT value, unit, time, received FROM reading AS r
                WHERE (r.city, r.site, r.device) = (device.city, device.site, device.device)
                  AND r.quantity = named.quantity AND time > %(since)s AND quality = 'good'
                ORDER BY time DESC LIMIT 1
            ) AS newest
            ORDER BY 1, 2, 4, 3
            """,
            {"since": now - WITHIN, "ours": list(_OURS)},
        )
        return await cursor.fetchall()


async def _waiting(connection: Connection, now: datetime) -> Waiting:
    async with connection.cursor(row_factory=class_row(Waiting)) as cursor:
        await cursor.execute(
            "SELECT count(*) FILTER (WHERE state = 'pending') AS first, "
            "count(*) FILTER (WHERE state IN ('second', 'blind')) AS second, "
            "count(*) FILTER (WHERE state = 'disputed') AS disputed, "
            "count(*) FILTER (WHERE deadline < %s) AS overdue, min(deadline) AS deadline "
            "FROM review_case WHERE state IN ('pending', 'second', 'blind', 'disputed')",
            (now,),
        )
        row = await cursor.fetchone()
        assert row is not None
        return row
