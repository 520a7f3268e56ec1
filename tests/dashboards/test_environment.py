"""Screen 4: water and air against their limits."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dashboards.screens.environment import SCREEN
from tests.dashboards.rows import alert, bin_of, device, reading, sensor, site

NOW = datetime(2026, 11, 22, 5, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
QUARTER = 15 * MINUTE
PLACES = [("vithanh", "tran-hung-dao"), ("ngabay", "hung-vuong")]
UNITS = {
    "water_level": "m",
    "rain": "mm/h",
    "salinity": "g/L",
    "pm2_5": "ug/m3",
    "noise": "dB[SPL]",
}
RANK = {"alarm": 0, "warn": 1, "ok": 2, "none": 3}


@pytest.mark.parametrize("tile", SCREEN.tiles, ids=lambda tile: tile.id)
def test_nothing_known_is_no_error(ask: Any, tile: Any) -> None:
    assert ask(tile.query, NOW) == []


# --- now ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "age", "alerted", "state"),
    [
        (1.0, MINUTE, False, "alarm"),  # at the limit
        (0.999, MINUTE, False, "warn"),
        (0.8, MINUTE, False, "warn"),  # where an alert is not cleared yet
        (0.799, MINUTE, False, "ok"),
        (0.799, MINUTE, True, "alarm"),  # its alert stands
        (1.5, 30 * MINUTE, False, "alarm"),
        (1.5, 30 * MINUTE + timedelta(seconds=1), False, "none"),
        (0.1, 2 * HOUR, True, "alarm"),
        (0.1, 25 * HOUR, False, "none"),
    ],
)
def test_a_value_is_judged_as_alerts_are(
    ask: Any, fill: Any, value: float, age: timedelta, alerted: bool, state: str
) -> None:
    fill("sensor", [sensor()])
    fill("reading", [reading(NOW - age, value)])
    # What is wrong with the device itself says nothing of the water.
    fill("alert", [alert("flood" if alerted else "device_silent", NOW - HOUR, "water-1")])
    (found,) = ask("environment-now", NOW)
    assert found["state"] == state
    if age < 24 * HOUR:
        assert (found["value"], found["as_of"]) == (value, NOW - age)
        assert found["share"] == pytest.approx(value)
    else:
        assert (found["value"], found["as_of"], found["heard"]) == (None, None, 0)


def test_only_good_values_count_and_a_clock_ahead_gains_nothing(ask: Any, fill: Any) -> None:
    fill("sensor", [sensor(), sensor("water-2")])
    fill(
        "reading",
        [
            reading(NOW - 3 * MINUTE, 0.5),
            reading(NOW - 2 * MINUTE, 5.0, quality="bad"),
            reading(NOW - MINUTE, 4.0, quality="suspect"),
            reading(NOW + 4 * MINUTE, 0.6, "water-2", received=NOW - 40 * MINUTE),
        ],
    )
    (found,) = ask("environment-now", NOW)
    assert (found["value"], found["state"], found["heard"]) == (0.5, "ok", 1)
    assert found["as_of"] == NOW - 3 * MINUTE


def test_a_sensor_without_a_site_file_is_shown_without_a_judgement(ask: Any, fill: Any) -> None:
    fill("device", [device("mast-7", NOW)])
    fill("reading", [reading(NOW - MINUTE, 31.0, "mast-7", "temperature", unit="Cel")])
    fill("reading", [reading(NOW - MINUTE, 95.0, "mast-7", "gov.online_files", unit="%")])
    (found,) = ask("environment-now", NOW)
    assert (found["quantity"], found["value"], found["unit"]) == ("temperature", 31.0, "Cel")
    assert (found["state"], found["raise_at"], found["share"]) == ("none", None, None)
    assert found["place"] == "tran-hung-dao"


def test_without_limits_the_highest_fresh_value_is_shown(ask: Any, fill: Any) -> None:
    fill("sensor", [sensor(f"water-{number}", raise_at=None) for number in range(4)])
    ages = [2 * MINUTE, 3 * MINUTE, 40 * MINUTE]
    values = [0.4, 0.7, 5.0]
    fill(
        "reading",
        [
            reading(NOW - age, value, f"water-{number}")
            for number, (age, value) in enumerate(zip(ages, values, strict=True))
        ],
    )
    (found,) = ask("environment-now", NOW)
    assert (found["value"], found["state"]) == (0.7, "none")
    assert (found["heard"], found["total"]) == (2, 4)


@pytest.mark.parametrize("seed", range(3))
def test_the_worst_sensor_of_each_quantity(ask: Any, fill: Any, seed: int) -> None:
    chance = random.Random(seed)
    sensors, readings, newest = [], [], {}
    for quantity, unit in UNITS.items():
        for number in range(6):
            city, place = chance.choice(PLACES)
            name = f"{quantity.replace('_', '-')}-{number}"
            raise_at = chance.choice([None, 10.0, 20.0])
            sensors.append(
                sensor(
                    name, quantity, raise_at, raise_at and raise_at * 0.9,
                    city=city, site=place, unit=unit,
                )
            )  # fmt: skip
            good: list[tuple[datetime, float]] = []
            for _ in range(3):
                at = NOW - chance.choice([1, 5, 29, 31, 300, 1500]) * MINUTE
                at -= timedelta(seconds=chance.random())
                quality = chance.choice(["good", "good", "suspect", "bad"])
                value = round(chance.uniform(0, 20), 2)
                where = {"city": city, "site": place, "unit": unit}
                readings.append(reading(at, value, name, quantity, quality=quality, **where))
                if quality == "good" and at > NOW - 24 * HOUR:
                    good.append((at, value))
            newest[quantity, city, place, name] = (raise_at, max(good, default=None))
    fill("sensor", sensors)
    fill("reading", readings)
    fill("site", [site()])
    found = {row["quantity"]: row for row in ask("environment-now", NOW)}
    for quantity in UNITS:
        judged = []
        for (kind, city, place, name), (raise_at, last) in newest.items():
            if kind != quantity:
                continue
            fresh = last is not None and last[0] >= NOW - 30 * MINUTE
            state = "none"
            if fresh and last is not None and raise_at is not None:
                state = "alarm" if last[1] >= raise_at else "ok"
                state = "warn" if raise_at * 0.9 <= last[1] < raise_at else state
            share = last[1] / raise_at if last and raise_at else -1.0
            value = last[1] if last else -1.0
            judged.append(
                ((RANK[state], not fresh, -share, -value, city, place, name), state, last, fresh)
            )
        _, state, last, _ = min(judged)
        row = found[quantity]
        assert row["state"] == state
        assert (row["value"], row["as_of"]) == ((last[1], last[0]) if last else (None, None))
        assert row["total"] == len(judged)
        assert row["heard"] == sum(fresh for *_, fresh in judged)
        city, place = min(judged)[0][4:6]
        assert row["place"] == ("Trần Hưng Đạo" if place == "tran-hung-dao" else place)
    order = [RANK[row["state"]] for row in found.values()]
    assert order == sorted(order)


# --- water -------------------------------------------------------------------------------------


def test_the_three_gauges_nearest_their_limits_with_their_limits(ask: Any, fill: Any) -> None:
    gauges = {"canal": (0.9, 1.0), "street": (0.0, 0.2), "dyke": (1.8, 3.0), "lake": (2.5, 5.0)}
    fill("sensor", [sensor(name, raise_at=limit) for name, (_, limit) in gauges.items()])
    rows = [reading(NOW - 10 * MINUTE, value, name) for name, (value, _) in gauges.items()]
    rows += [reading(NOW - 20 * HOUR, 9.0, "lake")]  # long over
    rows += [reading(NOW - 70 * MINUTE, 7.0, "canal", quality="bad")]
    rows += [reading(NOW - 70 * MINUTE, 0.4, "canal"), reading(NOW - 71 * MINUTE, 0.6, "canal")]
    rows += [reading(NOW - 5 * MINUTE, 50.0, "unknown")]  # no limit: last
    fill("reading", rows)
    found = ask("environment-water", NOW)
    assert {row["metric"].lstrip("~") for row in found} == {
        "Cảm biến canal", "Cảm biến dyke", "Cảm biến lake",
    }  # fmt: skip
    lines = {(row["time"], row["metric"]): row["value"] for row in found}
    hour_ago = bin_of(NOW - 70 * MINUTE, QUARTER)
    assert lines[hour_ago, "Cảm biến canal"] == pytest.approx(0.5)
    assert lines[hour_ago, "~Cảm biến canal"] == 1.0
    assert [row["time"] for row in found] == sorted(row["time"] for row in found)


def test_gauges_of_one_name_are_told_apart(ask: Any, fill: Any) -> None:
    here, there = sensor(), sensor(city="ngabay", site="hung-vuong")
    fill("sensor", [{**row, "name_vi": "Mực nước"} for row in (here, there)])
    fill("reading", [reading(NOW - MINUTE, 0.5)])
    fill("reading", [reading(NOW - MINUTE, 0.6, city="ngabay", site="hung-vuong")])
    found = {row["metric"] for row in ask("environment-water", NOW) if row["metric"][0] != "~"}
    assert found == {"Mực nước (tran-hung-dao/water-1)", "Mực nước (hung-vuong/water-1)"}


# --- hours -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "quantity"),
    [
        ("environment-rain", "rain"),
        ("environment-salinity", "salinity"),
        ("environment-dust", "pm2_5"),
        ("environment-noise", "noise"),
    ],
)
def test_the_worst_of_each_city_by_the_hour(ask: Any, fill: Any, query: str, quantity: str) -> None:
    chance = random.Random(quantity)
    unit = UNITS[quantity]
    rows, values = [], defaultdict(list)
    for city, place in PLACES:
        for number in (1, 2):
            name = f"s-{number}"
            for _ in range(30):
                at = NOW - timedelta(hours=chance.uniform(0, 8))
                value = round(chance.uniform(0, 100), 1)
                quality = chance.choice(["good", "good", "suspect", "bad"])
                where = {"city": city, "site": place, "unit": unit}
                rows.append(reading(at, value, name, quantity, quality=quality, **where))
                if quality != "bad":
                    values[city, bin_of(at, HOUR), name].append(value)
    rows.append(reading(NOW - MINUTE, 999.0, "s-1", "other"))
    rows.append(reading(NOW, 42.0, "s-1", quantity, unit=unit))
    values["vithanh", NOW, "s-1"].append(42.0)
    rows.append(reading(NOW + HOUR, 999.0, "s-1", quantity, unit=unit))
    fill("reading", rows)
    fill("site", [site()])
    fill(
        "sensor",
        [
            sensor("s-1", quantity, 80.0, unit=unit),
            sensor("s-2", quantity, 70.0, unit=unit),
            sensor("s-3", quantity, None, unit=unit),
            sensor("s-4", "other", 1.0),
        ],
    )
    expected: dict[tuple[datetime, str], float] = defaultdict(float)
    for (city, hour, _), of in values.items():
        if hour < NOW - 6 * HOUR:
            continue
        worst = max(of) if quantity == "rain" else sum(of) / len(of)
        metric = "Vị Thanh" if city == "vithanh" else city
        expected[hour, metric] = max(expected[hour, metric], worst)
    for hour, _ in list(expected):
        expected[hour, "~limit"] = 70.0
    found = ask(query, NOW, hours=6)
    assert {(row["time"], row["metric"]): row["value"] for row in found} == pytest.approx(
        dict(expected)
    )
    assert len(found) == len(expected)
    only = ask(query, NOW, hours=6, cities=["ngabay"])
    assert {row["metric"] for row in only} == {"ngabay"}, "the limit is of the chosen city"


def test_an_hour_of_bad_values_is_a_hole(ask: Any, fill: Any) -> None:
    where: dict[str, Any] = {"device": "rain-1", "quantity": "rain", "unit": "mm/h"}
    fill("sensor", [sensor("rain-1", "rain", 50.0, unit="mm/h")])
    fill("reading", [reading(NOW - HOUR, 90.0, quality="bad", **where)])
    assert ask("environment-rain", NOW) == []
    fill("reading", [reading(NOW - 2 * HOUR, 20.0, **where)])
    found = {(row["time"], row["metric"]): row["value"] for row in ask("environment-rain", NOW)}
    assert found == {(NOW - 2 * HOUR, "vithanh"): 20.0, (NOW - 2 * HOUR, "~limit"): 50.0}
