"""Two lively days of four junctions, and a month of what is counted by days: rows for all screens.

Made by the database itself (``days.sql``), so that a hundred thousand rows take some seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from ioc.indicators import load_indicators
from ioc.site import Site
from store.catalogue import upsert_indicators, upsert_sensors
from store.writers import upsert_sites
from tests.browser.towns import flood, province
from tests.console.walls import PLATE, Connection, raise_alert

RULES = ("red_light", "no_helmet", "wrong_lane", "stop_line", "speeding", "illegal_parking",
         "wrong_way", "no_entry", "illegal_turn")  # fmt: skip

BOOT = "00000000-0000-7000-8000-000000000001"

STATEMENTS = Path(__file__).with_name("days.sql").read_text(encoding="utf-8").split(";\n")


async def fill_days(connection: Connection, now: datetime, sites: Sequence[Site] = ()) -> None:
    """Two days up to now.

    The first junction is jammed and a sensor of it is over its limit; the second misses three hours
    and one camera; the last one has been silent for minutes.

    Args:
        connection: In autocommit, as the owner of the tables.
        now: Until when.
        sites: Where; four junctions by default.
    """
    sites = sites or province(4)
    async with connection.transaction():
        await upsert_sites(connection, sites)
        await upsert_sensors(connection, sites)
        await upsert_indicators(connection, load_indicators())
        # Junctions that are made up lie where those are that they are like: move them apart.
        for number, site in enumerate(sites[2:]):
            await connection.execute(
                "UPDATE site SET latitude = latitude + %s, longitude = longitude + %s "
                "WHERE (city, site) = (%s, %s)",
                (0.004 + 0.003 * (number % 5), -0.006 + 0.004 * (number % 7), site.city, site.site),
            )
    values = _values(sites) | {
        "now": now, "boot": BOOT, "plate": PLATE, "rules": list(RULES), "jam": sites[0].site,
        "gap": sites[1].site, "still": sites[-1].site,
    }  # fmt: skip
    async with connection.transaction():
        for statement in STATEMENTS:
            if statement.strip():
                await connection.execute(statement.encode(), values)
    await connection.execute("ANALYZE")
    await _raise_alerts(connection, now, sites)


def _values(sites: Sequence[Site]) -> dict[str, Any]:
    """Columns of what stands at the junctions, each as a list."""
    columns: dict[str, list[Any]] = {}

    def add(kind: str, **row: Any) -> None:
        for name, value in row.items():
            columns.setdefault(f"{kind}_{name}", []).append(value)

    for place, site in enumerate(sites):
        where = {"city": site.city, "site": site.site}
        add("site", **where)
        for device in site.devices:
            add("device", **where, device=device)
        for sensor in site.sensors:
            add("sensor", **where, device=sensor.id, quantity=sensor.quantity, unit=sensor.unit)
        for camera in site.cameras:
            for lane in camera.lanes[:3]:
                add(
                    "lane", **where, device=camera.id, lane=lane.id, free=lane.free_speed_kmh,
                    share=1.3 if place == 0 else 0.8,
                )  # fmt: skip
    return columns


async def _raise_alerts(connection: Connection, now: datetime, sites: Sequence[Site]) -> None:
    jam, gap = sites[0], sites[1]
    await flood(connection, jam, "water-1", now)
    await raise_alert(
        connection, "device_silent", gap.path("cam-2"), raised_at=now - timedelta(minutes=39),
        message_vi=f"cam-2 tại {gap.name.vi}: không có tín hiệu",
        message_en=f"cam-2 at {gap.name.en}: silent",
    )  # fmt: skip
    await raise_alert(
        connection, "queue_spillback", jam.path("cam-1"),
        subject=f"{jam.path('cam-1').key}/{jam.cameras[0].lanes[0].id}",
        raised_at=now - timedelta(minutes=4), value=0.97, threshold=0.9,
        message_vi=f"{jam.name.vi}: hàng chờ dài", message_en=f"{jam.name.en}: long queue",
    )  # fmt: skip
