"""The overview: how old what is shown may be."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.dashboards.conftest import Ask, Fill
from tests.dashboards.loaded import ELSEWHERE, HV, NOW, THD, Die, Row, Site, minute_of, site_rows

HOUR = timedelta(hours=1)


@pytest.mark.parametrize("ahead", [60, 3600])
def test_a_clock_that_runs_ahead_makes_nothing_younger(ask: Ask, fill: Fill, ahead: float) -> None:
    die = Die(3)
    fill("site", site_rows())
    received = NOW - timedelta(seconds=200)
    at = received + timedelta(seconds=ahead)
    fill("device", [die.device(THD, "cam-1", received, last_time=at)])
    fill("flow", [die.flow(THD, "cam-1", at, "in-1", received=received)])
    fill("flow_minute", [die.minute(THD, "cam-1", minute_of(at), "in-1", level=5)])
    fill("sensor", [_sensor("water-1", 60)])
    fill("reading", [_reading(die, "water-1", at, received=received)])
    fill("violation", [die.violation(THD, NOW - HOUR, "red_light", received=received)])
    for query in ("overview-cities", "overview-congestion", "overview-map", "overview-violations"):
        (row,) = ask(query, NOW)
        assert row["as_of"] == received
    ages = {row["kind"]: row["as_of"] for row in ask("overview-ages", NOW)}
    assert ages["flow"] == ages["reading"] == ages["device"] == received


def _sensor(device: str, period_s: float, site: Site = THD) -> Row:
    return {
        **site._asdict(),
        "device": device,
        "quantity": "water_level",
        "unit": "m",
        "name_vi": device,
        "name_en": device,
        "period_s": period_s,
    }


def _reading(die: Die, device: str, at: datetime, site: Site = THD, **more: Any) -> Row:
    return {
        **die.event(site, device, at),
        "quantity": "water_level",
        "value": 1.0,
        "unit": "m",
        "quality": "good",
        **more,
    }


@pytest.mark.parametrize(
    ("ages", "sources", "late", "state"),
    [
        ([], 0, 0, "none"),
        ([90_000], 0, 0, "none"),  # a day ago is not at all
        ([85, 30], 2, 0, "ok"),
        ([95, 30], 2, 1, "warn"),
        ([95, 3000], 2, 2, "alarm"),
    ],
)
def test_the_age_of_what_cameras_count(
    ask: Ask, fill: Fill, ages: list[float], sources: int, late: int, state: str
) -> None:
    die = Die(6)
    for number, age in enumerate(ages):
        at = NOW - timedelta(seconds=age)
        fill("device", [die.device(THD, f"cam-{number}", at)])
        fill("flow", [die.flow(THD, f"cam-{number}", at - step * HOUR, "in-1") for step in (0, 1)])
        fill("flow_minute", [die.minute(THD, f"cam-{number}", minute_of(at), "in-1")])
    fill("device", [die.device(ELSEWHERE, "cam-1", NOW)])
    fill("flow", [die.flow(ELSEWHERE, "cam-1", NOW, "in-1")])
    row = ask("overview-ages", NOW)[0]
    heard = [age for age in ages if age < 86_400]
    assert row == {
        "kind": "flow",
        "state": state,
        "sources": sources,
        "late": late,
        "as_of": NOW - timedelta(seconds=min(heard)) if heard else None,
    }


@pytest.mark.parametrize(
    ("period_s", "age", "state"),
    [(10, 179, "ok"), (10, 181, "alarm"), (300, 899, "ok"), (300, 901, "alarm")],
)
def test_a_sensor_is_late_after_three_of_its_periods(
    ask: Ask, fill: Fill, period_s: float, age: float, state: str
) -> None:
    die = Die(7)
    at = NOW - timedelta(seconds=age)
    fill("sensor", [_sensor("water-1", period_s)])
    fill("reading", [_reading(die, "water-1", at), _reading(die, "water-1", at - HOUR)])
    row = ask("overview-ages", NOW)[1]
    assert (row["kind"], row["state"], row["as_of"]) == ("reading", state, at)


@pytest.mark.parametrize(("age", "state"), [(299, "ok"), (301, "alarm")])
def test_signals_and_devices_are_late_after_five_minutes(
    ask: Ask, fill: Fill, age: float, state: str
) -> None:
    die = Die(8)
    at = NOW - timedelta(seconds=age)
    fill("device", [die.device(HV, "lights-1", at)])
    more = {"head": "a", "phase": "red", "since": at}
    fill("signal", [{**die.event(HV, "lights-1", at), **more}])
    rows = ask("overview-ages", NOW)
    assert [row["kind"] for row in rows] == ["flow", "reading", "signal", "device"]
    for row in rows[2:]:
        assert (row["sources"], row["state"], row["as_of"]) == (1, state, at)
