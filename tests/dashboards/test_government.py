"""Screen 6: what digital government reached of what the year asks, and the files that are late."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from dashboards.screens.government import SCREEN
from ioc.clock import VIETNAM
from ioc.indicators import Indicator, indicators
from tests.dashboards.rows import Row, reading

NOW = datetime(2026, 11, 22, 5, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
LATE = "gov.late_files"
SHARES = [one for one in indicators() if one.unit == "%"]


def _catalogue() -> list[Row]:
    return [
        {
            "quantity": one.quantity, "position": at, "name_vi": one.name.vi,
            "name_en": one.name.en, "unit": one.unit, "target": one.target, "better": one.better,
            "year": one.year, "source": one.source,
        }
        for at, one in enumerate(indicators())
    ]  # fmt: skip


def _said(at: datetime, value: float, quantity: str, **more: Any) -> Row:
    where = {"city": "haugiang", "site": "lgsp", "unit": "%", **more}
    return reading(at, value, "indicators", quantity, **where)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=VIETNAM)


def _day(at: datetime) -> date:
    return at.astimezone(VIETNAM).date()


EMPTY: Mapping[str, list[dict[str, Any]]] = {
    "government-summary": [
        {
            "state": "none", "reached": None, "missed": None, "unknown": None, "oldest": None,
            "as_of": None,
        }
    ],
    "government-late": [
        {"state": "none", "late": None, "change": None, "target": None, "as_of": None}
    ],
}  # fmt: skip


@pytest.mark.parametrize("tile", SCREEN.tiles, ids=lambda tile: tile.id)
def test_nothing_known_is_no_error(ask: Any, tile: Any) -> None:
    assert ask(tile.query, NOW) == EMPTY.get(tile.query, [])


def test_targets_without_values_are_shown_as_unknown(ask: Any, fill: Any) -> None:
    fill("indicator", _catalogue())
    found = ask("government-targets", NOW)
    assert [row["name"] for row in found] == [one.name.vi for one in SHARES]
    assert {(row["value"], row["state"], row["as_of"]) for row in found} == {(None, "none", None)}
    (summary,) = ask("government-summary", NOW)
    assert (summary["state"], summary["reached"], summary["unknown"]) == (
        "none", None, len(indicators()),
    )  # fmt: skip
    assert ask("government-trend", NOW, hours=720) == []
    assert ask("government-late-days", NOW, hours=720) == []


@pytest.mark.parametrize(
    ("value", "state"),
    [(95.0, "ok"), (94.999, "warn"), (85.0, "warn"), (84.999, "alarm"), (100.0, "ok")],
)
def test_a_share_is_held_against_its_target(ask: Any, fill: Any, value: float, state: str) -> None:
    fill("indicator", _catalogue())
    fill("reading", [_said(NOW - HOUR, value, "gov.full_online_services")])
    found = ask("government-targets", NOW)[0]
    assert (found["value"], found["target"], found["state"]) == (value, 95, state)
    assert found["as_of"] == NOW - HOUR


def test_the_newest_good_value_counts(ask: Any, fill: Any) -> None:
    fill("indicator", _catalogue())
    name = "gov.online_files"
    fill(
        "reading",
        [
            _said(NOW - 3 * HOUR, 10, name),
            _said(NOW - 2 * HOUR, 61, name, city="other"),
            _said(NOW - HOUR, 99, name, quality="bad"),
            _said(NOW - 30 * MINUTE, 98, name, quality="suspect"),
            _said(NOW - 41 * DAY, 50, "gov.satisfaction"),
            _said(NOW + 3 * MINUTE, 70, "gov.vneid_sign_in", received=NOW - HOUR),
        ],
    )
    found = {row["name"]: row for row in ask("government-targets", NOW)}
    online = found["Hồ sơ nộp trực tuyến"]
    assert (online["value"], online["state"], online["as_of"]) == (61, "ok", NOW - 2 * HOUR)
    assert found["Mức độ hài lòng của người dân"]["state"] == "none", "older than 40 days"
    assert found["Đăng nhập bằng VNeID"]["as_of"] == NOW - HOUR, "a clock ahead gains nothing"


@pytest.mark.parametrize("seed", range(3))
def test_targets_and_their_summary(ask: Any, fill: Any, seed: int) -> None:
    chance = random.Random(seed)
    rows = []
    newest: dict[Indicator, tuple[datetime, float]] = {}
    for one in indicators():
        if chance.random() < 0.2:
            continue
        for _ in range(4):
            at = NOW - timedelta(days=chance.uniform(0.01, 39))
            value = round(chance.uniform(40, 100), 1) if one.unit == "%" else chance.randrange(9)
            quality = chance.choice(["good", "good", "bad"])
            rows.append(_said(at, value, one.quantity, quality=quality))
            if quality == "good" and (one not in newest or newest[one][0] < at):
                newest[one] = (at, value)
    fill("indicator", _catalogue())
    fill("reading", rows)
    found = {row["name"]: row for row in ask("government-targets", NOW)}
    for one in SHARES:
        row = found[one.name.vi]
        assert row["target"] == one.target
        if one not in newest:
            assert (row["value"], row["as_of"], row["state"]) == (None, None, "none")
            continue
        at, value = newest[one]
        short = "warn" if one.target - value <= 10 else "alarm"
        assert (row["value"], row["as_of"]) == (value, at)
        assert row["state"] == ("ok" if one.reached(value) else short)
    (summary,) = ask("government-summary", NOW)
    reached = sum(one.reached(value) for one, (_, value) in newest.items())
    assert summary == {
        "state": "warn", "reached": reached, "missed": len(newest) - reached,
        "unknown": len(indicators()) - len(newest),
        "oldest": min(at for at, _ in newest.values()),
        "as_of": max(at for at, _ in newest.values()),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("short", "left_out", "state"), [(0, 0, "ok"), (0, 1, "none"), (1, 0, "warn"), (1, 1, "warn")]
)
def test_the_summary_is_judged(ask: Any, fill: Any, short: int, left_out: int, state: str) -> None:
    fill("indicator", _catalogue())
    told = indicators()[left_out:]
    rows = [_said(NOW - HOUR, one.target, one.quantity) for one in told]
    rows += [_said(NOW - MINUTE, told[0].target - 0.1, told[0].quantity)][:short]
    fill("reading", rows)
    (found,) = ask("government-summary", NOW)
    assert (found["state"], found["missed"], found["unknown"]) == (state, short, left_out)


@pytest.mark.parametrize(
    ("now", "before", "state", "change"),
    [
        (0, 4, "ok", -4),
        (3, 4, "warn", -1),
        (3, 3, "warn", 0),
        (4, 3, "alarm", 1),
        (4, None, "warn", None),
    ],
)
def test_late_files_beside_those_of_a_week_before(
    ask: Any, fill: Any, now: int, before: int | None, state: str, change: int | None
) -> None:
    fill("indicator", _catalogue())
    rows = [_said(NOW - HOUR, now, LATE), _said(NOW - 5 * DAY, 77, LATE)]
    if before is not None:
        rows += [_said(NOW - HOUR - 7 * DAY, before, LATE), _said(NOW - 9 * DAY, 55, LATE)]
    fill("reading", rows)
    (found,) = ask("government-late", NOW)
    assert found == {
        "state": state, "late": now, "change": change, "target": 0, "as_of": NOW - HOUR,
    }  # fmt: skip


def _days(rows: list[Row], quantity: str, since: datetime) -> dict[date, float]:
    values = defaultdict(list)
    for row in rows:
        if row["quantity"] == quantity and row["quality"] != "bad":
            values[_day(row["time"])].append(row["value"])
    return {day: sum(of) / len(of) for day, of in values.items() if _midnight(day) >= since}


def test_late_files_by_the_day_of_vietnam(ask: Any, fill: Any) -> None:
    chance = random.Random(5)
    rows = [
        _said(
            NOW - timedelta(hours=chance.uniform(0, 15 * 24)), chance.randrange(40), LATE,
            quality=chance.choice(["good", "suspect", "bad"]),
        )
        for _ in range(60)
    ]  # fmt: skip
    fill("indicator", _catalogue())
    fill("reading", rows)
    found = ask("government-late-days", NOW, hours=240)
    late = {row["time"]: row["value"] for row in found if row["metric"] == "late"}
    expected = _days(rows, LATE, NOW - 240 * HOUR)
    assert late == pytest.approx({_midnight(day): value for day, value in expected.items()})
    target = {row["time"]: row["value"] for row in found if row["metric"] == "~target"}
    assert target == dict.fromkeys(late, 0)


def test_the_four_that_miss_their_targets_most(ask: Any, fill: Any) -> None:
    chance = random.Random(6)
    rows = [
        _said(
            NOW - timedelta(days=day, hours=chance.uniform(0, 3)),
            one.target - at + chance.uniform(-0.4, 0.4), one.quantity,
        )
        for at, one in enumerate(SHARES)
        for day in range(6)
    ]  # fmt: skip
    # Far off a week ago, but not any more: the newest day counts.
    rows.append(_said(NOW - 8 * DAY, 1, SHARES[0].quantity))
    fill("indicator", _catalogue())
    fill("reading", rows)
    found = ask("government-trend", NOW, hours=720)
    lines = {(row["metric"], row["time"]): row["value"] for row in found}
    expected = {}
    for one in SHARES[-4:]:
        for day, value in _days(rows, one.quantity, NOW - 720 * HOUR).items():
            expected[one.name.vi, _midnight(day)] = value - one.target
            expected["~target", _midnight(day)] = 0
    assert lines == pytest.approx(expected)
    assert [row["time"] for row in found] == sorted(row["time"] for row in found)
