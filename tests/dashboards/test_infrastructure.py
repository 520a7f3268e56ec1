"""Screen 5: whether everything that is sent arrives, in time, and what is in its way."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dashboards.screens.infrastructure import CHECKS, DEAD, LEGS, SCREEN, TROUBLES
from ioc.decode import Reason
from tests.dashboards.rows import alert, boot, device, figure, health, letter, site

NOW = datetime(2026, 11, 22, 5, tzinfo=UTC)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
QUARTER = 15 * MINUTE
PLACES = [("vithanh", "tran-hung-dao"), ("ngabay", "hung-vuong")]


def _bin(time: datetime, width: timedelta) -> datetime:
    origin = datetime(2000, 1, 3, tzinfo=UTC)
    return origin + (time - origin) // width * width


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


# --- the core ----------------------------------------------------------------------------------


def _core(ask: Any) -> dict[str, Any]:
    rows = ask("infrastructure-core", NOW)
    assert [row["name"] for row in rows] == list(CHECKS)
    return {row["name"]: row for row in rows}


@pytest.mark.parametrize(
    ("name", "figures", "state", "value", "place"),
    [
        ("parts", [("bridge-1", "up", 1, 119)], "ok", 0, None),
        ("parts", [("bridge-1", "up", 1, 121)], "alarm", 1, "bridge-1"),  # nobody looks
        ("parts", [("bridge-1", "up", 0, 1)], "alarm", 1, "bridge-1"),
        ("parts", [("bridge-1", "up", 0, 20), ("bridge-1", "up", 1, 5)], "ok", 0, None),
        ("parts", [("b", "up", 1, 1), ("b", "connected", 0, 1), ("a", "ready", 0, 1)], "alarm", 2,
         "a, b"),
        ("parts", [("streams-0", "leader", 0, 1), ("streams-0", "ready", 1, 1)], "ok", 0, None),
        ("stalled", [("b", "stalled_s", 14.9, 1)], "ok", 14.9, "b"),
        ("stalled", [("b", "stalled_s", 15, 1), ("c", "stalled_s", 3, 1)], "warn", 15, "b"),
        ("stalled", [("b", "stalled_s", 60, 1)], "alarm", 60, "b"),
        ("stalled", [("b", "stalled_s", 60, 301)], "none", None, "b"),
        ("stalled", [("b", "stalled_s", 90, 400), ("c", "stalled_s", 0, 9)], "ok", 0, "c"),
        ("queue", [("kafka", "stream_lag_s", 29, 300)], "ok", 29, "kafka"),
        ("queue", [("kafka", "stream_lag_s", 30, 1)], "warn", 30, "kafka"),
        ("queue", [("kafka", "stream_lag_s", 300, 1)], "alarm", 300, "kafka"),
        ("jobs", [("database", "job_failures", 0, 1)], "ok", 0, "database"),
        ("jobs", [("database", "job_failures", 1, 1)], "warn", 1, "database"),
        ("jobs", [("database", "job_failures", 5, 1)], "alarm", 5, "database"),
        ("clock", [("host:a", "clock_offset_s", 0.0999, 1)], "ok", 99.9, "host:a"),
        ("clock", [("host:a", "clock_offset_s", 0.1, 1)], "warn", 100, "host:a"),
        ("clock", [("host:a", "clock_offset_s", 1, 1)], "alarm", 1000, "host:a"),
        ("clock", [("host:a", "clock_synchronised", 1, 1)], "none", None, None),
        ("clock", [("host:a", "clock_offset_s", 0.01, 1), ("host:b", "clock_synchronised", 0, 1)],
         "alarm", None, "host:b"),
    ],
)  # fmt: skip
def test_a_check_of_the_core(
    ask: Any, fill: Any, name: str, figures: Any, state: str, value: Any, place: str | None
) -> None:
    fill(
        "core_figure",
        [figure(part, what, NOW - age * SECOND, number) for part, what, number, age in figures],
    )
    found = _core(ask)[name]
    assert (found["state"], found["place"]) == (state, place)
    assert found["value"] == (pytest.approx(value) if value is not None else None)


def test_a_clock_that_nobody_holds_is_as_old_as_its_newest_look(ask: Any, fill: Any) -> None:
    ages = {"host:b": 2 * MINUTE, "host:c": MINUTE, "host:d": 6 * MINUTE}
    fill(
        "core_figure",
        [figure(host, "clock_synchronised", NOW - age, 0) for host, age in ages.items()],
    )
    found = _core(ask)["clock"]
    assert (found["place"], found["as_of"]) == ("host:b, host:c", NOW - MINUTE)


@pytest.mark.parametrize(
    ("share", "state"), [(0.79, "ok"), (0.8, "warn"), (0.89, "warn"), (0.9, "alarm")]
)
def test_the_fullest_disk_of_all_machines(ask: Any, fill: Any, share: float, state: str) -> None:
    at = NOW - MINUTE
    fill(
        "core_figure",
        [
            figure("host:a", "disk_used_share", at, 0.3, "evidence"),
            figure("host:a", "disk_used_share", at, share, "root"),
            figure("host:a", "disk_used_share", at - MINUTE, 0.99, "root"),
            figure("host:b", "disk_used_share", at - HOUR, 0.95, "root"),
        ],
    )
    found = _core(ask)["disk"]
    assert found["value"] == pytest.approx(share * 100)
    assert (found["state"], found["place"], found["as_of"]) == (state, "host:a root", at)


# --- series ------------------------------------------------------------------------------------


def test_the_worst_lag_of_each_five_minutes(ask: Any, fill: Any) -> None:
    chance = random.Random(3)
    expected: dict[tuple[datetime, str], float] = defaultdict(float)
    rows = []
    for name, part, leg in (
        ("latency_p95_s", "bridge-1", "ingest"),
        ("latency_p95_s", "bridge-2", "ingest"),
        ("event_age_p95_s", "streams-0", "stored"),
        ("stream_lag_s", "kafka", "waiting"),
    ):
        for _ in range(40):
            at = NOW - timedelta(seconds=round(chance.uniform(0, 7 * 3600), 3))
            value = chance.uniform(0, 40)
            rows.append(figure(part, name, at, value))
            if at >= NOW - 6 * HOUR:
                slot = _bin(at, 5 * MINUTE)
                expected[slot, leg] = max(expected[slot, leg], value)
                expected[slot, "~limit"] = 30
    rows.append(figure("kafka", "stream_lag_s", NOW - MINUTE, 999, "ioc.flow.v1"))
    fill("core_figure", rows)
    found = ask("infrastructure-lag", NOW, hours=6)
    assert {(row["time"], row["metric"]): row["value"] for row in found} == pytest.approx(
        dict(expected)
    )
    assert {row["metric"] for row in found} == set(LEGS)
    assert [row["time"] for row in found] == sorted(row["time"] for row in found)


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
                slot = _bin(at, QUARTER), city, name
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
                at = _bin(NOW, QUARTER) - (12 - step) * QUARTER + MINUTE
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
    assert found["as_of"] == _bin(NOW - 20 * MINUTE, QUARTER)


# --- dead letters ------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(2))
def test_dead_letters_by_reason(ask: Any, fill: Any, seed: int) -> None:
    chance = random.Random(seed)
    reasons = [str(reason) for reason in Reason]
    rows, counts, waiting = [], Counter[str](), Counter[str]()
    newest: dict[str, datetime] = {}
    for _ in range(120):
        at = NOW - timedelta(hours=chance.uniform(-1, 30))
        reason = chance.choice(reasons[: 4 + seed])
        again = NOW if chance.random() < 0.6 else None
        rows.append(letter(at, reason, again))
        if NOW - 24 * HOUR < at <= NOW:
            counts[reason] += 1
            waiting[reason] += again is None
            newest[reason] = max(at, newest.get(reason, at))
    fill("dead_letter", rows)
    found = ask("infrastructure-dead", NOW)
    expected = sorted(counts, key=lambda reason: (-counts[reason], reason))[:6]
    assert [row["reason"] for row in found] == expected
    for row in found:
        reason = row["reason"]
        assert (row["letters"], row["waiting"]) == (counts[reason], waiting[reason])
        assert row["as_of"] == newest[reason]


@pytest.mark.parametrize(("count", "state"), [(0, "ok"), (1, "warn"), (99, "warn"), (100, "alarm")])
def test_letters_not_sent_again_are_judged(ask: Any, fill: Any, count: int, state: str) -> None:
    fill("dead_letter", [letter(NOW - HOUR, "schema", NOW)])
    fill("dead_letter", [letter(NOW - HOUR, "schema") for _ in range(count)])
    (found,) = ask("infrastructure-dead", NOW)
    assert (found["letters"], found["waiting"], found["state"]) == (count + 1, count, state)


def test_no_dead_letter_is_good_news_while_somebody_looks(ask: Any, fill: Any) -> None:
    fill("core_figure", [figure("bridge-1", "set_aside", NOW - 30 * SECOND, 0)])
    (found,) = ask("infrastructure-dead", NOW)
    assert (found["reason"], found["state"]) == ("nothing", "ok")
    assert found["as_of"] == NOW - 30 * SECOND
