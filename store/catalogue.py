"""What the wall compares readings with: limits of the sensors, targets of the administration.

Copies of files (site files, ``ioc/indicators.toml``) in the database: what left a file leaves its
table, and writing the same twice changes nothing. Run inside a transaction that the caller owns.
"""

from __future__ import annotations

from collections.abc import Sequence

from ioc.indicators import Indicator
from ioc.site import Site
from store.bulk import Connection


async def upsert_sensors(connection: Connection, sites: Sequence[Site]) -> None:
    """Write the sensors of some junctions and the values that raise their alerts.

    Args:
        connection: In a transaction.
        sites: Sensors of others stay as they are.
    """
    # In the order of the keys, so that two workers cannot lock each other out.
    known = sorted(
        ((site, sensor) for site in sites for sensor in site.sensors),
        key=lambda pair: (pair[0].city, pair[0].site, pair[1].id),
    )
    await connection.execute(
        "DELETE FROM sensor USING unnest(%s::text[], %s::text[]) AS told (city, site) "
        "WHERE (sensor.city, sensor.site) = (told.city, told.site) AND NOT EXISTS ("
        "SELECT FROM unnest(%s::text[], %s::text[], %s::text[]) AS kept (city, site, device) "
        "WHERE (kept.city, kept.site, kept.device) = (sensor.city, sensor.site, sensor.device))",
        (
            [site.city for site in sites],
            [site.site for site in sites],
            [site.city for site, _ in known],
            [site.site for site, _ in known],
            [sensor.id for _, sensor in known],
        ),
    )
    rows = [
        (
            *(site.city, site.site, sensor.id, sensor.quantity, sensor.unit),
            *(sensor.name.vi, sensor.name.en, sensor.period_s),
            None if sensor.alert is None else sensor.alert.raise_at,
            None if sensor.alert is None else sensor.alert.clear_at,
        )
        for site, sensor in known
    ]
    async with connection.cursor() as cursor:
        await cursor.executemany(
            "INSERT INTO sensor (city, site, device, quantity, unit, name_vi, name_en, period_s, "
            "raise_at, clear_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) "
            "ON CONFLICT (city, site, device) DO UPDATE SET quantity = excluded.quantity, "
            "unit = excluded.unit, name_vi = excluded.name_vi, name_en = excluded.name_en, "
            "period_s = excluded.period_s, raise_at = excluded.raise_at, "
            "clear_at = excluded.clear_at, updated = now()",
            rows,
        )


async def upsert_indicators(connection: Connection, indicators: Sequence[Indicator]) -> None:
    """Write the indicators, in their order, with the targets of their years.

    Args:
        connection: In a transaction.
        indicators: All that there are.
    """
    await connection.execute(
        "DELETE FROM indicator WHERE quantity <> ALL (%s)", ([one.quantity for one in indicators],)
    )
    placed = list(enumerate(indicators, start=1))
    async with connection.cursor() as cursor:
        await cursor.executemany(
            "INSERT INTO indicator (quantity, position, name_vi, name_en, unit, target, better, "
            "year, source) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) "
            "ON CONFLICT (quantity) DO UPDATE SET position = excluded.position, "
            "name_vi = excluded.name_vi, name_en = excluded.name_en, unit = excluded.unit, "
            "target = excluded.target, better = excluded.better, year = excluded.year, "
            "source = excluded.source, updated = now()",
            [
                (
                    *(one.quantity, position, one.name.vi, one.name.en, one.unit, one.target),
                    *(one.better, one.year, one.source),
                )
                for position, one in sorted(placed, key=lambda pair: pair[1].quantity)
            ],
        )
