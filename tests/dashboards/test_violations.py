"""Violations: what its queries say of loaded rows is what Python says of the same rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, get_args

import pytest

from ioc.events import Rule
from tests.dashboards.conftest import Ask, Fill, FillCases
from tests.dashboards.loaded import (
    CHOSEN,
    ELSEWHERE,
    HV,
    NOW,
    THD,
    Die,
    Row,
    Site,
    local,
    midnight,
    minute_of,
    name_of,
    place_of,
    site_rows,
)

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
WEEK = timedelta(days=7)
MONTH_H = 30 * 24
RULES: Sequence[Rule] = get_args(Rule)


def acts(die: Die, count: int, hours: float, before: datetime = NOW) -> list[Row]:
    """Violations at random instants."""
    return [
        die.violation(
            die.choice([*CHOSEN, ELSEWHERE]), die.before(before, hours * 3600), die.choice(RULES)
        )
        for _ in range(count)
    ]


def mine(rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if place_of(row) in CHOSEN]


def of_day(rows: Sequence[Row], now: datetime) -> list[Row]:
    """From the midnight before, in Vietnam, up to now."""
    return [row for row in mine(rows) if midnight(now) <= row["time"] <= now]


def camera(fill: Fill, die: Die, site: Site, heard: datetime | None) -> None:
    """A device that counts traffic."""
    fill("device", [die.device(site, "cam-1", heard)])
    fill("flow_minute", [die.minute(site, "cam-1", minute_of(NOW - HOUR), "in-1")])


@pytest.mark.parametrize("seed", range(3))
def test_by_kind_beside_a_week_ago(ask: Ask, fill: Fill, seed: int) -> None:
    die = Die(seed)
    rows = acts(die, 70, 20) + acts(die, 70, 20, NOW - WEEK)
    rows += [die.violation(THD, NOW + HOUR / 60, "speeding")]
    fill("violation", rows)
    camera(fill, die, THD, NOW - 9 * HOUR)
    found = ask("violations-rules", NOW)
    today = Counter(row["rule"] for row in of_day(rows, NOW))
    before = Counter(row["rule"] for row in of_day(rows, NOW - WEEK))
    assert {row["rule"]: (row["today"], row["last_week"]) for row in found} == {
        rule: (today[rule], before[rule]) for rule in RULES
    }
    assert [row["today"] for row in found] == sorted(today[rule] for rule in RULES)[::-1]
    newest = max(min(row["time"], row["received"]) for row in of_day(rows, NOW))
    assert {row["as_of"] for row in found} == {newest}


@pytest.mark.parametrize(
    ("today", "last_week", "state"),
    [
        (10, 1, "ok"),
        (11, 1, "warn"),
        (20, 1, "warn"),
        (21, 1, "alarm"),
        (29, 20, "ok"),
        (30, 20, "warn"),
        (40, 20, "alarm"),
        (9, 0, "ok"),
        (20, 0, "alarm"),
    ],
)
def test_a_kind_that_is_unusually_frequent(
    ask: Ask, fill: Fill, today: int, last_week: int, state: str
) -> None:
    die = Die(4)
    rows = [die.violation(THD, NOW - HOUR, "red_light") for _ in range(today)]
    rows += [die.violation(THD, NOW - WEEK - HOUR, "red_light") for _ in range(last_week)]
    rows += [die.violation(THD, NOW - 2 * WEEK, "speeding")]
    fill("violation", rows)
    found = {row["rule"]: row["state"] for row in ask("violations-rules", NOW)}
    assert found.pop("red_light") == state
    assert set(found.values()) == {"ok"}


def test_every_kind_has_its_place_before_there_is_any(ask: Ask, fill: Fill) -> None:
    found = ask("violations-rules", NOW)
    assert {row["rule"]: row["today"] for row in found} == dict.fromkeys(RULES)
    assert {(row["state"], row["as_of"]) for row in found} == {("none", None)}
    camera(fill, Die(1), THD, NOW)
    found = ask("violations-rules", NOW)
    assert {(row["today"], row["last_week"], row["state"]) for row in found} == {(0, None, "none")}


@pytest.mark.parametrize("seed", range(3))
def test_by_junction(ask: Ask, fill: Fill, seed: int) -> None:
    die = Die(seed)
    fill("site", site_rows())
    rows = acts(die, 60, 20) + acts(die, 60, 20, NOW - WEEK)
    fill("violation", rows)
    word = NOW - timedelta(seconds=3)
    camera(fill, die, HV, word)
    fill("alert", [die.alert(THD, "violation_surge", NOW - HOUR)])
    fill("alert", [die.alert(HV, "violation_surge", NOW - HOUR, cleared_at=NOW)])
    found = {row["name"]: row for row in ask("violations-sites", NOW)}
    assert found.keys() == {name_of(site) for site in CHOSEN}
    for site in CHOSEN:
        row = found[name_of(site)]
        today = [one for one in of_day(rows, NOW) if place_of(one) == site]
        before = [one for one in of_day(rows, NOW - WEEK) if place_of(one) == site]
        assert (row["today"], row["last_week"]) == (len(today), len(before))
        assert row["state"] == ("alarm" if site == THD else "ok")
        assert row["as_of"] == (max(one["time"] for one in today) if site == THD else word)


def test_the_twelve_junctions_with_most(ask: Ask, fill: Fill) -> None:
    die = Die(3)
    names = [f"s-{number:02}" for number in range(14)]
    for number, name in enumerate(names):
        site = Site("vithanh", name)
        fill("violation", [die.violation(site, NOW - HOUR, "speeding") for _ in range(number)])
        camera(fill, die, site, None)
    found = ask("violations-sites", NOW, sites=names)
    assert [row["name"] for row in found] == names[:1:-1]
    (quiet,) = ask("violations-sites", NOW, sites=names[:1])
    assert (quiet["today"], quiet["state"], quiet["as_of"]) == (0, "none", None)


@pytest.mark.parametrize("seed", range(3))
def test_weekday_and_hour_over_four_weeks(ask: Ask, fill: Fill, seed: int) -> None:
    die = Die(seed)
    rows = acts(die, 200, 31 * 24)
    edges = [midnight(NOW), midnight(NOW) - 28 * DAY]
    rows += [
        die.violation(THD, at - step, "speeding") for at in edges for step in (HOUR / 99, 0 * HOUR)
    ]
    fill("violation", rows)
    camera(fill, die, THD, NOW)
    found = ask("violations-hours", NOW)
    assert [row["weekday"] for row in found] == list("1234567")
    expected = Counter(
        (local(row["time"]).isoweekday(), local(row["time"]).hour)
        for row in mine(rows)
        if midnight(NOW) - 28 * DAY <= row["time"] < midnight(NOW)
    )
    for row in found:
        for hour in range(24):
            assert row[f"h{hour:02}"] == expected[int(row["weekday"]), hour]
        assert row["as_of"] == midnight(NOW)
    assert sum(expected.values()) > 60


def test_hours_are_known_up_to_the_last_word_of_a_camera(ask: Ask, fill: Fill) -> None:
    die = Die(2)
    fill("violation", [die.violation(THD, NOW - 3 * DAY, "speeding")])
    assert {row["as_of"] for row in ask("violations-hours", NOW)} == {None}
    camera(fill, die, THD, NOW - 2 * DAY)
    assert {row["as_of"] for row in ask("violations-hours", NOW)} == {NOW - 2 * DAY}


@pytest.mark.parametrize(
    ("seed", "began", "now"), [(1, 60, NOW), (2, 34, NOW), (3, 12, NOW), (4, 60, midnight(NOW))]
)
def test_the_trend_by_full_days(ask: Ask, fill: Fill, seed: int, began: int, now: datetime) -> None:
    die = Die(seed)
    fill("device", [die.device(site, "cam-1", now) for site in (*CHOSEN, ELSEWHERE)])
    rows = acts(die, 90, began * 24, now)
    rows += [die.violation(THD, midnight(now - began * DAY), "speeding")]
    fill("violation", rows)
    found = {
        (row["time"], row["metric"]): row["value"]
        for row in ask("violations-trend", now, hours=MONTH_H)
    }
    per_day = Counter(local(row["time"]).date() for row in mine(rows))
    first = min(per_day)
    expected: dict[tuple[datetime, str], Any] = {}
    for back in range(1, 31):
        start = midnight(now) - back * DAY
        if start < now - timedelta(hours=MONTH_H) or start.date() < first:
            continue
        expected[start, "day"] = per_day[start.date()]
        week = [start.date() - step * DAY for step in range(7)]
        if week[-1] >= first:
            expected[start, "~mean"] = pytest.approx(sum(per_day[day] for day in week) / 7)
    assert found == expected
    assert 0 in found.values() or began == 12  # a day without any is a day too


@pytest.mark.parametrize("seed", range(3))
def test_waiting_cases_by_stage_and_by_the_time_left(
    ask: Ask, fill_cases: FillCases, seed: int
) -> None:
    die = Die(seed)
    states = ["pending", "second", "blind", "disputed", "needs_more", "confirmed", "rejected"]
    cases = [
        die.case(
            die.choice([*CHOSEN, ELSEWHERE]),
            die.choice(states),
            NOW + timedelta(hours=die.uniform(-50, 300)),
        )
        for _ in range(60)
    ]
    fill_cases(cases)
    waiting = [case for case in mine(cases) if case["state"] in states[:4]]
    stages = Counter(case["state"] for case in waiting)
    assert ask("violations-pending", NOW) == [
        {
            "first": stages["pending"],
            "second": stages["second"] + stages["blind"],
            "disputed": stages["disputed"],
            "overdue": sum(case["deadline"] < NOW for case in waiting),
            "state": "alarm",
            "as_of": NOW,
        }
    ]
    bounds = {"overdue": -999, "day": 0, "three_days": 24, "week": 72, "later": 168, "": 999}
    found = ask("violations-deadlines", NOW)
    assert [row["due"] for row in found] == [*bounds][:-1]
    for row, low, high in zip(found, bounds.values(), list(bounds.values())[1:], strict=False):
        there = [
            case["deadline"]
            for case in waiting
            if low * HOUR <= case["deadline"] - NOW < high * HOUR
        ]
        assert (row["cases"], row["deadline"]) == (len(there), min(there, default=None))
        assert row["as_of"] == NOW


@pytest.mark.parametrize(
    ("left", "state", "due"),
    [
        (-1, "alarm", "overdue"),
        (0, "warn", "day"),
        (24 * 3600 - 1, "warn", "day"),
        (24 * 3600, "ok", "three_days"),
        (72 * 3600, "ok", "week"),
        (168 * 3600, "ok", "later"),
    ],
)
def test_states_of_what_waits(
    ask: Ask, fill_cases: FillCases, left: float, state: str, due: str
) -> None:
    fill_cases([Die(1).case(HV, "disputed", NOW + timedelta(seconds=left))])
    (row,) = ask("violations-pending", NOW)
    assert (row["disputed"], row["state"]) == (1, state)
    groups = {row["due"]: (row["cases"], row["state"]) for row in ask("violations-deadlines", NOW)}
    assert groups.pop(due) == (1, state)
    assert set(groups.values()) == {(0, "ok")}


def test_cases_of_elsewhere_are_no_cases_here(ask: Ask, fill_cases: FillCases) -> None:
    fill_cases([Die(1).case(ELSEWHERE, "pending", NOW - DAY)])
    (row,) = ask("violations-pending", NOW)
    assert (row["first"], row["overdue"], row["state"], row["as_of"]) == (None, None, "none", None)
    assert {(row["cases"], row["state"]) for row in ask("violations-deadlines", NOW)} == {
        (None, "none")
    }


@pytest.mark.parametrize("seed", range(3))
def test_reject_rates(ask: Ask, fill_cases: FillCases, seed: int) -> None:
    die = Die(seed)
    cases = []
    for _ in range(80):
        decided = die.before(NOW + 2 * DAY, 40 * 24 * 3600)
        state = die.choice(["confirmed", "rejected", "pending"])
        rules = die.sample(RULES[:3], die.randrange(1, 3))
        cases.append(
            die.case(
                die.choice([*CHOSEN, ELSEWHERE]),
                state,
                NOW,
                rules=rules,
                decided=None if state == "pending" else decided,
            )
        )
    fill_cases(cases)
    found = {row["rule"]: row for row in ask("violations-rejects", NOW, hours=MONTH_H)}
    said = [
        (rule, case)
        for case in mine(cases)
        for rule in case["rules"]
        if case["decided"] and NOW - 30 * DAY <= case["decided"] <= NOW
    ]
    assert found.keys() == {rule for rule, _ in said}
    for rule, row in found.items():
        decided_cases = [case for name, case in said if name == rule]
        rejected = sum(case["state"] == "rejected" for case in decided_cases)
        assert (row["decided"], row["rejected"]) == (len(decided_cases), rejected)
        assert row["rate"] == pytest.approx(rejected / len(decided_cases))
        assert row["as_of"] == max(case["decided"] for case in decided_cases)


@pytest.mark.parametrize(
    ("decided", "rejected", "state"),
    [
        (19, 19, "none"),
        (20, 3, "ok"),
        (20, 4, "warn"),
        (20, 7, "warn"),
        (20, 8, "alarm"),
        (25, 0, "ok"),
    ],
)
def test_a_rule_that_is_often_rejected(
    ask: Ask, fill_cases: FillCases, decided: int, rejected: int, state: str
) -> None:
    die = Die(1)
    states = ["rejected"] * rejected + ["confirmed"] * (decided - rejected)
    fill_cases([die.case(THD, one, NOW, decided=NOW - DAY) for one in states])
    (row,) = ask("violations-rejects", NOW, hours=MONTH_H)
    assert (row["rate"], row["state"]) == (rejected / decided, state)


def test_rules_with_enough_decisions_come_first(ask: Ask, fill_cases: FillCases) -> None:
    die = Die(1)
    few = [die.case(THD, "rejected", NOW, rules=["no_helmet"], decided=NOW - DAY)]
    more = [
        die.case(THD, "confirmed", NOW, rules=["speeding"], decided=NOW - DAY) for _ in range(20)
    ]
    fill_cases([*few, *more])
    found = ask("violations-rejects", NOW, hours=MONTH_H)
    assert [(row["rule"], row["state"]) for row in found] == [
        ("speeding", "ok"),
        ("no_helmet", "none"),
    ]
