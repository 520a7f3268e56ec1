"""Acts in an area or through a junction: standing and entering where it is forbidden, turning."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from simulator.place import Area, ForbiddenTurn, Watch
from simulator.truth.act import Act
from simulator.truth.paths import (
    LEAST_SEEN_S,
    ROLL_M,
    Paths,
    border_share,
    spans,
    to_border,
    within,
)

Points = NDArray[np.float64]

EDGE_M: Final = 0.3
"""Nearer to an area's border than this it is doubtful on which side of it one stands."""

STOOD_S: Final = 2.0
"""Nearer to the time allowed than this, it is doubtful whether one stood too long."""

STAND_S: Final = 0.5
"""Shorter stops are not looked at."""


def parkings(paths: Paths, watch: Watch) -> list[Act]:
    """Who stands in a no-parking zone for too long; the act is the instant of coming to rest."""
    found = []
    for area in _areas(paths, "no_parking"):
        outline = np.asarray(area.outline)
        for body in _banned(paths, area):
            acts = [
                act
                for rest in paths.rests(body, 0, STAND_S)
                if (act := _parked(paths, watch, area, outline, body, rest)) is not None
            ]
            if acts:
                found.append(min(acts, key=lambda act: (act.doubtful, act.at_s)))
    return found


def entries(paths: Paths, watch: Watch) -> list[Act]:
    """Who drives into a closed area; the act is the crossing of its border by the wheels."""
    found = []
    for area in _areas(paths, "no_entry"):
        outline = np.asarray(area.outline)
        for body in _banned(paths, area):
            inside = within(paths.road[:, body], outline) & paths.world.present[:, body]
            acts = [
                act
                for first, last in spans(inside)
                if (act := _entered(paths, watch, area, body, first, last)) is not None
            ]
            if acts:
                found.append(min(acts, key=lambda act: (act.doubtful, act.at_s)))
    return found


def turns(paths: Paths, watch: Watch) -> list[Act]:
    """Who leaves by an exit line that its lane may not turn to; the act is crossing that line."""
    exits = [
        line for line in paths.place.lines if line.id in paths.mount.lines and line.kind == "exit"
    ]
    ways_out = {line.lane for line in exits}
    found = []
    for crossing in paths.crossings(exits):
        stay = _last_lane(paths, crossing.body, crossing.step, ways_out)
        if stay is None:
            continue
        lane, first, last = stay
        for turn in paths.place.turns:
            one = paths.world.bodies[crossing.body]
            if (
                turn.id in paths.mount.turns
                and (turn.lane, turn.exit) == (lane, crossing.line.id)
                and one.kind in (turn.vehicles or (one.kind,))
            ):
                span = crossing.at_s, float(paths.times[first]), float(paths.times[last])
                found.append(_turned(paths, watch, turn, crossing.body, span, sure=crossing.sure))
    return found


def _areas(paths: Paths, kind: str) -> Iterator[Area]:
    for area in paths.place.areas:
        if area.id in paths.mount.areas and area.kind == kind:
            yield area


def _banned(paths: Paths, area: Area) -> Iterator[int]:
    for body in paths.vehicles():
        kind = paths.world.bodies[body].kind
        if kind in (area.vehicles or (kind,)):
            yield body


def _parked(
    paths: Paths, watch: Watch, area: Area, outline: Points, body: int, rest: tuple[int, int]
) -> Act | None:
    first, last = rest
    place = paths.road[first, body]
    edge_m = to_border(place, outline)
    if not within(place, outline) and edge_m > EDGE_M:
        return None
    rest_s, lasted = float(paths.times[first]), float(paths.times[last] - paths.times[first])
    if lasted < watch.duration_s - STOOD_S:
        return None
    doubts = []
    done_s = rest_s + watch.duration_s
    if lasted < watch.duration_s + STOOD_S:
        doubts.append(f"stood {lasted:.1f} s")
    if edge_m < EDGE_M:
        doubts.append(f"{edge_m:.2f} m from the edge of {area.id}")
    if first == 0 or not paths.world.present[first - 1, body]:
        doubts.append("stood there when the clip began")
    doubts += paths.unseen(body, rest_s, min(done_s, float(paths.times[last])))
    told = f"stood {lasted:.1f} s in {area.id}"
    return paths.act("illegal_parking", body, rest_s, told, doubts)


def _entered(
    paths: Paths, watch: Watch, area: Area, body: int, first: int, last: int
) -> Act | None:
    times, road = paths.times, paths.road[:, body]
    doubts = []
    entry, at_s = road[first], float(times[first])
    if first == 0 or not paths.world.present[first - 1, body]:
        doubts.append("was inside when it was first there")
    else:
        share = border_share(road[first - 1], road[first], np.asarray(area.outline))
        if share is not None:
            entry = road[first - 1] + share * (road[first] - road[first - 1])
            at_s = float(times[first - 1] + share / paths.world.rate)
    away = np.hypot(*(road[first : last + 1] - entry).T)
    travel, lasted = float(away.max()), float(times[last]) - at_s
    if travel < watch.travel_m / 2 or lasted < watch.duration_s / 2:
        return None
    # Where the camera sees it: what drives on behind a house has not been seen to drive on.
    seen = paths.seen[first : last + 1, body]
    shown = float(away[seen].max()) if seen.any() else 0.0
    one = paths.world.bodies[body]
    if shown < max(1.5 * watch.travel_m, 0.75 * one.length):
        doubts.append(f"seen to drive {shown:.1f} m inside")
    if lasted < watch.duration_s + LEAST_SEEN_S:
        doubts.append(f"inside for {lasted:.1f} s")
    far = np.flatnonzero(away >= watch.travel_m)
    until_s = float(times[first + int(far[0])]) if len(far) else float(times[last])
    until_s = max(until_s, at_s + watch.duration_s)
    doubts += paths.unseen(body, at_s - LEAST_SEEN_S, until_s)
    told = f"entered {area.id} and drove {travel:.1f} m inside; it is a {one.kind}"
    return paths.act("no_entry", body, at_s, told, doubts)


def _last_lane(
    paths: Paths, body: int, step: int, ways_out: set[str | None]
) -> tuple[str, int, int] | None:
    """The lane that one was in last before a step, and its first and last step there."""
    for last in range(step, -1, -1):
        if not paths.world.present[last, body]:
            return None
        lane = paths.lane_at(body, last)
        if lane is None or lane in ways_out:
            continue
        first = last
        while first > 0 and paths.lane_at(body, first - 1) == lane:
            first -= 1
        return lane, first, last
    return None


def _turned(
    paths: Paths,
    watch: Watch,
    turn: ForbiddenTurn,
    body: int,
    span: tuple[float, float, float],
    *,
    sure: bool,
) -> Act:
    """The act of one who came by a lane from ``span[1]`` to ``span[2]`` and left at ``span[0]``."""
    at_s, from_s, left_s = span
    first, last = (round(value * paths.world.rate) for value in (from_s, left_s))
    doubts = []
    seen = paths.seen[first : last + 1, body]
    if float(seen.sum() / paths.world.rate) < watch.duration_s + ROLL_M:
        doubts.append(f"seen in {turn.lane} for {seen.sum() / paths.world.rate:.2f} s only")
    shown = first + int(np.argmax(seen)) if seen.any() else first
    doubts += paths.unseen(body, float(paths.times[shown]), at_s)
    travel = float(
        np.hypot(*(paths.road[min(int(at_s * paths.world.rate), len(paths.times) - 1), body]
                   - paths.road[last, body]))
    )  # fmt: skip
    if travel < watch.travel_m + EDGE_M:
        doubts.append(f"{travel:.1f} m from the lane")
    if not sure:
        doubts.append("at the end of the line")
    told = f"came by {turn.lane} and left over {turn.exit} ({turn.kind})"
    return paths.act("illegal_turn", body, at_s, told, doubts, turn.lane)
