from __future__ import annotations

import dataclasses
import sys
from collections import Counter

import numpy as np
import pytest

from ioc.errors import ConfigError
from simulator.conditions import Conditions
from simulator.places import PLACES, place_of
from simulator.traffic.simulation import simulate
from simulator.traffic.staging import overlaps
from simulator.world import World
from vision.plate.grammar import understand

pytest.importorskip("libsumo")

SEEDS = (1, 2)


@pytest.fixture(scope="module")
def worlds() -> dict[tuple[str, int], World]:
    return {
        (place.city, seed): simulate(place, seed, 60.0, Conditions())
        for place in PLACES.values()
        for seed in SEEDS
    }


def _columns(world: World, rule: str) -> list[int]:
    return [intent.body for intent in world.intents if intent.rule == rule]


def test_the_same_seed_gives_the_same_arrays_and_another_does_not() -> None:
    place = place_of("ngabay")
    one, again, other = (simulate(place, seed, 8.0, Conditions()) for seed in (5, 5, 6))
    for field in dataclasses.fields(World):
        a, b = getattr(one, field.name), getattr(again, field.name)
        if isinstance(a, np.ndarray):
            np.testing.assert_array_equal(a, b)
        else:
            assert a == b
    assert one.x.shape != other.x.shape or not np.array_equal(one.x, other.x, equal_nan=True)


def test_everybody_is_numbered_and_is_either_there_or_nowhere(
    worlds: dict[tuple[str, int], World],
) -> None:
    for world in worlds.values():
        assert [body.id for body in world.bodies] == list(range(len(world.bodies)))
        assert world.present.any(axis=0).all()
        for values in (world.x, world.y, world.heading, world.speed):
            assert (np.isfinite(values) == world.present).all()
        assert not world.braking[~world.present].any()


def test_most_are_motorcycles_and_every_class_comes(worlds: dict[tuple[str, int], World]) -> None:
    kinds = Counter(body.kind for world in worlds.values() for body in world.bodies)
    driving = sum(kinds.values()) - kinds["pedestrian"]
    assert 0.66 <= kinds["motorcycle"] / driving <= 0.85
    wanted = {"car", "truck", "bus", "bicycle", "three_wheeler", "pedestrian"}
    assert wanted <= set(kinds)


def test_no_two_bodies_lie_in_each_other(worlds: dict[tuple[str, int], World]) -> None:
    from simulator.traffic.motion import Motion

    for world in worlds.values():
        motion = Motion(world.x, world.y, world.heading, world.speed, world.braking)
        assert not overlaps(motion, world.bodies)


def test_nobody_jumps_or_spins(worlds: dict[tuple[str, int], World]) -> None:
    for world in worlds.values():
        vehicles = [body.id for body in world.bodies if body.kind != "pedestrian"]
        x, y, heading = (v[:, vehicles] for v in (world.x, world.y, world.heading))
        step = np.hypot(np.diff(x, axis=0), np.diff(y, axis=0))
        assert np.nanmax(step) * world.rate < 90 / 3.6
        turn = np.abs(np.diff(heading, axis=0)) * world.rate
        assert np.nanmax(turn) < np.radians(120)
        # Wheels roll: where one drives, it drives the way it points.
        way = np.arctan2(np.diff(y, axis=0), np.diff(x, axis=0))
        slip = np.abs(np.angle(np.exp(1j * (way - heading[:-1]))))
        assert np.nanpercentile(slip[step * world.rate > 1.5], 99.5) < np.radians(25)


def test_plates_are_read_as_what_they_say_and_no_two_are_the_same(
    worlds: dict[tuple[str, int], World],
) -> None:
    for world in worlds.values():
        plates = [body.plate for body in world.bodies if body.plate is not None]
        assert len({plate.text for plate in plates}) == len(plates)
        for plate in plates:
            meaning = understand(
                tuple(line.replace("-", "").replace(".", "") for line in plate.lines)
            )
            assert meaning is not None
            assert meaning.text == plate.text
            assert plate.colour in meaning.colours
        for body in world.bodies:
            assert (body.plate is None) == (body.kind in ("bicycle", "pedestrian"))


def test_only_those_who_mean_to_ride_without_a_helmet(
    worlds: dict[tuple[str, int], World],
) -> None:
    for world in worlds.values():
        bare = {
            body.id for body in world.bodies
            if body.kind == "motorcycle" and not all(body.helmets)
        }  # fmt: skip
        assert bare == set(_columns(world, "no_helmet"))
        assert bare


@pytest.mark.parametrize(
    ("city", "rules"),
    [
        ("vithanh", {"red_light", "stop_line", "wrong_lane", "wrong_way", "no_helmet"}),
        (
            "ngabay",
            {"speeding", "illegal_parking", "no_entry", "illegal_turn", "wrong_way", "no_helmet"},
        ),
    ],
)
def test_every_rule_that_is_watched_is_broken(
    worlds: dict[tuple[str, int], World], city: str, rules: set[str]
) -> None:
    counts = Counter(i.rule for seed in SEEDS for i in worlds[city, seed].intents)
    assert set(counts) == rules
    assert all(count >= len(SEEDS) for count in counts.values()), counts


def test_who_keeps_to_the_law_keeps_to_the_limit(worlds: dict[tuple[str, int], World]) -> None:
    for seed in SEEDS:
        world = worlds["ngabay", seed]
        fastest = np.nanmax(world.speed, axis=0) * 3.6
        speeders = _columns(world, "speeding")
        assert (fastest[speeders] >= 62).all()
        # Who gave up before the camera saw it is no speeder; it is slow where it is seen.
        seen = np.abs(world.x) < 20
        there = np.nanmax(np.where(seen, world.speed, 0.0), axis=0) * 3.6
        lawful = np.setdiff1d(np.arange(len(world.bodies)), speeders)
        assert (there[lawful] <= 50).mean() > 0.96
        assert np.sum(there[lawful] > 45) >= 3


def test_red_is_run_on_red_and_the_line_is_overrun_at_rest(
    worlds: dict[tuple[str, int], World],
) -> None:
    for seed in SEEDS:
        world = worlds["vithanh", seed]
        reds = [at for head, at, phase in world.changes if (head, phase) == ("head-s", "red")]
        fronts = world.point(np.zeros(len(world.bodies)))[..., 1]
        rears = world.point(np.array([b.length - b.rear_axle for b in world.bodies]))[..., 1]
        for body in _columns(world, "red_light"):
            crossed = np.flatnonzero(fronts[:, body] > -14.0)[0] / world.rate
            assert min(crossed - at for at in reds if at < crossed) < 5
        for body in _columns(world, "stop_line"):
            rests = (world.speed[:, body] < 0.2) & (rears[:, body] > -14.0)
            assert rests.sum() / world.rate >= 3
            assert 0.7 <= np.median(rears[rests, body]) + 14.0 <= 3.0


def test_changes_tell_the_phases_exactly(worlds: dict[tuple[str, int], World]) -> None:
    world = worlds["vithanh", 1]
    names = ("unknown", "green", "yellow", "red")
    for column, head in enumerate(world.heads):
        mine = [(at, phase) for name, at, phase in world.changes if name == head]
        assert mine[0][0] <= 0
        for step in range(world.steps):
            last = [phase for at, phase in mine if at <= step / world.rate + 1e-9][-1]
            assert names[world.phases[step, column]] == last


def test_without_sumo_the_user_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "libsumo", None)
    with pytest.raises(ConfigError, match=r"pip install .*sim"):
        simulate(place_of("vithanh"), 1, 2.0)


@pytest.mark.parametrize(("seed", "seconds"), [(1, 0.0), (1, 1e6), (-1, 10.0), (1, float("nan"))])
def test_arguments_out_of_range_are_refused(seed: int, seconds: float) -> None:
    with pytest.raises(ConfigError, match="give"):
        simulate(place_of("vithanh"), seed, seconds)
