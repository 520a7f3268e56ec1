"""The overview: violations against a week ago, and cases that wait."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ioc.clock import VIETNAM
from tests.dashboards.conftest import Ask, Fill, FillCases
from tests.dashboards.loaded import (
    CHOSEN,
    ELSEWHERE,
    NOW,
    THD,
    Die,
    midnight,
    minute_of,
    place_of,
)

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
WEEK = timedelta(days=7)


@pytest.mark.parametrize("hour", [0.3, 9.0, 23.9])
def test_violations_are_counted_by_the_day_of_vietnam(ask: Ask, fill: Fill, hour: float) -> None:
    die = Die(int(hour))
    now = midnight(NOW) + timedelta(hours=hour)
    times = [die.before(now, 30 * 3600) for _ in range(60)]
    times += [die.before(now - WEEK, 30 * 3600) for _ in range(60)]
    times += [now + timedelta(seconds=5), midnight(now), midnight(now) - WEEK]
    acts = [(die.choice([*CHOSEN, ELSEWHERE]), at) for at in times]
    fill("violation", [die.violation(site, at, "red_light") for site, at in acts])
    mine = [at for site, at in acts if site != ELSEWHERE]
    (row,) = ask("overview-violations", now)
    today = now.astimezone(VIETNAM).date()
    assert row["today"] == sum(at <= now and at.astimezone(VIETNAM).date() == today for at in mine)
    assert row["last_week"] == sum(
        at <= now - WEEK and (at + WEEK).astimezone(VIETNAM).date() == today for at in mine
    )
    assert row["hour"] == sum(now - HOUR < at <= now for at in mine)


@pytest.mark.parametrize(
    ("today", "last_week", "state"),
    [
        (0, 1, "ok"),
        (10, 1, "ok"),  # many times more, but few
        (11, 1, "warn"),
        (20, 1, "warn"),
        (21, 1, "alarm"),
        (29, 20, "ok"),
        (30, 20, "warn"),
        (39, 20, "warn"),
        (40, 20, "alarm"),
    ],
)
def test_more_violations_than_a_week_ago(
    ask: Ask, fill: Fill, today: int, last_week: int, state: str
) -> None:
    die = Die(4)
    fill("violation", [die.violation(THD, NOW - HOUR, "red_light") for _ in range(today)])
    fill("violation", [die.violation(THD, NOW - WEEK - HOUR, "speeding") for _ in range(last_week)])
    (row,) = ask("overview-violations", NOW)
    assert (row["today"], row["last_week"], row["state"]) == (today, last_week, state)


def test_the_first_week_has_nothing_to_compare_with(ask: Ask, fill: Fill) -> None:
    die = Die(4)
    rows = [die.violation(THD, NOW - 6 * DAY, "red_light")]
    rows += [die.violation(THD, NOW - HOUR, "red_light") for _ in range(50)]
    rows += [die.violation(ELSEWHERE, NOW - 8 * DAY, "red_light")]
    fill("violation", rows)
    (row,) = ask("overview-violations", NOW)
    assert (row["today"], row["last_week"], row["state"]) == (50, None, "none")


def test_violations_are_known_up_to_the_last_word_of_a_camera(ask: Ask, fill: Fill) -> None:
    die = Die(5)
    word = NOW - timedelta(seconds=40)
    fill("device", [die.device(THD, "cam-1", word)])
    fill("device", [die.device(THD, "water-1", NOW)])  # says nothing about what cameras see
    fill("flow_minute", [die.minute(THD, "cam-1", minute_of(word), "in-1")])
    (row,) = ask("overview-violations", NOW)
    assert (row["as_of"], row["today"], row["state"]) == (word, 0, "none")
    fill("violation", [die.violation(THD, word + timedelta(seconds=9), "red_light")])
    (row,) = ask("overview-violations", NOW)
    assert (row["as_of"], row["today"]) == (word + timedelta(seconds=10) - timedelta(seconds=1), 1)


@pytest.mark.parametrize("seed", range(3))
def test_cases_that_wait(ask: Ask, fill_cases: FillCases, seed: int) -> None:
    die = Die(seed)
    states = ["pending", "second", "blind", "disputed", "needs_more", "confirmed", "rejected"]
    cases = [
        die.case(
            die.choice([*CHOSEN, ELSEWHERE]),
            die.choice(states),
            NOW + timedelta(hours=die.uniform(-50, 100)),
        )
        for _ in range(40)
    ]
    fill_cases(cases)
    waiting = [c for c in cases if c["state"] in states[:4] and place_of(c) != ELSEWHERE]
    (row,) = ask("overview-review", NOW)
    assert row == {
        "waiting": len(waiting),
        "overdue": sum(case["deadline"] < NOW for case in waiting),
        "deadline": min(case["deadline"] for case in waiting),
        "state": "alarm",
        "as_of": NOW,
    }


@pytest.mark.parametrize(
    ("left", "state"), [(-1, "alarm"), (1, "warn"), (86_399, "warn"), (86_400, "ok")]
)
def test_a_deadline_comes_near(ask: Ask, fill_cases: FillCases, left: float, state: str) -> None:
    fill_cases([Die(1).case(THD, "pending", NOW + timedelta(seconds=left))])
    (row,) = ask("overview-review", NOW)
    assert (row["waiting"], row["overdue"], row["state"]) == (1, left < 0, state)


def test_all_cases_are_decided(ask: Ask, fill_cases: FillCases) -> None:
    fill_cases([Die(1).case(THD, "rejected", NOW - DAY, decided=NOW - DAY)])
    (row,) = ask("overview-review", NOW)
    assert row == {"waiting": 0, "overdue": 0, "deadline": None, "state": "ok", "as_of": NOW}
