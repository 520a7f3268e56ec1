from __future__ import annotations

import math
from dataclasses import replace

import pytest

from simulator.places.nga_bay import KERB, NGA_BAY
from simulator.places.vi_thanh import VI_THANH
from simulator.truth.act import Act
from simulator.truth.law import judge
from simulator.truth.outline import length_px
from simulator.truth.site_file import settings_of
from simulator.world import World
from tests.simulator.worlds import Ride, east, north, world

UP = math.pi / 2
GREEN = (("head-s", -5.0, "green"),)


def acts(made: World, rule: str) -> list[Act]:
    place = VI_THANH if made.place == VI_THANH.id else NGA_BAY
    return [act for act in judge(made, place, place.mounts[0]) if act.rule == rule]


def at_vi_thanh(*rides: Ride) -> World:
    return world(VI_THANH, rides, changes=GREEN)  # type: ignore[arg-type]


def test_a_rider_against_the_way_acts_where_the_least_travel_of_the_site_file_is_reached() -> None:
    made = at_vi_thanh(Ride("motorcycle", north(10.6, 0.0, (0.0, -4.0)), -UP))
    (act,) = acts(made, "wrong_way")
    assert (act.lane, act.doubtful) == ("s-in-4", False), act.why
    watch = next(one for one in VI_THANH.mounts[0].watches if one.rule == "wrong_way")
    least = settings_of(VI_THANH, VI_THANH.mounts[0], watch).min_travel_px
    # It comes into the lane at y = -14 with its front wheels, the nearest ones.
    front = -(act.at_s * 4) - (1.9 / 2 - 0.5)
    travelled = length_px(VI_THANH.mounts[0].lens, (10.6, -14.0), (10.6, front))
    assert travelled == pytest.approx(least, rel=0.25)


@pytest.mark.parametrize("ride", [
    Ride("motorcycle", north(10.6, -60.0, (0.0, 8.0)), UP),
    Ride("motorcycle", lambda at_s: (11.0 - 4 * at_s, -18.0), math.pi),
    Ride("motorcycle", north(-5.0, 20.0, (0.0, -8.0)), -UP),
])  # fmt: skip
def test_driving_along_across_or_beside_the_lanes_is_not_against_their_way(ride: Ride) -> None:
    assert acts(at_vi_thanh(ride), "wrong_way") == []


def test_a_car_in_the_two_wheelers_lane_is_flagged_and_a_motorcycle_is_not() -> None:
    made = at_vi_thanh(
        Ride("car", north(8.1, -60.0, (0.0, 6.0)), UP),
        Ride("motorcycle", north(8.1, -75.0, (0.0, 6.0)), UP),
        Ride("car", north(5.0, -60.0, (0.0, 6.0)), UP),
    )
    (act,) = acts(made, "wrong_lane")
    assert (act.body, act.lane, act.doubtful) == (0, "s-in-3", False), act.why


def test_a_car_that_only_leans_over_the_lanes_edge_is_at_most_doubtful() -> None:
    made = at_vi_thanh(Ride("car", north(6.9, -60.0, (0.0, 6.0)), UP))
    assert [act for act in acts(made, "wrong_lane") if not act.doubtful] == []


def driven(kmh: float, y: float = -5.0, kind: str = "car") -> World:
    return world(NGA_BAY, [Ride(kind, east(y, -60.0, (0.0, kmh / 3.6)), 0.0)])  # type: ignore[arg-type]


@pytest.mark.parametrize(("kmh", "found"), [
    (48.0, []), (52.0, []), (54.0, [True]), (56.0, [True]), (70.0, [False]), (85.0, [False]),
])  # fmt: skip
def test_speeding_begins_at_the_limit_and_its_tolerance(kmh: float, found: list[bool]) -> None:
    got = acts(driven(kmh), "speeding")
    assert [act.doubtful for act in got] == found, [act.why for act in got]
    assert all(act.speed_kmh == pytest.approx(kmh, abs=0.05) for act in got)


def test_a_short_burst_is_not_held_against_anybody() -> None:
    bursts = east(-5.0, -60.0, (0.0, 40 / 3.6), (3.6, 75 / 3.6), (3.9, 40 / 3.6))
    got = acts(world(NGA_BAY, [Ride("car", bursts, 0.0)]), "speeding")
    assert [act for act in got if not act.doubtful] == []


def test_a_rider_that_comes_back_along_the_shoulder_drives_against_its_way() -> None:
    rides = [Ride("motorcycle", east(-KERB + 1.2, 40.0, (0.0, -7.0)), math.pi)]
    (act,) = acts(world(NGA_BAY, rides), "wrong_way")
    assert (act.lane, act.doubtful) == ("eo-3", False), act.why


def test_bare_heads_go_on_for_as_long_as_they_are_seen() -> None:
    rides = [
        Ride("motorcycle", north(8.0, -60.0, (0.0, 6.0)), UP, helmets=(False,)),
        Ride("motorcycle", north(5.0, -60.0, (0.0, 6.0)), UP, helmets=(True, True)),
        Ride("motorcycle", north(2.0, -60.0, (0.0, 6.0)), UP, helmets=(True, False)),
    ]
    found = {act.body: act for act in acts(at_vi_thanh(*rides), "no_helmet")}
    assert sorted(found) == [0, 2]
    assert not found[0].doubtful and not found[2].doubtful, found[2].why
    # In the picture from y = -22 on; the head is in it a little earlier, for it is 1.5 m up.
    assert found[0].from_s == pytest.approx((60 - 23) / 6, abs=0.4)
    assert found[0].until_s > found[0].from_s + 2


def test_a_motorcycle_that_stands_with_a_bare_head_is_not_ridden() -> None:
    rides = [Ride("motorcycle", lambda _: (8.0, -18.0), UP, helmets=(False,))]
    assert acts(at_vi_thanh(*rides), "no_helmet") == []


def test_a_camera_judges_only_the_rules_that_it_watches() -> None:
    mount = replace(VI_THANH.mounts[0], watches=())
    made = at_vi_thanh(Ride("motorcycle", north(10.6, 0.0, (0.0, -4.0)), -UP))
    assert judge(made, VI_THANH, mount) == ()
