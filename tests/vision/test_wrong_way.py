from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ioc.camera import RuleSettings
from tests.vision.paths import tracks
from vision.rules.rule import Finding, View
from vision.rules.wrong_way import WrongWay
from vision.scene import LaneArea, Scene

RATE = 25
NOON = datetime(2026, 11, 22, 5, tzinfo=UTC)


def lane(name: str = "a", top: float = 0, along: tuple[float, float] = (1, 0)) -> LaneArea:
    box = np.array([[0.0, top], [1000.0, top], [1000.0, top + 200], [0.0, top + 200]])
    return LaneArea(name, box, np.array(along, dtype=np.float64))


def rule(*lanes: LaneArea, **changes: float) -> WrongWay:
    scene = Scene(1000, 1000, 1.0, lanes or (lane(),), ())
    return WrongWay(scene, RuleSettings.model_validate({"rule": "wrong_way", **changes}))


Spot = tuple[int, float, float]


def watch(
    watcher: WrongWay, frames: list[list[Spot]], vehicle: str = "motorcycle"
) -> list[Finding]:
    found: list[Finding] = []
    before: dict[int, tuple[float, float]] = {}
    for number, spots in enumerate(frames):
        speed = [
            ((x - before[i][0]) * RATE, (y - before[i][1]) * RATE) if i in before else (0.0, 0.0)
            for i, x, y in spots
        ]
        before = {i: (x, y) for i, x, y in spots}
        seen = tracks(*spots, speed=speed, vehicle=vehicle)
        found += watcher.observe(View(seen, number / RATE, number, NOON))
    return found


def path(track: int, xs: list[float], y: float = 100) -> list[list[Spot]]:
    return [[(track, x, y)] for x in xs]


AGAINST = [900 - 4.0 * step for step in range(100)]
ALONG = [100 + 4.0 * step for step in range(100)]


def test_driving_the_permitted_way_is_never_flagged() -> None:
    assert watch(rule(), path(1, ALONG)) == []


def test_driving_against_it_is_flagged_once_with_the_interpolated_act() -> None:
    (found,) = watch(rule(min_travel_px=42), path(1, AGAINST))

    # 4 px a frame: 42 px are reached half way between frames 10 and 11
    assert found.act_s == pytest.approx(10.5 / RATE)
    assert (found.first_frame, found.last_frame) == (0, 13)  # 0.5 s are over at frame 13
    assert (found.rule, found.track, found.lane, found.vehicle) == (
        "wrong_way",
        1,
        "a",
        "motorcycle",
    )
    assert found.reasons[0] == (
        "Đi ngược chiều làn a 52 px trong 0.52 s / 52 px against the way of lane a"
    )


def test_a_person_on_foot_may_walk_either_way() -> None:
    assert watch(rule(), path(1, AGAINST), vehicle="pedestrian") == []


def test_outside_the_lane_nothing_is_flagged() -> None:
    assert watch(rule(), path(1, AGAINST, y=300)) == []


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_a_standing_vehicle_that_jitters_and_drifts_is_never_flagged(seed: int) -> None:
    rng = np.random.default_rng(seed)
    drift = -np.arange(1500) * 0.1  # 150 px in a minute: thrice the least travel
    xs = 500 + drift + rng.normal(0, 2, 1500)

    assert watch(rule(), path(1, xs.tolist())) == []


def test_crossing_the_lane_is_not_driving_against_it() -> None:
    frames: list[list[Spot]] = [[(1, 500 - 1.5 * step, 3.0 * step)] for step in range(60)]

    assert watch(rule(), frames) == []


def test_backing_up_a_little_is_a_manoeuvre_and_backing_up_far_is_not() -> None:
    there = [300 + 4.0 * step for step in range(50)]

    assert watch(rule(), path(1, there + [500 - 4.0 * step for step in range(15)])) == []
    back = path(1, there + [500 - 4.0 * step for step in range(45)])  # 176 px
    assert watch(rule(min_travel_px=100), back) == []
    (found,) = watch(rule(), back)
    assert "quay lại / drove the permitted way before" in found.reasons[-1]


def test_a_short_or_rarely_seen_run_is_not_enough() -> None:
    assert watch(rule(min_duration_s=3), path(1, AGAINST[:50])) == []
    assert watch(rule(confirmations=60), path(1, AGAINST[:50])) == []


def test_a_vehicle_that_is_lost_and_found_under_a_new_identity_is_flagged_once() -> None:
    gap: list[list[Spot]] = [[] for _ in range(20)]
    frames = path(1, AGAINST[:40]) + gap + path(2, AGAINST[60:])

    assert [f.track for f in watch(rule(), frames)] == [1]


def test_identities_swapped_with_an_oncoming_vehicle_flag_nobody_twice() -> None:
    frames: list[list[Spot]] = []
    for step in range(100):
        wrong, right = 700 - 4.0 * step, 300 + 4.0 * step
        first, second = (1, 2) if step < 50 else (2, 1)
        frames.append([(first, wrong, 100), (second, right, 110)])

    assert [f.track for f in watch(rule(), frames)] == [1]


def test_a_second_vehicle_close_behind_or_beside_is_flagged_too() -> None:
    frames: list[list[Spot]] = []
    for step in range(100):
        x = 700 - 4.0 * step
        frames.append([(1, x, 100), (2, x + 60, 100), (3, x + 10, 145)])

    assert sorted(f.track for f in watch(rule(), frames)) == [1, 2, 3]


def test_another_vehicle_that_comes_after_one_was_lost_is_flagged_too() -> None:
    frames = path(1, AGAINST[:40]) + path(2, [950 - 4.0 * step for step in range(40)])

    assert [f.track for f in watch(rule(), frames)] == [1, 2]


def test_the_same_vehicle_is_flagged_again_only_after_the_cooldown() -> None:
    away_and_again = AGAINST + [500.0 + 4 * step for step in range(100)] + AGAINST

    assert len(watch(rule(cooldown_s=60), path(1, away_and_again))) == 1
    assert len(watch(rule(cooldown_s=3), path(1, away_and_again))) == 2


def test_where_a_second_lane_permits_the_way_nothing_is_flagged() -> None:
    assert watch(rule(lane("a"), lane("b", along=(-1, 0))), path(1, AGAINST)) == []


def test_a_change_of_lane_against_the_way_is_still_one_violation() -> None:
    frames = path(1, AGAINST[:50], y=190) + path(1, AGAINST[50:], y=210)

    assert len(watch(rule(lane("a"), lane("b", top=200)), frames)) == 1


def test_vehicles_that_are_gone_leave_nothing_behind() -> None:
    watcher = rule()
    watch(watcher, [[(number, 900 - number % 100, 100)] for number in range(2000)])

    assert len(watcher._runs) <= 1 and len(watcher._lowest) <= 1


def test_guards_let_go() -> None:
    assert watch(rule(least_score=0.7), path(1, AGAINST)) == []
    watcher = WrongWay(
        Scene(1000, 1000, 1.0, (lane(),), ()),
        RuleSettings(rule="wrong_way", exempt=("motorcycle",)),
    )
    assert watch(watcher, path(1, AGAINST)) == []
