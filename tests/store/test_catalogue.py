"""Sensors and indicators in the database are those of the files, whatever stood there before."""

from __future__ import annotations

from typing import Any

from ioc.indicators import indicators
from ioc.site import Site, load_sites, sites_folder
from store.catalogue import upsert_indicators, upsert_sensors
from tests.store.queries import Connection, one


def site(name: str, *sensors: dict[str, Any]) -> Site:
    return Site.model_validate(
        {
            "city": "vithanh",
            "site": name,
            "name": {"vi": f"Ngã tư {name}", "en": f"{name} junction"},
            "city_name": {"vi": "Vị Thanh", "en": "Vi Thanh"},
            "position": {"latitude": 9.78, "longitude": 105.47},
            "sensors": sensors,
        }
    )


def sensor(name: str, **more: Any) -> dict[str, Any]:
    label = {"vi": f"Mực nước {name}", "en": f"Water {name}"}
    return {"id": name, "name": label, "quantity": "water_level", "unit": "m", **more}


async def rows(connection: Connection, query: Any) -> list[tuple[Any, ...]]:
    return await (await connection.execute(query)).fetchall()


async def test_sensors_have_the_limits_of_their_alerts(connection: Connection) -> None:
    flooded = sensor("b", alert={"raise_at": 1.1, "clear_at": 1.0}, period_s=30)
    await upsert_sensors(connection, [site("x", flooded, sensor("a"))])
    assert await rows(
        connection,
        "SELECT city, site, device, quantity, unit, name_vi, name_en, period_s, raise_at, "
        "clear_at FROM sensor ORDER BY device",
    ) == [
        *[("vithanh", "x", "a", "water_level", "m", "Mực nước a", "Water a", 60.0, None, None)],
        *[("vithanh", "x", "b", "water_level", "m", "Mực nước b", "Water b", 30.0, 1.1, 1.0)],
    ]


async def test_a_changed_limit_replaces_the_old_one(connection: Connection) -> None:
    await upsert_sensors(connection, [site("x", sensor("a"))])
    for raise_at in (2.0, 3.0):
        changed = sensor("a", alert={"raise_at": raise_at, "clear_at": 1.0})
        await upsert_sensors(connection, [site("x", changed)])
        assert await one(connection, "SELECT raise_at FROM sensor") == raise_at


async def test_a_sensor_that_left_its_site_file_leaves_the_table(connection: Connection) -> None:
    await upsert_sensors(connection, [site("x", sensor("a"), sensor("b")), site("y", sensor("a"))])
    await upsert_sensors(connection, [site("x", sensor("b"))])
    kept = await rows(connection, "SELECT site, device FROM sensor ORDER BY site")
    assert kept == [("x", "b"), ("y", "a")], "the other site was not spoken of"
    await upsert_sensors(connection, [site("x")])
    assert await rows(connection, "SELECT site, device FROM sensor") == [("y", "a")]


async def test_the_delivered_sites_can_be_written_again_and_again(connection: Connection) -> None:
    sites = load_sites(sites_folder())
    for _ in range(2):
        await upsert_sensors(connection, sites)
    count = sum(len(each.sensors) for each in sites)
    assert await one(connection, "SELECT count(*) FROM sensor") == count > 10


async def test_indicators_come_in_the_order_of_the_file(connection: Connection) -> None:
    for _ in range(2):
        await upsert_indicators(connection, indicators())
    found = await rows(
        connection,
        "SELECT quantity, name_vi, name_en, unit, target, better, year, source FROM indicator "
        "ORDER BY position",
    )
    assert found == [
        (i.quantity, i.name.vi, i.name.en, i.unit, i.target, i.better, i.year, i.source)
        for i in indicators()
    ]


async def test_next_years_target_replaces_this_years(connection: Connection) -> None:
    await upsert_indicators(connection, indicators())
    first, *others = indicators()
    await upsert_indicators(
        connection, [*others, first.model_copy(update={"target": 99.0, "year": 2026})]
    )
    assert await rows(
        connection, "SELECT quantity, target, year FROM indicator ORDER BY position DESC LIMIT 1"
    ) == [(first.quantity, 99.0, 2026)]


async def test_an_indicator_that_is_no_longer_asked_for_goes(connection: Connection) -> None:
    await upsert_indicators(connection, indicators())
    await upsert_indicators(connection, indicators()[:3])
    assert await one(connection, "SELECT count(*) FROM indicator") == 3
