"""Screen 5: the core itself: its checks, its lag, its dead letters."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dashboards.screens.infrastructure import CHECKS, LEGS
from ioc.decode import Reason
from tests.dashboards.rows import bin_of, figure, letter

NOW = datetime(2026, 11, 22, 5, tzinfo=UTC)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


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
                slot = bin_of(at, 5 * MINUTE)
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
