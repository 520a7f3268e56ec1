"""Riders without a helmet: when a camera sees their bare heads."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from simulator.place import Watch
from simulator.truth.act import Act
from simulator.truth.heads import Heads
from simulator.truth.paths import LEAST_SEEN_S, VERDICT_S, Paths, spans

Points = NDArray[np.float64]

LEAST_PX: Final = 8.0
"""A head that is less wide is not seen as a head."""

SURE_PX: Final = 20.0
"""A head must be so wide for a camera to be expected to tell what is on it: the same figure as is
asked of a plate's height. A head is a quarter of a metre wide."""

FREE: Final = 0.5
"""At least this share of a head must not lie behind another one."""


def bare_heads(paths: Paths, watch: Watch) -> list[Act]:
    """Motorcycles with a bare head; the act goes on for as long as one is seen.

    It is dated to its beginning.
    """
    riders = [
        body
        for body in paths.vehicles()
        if paths.world.bodies[body].kind == "motorcycle"
        and not all(paths.world.bodies[body].helmets)
    ]
    if not riders:
        return []
    width = _bare_px(paths, riders)
    found = []
    for column, body in enumerate(riders):
        act = _seen(paths, watch, body, width[:, column])
        if act is not None:
            found.append(act)
    return found


def _bare_px(paths: Paths, riders: list[int]) -> Points:
    """Width of the widest bare head that is seen of each rider, pixels, [T, R]; 0 where none is."""
    heads, lens = Heads(paths.world, riders), paths.mount.lens
    wide = np.zeros((paths.world.steps, len(riders)))
    for step in np.flatnonzero(paths.shown[:, riders].any(axis=1)).tolist():
        pixels, depth, around = heads.drawn(lens, *heads.at(step))
        bare = heads.bare & (heads.free(pixels, depth, around) >= FREE)
        bare &= paths.shown[step, riders][:, None]
        x, y = np.moveaxis(pixels, -1, 0)
        bare &= (x >= around) & (x <= lens.width - around)
        bare &= (y >= around) & (y <= lens.height - around)
        wide[step] = np.where(bare, 2 * around, 0.0).max(axis=1)
    return wide


def _seen(paths: Paths, watch: Watch, body: int, width: Points) -> Act | None:
    shown = spans(width >= LEAST_PX)
    if not shown:
        return None
    first, last = shown[0][0], shown[-1][1]
    start_s, end_s = float(paths.times[first]), float(paths.times[last])
    clear_s = float((width >= SURE_PX).sum() / paths.world.rate)
    road = paths.road[first : last + 1, body]
    travel = float(np.nanmax(np.hypot(*(road - road[0]).T)))
    if travel < watch.travel_m / 2:
        return None
    doubts = []
    least_s = watch.duration_s + LEAST_SEEN_S
    if clear_s < least_s:
        doubts.append(f"bare head {width.max():.0f} pixels wide, clear for {clear_s:.1f} s")
    if travel < 1.5 * watch.travel_m:
        doubts.append(f"moved {travel:.1f} m")
    clear = np.flatnonzero(width >= SURE_PX)
    if not doubts:
        proven_s = float(paths.times[clear[min(len(clear) - 1, round(least_s * paths.world.rate))]])
        if proven_s + VERDICT_S > paths.end_s:
            doubts.append(f"the clip ends {paths.end_s - proven_s:.1f} s after it")
    helmets = paths.world.bodies[body].helmets
    told = f"{helmets.count(False)} of {len(helmets)} heads bare, seen for {end_s - start_s:.1f} s"
    lane = paths.lane_at(body, first)
    return paths.act("no_helmet", body, start_s, told, doubts, lane, until_s=end_s)
