"""Acts laid over SUMO's result, where they touch nobody: pure, on arrays.

Who overruns the stop line is a vehicle that SUMO let stop at it, moved on along its own path by a
lead that grows while it brakes and is gone some seconds after it has set off again. Who rides
against the traffic follows a line of his own, at a time at which it is free.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ioc.errors import ConfigError
from simulator.place import Mount, Place, Roadway
from simulator.traffic.motion import Floats, Motion, depth
from simulator.traffic.picture import in_picture
from simulator.traffic.signal_plan import SignalPlan
from simulator.world import RATE, Body

OVERRUN_M: Final = (0.9, 2.8)
"""How far beyond the line the last wheels come to rest."""
FOREMOST_M: Final = 4.4
"""No front end comes to rest farther than this beyond the line: past it the street across begins
0.6 m later at Vị Thanh."""
WAITS_S: Final = 5.0
"""Who waits at least so long at the line in SUMO's result may overrun it."""
ROLLS_IN_S: Final = 3.0
SETTLES_S: Final = 1.2
FALLS_BACK_S: Final = 9.0
"""Times for the lead to grow, before and after SUMO's vehicle stands, and to go."""
AFTER_RED_S: Final = 0.5
"""The front end comes over the line at least so long after red began."""

CLEAR_M: Final = 0.25
AGAINST_MPS: Final = (3.4, 5.6)
UNSEEN_M: Final = 12.0
"""Who rides against the traffic is there from so far before the picture to so far behind it."""
TRIES: Final = 60


@dataclass(frozen=True, slots=True)
class Overrun:
    """A vehicle that waits beyond the stop line.

    Attributes:
        column: Which vehicle.
        front: Its front end, metres [T, 2]; NaN while it is not there.
    """

    column: int
    front: Floats


def overruns(
    place: Place,
    front: Floats,
    heading: Floats,
    bodies: Sequence[Body],
    plan: SignalPlan,
    road: Roadway,
    rng: np.random.Generator,
    barred: set[int],
) -> list[Overrun]:
    """Every vehicle that may be made to overrun a roadway's stop line, in drawn order.

    Args:
        place: The roads.
        front: Middle of all front ends, metres [T, N, 2].
        heading: Radians [T, N].
        bodies: The vehicles.
        plan: The signals.
        road: Whose stop line.
        rng: Draws.
        barred: Vehicles that have other plans.
    """
    ux, uy = road.along
    start = np.array(road.start)
    along = (front - start) @ np.array([ux, uy]) - road.length
    right = (front - start) @ np.array([uy, -ux])
    width = sum(strip.width for strip in road.strips if not strip.shoulder)
    speed = np.hypot(*np.moveaxis(np.gradient(front, 1 / RATE, axis=0), -1, 0))
    on_road = (right > 0.2) & (right < width - 0.2)
    steps = len(front)
    head, until = road.head or "", steps / RATE
    greens = plan.onsets(head, "green", until + plan.period_s)
    found = []
    for onset in plan.onsets(head, "red", until):
        first = max(0, round(onset * RATE))
        last = min(steps, round(min((t for t in greens if t > onset), default=until) * RATE))
        if last - first < WAITS_S * RATE:
            continue
        still = (speed[first:last] < 0.15) & on_road[first:last]
        near = np.abs(along[first:last] + 1.5) < 1.5
        counts = (still & near).sum(axis=0)
        for column in np.flatnonzero(counts >= WAITS_S * RATE).tolist():
            body = bodies[column]
            if column in barred or body.kind not in ("motorcycle", "car", "three_wheeler"):
                continue
            rests = first + int(np.flatnonzero(still[:, column] & near[:, column])[0])
            if rests / RATE < 2.5 or not np.isfinite(front[: rests - 25, column, 0]).any():
                continue
            one = _moved(along, front, heading, body, column, rests, rng)
            if one is None:
                continue
            passed = np.flatnonzero(((one - start) @ np.array([ux, uy])) > road.length)
            if len(passed) and passed[0] / RATE >= onset + AFTER_RED_S:
                found.append(Overrun(column, one))
    return [found[k] for k in rng.permutation(len(found))]


def _moved(
    along: Floats, front: Floats, heading: Floats, body: Body, column: int, rests: int,
    rng: np.random.Generator,
) -> Floats | None:  # fmt: skip
    """Where the front end is with the lead; None where the vehicle is too long for it."""
    here = along[rests, column]
    tail = body.length - body.rear_axle
    least = OVERRUN_M[0] + tail
    most = min(OVERRUN_M[1] + tail, FOREMOST_M)
    if least > most:
        return None
    lead = float(rng.uniform(least, most)) - here
    path = front[:, column]
    known = np.flatnonzero(np.isfinite(path[:, 0]))
    line = path[known]
    travelled = np.concatenate([[0.0], np.hypot(*np.diff(line, axis=0).T).cumsum()])
    steps = np.arange(len(path))
    # Set off: the step after which it moves on for good.
    after = known[(known > rests) & (travelled > travelled[known == rests][0] + 1.0)]
    leaves = int(after[0]) if len(after) else len(path)
    grow = _smooth((steps - (rests - ROLLS_IN_S * RATE)) / ((ROLLS_IN_S + SETTLES_S) * RATE))
    fall = _smooth((steps - leaves) / (FALLS_BACK_S * RATE))
    there = travelled + (lead * grow * (1 - fall))[known]
    # Beyond the end of what is known it goes straight on.
    end = heading[known[-1], column]
    over = np.maximum(there - travelled[-1], 0.0)[:, None] * np.array([np.cos(end), np.sin(end)])
    moved = np.full_like(path, np.nan)
    unique = np.concatenate([[True], np.diff(travelled) > 1e-9])
    moved[known] = (
        np.stack([np.interp(there, travelled[unique], line[unique, k]) for k in (0, 1)], -1) + over
    )
    return moved


def against(place: Place, rng: np.random.Generator, steps: int, moment: float) -> Floats:
    """The front end of one who rides against the traffic on the shoulder, [T, 2] metres.

    Args:
        place: The roads.
        rng: Draws.
        steps: Length of the clip.
        moment: About when the camera sees it, seconds.
    """
    line = _against_line(place, rng)
    speed = float(rng.uniform(*AGAINST_MPS))
    travelled = np.concatenate([[0.0], np.hypot(*np.diff(line, axis=0).T).cumsum()])
    lens = _mount(place).lens
    seen = travelled[in_picture(lens, line[:, 0], line[:, 1])]
    if not len(seen):
        raise ConfigError(f"place {place.id}: the camera does not see the shoulder; turn it there")
    there = (seen[0] + seen[-1]) / 2 + (np.arange(steps) / RATE - moment) * speed
    inside = (there >= max(0.0, seen[0] - UNSEEN_M)) & (
        there <= min(travelled[-1], seen[-1] + UNSEEN_M)
    )
    path = np.stack([np.interp(there, travelled, line[:, k]) for k in (0, 1)], -1)
    return np.where(inside[:, None], path, np.nan)


def _mount(place: Place) -> Mount:
    return next(m for m in place.mounts if any(w.rule == "wrong_way" for w in m.watches))


def _against_line(place: Place, rng: np.random.Generator) -> Floats:
    """A line against the traffic over the shoulders that the camera draws, in steps of 0.25 m.

    It comes from the shoulder of the roadway that right turns lead to where the watched roadway
    ends at a signal, and straight from the roadway beyond the junction elsewhere.
    """
    mount = _mount(place)
    road = next(r for r in place.roadways if r.inbound and r.strips[-1].id in mount.lanes)
    sway = float(rng.uniform(-0.6, -0.3))
    left, right = road.offset(road.strips[-1].id)
    beside = (left + right) / 2 + sway
    near, far = np.array(road.at(road.length, beside)), np.array(road.at(0.0, beside))
    if road.head is None:
        beyond = next(r for r in place.roadways if not r.inbound and r.along @ road.along > 0.7)
        points = [np.array(beyond.at(beyond.length, beside)), near, far]
    else:
        ux, uy = road.along
        turn = next(
            r for r in place.roadways
            if not r.inbound and ux * r.along[1] - uy * r.along[0] < -0.7
        )  # fmt: skip
        low, high = turn.offset(turn.strips[-1].id)
        aside = (low + high) / 2
        start = np.array(turn.at(turn.length, aside))
        corner = start + turn.along * ((near - start) @ turn.along)
        bend = np.linspace(0, np.pi / 2, 12)[:, None]
        radius = 3.0
        middle = corner + radius * (turn.along - road.along)
        arc = middle + radius * (road.along * np.cos(bend) - turn.along * np.sin(bend))
        points = [start, *arc, far]
    line = np.array(points)
    travelled = np.concatenate([[0.0], np.hypot(*np.diff(line, axis=0).T).cumsum()])
    fine = np.arange(0.0, travelled[-1], 0.25)
    return np.stack([np.interp(fine, travelled, line[:, k]) for k in (0, 1)], -1)


def touches(
    one: tuple[Floats, Floats, Floats], length: float, width: float,
    others: Motion, lengths: Floats, widths: Floats, margin: float,
) -> NDArray[np.bool_]:  # fmt: skip
    """Which others come nearer to a road user than a margin at some step, [N].

    Args:
        one: Its x, y and heading, each [T].
        length: Metres.
        width: Metres.
        others: The others.
        lengths: Metres [N].
        widths: Metres [N].
        margin: Metres.
    """
    steps = np.flatnonzero(np.isfinite(one[0]))
    if not len(steps) or not others.x.shape[1]:
        return np.zeros(others.x.shape[1], np.bool_)
    x, y, heading = (values[steps, None] for values in one)
    theirs = others.x[steps], others.y[steps]
    reach = (lengths + widths + length + width) / 2 + margin
    near = np.hypot(theirs[0] - x, theirs[1] - y) < reach
    row, column = np.nonzero(near)
    mine = (
        x[row, 0], y[row, 0], heading[row, 0],
        np.full(len(row), length), np.full(len(row), width),
    )  # fmt: skip
    deep = depth(
        mine,
        (theirs[0][row, column], theirs[1][row, column], others.heading[steps][row, column],
         lengths[column], widths[column]),
    )  # fmt: skip
    hit = np.zeros(others.x.shape[1], np.bool_)
    hit[column[deep > -margin]] = True
    return hit


def _smooth(share: NDArray[np.floating[Any]]) -> Floats:
    """From 0 to 1 with no jump of the slope."""
    s = np.clip(share, 0.0, 1.0)
    return np.asarray(s * s * (3 - 2 * s))
