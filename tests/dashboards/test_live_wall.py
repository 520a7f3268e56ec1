"""What the screens say of this moment is what the live wall says of it."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, get_args

import psycopg
import pytest
from psycopg import AsyncConnection
from psycopg.rows import dict_row

from dashboards.query import Range, render
from ioc.clock import utc_now
from ioc.events import Rule
from ioc.settings import DatabaseSettings
from ioc.site import load_sites, sites_folder
from ioc.topics import DevicePath
from store import wall
from tests.console.walls import Rows, add_case, raise_alert, set_state
from tests.servers.postgres import Postgres

CAMERAS = [
    DevicePath("vithanh", "tran-hung-dao", "cam-1"),
    DevicePath("vithanh", "tran-hung-dao", "cam-2"),
    DevicePath("ngabay", "hung-vuong", "cam-1"),
    DevicePath("ngabay", "cho-noi", "cam-1"),
]
SENSOR = DevicePath("vithanh", "tran-hung-dao", "water-1")


async def ask(
    connection: AsyncConnection[Any], query: str, now: datetime
) -> Sequence[dict[str, Any]]:
    """The rows of a query for all cities and junctions."""
    cities, sites = ({getattr(path, part) for path in CAMERAS} for part in ("city", "site"))
    chosen = Range.until(now, timedelta(hours=24), sorted(cities), sorted(sites))
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(render(query, chosen).encode())
        return await cursor.fetchall()


@pytest.mark.parametrize("seed", range(3))
async def test_both_walls_say_the_same(database: DatabaseSettings, seed: int) -> None:
    dice = random.Random(seed)
    now = utc_now()
    rows = Rows()
    for path in CAMERAS:
        last = now - timedelta(seconds=dice.choice([0.5, 3, 8, 200]))
        for step in range(20):
            for lane in ("s-in-1", "in-1", "eb-1"):
                speed = dice.uniform(2, 60) if dice.random() < 0.8 else None
                counts = {kind: dice.randrange(9) for kind in ("car", "truck", "pedestrian")}
                rows.flow(path, last - timedelta(seconds=10 * step), lane, speed, **counts)
        for _ in range(20):
            at = now - timedelta(seconds=dice.uniform(1, 90_000))
            rows.violation(path, at, dice.choice(get_args(Rule)))
    rows.reading(SENSOR, now - timedelta(seconds=2), "water_level", 1.0, "m")
    async with await AsyncConnection.connect(database.url, autocommit=True) as connection:
        await rows.store(connection, load_sites(sites_folder()))
        await set_state(connection, CAMERAS[3], "offline", now)
        await raise_alert(connection, "device_silent", ("ngabay", "hung-vuong", "never-heard"))
        for kind in dice.choices(["flood", "noise", "rain"], k=5):
            await raise_alert(connection, kind, SENSOR)
        for hours in (-3, 5, 90):
            await add_case(connection, now + timedelta(hours=hours))
        now = utc_now()
        live = await wall.figures(connection, now)

        names = {(site.city, site.site): site.name_vi for site in live.sites}
        found = {row["name"]: row for row in await ask(connection, "overview-congestion", now)}
        assert {
            names[site.city, site.site]: (
                site.as_of, site.level, pytest.approx(site.speed_kmh),
                None if site.vehicles is None else 60 * site.vehicles, site.lanes, site.congested,
            )
            for site in live.flow
        } == {
            name: (
                row["as_of"], row["level"], row["speed_kmh"], row["flow"], row["lanes"] or 0,
                row["congested"] or 0,
            )
            for name, row in found.items()
        }  # fmt: skip

        cities = await ask(connection, "overview-cities", now)
        assert sum(row["devices"] for row in cities) == sum(s.total for s in live.devices)
        assert sum(row["heard"] for row in cities) == sum(s.heard for s in live.devices)
        assert sum(row["alerts"] for row in cities) == live.alerts_total

        alerts = await ask(connection, "overview-alerts", now)
        assert alerts[0]["kind"] == "unjudged" and not live.judged
        assert {row["kind"]: row["alerts"] for row in alerts[1:]} == Counter(
            alert.kind for alert in live.alerts
        )
        order = [alert.kind for alert in live.alerts]
        assert [row["kind"] for row in alerts[1:]] == sorted(set(order), key=order.index)

        rules = {
            row["rule"]: row["today"] for row in await ask(connection, "violations-rules", now)
        }
        assert {rule: count for rule, count in rules.items() if count} == {
            rule.rule: rule.today for rule in live.rules if rule.today
        }
        (today,) = await ask(connection, "overview-violations", now)
        assert today["hour"] == sum(rule.hour for rule in live.rules)
        assert today["as_of"] == live.cameras_as_of

        (review,) = await ask(connection, "violations-pending", now)
        waiting = live.waiting
        assert (review["first"], review["second"], review["disputed"], review["overdue"]) == (
            waiting.first, waiting.second, waiting.disputed, waiting.overdue,
        )  # fmt: skip


async def test_who_judges_another_database_does_not_judge_ours(
    database: DatabaseSettings, postgres: Postgres
) -> None:
    async with await AsyncConnection.connect(database.url, autocommit=True) as connection:
        for url, said in ((postgres.url("postgres"), "unjudged"), (database.url, "quiet")):
            with psycopg.connect(url, autocommit=True) as judge:
                judge.execute("SELECT pg_advisory_lock(%s)", [wall.JUDGE_LOCK])
                (row,) = await ask(connection, "overview-alerts", utc_now())
                assert row["kind"] == said
