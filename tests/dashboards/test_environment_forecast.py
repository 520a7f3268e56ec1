"""Screen 4: a forecast of water that knows its own error."""

from __future__ import annotations

import math
import random
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from tests.dashboards.rows import bin_of, reading, sensor

NOW = datetime(2026, 11, 22, 5, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
QUARTER = 15 * MINUTE
TIDE = 24 * HOUR + 45 * MINUTE


def _levels(
    chance: random.Random, hours: float, height: float
) -> list[tuple[datetime, float, str]]:
    """Readings of a canal with a tide; some quarters have two, some a wrong one, some none."""
    said = []
    start = NOW - hours * HOUR
    for step in range(int(hours * 4)):
        begin = start + step * QUARTER
        hour = step / 4
        level = (
            height + 0.3 * math.sin(hour / 12.42 * math.tau) + 0.15 * math.cos(hour / 24 * math.tau)
        )
        for _ in range(chance.choice([1, 1, 1, 2])):
            at = begin + timedelta(seconds=chance.uniform(0, 899))
            said.append((at, level + chance.gauss(0, 0.02), "good"))
        if chance.random() < 0.05:
            said.append((begin + MINUTE, 40.0, "bad"))
        if chance.random() < 0.02 and step < hours * 4 - 8:
            said = [one for one in said if one[0] < begin]
    return said


def _expected(
    said: list[tuple[datetime, float, str]],
) -> tuple[datetime, float, list[float | None], list[float | None]]:
    """Base, level, forecasts and errors of a gauge, computed without SQL."""
    values = defaultdict(list)
    for at, value, quality in said:
        if quality != "bad":
            values[bin_of(at, QUARTER)].append(value)
    level = {bucket: sum(of) / len(of) for bucket, of in values.items() if bucket + QUARTER <= NOW}
    base = max(level)
    forecasts: list[float | None] = []
    errors: list[float | None] = []
    for hours in range(1, 7):
        past, then = level.get(base - TIDE + hours * HOUR), level.get(base - TIDE)
        known = past is not None and then is not None
        forecasts.append(past + level[base] - then if known else None)  # type: ignore[operator]
        missed = []
        for bucket in level:
            origin = bucket - hours * HOUR
            needed = (bucket, bucket - TIDE, origin, origin - TIDE)
            recent = bucket > NOW - 7 * 24 * HOUR and bucket.minute == 0
            if recent and all(one in level for one in needed):
                told = level[bucket - TIDE] + level[origin] - level[origin - TIDE]
                missed.append(level[bucket] - told)
        enough = len(missed) >= 24
        errors.append(math.sqrt(sum(one**2 for one in missed) / len(missed)) if enough else None)
    return base, level[base], forecasts, errors


@pytest.mark.parametrize("seed", [1, 2])
def test_the_forecast_and_its_error(ask: Any, fill: Any, seed: int) -> None:
    chance = random.Random(seed)
    gauges = {"canal": _levels(chance, 58, 0.6), "young": _levels(chance, 27, 0.5)}
    fill("sensor", [sensor("canal", raise_at=1.6), sensor("young", raise_at=1.5)])
    for name, said in gauges.items():
        rows = [reading(at, value, name, quality=quality) for at, value, quality in said]
        fill("reading", rows)
    found = {row["name"]: row for row in ask("environment-forecast", NOW)}
    assert len(found) == 2
    for name, said in gauges.items():
        row = found[f"Cảm biến {name}"]
        base, level, forecasts, errors = _expected(said)
        assert row["as_of"] == base + QUARTER
        assert row["value"] == pytest.approx(level)
        assert [row[f"h{hours}"] for hours in range(1, 7)] == [
            pytest.approx(one) if one is not None else None for one in forecasts
        ]
        for hours in (1, 6):
            expected = errors[hours - 1]
            assert row[f"error_{hours}"] == (pytest.approx(expected) if expected else None)
    assert found["Cảm biến canal"]["error_6"] is not None
    assert found["Cảm biến young"]["error_6"] is None
    assert found["Cảm biến young"]["state"] == "none", "an error that is not known is not none"


def _steady(level: float, *, last: datetime = NOW) -> list[Any]:
    """Two and a half days of one level: it forecasts itself with no error."""
    quarters = 58 * 4
    return [reading(last - (step + 1) * QUARTER, level) for step in range(quarters)]


@pytest.mark.parametrize(
    ("raise_at", "state"), [(1.0, "alarm"), (1.001, "ok"), (None, "none"), (0.0, "alarm")]
)
def test_a_forecast_at_the_limit_is_an_alarm(
    ask: Any, fill: Any, raise_at: float | None, state: str
) -> None:
    fill("sensor", [sensor(raise_at=raise_at)])
    fill("reading", _steady(1.0))
    (found,) = ask("environment-forecast", NOW)
    assert (found["h1"], found["h6"], found["error_6"], found["state"]) == (1.0, 1.0, 0.0, state)


def test_a_limit_within_twice_the_error_is_a_warning(
    ask: Any, fill: Any, wall: psycopg.Connection[Any]
) -> None:
    # A sluice that opens every 3 h 15 min, which no tide explains.
    rows = [
        reading(NOW - (step + 1) * QUARTER, 1.0 + 0.1 * (step // 13 % 2)) for step in range(58 * 4)
    ]
    fill("reading", rows)
    fill("sensor", [sensor()])
    (found,) = ask("environment-forecast", NOW)
    said = [(row["time"], row["value"], "good") for row in rows]
    _, _, levels, errors = _expected(said)
    reach = [
        (level or 0, (level or 0) + 2 * (error or 0))
        for level, error in zip(levels, errors, strict=True)
    ]
    highest, top = max(one for one, _ in reach), max(one for _, one in reach)
    assert top > highest + 0.1
    for raise_at, state in ((top - 1e-6, "warn"), (top + 1e-6, "ok"), (highest - 1e-6, "alarm")):
        wall.execute("UPDATE sensor SET raise_at = %s", [raise_at])
        (found,) = ask("environment-forecast", NOW)
        assert found["state"] == state


def test_the_four_gauges_most_at_risk(ask: Any, fill: Any) -> None:
    gauges = {"a": (0.5, 1.0), "b": (0.9, 1.0), "c": (0.2, 0.2), "d": (3.0, 6.1), "e": (0.6, 1.0)}
    fill("sensor", [sensor(name, raise_at=limit) for name, (_, limit) in gauges.items()])
    # The quarters that a forecast needs, and too few for its error.
    moments = [NOW - QUARTER, *(NOW - hours * HOUR for hours in range(19, 26))]
    for name, (level, _) in {**gauges, "unlimited": (9.0, None)}.items():
        fill("reading", [reading(at, level, name) for at in moments])
    found = ask("environment-forecast", NOW)
    assert [(row["name"], row["state"]) for row in found] == [
        ("Cảm biến c", "alarm"),
        ("Cảm biến b", "none"),
        ("Cảm biến e", "none"),
        ("Cảm biến a", "none"),
    ]
    assert [row["h6"] for row in found] == [pytest.approx(level) for level in (0.2, 0.9, 0.6, 0.5)]


@pytest.mark.parametrize(("late", "shown"), [(30 * MINUTE, True), (45 * MINUTE, False)])
def test_an_old_level_forecasts_nothing(ask: Any, fill: Any, late: timedelta, shown: bool) -> None:
    fill("sensor", [sensor()])
    fill("reading", _steady(0.5, last=NOW - late))
    found = ask("environment-forecast", NOW)
    assert len(found) == shown
    if shown:
        assert found[0]["as_of"] == NOW - late
