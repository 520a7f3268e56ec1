"""Screen 5: whether everything that devices send arrives, and what is in its way."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dashboards.screens.infrastructure import DEAD, SCREEN, TROUBLES
from ioc.decode import Reason
from tests.dashboards.rows import alert, bin_of, boot, device, health, site

NOW = datetime(2026, 11, 22, 5, tzinfo=UTC)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
QUARTER = 15 * MINUTE
PLACES = [("vithanh", "tran-hung-dao"), ("ngabay", "hung-vuong")]
EMPTY: Mapping[str, list[dict[str, Any]]] = {
    "infrastructure-devices": [
        {
            "state": "none", "devices": None, "heard": None, "silent": None, "missing": None,
            "waiting": None, "as_of": None,
        }
    ],
    "infrastructure-core": [
        {
            "name": name, "state": "none", "value": None, "unit": unit, "warn_at": limit,
            "place": None, "as_of": None,
        }
        for name, unit, limit in (
            ("parts", "", 1), ("stalled", "s", 15), ("queue", "s", 30), ("disk", "%", 80),
            ("clock", "ms", 100), ("jobs", "", 1),
        )
    ],
    "infrastructure-dead": [
        {"reason": "nothing", "letters": 0, "state": "none", "waiting": 0, "as_of": None}
    ],
}  # fmt: skip


@pytest.mark.parametrize("tile", SCREEN.tiles, ids=lambda tile: tile.id)
def test_nothing_known_is_no_error(ask: Any, tile: Any) -> None:
    assert ask(tile.query, NOW) == EMPTY.get(tile.query, [])


def test_every_reason_has_words() -> None:
    assert set(DEAD) == {str(reason) for reason in Reason} | {"nothing"}


# --- devices -----------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_devices_are_counted(ask: Any, fill: Any, seed: int) -> None:
    chance = random.Random(seed)
    devices, alerts, boots, healths = [], [], [], []
    counts: Counter[str] = Counter()
    newest: list[datetime] = []
    for number in range(20):
        city, place = chance.choice(PLACES)
        where = {"city": city, "site": place}
        name = f"dev-{number}"
        heard = chance.choice([None, *(NOW - age * SECOND for age in (1, 60, 299, 300, 301, 9000))])
        state = chance.choice([None, "online", "online", "offline"])
        silent_alert = chance.random() < 0.2
        devices.append(device(name, heard, state=state, **where))
        if silent_alert:
            alerts.append(alert("device_silent", NOW - HOUR, name, **where))
        if chance.random() < 0.3:
            boots.append(boot(name, "{[0,5),[7,9),[12,20)}", NOW - HOUR, **where))
            counts["missing"] += 5
        if chance.random() < 0.7:
            depths = [chance.randrange(100), chance.randrange(100)]
            healths.append(health(NOW - 4 * MINUTE, name, spool_depth=depths[0], **where))
            healths.append(health(NOW - 2 * MINUTE, name, spool_depth=depths[1], **where))
            healths.append(health(NOW - 20 * MINUTE, name, spool_depth=5000, **where))
            counts["waiting"] += depths[1]
        fresh = heard is not None and heard >= NOW - 300 * SECOND
        counts["heard"] += fresh and state != "offline" and not silent_alert
        if heard is not None:
            newest.append(heard)
    alerts.append(alert("device_silent", NOW - HOUR, "never-heard"))
    fill("device", devices)
    fill("alert", alerts)
    fill("device_boot", boots)
    fill("health", healths)
    (found,) = ask("infrastructure-devices", NOW)
    assert found == {
        "state": "alarm", "devices": 21, "heard": counts["heard"], "silent": 21 - counts["heard"],
        "missing": counts["missing"], "waiting": counts["waiting"], "as_of": max(newest),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("silent", "missing", "state"), [(0, 0, "ok"), (0, 1, "warn"), (1, 0, "warn"), (2, 0, "alarm")]
)
def test_a_tenth_of_silent_devices_is_bearable(
    ask: Any, fill: Any, silent: int, missing: int, state: str
) -> None:
    heard = [NOW - (HOUR if number < silent else SECOND) for number in range(10)]
    fill("device", [device(f"dev-{number}", at) for number, at in enumerate(heard)])
    fill("device_boot", [boot("dev-9", "{[0,2),[3,9)}", NOW - HOUR)][:missing])
    (found,) = ask("infrastructure-devices", NOW)
    assert (found["state"], found["silent"], found["missing"]) == (state, silent, missing)


# --- the worst ---------------------------------------------------------------------------------


def test_a_well_device_is_shown_as_such(ask: Any, fill: Any) -> None:
    fill("device", [device(heard=NOW - SECOND)])
    fill("site", [site()])
    (found,) = ask("infrastructure-worst", NOW)
    assert found == {
        "place": "Trần Hưng Đạo", "name": "cam-1", "state": "ok", "trouble": "well",
        "amount": None, "as_of": NOW - SECOND,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("told", "trouble", "state", "amount"),
    [
        ({"spool_depth": 499}, "well", "ok", None),
        ({"spool_depth": 500}, "spool", "warn", 500),
        ({"spool_depth": 4999}, "spool", "warn", 4999),
        ({"spool_depth": 5000}, "spool", "alarm", 5000),
        ({"stalls": 1}, "stalls", "warn", 1),
        ({"stalls": 5}, "stalls", "warn", 5),
        ({"stalls": 6}, "stalls", "alarm", 6),
        ({"clock_offset_ms": 99.9}, "well", "ok", None),
        ({"clock_offset_ms": -100.0}, "clock", "warn", 100),
        ({"clock_offset_ms": 1000.0}, "clock", "alarm", 1000),
        ({"dropped_events": 1}, "dropped", "alarm", 1),
        ({"dropped_events": 3, "spool_depth": 9000, "stalls": 50}, "dropped", "alarm", 3),
        ({"spool_depth": 600, "stalls": 7}, "stalls", "alarm", 7),
    ],
)
def test_a_trouble_is_judged(
    ask: Any, fill: Any, told: Mapping[str, Any], trouble: str, state: str, amount: float | None
) -> None:
    fill("device", [device(heard=NOW - SECOND)])
    fill("health", [health(NOW - 40 * MINUTE), health(NOW - 2 * MINUTE, **told)])
    (found,) = ask("infrastructure-worst", NOW)
    assert (found["trouble"], found["state"]) == (trouble, state)
    assert found["amount"] == (pytest.approx(amount) if amount is not None else None)


def test_counters_that_begin_again_are_all_new(ask: Any, fill: Any) -> None:
    fill("device", [device(heard=NOW - SECOND)])
    counts = [(50, 90), (44, 92), (30, 3), (15, 3), (1, 4)]  # minutes ago, stalls since the start
    fill("health", [health(NOW - ago * MINUTE, stalls=stalls) for ago, stalls in counts])
    (found,) = ask("infrastructure-worst", NOW)
    assert (found["trouble"], found["amount"]) == ("stalls", 2 + 3 + 0 + 1)


@pytest.mark.parametrize(
    ("heard", "state", "alerts", "shown"),
    [
        (299 * SECOND, "online", [], ("well", "ok")),
        (300 * SECOND, "online", [], ("well", "ok")),
        (301 * SECOND, "online", [], ("silent", "alarm")),
        (SECOND, "offline", [], ("silent", "alarm")),
        (SECOND, "online", ["device_silent"], ("silent", "alarm")),
        (None, None, [], ("silent", "alarm")),
        (SECOND, None, ["flood"], ("well", "ok")),
    ],
)
def test_silence_is_that_of_the_overview(
    ask: Any, fill: Any, heard: timedelta | None, state: str | None, alerts: list[str], shown: Any
) -> None:
    at = None if heard is None else NOW - heard
    fill("device", [device(heard=at, state=state)])
    fill("alert", [alert(kind, NOW - HOUR, "cam-1") for kind in alerts])
    (found,) = ask("infrastructure-worst", NOW)
    assert (found["trouble"], found["state"], found["as_of"]) == (*shown, at)
    if shown[0] == "silent" and heard is not None:
        assert found["amount"] == pytest.approx(heard.total_seconds() / 60)


def test_a_gap_is_a_warning_until_its_alert(ask: Any, fill: Any) -> None:
    fill("device", [device("cam-1", NOW), device("cam-2", NOW)])
    fill("device_boot", [boot("cam-1", "{[0,3),[5,6)}", NOW), boot("cam-2", "{[1,2)}", NOW)])
    fill("alert", [alert("sequence_gap", NOW, "cam-2")])
    found = ask("infrastructure-worst", NOW)
    assert [(row["name"], row["trouble"], row["state"], row["amount"]) for row in found] == [
        ("cam-2", "missing", "alarm", 1.0),
        ("cam-1", "missing", "warn", 2.0),
    ]


def test_six_devices_are_shown_the_worst_first(ask: Any, fill: Any) -> None:
    fill("device", [device(f"cam-{number}", NOW) for number in range(9)])
    fill("device", [device("lost", NOW - 9 * HOUR), device("gone", NOW - 10 * HOUR)])
    depths = [0, 500, 7000, 600, 8000, 0, 700, 0, 0]
    fill(
        "health",
        [health(NOW - MINUTE, f"cam-{at}", spool_depth=depth) for at, depth in enumerate(depths)],
    )
    fill("alert", [alert("device_silent", NOW, "unheard")])
    found = ask("infrastructure-worst", NOW)
    names = [row["name"] for row in found]
    assert names == ["unheard", "gone", "lost", "cam-4", "cam-2", "cam-6"]
    assert {row["trouble"] for row in found} <= set(TROUBLES)


def test_what_waits_in_the_spools_of_a_city(ask: Any, fill: Any) -> None:
    chance = random.Random(4)
    rows = []
    most: dict[tuple[datetime, str, str], int] = defaultdict(int)
    for city, place in PLACES:
        for name in ("cam-1", "cam-2"):
            for _ in range(30):
                at = NOW - timedelta(seconds=chance.uniform(0, 4 * 3600))
                depth = chance.randrange(1000)
                rows.append(health(at, name, city=city, site=place, spool_depth=depth))
                slot = bin_of(at, QUARTER), city, name
                most[slot] = max(most[slot], depth)
    rows.append(health(NOW - MINUTE, "signal-1", spool_depth=None))
    fill("health", rows)
    fill("site", [site()])
    expected: dict[tuple[datetime, str], float] = defaultdict(float)
    for (bucket, city, _), depth in most.items():
        if bucket >= NOW - 3 * HOUR:
            expected[bucket, "Vị Thanh" if city == "vithanh" else city] += depth
    found = ask("infrastructure-spool", NOW, hours=3)
    assert {(row["time"], row["metric"]): row["value"] for row in found} == dict(expected)


@pytest.mark.parametrize("seed", range(2))
def test_stalls_are_counted_across_restarts(ask: Any, fill: Any, seed: int) -> None:
    chance = random.Random(seed)
    rows, expected = [], Counter[str]()
    for number in range(8):
        place = f"site-{number}"
        for name in ("cam-1", "cam-2"):
            count = chance.randrange(20)
            before = None
            for step in range(12):
                at = bin_of(NOW, QUARTER) - (12 - step) * QUARTER + MINUTE
                if chance.random() < 0.1:
                    count = 0
                count += chance.choice([0, 0, 0, 1, 2])
                rows.append(health(at, name, site=place, stalls=count))
                if before is not None:
                    expected[place] += count - before if count >= before else count
                before = count
    fill("health", rows)
    fill("health", [health(NOW - MINUTE, "signal-1", stalls=None)])
    sites = [f"site-{number}" for number in range(8)]
    found = ask("infrastructure-stalls", NOW, hours=6, sites=sites)
    worst = sorted(expected.items(), key=lambda one: (-one[1], one[0]))[:6]
    assert [(row["name"], row["stalls"]) for row in found] == worst
    for row in found:
        stalls = row["stalls"]
        assert row["state"] == ("alarm" if stalls >= 20 else "warn" if stalls else "ok")


@pytest.mark.parametrize(("count", "state"), [(0, "ok"), (1, "warn"), (19, "warn"), (20, "alarm")])
def test_many_stalls_are_an_alarm(ask: Any, fill: Any, count: int, state: str) -> None:
    fill("health", [health(NOW - HOUR, stalls=7), health(NOW - 20 * MINUTE, stalls=7 + count)])
    fill("site", [site()])
    (found,) = ask("infrastructure-stalls", NOW, hours=6)
    assert (found["name"], found["stalls"], found["state"]) == ("Trần Hưng Đạo", count, state)
    assert found["as_of"] == bin_of(NOW - 20 * MINUTE, QUARTER)
