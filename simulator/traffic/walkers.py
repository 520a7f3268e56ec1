"""People on foot: on sidewalks, and over crosswalks while the street is red, clear of vehicles."""

from __future__ import annotations

from typing import Final

import numpy as np

from simulator.conditions import Density
from simulator.place import Outline, Place
from simulator.traffic.motion import Floats
from simulator.traffic.signal_plan import SignalPlan
from simulator.world import RATE

PACE_MPS: Final = (1.0, 1.55)
PER_MINUTE: Final[dict[Density, float]] = {"sparse": 3.0, "normal": 6.0, "dense": 10.0}
"""People on each sidewalk and crosswalk a minute."""
CROSS_MPS: Final = (1.2, 1.6)
STANDS_CLEAR_M: Final = 0.45
"""A line on a sidewalk keeps so far from trees and lamps."""
BODY_M: Final = 0.55


def paths(
    place: Place, plan: SignalPlan, rng: np.random.Generator, steps: int, density: Density
) -> list[list[Floats]]:
    """For each person the lines to try, best first: middles [T, 2], NaN while not there."""
    seconds = steps / RATE
    found: list[list[Floats]] = []
    for sidewalk in place.sidewalks:
        for _ in range(int(rng.poisson(PER_MINUTE[density] * seconds / 60 / 2))):
            found.append([_stroll(place, sidewalk, rng, steps) for _ in range(3)])
    for crosswalk in place.crosswalks:
        for _ in range(int(rng.poisson(PER_MINUTE[density] * seconds / 60))):
            found.append(_crossings(place, crosswalk, plan, rng, steps))
    return [tries for tries in found if tries]


def heading_of(path: Floats) -> Floats:
    """Where someone looks, radians [T]: the way that is walked, kept while standing."""
    ahead = np.diff(path, axis=0, append=path[-1:] * np.nan)
    moves = np.hypot(ahead[:, 0], ahead[:, 1]) > 1e-4
    angle = np.where(moves, np.arctan2(ahead[:, 1], ahead[:, 0]), np.nan)
    known = np.flatnonzero(np.isfinite(angle))
    if not len(known):
        return np.where(np.isfinite(path[:, 0]), 0.0, np.nan)
    before = np.searchsorted(known, np.arange(len(path)), side="right") - 1
    kept = angle[known[np.clip(before, 0, None)]]
    return np.where(np.isfinite(path[:, 0]), np.unwrap(kept), np.nan)


def _box(outline: Outline) -> tuple[Floats, Floats]:
    points = np.array(outline)
    return points.min(axis=0), points.max(axis=0)


def _stroll(place: Place, sidewalk: Outline, rng: np.random.Generator, steps: int) -> Floats:
    """Along a sidewalk from end to end, begun at any time so that all of it is peopled."""
    low, high = _box(sidewalk)
    long = int(np.argmax(high - low))
    across = 1 - long
    posts = np.array([*place.trees, *place.lamps]).reshape(-1, 2)
    inside = ((posts > low - 0.3) & (posts < high + 0.3)).all(axis=1)
    aside = float(rng.uniform(low[across] + 0.4, high[across] - 0.4))
    for _ in range(20):
        if not (np.abs(posts[inside, across] - aside) < STANDS_CLEAR_M).any():
            break
        aside = float(rng.uniform(low[across] + 0.4, high[across] - 0.4))
    pace = float(rng.uniform(*PACE_MPS))
    far = float(high[long] - low[long])
    begun = float(rng.uniform(-far / pace, steps / RATE))
    there = (np.arange(steps) / RATE - begun) * pace
    inside_walk = (there >= 0) & (there <= far)
    path = np.full((steps, 2), aside)
    path[:, long] = low[long] + there if rng.random() < 0.5 else high[long] - there
    return np.where(inside_walk[:, None], path, np.nan)


def _crossings(
    place: Place, crosswalk: Outline, plan: SignalPlan, rng: np.random.Generator, steps: int
) -> list[Floats]:
    """Someone who comes along the sidewalk, waits at the kerb, and crosses while the cars have red.

    The last line to try is one who waits through the clip.
    """
    low, high = _box(crosswalk)
    head = _head_across(place, crosswalk)
    west = bool(rng.random() < 0.5)
    y = float(rng.uniform(low[1] + 0.4, high[1] - 0.4))
    away = -1.0 if y < 0 else 1.0
    kerb = 0.6 + float(rng.uniform(0.0, 0.8))
    ends = (high[0] + kerb, low[0] - kerb)
    start, goal = ends if west else ends[::-1]
    coming = float(rng.uniform(8.0, 40.0))
    pace = float(rng.uniform(*CROSS_MPS))
    arrival = float(rng.uniform(-20.0, steps / RATE - 5.0))
    tries = []
    time = np.arange(steps) / RATE
    seconds = steps / RATE + plan.period_s
    reds = [t for t in plan.onsets(head, "red", seconds) if t > arrival] if head else []
    need = abs(goal - start) / pace
    for onset in reds[:2]:
        red = min((t for t in plan.onsets(head or "", "green", seconds) if t > onset), default=0.0)
        for wait in np.arange(0.5, red - onset - need, 0.7):
            tries.append(_walk(time, start, goal, y, away, coming, pace, arrival, onset + wait))
    tries.append(_walk(time, start, goal, y, away, coming, pace, arrival, np.inf))
    return tries


def _head_across(place: Place, crosswalk: Outline) -> str | None:
    """The head of the roadway whose traffic comes over a crosswalk first."""
    low, high = _box(crosswalk)
    middle = (low + high) / 2
    roads = [r for r in place.roadways if r.inbound and r.head]
    if not roads:
        return None
    return min(roads, key=lambda r: float(np.hypot(*(np.array(r.end) - middle)))).head


def _walk(
    time: Floats, start: float, goal: float, y: float, away: float, coming: float, pace: float,
    arrival: float, leave: float,
) -> Floats:  # fmt: skip
    """Down the sidewalk to the kerb, a wait, over the crosswalk, and up the other sidewalk."""
    far = abs(goal - start)
    way = np.sign(goal - start)
    before = np.clip((arrival - time) * pace, 0, None)
    crossed = np.clip((time - leave) * pace, 0, far) if np.isfinite(leave) else np.zeros_like(time)
    after = np.clip((time - leave - far / pace) * pace, 0, None) if np.isfinite(leave) else 0.0
    x = start + way * crossed
    path = np.stack([x, y + away * (before + after)], -1)
    return np.where((np.abs(before + after) <= coming)[:, None], path, np.nan)
