"""Two towns at work, and a province of forty junctions: rows that a wall can be looked at with."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from ioc.camera import Lane
from ioc.site import Site, load_sites, sites_folder
from store.writers import upsert_sites
from tests.console.walls import Connection, Rows, add_case, raise_alert, set_state

STREETS = (
    "Trần Hưng Đạo", "Nguyễn Công Trứ", "Hùng Vương", "Nguyễn Huệ", "Lê Hồng Phong", "3 Tháng 2",
    "Ngô Quốc Trị", "Võ Văn Kiệt", "Nguyễn Thái Học", "Châu Văn Liêm", "Đoàn Thị Điểm",
    "Phạm Ngũ Lão", "Lý Thường Kiệt", "Lê Quý Đôn", "Trương Định", "Cách Mạng Tháng Tám",
    "Nguyễn Viết Xuân", "Xô Viết Nghệ Tĩnh", "Hòa Bình", "Đồng Khởi",
)  # fmt: skip

LEVELS = {"ngabay": 0.95, "vithanh": 0.8}
"""Share of the free speed that is driven in each town."""

TYPICAL = {
    "water_level": (0.35, 0.9),
    "rain": (0.0, 4.0),
    "salinity": (0.1, 0.4),
    "pm2_5": (14, 38),
    "noise": (58, 71),
    "temperature": (26, 33),
}


def province(count: int) -> tuple[Site, ...]:
    """The two sites of this repository, and junctions like them up to that many."""
    known = load_sites(sites_folder())
    sites = list(known)
    for number in range(len(known), count):
        like = known[number % 2]
        first, second = STREETS[number % 20], STREETS[(number * 7 + 3) % 20]
        sites.append(
            like.model_copy(
                update={
                    "site": f"nut-{number}",
                    "name": like.name.model_copy(
                        update={"vi": f"{first} – {second}", "en": f"{first} – {second}"}
                    ),
                }
            )
        )
    return tuple(sites)


async def fill(
    connection: Connection,
    sites: Sequence[Site],
    now: datetime,
    *,
    jammed: Sequence[tuple[int, float]] = ((0, 0.25),),
    silent: Sequence[tuple[int, str]] = (),
    stale: Sequence[int] = (),
    cases: int = 40,
    seed: int = 1,
) -> None:
    """A working afternoon, up to now.

    Args:
        connection: In autocommit.
        sites: Where.
        now: Until when.
        jammed: Sites (by place in the list) with the share of free speed that is driven.
        silent: Devices that have gone.
        stale: Sites whose traffic has stopped four minutes ago.
        cases: How many wait for people.
        seed: Of the dice.
    """
    dice = random.Random(seed)
    await upsert_sites(connection, sites)
    rows = Rows()
    gone = {sites[place].path(device) for place, device in silent}
    slow = dict(jammed)
    for place, site in enumerate(sites):
        end = now - timedelta(minutes=4) if place in stale else now
        for camera in site.cameras:
            path = site.path(camera.id)
            if path in gone:
                continue
            share = slow.get(place, LEVELS[site.city])
            for lane in camera.lanes[:4]:
                _traffic(rows, dice, path, end, lane, share)
            rules = [rule.rule for rule in camera.rules]
            for _ in range(dice.randrange(14, 32) if place < 2 else dice.randrange(3)):
                at = now - timedelta(seconds=dice.uniform(0, 20_000) * dice.random())
                rows.violation(path, at, dice.choice(rules))
        for sensor in site.sensors:
            path = site.path(sensor.id)
            low, high = TYPICAL[sensor.quantity]
            if path not in gone:
                value = round(dice.uniform(low, high), 2)
                rows.reading(path, now - timedelta(seconds=dice.uniform(2, 40)), sensor.quantity,
                             value, sensor.unit)  # fmt: skip
        for device in site.devices:
            if site.path(device) not in gone:
                rows.health(site.path(device), now - timedelta(seconds=dice.uniform(0, 9)))
    for path in sorted(gone):
        rows.health(path, now - timedelta(minutes=9))
    await rows.store(connection, sites)
    for place, device in silent:
        site = sites[place]
        await set_state(connection, site.path(device), "offline", now - timedelta(minutes=9))
        await raise_alert(
            connection, "device_silent", site.path(device), raised_at=now - timedelta(minutes=8),
            message_vi=f"{device} tại {site.name.vi}: không có tín hiệu 61 giây",
            message_en=f"{device} at {site.name.en}: silent for 61 s",
        )  # fmt: skip
    for number in range(cases):
        states: Any = [(), (), ("second",), ("blind",), ("disputed",)][number % 5]
        deadline = now + timedelta(hours=5 + 9 * number)
        await add_case(connection, deadline, states=states)


async def flood(connection: Connection, site: Site, sensor: str, now: datetime) -> None:
    """A sensor is over its limit, and the alert is open."""
    rows = Rows()
    rows.reading(site.path(sensor), now, "water_level", 1.86, "m")
    await rows.store(connection)
    await raise_alert(
        connection, "flood", site.path(sensor), raised_at=now - timedelta(minutes=23), value=1.86,
        threshold=1.6, message_vi=f"{site.name.vi}: mực nước 1.86 m, ngưỡng 1.6 m",
        message_en=f"{site.name.en}: water level 1.86 m, threshold 1.6 m",
    )  # fmt: skip


async def queue(connection: Connection, site: Site, now: datetime) -> None:
    """A queue that spills back."""
    await raise_alert(
        connection, "queue_spillback", site.path("cam-1"),
        subject=f"{site.path('cam-1').key}/s-in-2",
        raised_at=now - timedelta(minutes=3), value=0.97, threshold=0.9,
        message_vi=f"{site.name.vi}: hàng chờ 113 m trên làn s-in-2 dài 116 m",
        message_en=f"{site.name.en}: queue of 113 m on lane s-in-2 of 116 m",
    )  # fmt: skip


def _traffic(
    rows: Rows, dice: random.Random, path: Any, end: datetime, lane: Lane, share: float
) -> None:
    """Two and a half minutes of a lane, in tens of seconds."""
    for step in range(15):
        at = end - timedelta(seconds=10 * step + 1)
        speed = max(1.0, lane.free_speed_kmh * share * dice.uniform(0.97, 1.03))
        rows.flow(
            path, at, lane.id, speed, motorcycle=dice.randrange(2, 9), car=dice.randrange(0, 3),
            truck=dice.randrange(0, 2), pedestrian=dice.randrange(0, 2),
        )  # fmt: skip
