"""Drivers who break a rule on purpose: who sets out for it, and how they are steered in SUMO.

SUMO's own means are used where it has them: a wish for speed above the limit, a route with a
forbidden turn, a class that may use lanes of others, a stop on the shoulder, a red light that is
no reason to stop. What it has no means for is laid over its result: ``overlays``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from ioc.events import Rule, VehicleClass
from simulator.place import Area, Place, Roadway
from simulator.traffic.demand import SLOW_MPS, Departure
from simulator.traffic.models import BY_NAME, Model, pick
from simulator.traffic.signal_plan import SignalPlan

PER_MINUTE: Final[dict[Rule, float]] = {
    "red_light": 2.0, "stop_line": 2.0, "wrong_lane": 2.0, "wrong_way": 2.0, "no_helmet": 3.0,
    "speeding": 3.0, "illegal_parking": 2.0, "no_entry": 2.0, "illegal_turn": 2.0,
}  # fmt: skip

WAY_S: Final = 12.0
"""From the world's edge to the junction at Ngã Bảy, at the usual 11 m/s."""
MARGIN_S: Final = 4.0
"""An act is aimed at no nearer to the clip's ends than this."""

SPEEDING_KMH: Final = (64.0, 85.0)

PARKED_S: Final = (21.5, 24.0)
PAUSED_S: Final = (2.5, 5.0)
"""Who stops in a no-parking zone only to let somebody off: no offence."""


def count_of(rule: Rule, seconds: float, rng: np.random.Generator) -> int:
    """How many acts of a rule a clip has: the rate, rounded up or down by chance."""
    mean = PER_MINUTE[rule] * seconds / 60
    return int(mean + rng.uniform())


def moments(
    count: int, seconds: float, rng: np.random.Generator, spread: float = 1.0
) -> list[float]:
    """When acts are to happen: one in each of ``count`` equal parts of the clip.

    Args:
        count: How many.
        seconds: Length of the clip.
        rng: Draws.
        spread: How much of its part an act may fall in, 0 to 1, about the part's middle.
    """
    room = max(seconds - 2 * MARGIN_S, 0.0)
    places = (0.5 + spread * float(rng.uniform(-0.5, 0.5)) for _ in range(count))
    return [MARGIN_S + room * (k + place) / count for k, place in enumerate(places)]


def watched(place: Place) -> set[Rule]:
    """The rules that some camera of a place watches."""
    return {watch.rule for mount in place.mounts for watch in mount.watches}


def add_offenders(
    place: Place,
    ordinary: Sequence[Departure],
    plan: SignalPlan,
    rng: np.random.Generator,
    seconds: float,
) -> list[Departure]:
    """All departures by time: the ordinary ones, some left out to make room, and offenders."""
    rules = watched(place)
    found: list[Departure] = []
    room: list[tuple[Roadway, int | None, float, float]] = []
    counts = {
        rule: count_of(rule, seconds, rng) if rule in rules else 0
        for rule in ("speeding", "illegal_turn")
    }
    if "illegal_parking" in rules:
        found += _parkers(place, rng, seconds)
    # Some are held up and give up; see DECIDED_M.
    counts["speeding"] += counts["speeding"] // 2
    slow = [one.time_s + WAY_S for one in found]
    # Who waits to turn left holds up who comes behind, so the two share out the clip.
    slots = moments(sum(counts.values()), seconds, rng, 0.5)
    for number, moment in zip(rng.permutation(len(slots)).tolist(), slots, strict=True):
        if number < counts["speeding"]:
            one = _speeder(place, moment, rng, any(-4 < moment - t < 8 for t in slow))
            # Nobody sets out 9 s before it in its lane, nor 4 s in another: it would catch up.
            room.append((one.origin, one.lane, one.time_s - 9.0, one.time_s + 0.8))
            room.append((one.origin, None, one.time_s - 4.0, one.time_s + 0.5))
        else:
            one = _turner(place, moment, rng)
            # Nor does traffic the other way that would keep it waiting.
            other = next(r for r in place.roadways if r.inbound and _facing(r, one.origin))
            room.append((other, None, moment - WAY_S - 2.0, moment - WAY_S + 5.0))
        found.append(one)
    if "no_entry" in rules:
        for moment in moments(count_of("no_entry", seconds, rng), seconds, rng):
            found.append(_intruder(place, moment, rng))
    if "wrong_lane" in rules:
        for moment in moments(count_of("wrong_lane", seconds, rng), seconds, rng):
            found.append(_stray(place, moment, rng))
    if "red_light" in rules:
        for one in _runners(place, plan, rng, seconds):
            found.append(one)
            room.append((one.origin, one.lane, one.time_s - 3.0, one.time_s + 1.0))
    for one in found:
        room.append((one.origin, one.lane, one.time_s - 1.2, one.time_s + 1.2))
    # A bicycle takes 20 s longer to the junction than they do.
    slow_room = [
        (one.origin, one.time_s - 22.0, one.time_s)
        for one in found
        if one.role == "speeding" or one.stop is not None
    ]
    kept = [
        one
        for one in ordinary
        if not any(
            one.origin is road and lane in (None, one.lane) and start <= one.time_s <= end
            for road, lane, start, end in room
        )
        and not any(
            one.model.top_mps < SLOW_MPS and one.origin is road and start <= one.time_s <= end
            for road, start, end in slow_room
        )
    ]
    return sorted([*kept, *found], key=lambda one: one.time_s)


def guarded(place: Place) -> list[Roadway]:
    """Inbound roadways whose stop line a camera watches."""
    lanes = {
        line.lane
        for line in place.lines
        if line.kind == "stop" and any(line.id in mount.lines for mount in place.mounts)
    }
    return [r for r in place.roadways if r.head and any(s.id in lanes for s in r.strips)]


def _opposite(place: Place, road: Roadway) -> Roadway:
    """Where traffic of an inbound roadway goes straight on to."""
    return next(r for r in place.roadways if not r.inbound and r.along @ road.along > 0.7)


def _driving(road: Roadway) -> list[int]:
    return [n for n, strip in enumerate(road.strips) if not strip.shoulder]


def _watched_road(place: Place, rule: Rule) -> Roadway:
    """The inbound roadway whose strips the camera of a rule draws."""
    mount = next(m for m in place.mounts if any(w.rule == rule for w in m.watches))
    return next(r for r in place.roadways if r.inbound and r.strips[0].id in mount.lanes)


def _facing(road: Roadway, other: Roadway) -> bool:
    return bool(road.along @ other.along < -0.7)


def _speeder(place: Place, moment: float, rng: np.random.Generator, inner: bool) -> Departure:
    road = _watched_road(place, "speeding")
    kinds: tuple[VehicleClass, ...] = ("motorcycle", "car", "truck", "bus", "three_wheeler")
    shares = (0.5, 0.28, 0.11, 0.07, 0.04)
    model = pick(rng, (kinds[int(rng.choice(5, p=shares))],))
    most = min(SPEEDING_KMH[1], model.top_mps * 3.6 - 1)
    speed = float(rng.uniform(min(SPEEDING_KMH[0], most), most)) / 3.6
    return Departure(
        moment - (road.length + 10) / speed, model, road, _opposite(place, road),
        0 if inner else int(rng.choice(_driving(road))), speed * 3.6 / road.limit_kmh, "speeding",
    )  # fmt: skip


def _turner(place: Place, moment: float, rng: np.random.Generator) -> Departure:
    turn = place.turns[int(rng.integers(len(place.turns)))]
    road = place.roadway_of(turn.lane)
    lane = [strip.id for strip in road.strips].index(turn.lane)
    model = pick(rng, ("motorcycle",) if rng.random() < 0.6 else ("car",))
    factor = float(rng.uniform(0.7, 0.85))
    return Departure(
        moment - road.length / (factor * road.limit_kmh / 3.6) - 2.5, model, road,
        _side(place, road, turn.kind), lane, factor, "illegal_turn", "+stray",
    )  # fmt: skip


def _side(place: Place, road: Roadway, kind: str) -> Roadway:
    """The outbound roadway to the left or right of an inbound one."""
    sign = 1.0 if kind == "left" else -1.0
    ux, uy = road.along
    return next(
        r for r in place.roadways
        if not r.inbound and sign * (ux * r.along[1] - uy * r.along[0]) > 0.7
    )  # fmt: skip


def _intruder(place: Place, moment: float, rng: np.random.Generator) -> Departure:
    area = next(a for a in place.areas if a.kind == "no_entry")
    middle = np.mean(area.outline, axis=0)
    target = min(
        (r for r in place.roadways if not r.inbound),
        key=lambda r: float(np.hypot(*(middle - np.array(r.at(r.length / 4, 2.0))))),
    )
    road = next(
        r for r in place.roadways
        if r.inbound and r.along[0] * target.along[1] - r.along[1] * target.along[0] < -0.7
    )  # fmt: skip
    names = ("light_lorry", "light_lorry", "lorry", "minibus")
    model = BY_NAME[names[int(rng.integers(len(names)))]]
    factor = float(rng.uniform(0.68, 0.85))
    return Departure(
        moment - road.length / (factor * road.limit_kmh / 3.6) - 4.0, model, road, target,
        _driving(road)[-1], factor, "no_entry",
    )  # fmt: skip


def _parkers(place: Place, rng: np.random.Generator, seconds: float) -> list[Departure]:
    """Two who stand and one who only pauses, in the one or the other half of every minute.

    The other half of the minute belongs to those who ride against the traffic on the shoulder.
    """
    area = next(a for a in place.areas if a.kind == "no_parking")
    road = _watched_road(place, "illegal_parking")
    after = _opposite(place, road)
    found: list[Departure] = []
    minute = 0.0
    while minute < seconds - PARKED_S[0] - MARGIN_S:
        late = 20.0 if rng.random() < 0.5 and seconds - minute >= 59 else 0.0
        begin = minute + late
        for front, start, stay in (
            (20.8, 4.0, PARKED_S), (9.4, 3.0, PAUSED_S), (9.4, 9.5, PARKED_S),
        ):  # fmt: skip
            end_s = begin + start + stay[0]
            if end_s <= seconds:
                found.append(_parker(road, after, area, front, begin + start, stay, rng))
        minute += 60.0
    return found


def _parker(
    road: Roadway, after: Roadway, area: Area, front: float, moment: float,
    stay: tuple[float, float], rng: np.random.Generator,
) -> Departure:  # fmt: skip
    names = ("hatchback", "sedan", "suv", "light_lorry", "light_lorry")
    model: Model = BY_NAME[names[int(rng.integers(len(names)))]]
    factor = float(rng.uniform(0.72, 0.82))
    axis = np.array(after.start)
    place_along = float((np.array([front, 0.0]) - axis) @ after.along)
    parked = stay is PARKED_S
    return Departure(
        moment - (road.length + 14) / (factor * road.limit_kmh / 3.6) - 4.0, model, road, after,
        _driving(road)[-1], factor, "illegal_parking" if parked else None, "+shoulder",
        stop=(after, len(after.strips) - 1, place_along, float(rng.uniform(*stay))),
    )  # fmt: skip


def _stray(place: Place, moment: float, rng: np.random.Generator) -> Departure:
    mount = next(m for m in place.mounts if any(w.rule == "wrong_lane" for w in m.watches))
    road, lane = next(
        (r, n) for r in place.roadways if r.inbound
        for n, strip in enumerate(r.strips) if strip.vehicles and strip.id in mount.lanes
    )  # fmt: skip
    names = ("hatchback", "sedan", "suv", "light_lorry", "three_wheeler", "minibus")
    model = BY_NAME[names[int(rng.choice(6, p=(0.24, 0.26, 0.16, 0.16, 0.1, 0.08)))]]
    factor = float(rng.uniform(*model.speeds))
    return Departure(
        # It may have to wait through a part of the red.
        moment - road.length / (factor * road.limit_kmh / 3.6) - float(rng.uniform(1, 14)),
        model, road, _opposite(place, road), lane, factor, "wrong_lane", "+stray",
    )  # fmt: skip


def _runners(
    place: Place, plan: SignalPlan, rng: np.random.Generator, seconds: float
) -> list[Departure]:
    """Who would reach a watched stop line shortly after red begins, if nobody holds them up."""
    found = []
    for road in guarded(place):
        for onset in plan.onsets(road.head or "", "red", seconds):
            if not MARGIN_S <= onset <= seconds - MARGIN_S - 2:
                continue
            lanes = rng.permutation(_driving(road)).tolist()
            for lane in lanes:
                kinds: tuple[VehicleClass, ...] = road.strips[lane].vehicles or (
                    "motorcycle", "car", "truck",
                )  # fmt: skip
                model = pick(rng, tuple(k for k in kinds if k != "bicycle"))
                factor = float(rng.uniform(0.72, 0.92))
                travel = (road.length - model.length) / (factor * road.limit_kmh / 3.6)
                late = float(rng.uniform(1.1, 2.2))
                found.append(
                    Departure(
                        onset + late - travel,
                        model,
                        road,
                        _opposite(place, road),
                        lane,
                        factor,
                        "red_light",
                    )
                )
    return found
