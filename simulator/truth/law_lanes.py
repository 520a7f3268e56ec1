"""Acts in a lane: against its way, in one that is closed to the class, too fast."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from simulator.place import Strip, Watch
from simulator.truth.act import Act
from simulator.truth.lane import middle_line
from simulator.truth.outline import segment_seen
from simulator.truth.paths import Paths, reached_at, spans, within
from simulator.truth.site_file import settings_of, surveyed

Points = NDArray[np.float64]

GAP_S: Final = 0.3
"""Who is out of sight or over the lane's edge for less drives on in it all the while."""

AGAINST: Final = -0.7
"""Cosine to the lane's way below which one drives against it: within 45 degrees."""

WELL_INSIDE: Final = 0.25
"""In a lane is whose wheels' middle is this share of its box away from the lane's edges, and from
those of the picture, where the lane ends for the camera."""

TOLERANCE_KMH: Final = 5.0
"""Speed above the limit that is let pass, as ``ioc.camera.RuleSettings`` has it."""

NEAR_KMH: Final = 2.0
"""Nearer to the tolerance than this a speed is doubtful."""

WINDOW_S: Final = 1.5
LEAST_WINDOW_S: Final = 0.5
SURE_S: Final = 0.3
"""A speed is the mean over a window; two windows in a row make it last."""


def wrong_ways(paths: Paths, watch: Watch) -> list[Act]:
    """Who drives against a lane's way, far enough and for long enough.

    The act is the instant at which the least travel was reached. The site file states that in
    pixels, so this is measured in the picture; whether one drove far enough goes by metres.
    """
    least_px = settings_of(paths.place, paths.mount, watch).min_travel_px
    found = []
    for body in paths.vehicles():
        acts = [
            act
            for strip in _strips(paths)
            for run in _stays(paths, body, strip)
            if (act := _against(paths, watch, body, strip, run, least_px)) is not None
        ]
        if acts:
            found.append(min(acts, key=lambda act: (act.doubtful, act.at_s)))
    return found


def wrong_lanes(paths: Paths, watch: Watch) -> list[Act]:
    """Who drives along a lane that is closed to its class.

    The act is the instant at which both the least travel, in the picture, and the least time in
    the lane were reached.
    """
    least_px = settings_of(paths.place, paths.mount, watch).min_travel_px
    found = []
    for body in paths.vehicles():
        kind = paths.world.bodies[body].kind
        acts = [
            act
            for strip in _strips(paths)
            if strip.vehicles and kind not in strip.vehicles
            for run in _stays(paths, body, strip)
            if (act := _in_closed(paths, watch, body, strip, run, least_px)) is not None
        ]
        if acts:
            found.append(min(acts, key=lambda act: (act.doubtful, act.at_s)))
    return found


def speedings(paths: Paths, watch: Watch) -> list[Act]:
    """Who drives faster than the limit and the tolerance where the camera can measure it.

    That is in its lanes, within the surveyed part of the road, with the whole box in the picture.
    The act is the first instant at which the mean speed over the last 1.5 s (at least 0.5 s) is
    too high.
    """
    hull = _hull(surveyed(paths.place, paths.mount))
    found = []
    for body in paths.vehicles():
        measured = paths.seen[:, body] & (paths.share[:, body] > 0.999)
        measured &= within(paths.road[:, body], hull)
        limits = np.zeros(len(measured))
        for strip in _strips(paths):
            there = measured & _in_strip(paths, body, strip)
            limits[there] = paths.place.roadway_of(strip.id).limit_kmh
        acts = [
            act
            for first, last in spans(limits > 0)
            if (act := _too_fast(paths, watch, body, first, last, limits)) is not None
        ]
        if acts:
            found.append(min(acts, key=lambda act: (act.doubtful, act.at_s)))
    return found


def _strips(paths: Paths) -> Iterator[Strip]:
    for name in paths.mount.lanes:
        yield next(one for one in paths.place.roadway_of(name).strips if one.id == name)


def _in_strip(paths: Paths, body: int, strip: Strip) -> NDArray[np.bool_]:
    return paths.in_lane(strip.id)[:, body]


def _stays(paths: Paths, body: int, strip: Strip) -> list[tuple[int, int]]:
    """First and last step of each time that one is seen in a lane."""
    merged: list[tuple[int, int]] = []
    for first, last in spans(paths.seen[:, body] & _in_strip(paths, body, strip)):
        if merged and (first - merged[-1][1]) / paths.world.rate <= GAP_S:
            merged[-1] = merged[-1][0], last
        else:
            merged.append((first, last))
    return merged


def _ahead_px(paths: Paths, strip: Strip, body: int) -> Points:
    """How far one is along a lane's arrow in the picture, pixels, [T]."""
    arrow = segment_seen(paths.mount.lens, middle_line(paths.place, paths.mount, strip.id))
    assert arrow is not None
    way = arrow[1] - arrow[0]
    return np.asarray(paths.pixels[:, body] @ (way / np.hypot(*way)))


def _against(
    paths: Paths, watch: Watch, body: int, strip: Strip, run: tuple[int, int], least_px: float
) -> Act | None:
    first, last = run
    steps = np.arange(first, last + 1)
    along = paths.in_roadway(strip.id)[0][steps, body]
    behind = np.maximum.accumulate(along) - along
    most = int(np.argmax(behind))
    travel = float(behind[most])
    if travel < 0.7 * watch.travel_m:
        return None
    turned = int(np.argmax(along[: most + 1]))
    times, road = paths.times[steps], paths.road[steps, body]
    cosine = -travel / max(float(np.hypot(*(road[most] - road[turned]))), 1e-9)
    if cosine > AGAINST + 0.2:
        return None
    ahead = _ahead_px(paths, strip, body)[steps]
    gone = ahead[turned] - ahead[turned : most + 1]
    at_s = reached_at(times[turned : most + 1], gone, least_px)
    lasted = float(times[most] - times[turned])
    if lasted < 0.7 * watch.duration_s:
        return None
    doubts = []
    size = float(paths.size[steps[most], body])
    if travel < 1.25 * watch.travel_m or at_s is None or gone[-1] < 1.15 * max(least_px, size / 2):
        doubts.append(f"drove {travel:.1f} m ({gone[-1]:.0f} pixels) only")
    if lasted < watch.duration_s + GAP_S:
        doubts.append(f"for {lasted:.2f} s only")
    if cosine > AGAINST - 0.1:
        doubts.append("aslant")
    came = float(along[turned] - along[: turned + 1].min())
    if came > watch.travel_m / 2 and travel < 2.5 * watch.travel_m:
        doubts.append("turned round and came back a little")
    start_s = float(times[turned])
    at_s = float(times[most]) if at_s is None else at_s
    until_s = max(at_s, start_s + watch.duration_s)
    doubts += paths.unseen(body, start_s, until_s)
    told = f"drove {travel:.1f} m against the way of {strip.id} in {lasted:.1f} s"
    # It drives against the way from where it turned to where it came furthest.
    return paths.act(
        "wrong_way", body, at_s, told, doubts, strip.id,
        until_s=max(at_s, float(times[most])), from_s=start_s,
    )  # fmt: skip


def _in_closed(
    paths: Paths, watch: Watch, body: int, strip: Strip, run: tuple[int, int], least_px: float
) -> Act | None:
    steps = np.arange(run[0], run[1] + 1)
    road = paths.place.roadway_of(strip.id)
    along, right = (values[steps, body] for values in paths.in_roadway(strip.id))
    left, far = road.offset(strip.id)
    clear = np.minimum(right - left, far - right)
    one = paths.world.bodies[body]
    needed = WELL_INSIDE * float(np.sqrt(one.width * one.height))
    x, y = paths.pixels[steps, body].T
    room = np.minimum.reduce([x, paths.mount.lens.width - x, paths.mount.lens.height - y])
    inside = room >= WELL_INSIDE * paths.size[steps, body]
    well = np.flatnonzero((clear >= 0.8 * needed) & inside)
    if not len(well):
        return None
    steps, along, clear = (values[well[0] : well[-1] + 1] for values in (steps, along, clear))
    travel = float(along[-1] - along[0])
    times = paths.times[steps]
    lasted = float(times[-1] - times[0])
    if travel < 0.7 * watch.travel_m or lasted < 0.7 * watch.duration_s:
        return None
    ahead = _ahead_px(paths, strip, body)[steps]
    gone = ahead - ahead[0]
    far_s = reached_at(times, gone, least_px)
    doubts = []
    size = float(paths.size[steps[-1], body])
    if travel < 1.25 * watch.travel_m or far_s is None or gone[-1] < 1.15 * max(least_px, size / 2):
        doubts.append(f"drove {travel:.1f} m ({gone[-1]:.0f} pixels) only")
    if lasted < watch.duration_s + GAP_S:
        doubts.append(f"for {lasted:.2f} s only")
    if float(np.median(clear)) < 1.2 * needed:
        doubts.append(f"{np.median(clear):.2f} m from the lane's edge")
    start_s = float(times[0])
    if far_s is None:
        # It did not come so far; who stands there at the end is dated to when it came to stand.
        far_s = reached_at(times, gone, 0.9 * float(gone[-1]))
    at_s = max(float(times[-1]) if far_s is None else far_s, start_s + watch.duration_s)
    doubts += paths.unseen(body, start_s, at_s)
    told = f"drove {travel:.1f} m in {strip.id} in {lasted:.1f} s; it is a {one.kind}"
    until_s = max(at_s, float(times[-1]))
    return paths.act(
        "wrong_lane", body, at_s, told, doubts, strip.id, until_s=until_s, from_s=start_s
    )


def _too_fast(
    paths: Paths, watch: Watch, body: int, first: int, last: int, limits: Points
) -> Act | None:
    times, road = paths.times[first : last + 1], paths.road[first : last + 1, body]
    lasted = float(times[-1] - times[0])
    if lasted < LEAST_WINDOW_S:
        return None
    threshold = float(limits[first : last + 1].max()) + TOLERANCE_KMH
    longest = round(WINDOW_S * paths.world.rate)
    least = int(np.ceil(LEAST_WINDOW_S * paths.world.rate))
    ends = np.arange(least, len(times))
    begins = np.maximum(0, ends - longest)
    metres = np.hypot(*(road[ends] - road[begins]).T)
    speeds = 3.6 * metres / (times[ends] - times[begins])
    top = float(speeds.max())
    if top <= threshold - NEAR_KMH:
        return None
    at_s = reached_at(times[ends], speeds, threshold)
    over = speeds > threshold
    over_s = 0.0 if at_s is None else float(over.sum() / paths.world.rate)
    doubts = []
    if top < threshold + NEAR_KMH:
        doubts.append(f"{top:.1f} km/h where {threshold:g} is let pass")
    if over_s < watch.duration_s + SURE_S:
        doubts.append(f"measured for {over_s:.2f} s only")
    at_s = float(times[ends[int(np.argmax(speeds))]]) if at_s is None else at_s
    start_s = float(times[0])
    until_s = at_s + watch.duration_s
    doubts += paths.unseen(body, start_s, min(until_s, float(times[-1])))
    step = min(int(np.searchsorted(paths.times, at_s)), last)
    told = f"{top:.1f} km/h over {lasted:.1f} s where {threshold - TOLERANCE_KMH:g} is allowed"
    lane = paths.lane_at(body, step)
    last_s = max(at_s, float(times[ends[np.flatnonzero(over)[-1]]])) if over.any() else at_s
    return paths.act("speeding", body, at_s, told, doubts, lane, until_s=last_s)


def _hull(points: Points) -> Points:
    """Convex hull (Andrew's monotone chain), [K, 2]."""
    ordered = points[np.lexsort((points[:, 1], points[:, 0]))]

    def chain(row: Points) -> list[Points]:
        kept: list[Points] = []
        for point in row:
            while len(kept) > 1:
                edge, off = kept[-1] - kept[-2], point - kept[-2]
                if edge[0] * off[1] - edge[1] * off[0] > 0:
                    break
                kept.pop()
            kept.append(point)
        return kept[:-1]

    return np.array(chain(ordered) + chain(ordered[::-1]))
