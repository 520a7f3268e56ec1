from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from ioc.events import VehicleClass
from simulator.places.nga_bay import KERB, NGA_BAY
from simulator.truth.act import Act
from simulator.truth.law import judge
from simulator.world import World
from tests.simulator.worlds import Ride, east, north, world

UP = math.pi / 2
REAR = {"car": 4.4 / 2 - 0.5, "truck": 7.0 / 2 - 0.5}


def acts(made: World, rule: str) -> list[Act]:
    return [act for act in judge(made, NGA_BAY, NGA_BAY.mounts[0]) if act.rule == rule]


def parked(seconds: float, y: float = -8.0, arrives: float = 3.0) -> World:
    """A car that stops at x = 6 for so long and drives on."""
    start = 6.0 - 5.0 * arrives
    at = east(y, start, (0.0, 5.0), (arrives, 0.0), (arrives + seconds, 5.0))
    return world(NGA_BAY, [Ride("car", at, 0.0)], seconds=30.0)


@pytest.mark.parametrize(("seconds", "found"), [
    (6.0, []), (12.0, []), (14.0, [True]), (16.0, [True]), (20.0, [False]),
])  # fmt: skip
def test_standing_too_long_in_the_zone(seconds: float, found: list[bool]) -> None:
    got = acts(parked(seconds), "illegal_parking")
    assert [act.doubtful for act in got] == found, [act.why for act in got]
    assert all(act.at_s == pytest.approx(3.0, abs=0.09) for act in got)


def test_standing_beside_the_zone_is_allowed() -> None:
    assert acts(parked(20.0, y=-5.0), "illegal_parking") == []


def test_who_stood_there_when_the_clip_began_is_doubtful() -> None:
    made = world(NGA_BAY, [Ride("car", lambda _: (6.0, -8.0), 0.0)], seconds=30.0)
    assert [act.doubtful for act in acts(made, "illegal_parking")] == [True]


def into_market(speed: float = 5.0, until: float = 60.0) -> Callable[[float], tuple[float, float]]:
    return north(2.0, 0.0, (0.0, speed), (until, 0.0))


@pytest.mark.parametrize(("kind", "count"), [("truck", 1), ("car", 0)])
def test_only_the_classes_that_the_ban_names_may_not_enter(kind: VehicleClass, count: int) -> None:
    found = acts(world(NGA_BAY, [Ride(kind, into_market(), UP)]), "no_entry")
    assert len(found) == count


def test_entering_is_the_instant_at_which_the_last_wheels_cross_the_border() -> None:
    (act,) = acts(world(NGA_BAY, [Ride("truck", into_market(), UP)]), "no_entry")
    # Seen a little from the side, so the point lies between the middle and the rear axle.
    assert 11.0 / 5 < act.at_s <= (11.0 + REAR["truck"]) / 5 + 1e-6


def test_a_lorry_that_only_noses_in_did_not_enter() -> None:
    stops = (11.0 + REAR["truck"] + 0.6) / 5
    found = acts(world(NGA_BAY, [Ride("truck", into_market(until=stops), UP)]), "no_entry")
    assert found == []


def turning(lane_y: float) -> Ride:
    """A car that comes eastwards and turns left into the market street at x = 2."""
    turn_s = (2.0 + 40.0) / 8

    def at(at_s: float) -> tuple[float, float]:
        return (-40 + 8 * at_s, lane_y) if at_s < turn_s else (2.0, lane_y + 5 * (at_s - turn_s))

    return Ride("car", at, 0.0)


def test_a_forbidden_turn_is_done_at_the_exit_line() -> None:
    made = world(NGA_BAY, [turning(-1.6)])
    made.heading[made.x >= 2.0 - 1e-9] = UP
    (act,) = acts(made, "illegal_turn")
    assert (act.lane, act.doubtful) == ("eb-1", False), act.why
    reaches = 42 / 8 + (KERB + 1.0 + 1.6) / 5
    assert reaches < act.at_s <= reaches + REAR["car"] / 5 + 1e-6


def test_straight_on_or_into_the_street_from_the_other_side_is_allowed() -> None:
    def right_turn(at_s: float) -> tuple[float, float]:
        turn_s = 28.0 / 8
        return (30 - 8 * at_s, 1.6) if at_s < turn_s else (2.0, 1.6 + 5 * (at_s - turn_s))

    straight = Ride("car", east(-1.6, -60.0, (0.0, 8.0)), 0.0)
    made = world(NGA_BAY, [straight, Ride("car", right_turn, math.pi)])
    made.heading[made.y > 1.7] = UP
    assert acts(made, "illegal_turn") == []
