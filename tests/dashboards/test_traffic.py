"""Traffic: what its queries say of loaded rows is what Python says of the same rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any, TypeVar

import pytest

from store.wall import SILENT_AFTER, full_minute
from tests.dashboards.conftest import Ask, Fill
from tests.dashboards.loaded import (
    CHOSEN,
    CLASSES,
    ELSEWHERE,
    NOW,
    THD,
    Die,
    Row,
    Site,
    local,
    mean,
    minute_of,
    name_of,
    place_of,
    site_rows,
)

QUARTER = timedelta(minutes=15)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
WEEK = timedelta(days=7)

Key = TypeVar("Key")


def bucket(at: datetime, width: timedelta) -> datetime:
    """The start of the span that an instant lies in."""
    seconds = width.total_seconds()
    return datetime.fromtimestamp(at.timestamp() // seconds * seconds, UTC)


def streets(die: Die, count: int, hours: float, before: datetime = NOW) -> list[Row]:
    """Counts at random instants."""
    places = [*CHOSEN, ELSEWHERE]
    rows = [
        die.flow(
            die.choice(places),
            die.choice(["cam-1", "cam-2"]),
            die.before(before, hours * 3600),
            die.choice(["in-1", "in-2"]),
        )
        for _ in range(count)
    ]
    # On the edges of the spans too: a count belongs to the span that begins with it.
    edges = [bucket(before, HOUR), bucket(before, QUARTER), bucket(before, HOUR) - HOUR]
    return [*rows, *(die.flow(THD, "cam-1", at, "in-1") for at in edges)]


def chosen(rows: Iterable[Row]) -> list[Row]:
    return [row for row in rows if place_of(row) in CHOSEN]


def vehicles(rows: Iterable[Row]) -> int:
    return sum(row["total"] - row["pedestrian"] for row in rows)


def by(rows: Iterable[Row], key: Callable[[Row], Key]) -> dict[Key, list[Row]]:
    groups: dict[Key, list[Row]] = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    return groups


def speed(rows: Iterable[Row]) -> float | None:
    return mean([(r["speed_kmh"], r["total"]) for r in rows if r["speed_kmh"] is not None])


def live_speed(minutes: Iterable[Row]) -> float | None:
    """Mean speed of what passed in live windows."""
    weighed = [one for one in minutes if one["speed_weight"]]
    return mean([(one["speed_sum"] / one["speed_weight"], one["speed_weight"]) for one in weighed])


def full(start: datetime, width: timedelta, hours: float, now: datetime = NOW) -> bool:
    """Whether a span lies wholly in the range that is looked at."""
    return start >= now - timedelta(hours=hours) and start + width <= now


@pytest.mark.parametrize("seed", range(3))
def test_flow_by_class_in_full_hours(ask: Ask, fill: Fill, seed: int) -> None:
    rows = streets(Die(seed), 120, 8)
    for row in rows:
        row["total"] -= row["bus"] + row["truck"]
        row["bus"] = row["truck"] = 0
    rows[0] |= {"time": NOW - 2 * HOUR, "city": THD.city, "site": THD.site, "truck": 2}
    fill("flow", rows)
    found = {(r["time"], r["metric"]): r["value"] for r in ask("traffic-classes", NOW, hours=6)}
    expected = {
        (start, name): sum(row[name] for row in group)
        for start, group in by(chosen(rows), lambda row: bucket(row["time"], HOUR)).items()
        for name in CLASSES
        if name not in ("pedestrian", "bus") and full(start, HOUR, 6)
    }
    assert found == expected
    assert sum(value for (_, name), value in found.items() if name == "truck") == 2


@pytest.mark.parametrize("seed", range(3))
def test_flow_beside_that_of_the_week_before(ask: Ask, fill: Fill, seed: int) -> None:
    die = Die(seed)
    rows = streets(die, 80, 7) + streets(die, 80, 7, NOW - WEEK) + streets(die, 9, 90, NOW - DAY)
    fill("flow", rows)
    found = {
        (row["time"], row["metric"]): row["value"] for row in ask("traffic-week", NOW, hours=5)
    }
    hours = by(chosen(rows), lambda row: bucket(row["time"], HOUR))
    expected = {}
    for start, group in hours.items():
        if full(start, HOUR, 5):
            expected[start, "now"] = vehicles(group)
        if full(start + WEEK, HOUR, 5):
            expected[start + WEEK, "~last_week"] = vehicles(group)
    assert found == expected
    assert {metric for _, metric in found} == {"now", "~last_week"}


@pytest.mark.parametrize("seed", range(3))
def test_mean_speed_is_that_of_the_vehicles(ask: Ask, fill: Fill, seed: int) -> None:
    rows = streets(Die(seed), 120, 8)
    fill("site", site_rows())
    fill("flow", rows)
    found = {(r["time"], r["metric"]): r["value"] for r in ask("traffic-speed", NOW, hours=6)}
    groups = by(
        chosen(rows),
        lambda row: (bucket(row["time"], HOUR), name_of(place_of(row))),
    )
    expected = {
        key: pytest.approx(speed(group))
        for key, group in groups.items()
        if full(key[0], HOUR, 6) and speed(group) is not None
    }
    assert found == expected


def test_speed_is_drawn_of_the_eight_busiest_that_measure_it(ask: Ask, fill: Fill) -> None:
    die = Die(1)
    at = NOW - 2 * HOUR
    names = [f"s-{number:02}" for number in range(11)]
    for number, name in enumerate(names):
        count = {**dict.fromkeys(CLASSES, 0), "car": number + 1, "total": number + 1}
        measured = None if number == 10 else 40.0  # the busiest one does not
        row = die.flow(Site("vithanh", name), "cam-1", at, "in-1")
        fill("flow", [{**row, **count, "speed_kmh": measured}])
    found = ask("traffic-speed", NOW, sites=names)
    assert {row["metric"] for row in found} == set(names[2:10])


@pytest.mark.parametrize("seed", range(3))
def test_the_busiest_lanes_in_the_last_15_full_minutes(ask: Ask, fill: Fill, seed: int) -> None:
    die = Die(seed)
    now = NOW.replace(second=die.choice([4, 5, 42]))
    # Five seconds after its end a minute is full: everybody has told of it.
    end = minute_of(now - timedelta(seconds=5))
    minutes = [
        die.minute(site, camera, end - timedelta(minutes=step), lane)
        for site, camera, lane, step in product(
            (*CHOSEN, ELSEWHERE), ("cam-1", "cam-2"), ("a", "b", "c", "d"), range(-1, 18)
        )
        if die.chance(0.3)
    ]
    fill("site", site_rows())
    fill("flow_minute", minutes)
    groups = by(
        (row for row in chosen(minutes) if end - QUARTER <= row["minute"] < end),
        lambda row: (name_of(place_of(row)), row["lane"], row["device"]),
    )
    expected: list[dict[str, Any]] = [
        {
            "name": f"{name} · {lane}",
            "flow": 4 * vehicles(group),
            "speed_kmh": pytest.approx(live_speed(group)),
            "device": device,
            "as_of": max(row["minute"] for row in group) + timedelta(minutes=1),
        }
        for (name, lane, device), group in groups.items()
    ]
    expected.sort(key=lambda row: (-row["flow"], row["name"], row["device"]))
    assert len(expected) > 12
    assert ask("traffic-lanes", now) == expected[:12]


@pytest.mark.parametrize("seed", range(2))
def test_the_last_24_full_hours_by_hour_of_day(ask: Ask, fill: Fill, seed: int) -> None:
    rows = streets(Die(seed), 150, 30)
    fill("site", site_rows())
    fill("flow", rows)
    found = ask("traffic-hours", NOW)
    end = bucket(NOW, HOUR)
    for row in found:
        mine = [
            one
            for one in chosen(rows)
            if end - DAY <= one["time"] < end and name_of(place_of(one)) == row["name"]
        ]
        hours = by(mine, lambda one: local(one["time"]).hour)
        assert {name: row[name] for name in row if name.startswith("h")} == {
            f"h{hour:02}": vehicles(hours[hour]) if hour in hours else None for hour in range(24)
        }
        assert row["as_of"] == max(bucket(one["time"], HOUR) for one in mine) + HOUR
    assert {row["name"] for row in found} == {name_of(site) for site in CHOSEN}
    totals = [sum(row[f"h{hour:02}"] or 0 for hour in range(24)) for row in found]
    assert totals == sorted(totals, reverse=True)


@pytest.mark.parametrize("seed", range(4))
def test_level_of_service(ask: Ask, fill: Fill, seed: int) -> None:
    die = Die(seed)
    fill("site", site_rows())
    newest: dict[Site, datetime] = {}
    minutes: list[Row] = []
    for site in (*CHOSEN, ELSEWHERE):
        newest[site] = NOW - timedelta(seconds=die.choice([1, 9, 200, 301, 4000]))
        fill("device", [die.device(site, "cam-1", newest[site])])
        fill("flow", [die.flow(site, "cam-1", newest[site], "in-1")])
        for back, step, lane in product((timedelta(), WEEK), range(20), ("in-1", "in-2")):
            at = minute_of(newest[site]) - timedelta(minutes=step) - back
            minutes += [die.minute(site, "cam-1", at, lane)] if die.chance(0.6) else []
    fill("flow_minute", minutes)
    found = {row["name"]: row for row in ask("traffic-service", NOW)}
    assert found.keys() == {name_of(site) for site in CHOSEN}
    for site in CHOSEN:
        row = found[name_of(site)]
        last = full_minute(newest[site], NOW)
        mine, before = (
            [
                one
                for one in minutes
                if place_of(one) == site
                and newest[site] >= NOW - SILENT_AFTER
                and last - QUARTER < one["minute"] + back <= last
            ]
            for back in (timedelta(), WEEK)
        )
        worst = {
            minute: max((o["level"] for o in group if o["level"] is not None), default=None)
            for minute, group in by(mine, lambda one: one["minute"]).items()
        }
        level = worst.get(last)
        assert row["level"] == level
        jams = [one for one in worst.values() if one is not None and one >= 3]
        assert row["congested_min"] == (len(jams) if mine else None)
        assert row["speed_kmh"] == pytest.approx(live_speed(mine))
        assert row["flow"] == (4 * vehicles(mine) if mine else None)
        assert row["last_week"] == (4 * vehicles(before) if before else None)
        if level is None:
            assert row["state"] == "none"
        else:
            assert row["state"] == ("alarm" if level > 3 else "warn" if level == 3 else "ok")
        assert row["as_of"] == newest[site]


@pytest.mark.parametrize("seed", range(4))
def test_the_longest_queue_of_each_junction(ask: Ask, fill: Fill, seed: int) -> None:
    die = Die(seed)
    fill("site", site_rows())
    newest: dict[Site, datetime] = {}
    minutes: list[Row] = []
    for site in (*CHOSEN, ELSEWHERE):
        newest[site] = NOW - timedelta(seconds=die.choice([1, 9, 200, 301, 4000]))
        fill("device", [die.device(site, "cam-1", newest[site])])
        fill("flow", [die.flow(site, "cam-1", newest[site], "in-1")])
        for step, lane in product(range(9), ("in-1", "in-2")):
            at = minute_of(newest[site]) - timedelta(minutes=step)
            minutes += [die.minute(site, "cam-1", at, lane)] if die.chance(0.7) else []
    fill("flow_minute", minutes)
    spilling = die.sample([*CHOSEN, ELSEWHERE], 2)
    fill("alert", [die.alert(site, "queue_spillback", NOW - HOUR) for site in spilling])
    over = {"cleared_at": NOW}
    fill("alert", [die.alert(site, "queue_spillback", NOW - HOUR, **over) for site in CHOSEN])
    found = ask("traffic-queue", NOW)
    expected: list[dict[str, Any]] = []
    for site in CHOSEN:
        last = full_minute(newest[site], NOW)
        queues = [
            (-one["queue_m"], one["lane"])
            for one in minutes
            if place_of(one) == site
            and newest[site] >= NOW - SILENT_AFTER
            and last - timedelta(minutes=5) < one["minute"] <= last
            and one["queue_m"] is not None
        ]
        longest = min(queues, default=None)
        state = "alarm" if site in spilling else "none" if longest is None else "ok"
        expected.append(
            {
                "name": name_of(site),
                "queue_m": -longest[0] if longest else None,
                "lane": longest[1] if longest else None,
                "state": state,
                "as_of": newest[site],
            }
        )
    assert found == sorted(expected, key=lambda row: -(row["queue_m"] or -1))


@pytest.mark.parametrize("behind", [1, 290])
def test_a_queue_of_six_minutes_ago_is_none_of_now(ask: Ask, fill: Fill, behind: float) -> None:
    die = Die(1)
    at = NOW - timedelta(seconds=behind)
    fill("device", [die.device(THD, "cam-1", at)])
    fill("flow", [die.flow(THD, "cam-1", at, "in-1")])
    last = full_minute(at, NOW)
    for ago, queue_m in ((-1, 90.0), (4, 30.0), (5, 80.0)):
        minute = last - timedelta(minutes=ago)
        fill("flow_minute", [die.minute(THD, "cam-1", minute, "in-1", queue_m=queue_m)])
    (row,) = ask("traffic-queue", NOW)
    assert row["queue_m"] == 30.0


def test_a_camera_that_measures_no_queue_has_none(ask: Ask, fill: Fill) -> None:
    die = Die(1)
    fill("device", [die.device(THD, "cam-1", NOW)])
    fill("flow", [die.flow(THD, "cam-1", NOW, "in-1")])
    fill("flow_minute", [die.minute(THD, "cam-1", full_minute(NOW, NOW), "in-1", queue_m=None)])
    (row,) = ask("traffic-queue", NOW)
    assert (row["queue_m"], row["lane"], row["state"]) == (None, None, "none")
    fill("flow_minute", [die.minute(THD, "cam-1", full_minute(NOW, NOW), "in-2", queue_m=0.0)])
    (row,) = ask("traffic-queue", NOW)
    assert (row["queue_m"], row["lane"], row["state"]) == (0.0, "in-2", "ok")
