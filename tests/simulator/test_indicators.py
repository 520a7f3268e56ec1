"""A virtual administration: figures that can be true, seeded, and near their targets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from ioc.events import HealthData, ReadingData
from ioc.indicators import indicator_of, indicators
from ioc.settings import EdgeSettings, MqttSettings
from ioc.site import load_sites, sites_folder
from simulator.devices.fleet import devices_of
from simulator.devices.indicators import ADAPTER, IndicatorBehaviour, indicated

START = datetime(2026, 11, 22, 1, 0, tzinfo=UTC)


def said(seed: int, minutes: int, speed: float = 1.0) -> list[tuple[datetime, ReadingData]]:
    due = IndicatorBehaviour(START, seed, speed).due(START + timedelta(minutes=minutes))
    return [(at, data) for at, data in due if isinstance(data, ReadingData)]


def test_all_indicators_come_every_five_minutes() -> None:
    told = said(1, 15)
    names = [one.quantity for one in indicators()]
    assert [data.quantity for _, data in told] == names * 3
    assert {at - START for at, _ in told} == {timedelta(minutes=n) for n in (5, 10, 15)}
    assert len(said(1, 15, speed=5)) == 5 * len(told)


def test_it_is_healthy_like_any_device() -> None:
    due = IndicatorBehaviour(START, 1).due(START + timedelta(minutes=1))
    assert sum(isinstance(data, HealthData) for _, data in due) == 6


def test_the_same_seed_says_the_same_and_another_something_else() -> None:
    assert said(1, 60) == said(1, 60)
    assert said(1, 60) != said(2, 60)


def test_every_figure_can_be_true_and_some_targets_are_missed() -> None:
    reached = missed = 0
    for seed in range(20):
        for _, data in said(seed, 5):
            one = indicator_of(data.quantity)
            assert one is not None and data.unit == one.unit
            assert one.low <= data.value <= one.high
            assert abs(data.value - one.target) < 60
            if one.unit == "1":
                assert data.value == int(data.value)
            reached += one.reached(data.value)
            missed += not one.reached(data.value)
    assert reached > 20 and missed > 20


def test_figures_move_over_days_and_not_over_minutes() -> None:
    one = indicators()[0]
    now, soon = (indicated(one, START + timedelta(minutes=m), 3) for m in (0, 30))
    assert abs(now - soon) <= 0.2
    month = {indicated(one, START + timedelta(days=d), 3) for d in range(30)}
    assert len(month) > 5


def test_the_province_speaks_once_and_from_its_capital(tmp_path: Path) -> None:
    sites = load_sites(sites_folder())
    edge = EdgeSettings(spool_dir=tmp_path)
    for some, expected in ((sites, [ADAPTER]), (sites[:1], []), (sites[1:], [ADAPTER])):
        devices = devices_of(some, lambda _: MqttSettings(), edge, START)
        assert [device.path for device in devices if device.kind == "lgsp"] == expected
