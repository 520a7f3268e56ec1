from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ioc.events import Phase
from simulator.places.vi_thanh import STOP, VI_THANH
from simulator.truth.act import Act
from simulator.truth.law import judge
from simulator.world import World
from tests.simulator.worlds import Ride, north, world

UP = math.pi / 2
MOUNT = VI_THANH.mounts[0]
Changes = tuple[tuple[str, float, Phase], ...]
RED: Changes = (("head-s", -5.0, "green"), ("head-s", 2.0, "red"))
REAR = 4.4 / 2 - 0.5
"""A car's rear axle is so far behind its middle."""


def acts(made: World, rule: str) -> list[Act]:
    return [act for act in judge(made, VI_THANH, MOUNT) if act.rule == rule]


def car(*speeds: tuple[float, float], x: float = 5.0, start: float = -60.0) -> Ride:
    return Ride("car", north(x, start, *speeds), UP)


def test_a_car_that_drives_through_on_red_acts_when_its_last_wheels_cross_the_line() -> None:
    made = world(VI_THANH, [car((0.0, 8.0))], changes=RED)
    (act,) = acts(made, "red_light")
    assert act.at_s == pytest.approx((60 - STOP + REAR) / 8, abs=1e-6)
    assert (act.head, act.lane, act.kind, act.plate) == ("head-s", "s-in-2", "car", "95A-123.00")
    assert act.speed_kmh == pytest.approx(8 * 3.6, abs=0.01)
    assert act.from_s == act.until_s == act.at_s
    assert not act.doubtful, act.why
    assert acts(made, "stop_line") == []


@given(speed=st.floats(4.0, 14.0), start=st.floats(-64.0, -52.0))
@settings(max_examples=30, deadline=None)
def test_the_instant_of_a_crossing_is_exact_whatever_the_speed(speed: float, start: float) -> None:
    made = world(VI_THANH, [car((0.0, speed), start=start)], changes=(("head-s", -9.0, "red"),))
    (act,) = acts(made, "red_light")
    assert act.at_s == pytest.approx((-STOP + REAR - start) / speed, abs=1e-5)


@pytest.mark.parametrize("changes", [
    (("head-s", -5.0, "green"),),
    (("head-s", -5.0, "green"), ("head-s", 5.0, "yellow"), ("head-s", 8.0, "red")),
    (("head-s", -5.0, "unknown"),),
])  # fmt: skip
def test_who_crosses_before_red_does_nothing(changes: Changes) -> None:
    made = world(VI_THANH, [car((0.0, 8.0))], changes=changes)
    assert acts(made, "red_light") == acts(made, "stop_line") == []


@pytest.mark.parametrize(
    ("after", "counted"), [(0.1, None), (0.35, True), (0.7, True), (0.9, False)]
)
def test_the_first_half_second_of_red_is_let_pass(after: float, counted: bool | None) -> None:
    crosses = (60 - STOP + REAR) / 8
    changes: Changes = (("head-s", -5.0, "green"), ("head-s", crosses - after, "red"))
    found = acts(world(VI_THANH, [car((0.0, 8.0))], changes=changes), "red_light")
    assert [act.doubtful for act in found] == ([] if counted is None else [counted])


def test_a_car_that_stops_before_the_line_or_with_its_last_wheels_on_it_does_nothing() -> None:
    # Its front is over the line, its rear axle 0.3 m before it.
    stops = (-STOP + REAR - 0.3 + 60) / 8
    made = world(VI_THANH, [car((0.0, 8.0), (stops, 0.0))], changes=RED)
    assert acts(made, "stop_line") == acts(made, "red_light") == []


def test_a_car_that_stops_beyond_the_line_on_red_acts_as_it_crosses() -> None:
    stops = (-STOP + REAR + 2.0 + 60) / 8
    made = world(VI_THANH, [car((0.0, 8.0), (stops, 0.0))], changes=RED)
    (act,) = acts(made, "stop_line")
    assert act.at_s == pytest.approx((-STOP + REAR + 60) / 8, abs=1e-6)
    assert not act.doubtful, act.why
    assert acts(made, "red_light") == []


def test_a_stop_beyond_the_line_that_green_ends_at_once_is_none() -> None:
    stops = (-STOP + REAR + 2.0 + 60) / 8
    changes: Changes = (*RED, ("head-s", stops + 0.2, "green"))
    assert (
        acts(world(VI_THANH, [car((0.0, 8.0), (stops, 0.0))], changes=changes), "stop_line") == []
    )


def test_who_waits_beyond_the_line_and_leaves_on_red_acts_as_it_leaves() -> None:
    stops = (-STOP + REAR + 2.0 + 60) / 8
    made = world(VI_THANH, [car((0.0, 8.0), (stops, 0.0), (stops + 5, 5.0))], changes=RED)
    (left,) = acts(made, "red_light")
    # It has left once it is a quarter of its box away in the picture: some two metres of road.
    assert stops + 5.2 < left.at_s < stops + 5.5
    assert not left.doubtful, left.why
    assert len(acts(made, "stop_line")) == 1


def test_who_waits_beyond_the_line_for_green_did_not_run_it() -> None:
    stops = (-STOP + REAR + 2.0 + 60) / 8
    changes: Changes = (*RED, ("head-s", stops + 4.9, "green"))
    made = world(VI_THANH, [car((0.0, 8.0), (stops, 0.0), (stops + 5, 5.0))], changes=changes)
    assert acts(made, "red_light") == []
    assert len(acts(made, "stop_line")) == 1


def test_an_act_just_before_the_clip_ends_is_doubtful() -> None:
    made = world(VI_THANH, [car((0.0, 8.0))], seconds=7.5, changes=RED)
    assert [act.doubtful for act in acts(made, "red_light")] == [True]


def test_each_vehicle_is_judged_on_its_own() -> None:
    rides = [
        car((0.0, 8.0), x=1.6),
        Ride("motorcycle", north(8.0, -60.0, (0.0, 8.0)), UP),
        car((0.0, 8.0), (5.0, 0.0), x=5.0),
    ]
    made = world(VI_THANH, rides, changes=RED)
    assert sorted((act.body, act.lane) for act in acts(made, "red_light")) == [
        (0, "s-in-1"), (1, "s-in-3"),
    ]  # fmt: skip


def test_hidden_through_the_act_is_doubtful() -> None:
    made = world(VI_THANH, [car((0.0, 8.0))], changes=RED)
    hidden = np.asarray(0.2 * made.present, np.float64)
    found = [act for act in judge(made, VI_THANH, MOUNT, hidden) if act.rule == "red_light"]
    assert all(act.doubtful for act in found)
