"""A car lane (x 400-500) beside a motorcycle lane (x 500-600), both upwards in time to y = 900."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ioc.errors import ConfigError
from tests.vision.surveyed import calibration, seen_at
from tests.vision.trajectories import Path, rule_settings, scene, views, watch
from vision.rules.rule import Finding
from vision.rules.wrong_lane import WrongLane

ARROW = [[500, 0], [500, 900]]
CARS = {"id": "cars", "polygon": [[400, 0], [500, 0], [500, 900], [400, 900]],
        "direction": ARROW, "vehicles": ["car", "bus", "truck"]}  # fmt: skip
BIKES = {"id": "bikes", "polygon": [[500, 0], [600, 0], [600, 900], [500, 900]],
         "direction": ARROW, "vehicles": ["motorcycle", "bicycle"]}  # fmt: skip


def rule(*lanes: dict[str, Any], place: dict[str, Any] | None = None, **changes: Any) -> WrongLane:
    seen = scene(lanes=list(lanes) or [CARS, BIKES], **(place or {}))
    return WrongLane(seen, rule_settings("wrong_lane", **{"min_duration_s": 1.0, **changes}))


def drive(x: float = 450, *, track: int = 1, speed: float = 100, **more: Any) -> Path:
    return Path(track, ((0, x, 50), (800 / speed, x, 850)), **more)


def find(watcher: WrongLane, *paths: Path, rate: float = 25, **more: Any) -> list[Finding]:
    return watch(watcher, views(*paths, rate=rate, **more))


@settings(max_examples=15, deadline=None)
@given(st.sampled_from([6, 12.5, 25]), st.floats(85, 400))
def test_a_motorcycle_in_the_car_lane_is_flagged_once(rate: float, speed: float) -> None:
    (found,) = find(rule(), drive(speed=speed), rate=rate)

    assert (found.rule, found.lane, found.vehicle) == ("wrong_lane", "cars", "motorcycle")
    # After a second, by when it is more than 40 px along; its first box has no speed yet.
    assert found.act_s == pytest.approx(1.0, abs=1.01 / rate)
    assert found.reasons[0].startswith("Đi ")
    assert all(len(text) <= 200 for text in found.reasons)


def test_the_act_is_interpolated_where_the_way_is_the_longer_condition() -> None:
    (found,) = find(rule(min_travel_px=250), drive(), rate=6)

    assert found.act_s == pytest.approx(2.5)


def test_how_far_a_bus_is_inside_goes_by_its_front_where_the_road_is_surveyed() -> None:
    """Its box is as high and as long as the bus, and larger than the lane is wide."""
    corners = seen_at(np.array([(-1.9, 11.0), (1.9, 11.0), (1.9, 39.0), (-1.9, 39.0)])).tolist()
    lane = {"id": "bikes", "polygon": corners, "direction": [corners[3], corners[0]],
            "vehicles": ["motorcycle"]}  # fmt: skip
    near = seen_at(np.array([(0.0, 24.0), (0.0, 13.0)])).tolist()
    bus = Path(1, ((0, *near[0]), (3, *near[1])), "bus", side=380.0)

    (found,) = find(rule(lane, place={"calibration": calibration()}), bus)
    assert (found.lane, found.vehicle) == ("bikes", "bus")
    assert find(rule(lane), bus) == []


def test_the_last_metres_before_the_stop_line_count() -> None:
    """Nothing is beside it there: only ahead of it the lane ends."""
    cars = {**CARS, "polygon": [[400, 0], [500, 0], [500, 300], [400, 300]]}
    bikes = {**BIKES, "polygon": [[500, 0], [600, 0], [600, 300], [500, 300]]}
    late = Path(1, ((0, 450, 205), (1.2, 450, 298), (2.0, 450, 400)), side=100.0)

    (found,) = find(rule(cars, bikes, min_travel_px=80), late)
    assert found.lane == "cars"


def test_each_in_its_lane_is_right() -> None:
    assert find(rule(), drive(450, vehicle="car"), drive(550, track=2)) == []
    open_lane = {**CARS, "vehicles": []}
    assert find(rule(open_lane, BIKES), drive(450)) == []
    shared = {**BIKES, "polygon": CARS["polygon"]}
    assert find(rule(CARS, shared), drive(450)) == []


@settings(max_examples=25, deadline=None)
@given(st.floats(-20, 9), st.integers(0, 2**32 - 1), st.sampled_from([6, 25]))
def test_clipping_the_edge_is_nothing(over: float, seed: int, rate: float) -> None:
    assert find(rule(), drive(500 - over), jitter=0.3, seed=seed, rate=rate) == []


def test_overtaking_for_a_moment_is_nothing() -> None:
    aside = Path(1, ((0, 550, 50), (3, 550, 350), (3.3, 450, 380), (3.8, 450, 430), (4.1, 550, 460),
                     (7, 550, 800)))  # fmt: skip

    assert find(rule(), aside) == []


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([6, 25]))
def test_standing_in_the_lane_is_no_driving(seed: int, rate: float) -> None:
    stands = Path(1, ((0, 450, 300), (30, 450, 300)))

    assert find(rule(), stands, jitter=1.5, seed=seed, rate=rate) == []


def test_against_the_lane_is_another_rule() -> None:
    assert find(rule(), Path(1, ((0, 450, 850), (8, 450, 50)))) == []


@settings(max_examples=25, deadline=None)
@given(st.floats(0, 7), st.floats(0, 1.4), st.sampled_from([6, 25]))
def test_a_new_identity_or_an_occlusion_never_makes_two(
    at_s: float, gap: float, rate: float
) -> None:
    renamed = drive(renamed=((at_s, 5),), gone=((at_s, at_s + gap),))

    assert len(find(rule(), renamed, rate=rate)) == 1
    assert len(find(rule(), drive(hidden=((at_s, at_s + gap),)), rate=rate)) == 1


@settings(max_examples=15, deadline=None)
@given(st.floats(0.5, 7.5), st.sampled_from([6, 25]))
def test_swapped_identities_blame_only_the_one_in_the_wrong_lane(at_s: float, rate: float) -> None:
    wrong = drive(450, track=1, renamed=((at_s, 2),))
    right = drive(550, track=2, renamed=((at_s, 1),))

    found = find(rule(), wrong, right, rate=rate)

    assert all(f.lane == "cars" for f in found) and 1 <= len(found) <= 2


def test_two_abreast_are_two() -> None:
    assert len(find(rule(), drive(430, track=1), drive(472, track=2))) == 2


def test_in_a_jam_nobody_chooses_a_lane() -> None:
    jam = [Path(n, ((0, 450, 100.0 * n), (8, 450, 100.0 * n)), vehicle="car") for n in (2, 5, 8)]

    assert find(rule(congestion_vehicles=3), drive(), *jam) == []
    assert len(find(rule(congestion_vehicles=4), drive(), *jam)) == 1
    moving = [path.shifted(x=0) for path in (drive(470, track=9), drive(430, track=8))]
    assert len(find(rule(congestion_vehicles=1), drive(), *moving)) == 3


def test_guards_let_go() -> None:
    assert find(rule(least_score=0.7), drive()) == []
    assert find(rule(confirmations=900), drive()) == []
    assert find(rule(), drive(parts=("emergency",))) == []
    assert find(rule(exempt=["motorcycle"]), drive()) == []
    assert find(rule(), drive(vehicle="pedestrian")) == []


def test_flagged_again_only_after_the_cooldown() -> None:
    points = (
        (0, 450, 50),
        (4, 450, 450),
        (6, 700, 450),
        (8, 700, 50),
        (10, 450, 50),
        (14, 450, 450),
    )

    assert len(find(rule(cooldown_s=60), Path(1, points))) == 1
    assert len(find(rule(cooldown_s=5), Path(1, points))) == 2


def test_a_camera_without_such_lanes_is_refused() -> None:
    with pytest.raises(ConfigError, match="permitted vehicles"):
        rule({**CARS, "vehicles": []})


def test_vehicles_that_are_gone_leave_nothing_behind() -> None:
    watcher = rule(cooldown_s=3)
    find(watcher, *(drive(track=n).shifted(n * 1.0) for n in range(30)), until=60, rate=6)

    assert not watcher._runs and len(watcher._flagged) == 0
