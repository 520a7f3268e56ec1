"""Acts at a stop line with a signal: driving through on red, stopping beyond the line on red."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from simulator.place import Watch
from simulator.truth.act import Act
from simulator.truth.lights import Light
from simulator.truth.paths import LEAST_SEEN_S, ROLL_M, Crossing, Paths, reached_at, within

REST_S: Final = 1.0
"""Who stands so long beyond a line waits there."""

AWAY: Final = 0.25
"""Who waited has left when it is this share of its box away from where it stood, in the picture."""

LIGHT_S: Final = 0.3
"""Nearer to a change of the light (and its grace) than this an act is doubtful."""

CLEARING_S: Final = 5.0
"""Who crossed on yellow and waited less on red may just have let others pass."""

CRAWL_MPS: Final = 0.8
"""Who goes no faster for a second without standing neither waits nor drives on, surely."""


def red_lights(paths: Paths, watch: Watch) -> list[Act]:
    """Who drives on into the junction on red.

    Over the line on red, without waiting: the act is the crossing. After waiting beyond the line,
    which it crossed on red (or on yellow, and waited before the junction): the act is leaving.
    """
    found = []
    for crossing in _governed(paths):
        act = _run(paths, watch, crossing)
        if act is not None:
            found.append(act)
    return found


def stop_lines(paths: Paths, watch: Watch) -> list[Act]:
    """Who crosses the line on red and comes to rest beyond it; the act is the crossing."""
    found = []
    need_s = max(watch.duration_s, REST_S)
    for crossing in _governed(paths):
        _, light, red_s = _light(paths, crossing)
        if light.phase != "red" or red_s < watch.delay_s - LIGHT_S:
            continue
        beyond = _beyond(paths, crossing)
        rests = [
            (first, last)
            for first, last in paths.rests(crossing.body, crossing.step + 1, 0.7 * need_s)
            if last <= beyond.last and beyond.depth[first] >= watch.travel_m / 2
        ]
        # With several rests the one that shows it best: deepest and longest within this red.
        judged = [_rest(paths, watch, crossing, beyond, rest, need_s) for rest in rests]
        acts = [act for act in judged if act is not None]
        if acts:
            found.append(min(acts, key=lambda act: act.doubtful))
    return found


@dataclass(frozen=True, slots=True)
class _Beyond:
    """The way of one beyond a line.

    Attributes:
        last: Last step beyond it, without having come back.
        depth: How far beyond at each step, metres, [T].
    """

    last: int
    depth: np.ndarray[tuple[int], np.dtype[np.float64]]


def _governed(paths: Paths) -> list[Crossing]:
    lines = [
        line
        for line in paths.place.lines
        if line.id in paths.mount.lines and line.kind == "stop" and line.head is not None
    ]
    return paths.crossings(lines)


def _light(paths: Paths, crossing: Crossing) -> tuple[str, Light, float]:
    """The head, what it shows at the crossing, and for how long it has."""
    head = crossing.line.head
    assert head is not None
    light = paths.lights.at(head, crossing.at_s)
    return head, light, crossing.at_s - light.since_s


def _beyond(paths: Paths, crossing: Crossing) -> _Beyond:
    depth = paths.depth(crossing.line)[:, crossing.body]
    # NaN is not beyond either: it has gone.
    back = np.flatnonzero(~(depth[crossing.step + 1 :] > 0))
    last = crossing.step + int(back[0]) if len(back) else len(depth) - 1
    return _Beyond(last, depth)


def _rest(
    paths: Paths,
    watch: Watch,
    crossing: Crossing,
    beyond: _Beyond,
    rest: tuple[int, int],
    need_s: float,
) -> Act | None:
    """The act of one who crossed on red and rests beyond the line, if it was red long enough."""
    head, light, red_s = _light(paths, crossing)
    first, last = rest
    rest_s, lasted = float(paths.times[first]), float(paths.times[last] - paths.times[first])
    done_s = rest_s + need_s
    if light.until_s < done_s - 0.5:
        return None
    depth = float(beyond.depth[first])
    doubts = paths.unseen(crossing.body, crossing.at_s - LEAST_SEEN_S, done_s)
    if red_s < watch.delay_s + LIGHT_S:
        doubts.append(f"crossed {red_s:.2f} s after red began")
    if light.until_s < done_s + 0.5:
        doubts.append("green came while it stopped")
    if depth < 1.5 * watch.travel_m:
        doubts.append(f"only {depth:.2f} m beyond the line")
    if lasted < need_s + REST_S + LIGHT_S:
        doubts.append(f"stood {lasted:.1f} s")
    if not crossing.sure:
        doubts.append("at the end of the line")
    told = (
        f"crossed {crossing.line.id} {red_s:.2f} s after red began, stood {lasted:.1f} s "
        f"{depth:.2f} m beyond it"
    )
    lane = crossing.line.lane
    return paths.act("stop_line", crossing.body, crossing.at_s, told, doubts, lane, head)


def _run(paths: Paths, watch: Watch, crossing: Crossing) -> Act | None:
    _, light, red_s = _light(paths, crossing)
    if light.phase not in ("red", "yellow"):
        return None
    if light.phase == "red" and red_s < watch.delay_s - LIGHT_S:
        return None
    body, beyond = crossing.body, _beyond(paths, crossing)
    reached = _reached(paths, watch, crossing, beyond)
    rests = [
        rest
        for rest in paths.rests(body, crossing.step + 1, REST_S)
        if rest[0] <= min(reached, beyond.last)
    ]
    if rests:
        return _left(paths, watch, crossing, beyond, rests)
    if light.phase == "yellow":
        return None
    return _through(paths, watch, crossing, beyond, reached)


def _reached(
    paths: Paths, watch: Watch, crossing: Crossing, beyond: _Beyond, deeper_m: float = 0.0
) -> int:
    """The first step in which one is in the junction and deep enough; past the end if never."""
    zones = [
        np.asarray(area.outline)
        for area in paths.place.areas
        if area.id in paths.mount.areas and area.kind == "junction"
    ]
    steps = np.arange(crossing.step + 1, beyond.last + 1)
    deep = beyond.depth[steps] >= deeper_m + watch.travel_m
    road = paths.road[steps, crossing.body]
    inside = np.ones(len(steps), np.bool_) if not zones else np.zeros(len(steps), np.bool_)
    for zone in zones:
        inside |= within(road, zone)
    there = np.flatnonzero(deep & inside)
    return int(steps[there[0]]) if len(there) else paths.world.steps


def _through(
    paths: Paths, watch: Watch, crossing: Crossing, beyond: _Beyond, reached: int
) -> Act | None:
    """Over the line on red and on, without waiting."""
    head, light, red_s = _light(paths, crossing)
    doubts = []
    if reached < paths.world.steps:
        until_s = float(paths.times[reached])
    else:
        # It turned off before the junction's zone, left the picture, or the clip ends.
        if float(np.nanmax(beyond.depth[crossing.step : beyond.last + 1])) < watch.travel_m:
            return None
        until_s = float(paths.times[beyond.last])
        doubts.append("never seen in the junction's zone")
    doubts += paths.unseen(crossing.body, crossing.at_s - LEAST_SEEN_S, until_s)
    if red_s < watch.delay_s + LIGHT_S:
        doubts.append(f"crossed {red_s:.2f} s after red began")
    if light.until_s < max(until_s, crossing.at_s + watch.delay_s) + LIGHT_S:
        doubts.append("green came before it was in the junction")
    if not crossing.sure:
        doubts.append("at the end of the line")
    steps = np.arange(crossing.step, min(reached, beyond.last) + 1)
    if len(steps) > 1 and float(np.nanmin(paths.world.speed[steps, crossing.body])) < CRAWL_MPS:
        doubts.append("crawled over the line")
    told = f"crossed {crossing.line.id} {red_s:.2f} s after red began and drove on"
    lane = crossing.line.lane
    return paths.act("red_light", crossing.body, crossing.at_s, told, doubts, lane, head)


def _left(
    paths: Paths,
    watch: Watch,
    crossing: Crossing,
    beyond: _Beyond,
    rests: list[tuple[int, int]],
) -> Act | None:
    """Waited beyond the line and left on red."""
    head, light, red_s = _light(paths, crossing)
    body = crossing.body
    first, last = rests[-1]
    if light.phase == "yellow" and _in_junction(paths, body, first):
        return None
    left_s = _leaves(paths, body, last, beyond.last)
    if left_s is None:
        return None
    leaving = paths.lights.at(head, left_s)
    if leaving.phase != "red" or left_s - leaving.since_s < watch.delay_s - LIGHT_S:
        return None
    if leaving.until_s - left_s < watch.delay_s - LIGHT_S:
        return None
    others = [paths.lights.at(head, float(paths.times[end])).phase for _, end in rests[:-1]]
    if any(phase != "red" for phase in others):
        return None
    reached = _reached(paths, watch, crossing, beyond, float(beyond.depth[first]))
    doubts = []
    if reached < paths.world.steps:
        until_s = float(paths.times[reached])
    else:
        until_s = float(paths.times[beyond.last])
        doubts.append("never seen in the junction's zone")
    doubts += paths.unseen(body, crossing.at_s - LEAST_SEEN_S, until_s)
    if light.phase == "red" and red_s < watch.delay_s + LIGHT_S:
        doubts.append(f"crossed {red_s:.2f} s after red began")
    if light.phase == "yellow":
        waited_s = left_s - max(leaving.since_s, float(paths.times[first]))
        if light.until_s - crossing.at_s < LIGHT_S or waited_s < CLEARING_S:
            doubts.append("crossed on yellow, so it may have been clearing the junction")
    if left_s - leaving.since_s < watch.delay_s + LIGHT_S:
        doubts.append("left as red began")
    if leaving.until_s < max(until_s, left_s + watch.delay_s) + LIGHT_S:
        doubts.append("left shortly before green")
    if float(paths.times[last] - paths.times[first]) < REST_S + 0.5:
        doubts.append("waited for a moment only")
    if not crossing.sure:
        doubts.append("at the end of the line")
    told = (
        f"crossed {crossing.line.id} on {light.phase}, waited "
        f"{paths.times[last] - paths.times[first]:.1f} s beyond it and left "
        f"{left_s - leaving.since_s:.2f} s after red began"
    )
    return paths.act("red_light", body, left_s, told, doubts, crossing.line.lane, head)


def _in_junction(paths: Paths, body: int, step: int) -> bool:
    return any(
        bool(within(paths.road[step, body], np.asarray(area.outline)))
        for area in paths.place.areas
        if area.id in paths.mount.areas and area.kind == "junction"
    )


def _leaves(paths: Paths, body: int, last: int, end: int) -> float | None:
    """When one who stood is clear of its place; None when it never is.

    Its box hides what it does on the road, so what counts is how far it has come in the picture.
    """
    steps = np.arange(last, end + 1)
    away = np.hypot(*(paths.pixels[steps, body] - paths.pixels[last, body]).T)
    size = float(paths.size[last, body])
    target = AWAY * size if size > 0 else ROLL_M
    return reached_at(paths.times[steps], np.nan_to_num(away), target)
