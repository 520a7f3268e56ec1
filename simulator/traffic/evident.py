"""Whether a planned act can be seen in a clip: pure, on arrays.

This only drops plans that came to nothing, such as a driver who was held up. What is an offence is
judged elsewhere, from the same motion and by the letter of the law.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ioc.events import Rule
from simulator.place import Mount, Outline, Place
from simulator.traffic.motion import Floats, Motion
from simulator.traffic.picture import in_picture
from simulator.traffic.signal_plan import SignalPlan
from simulator.traffic.steering import LEAST_SPEEDING_KMH
from simulator.world import RATE, Body

Mask = NDArray[np.bool_]

PARKED_S: Final = 20.0
STANDS_MPS: Final = 0.2
LEAST_S: Final[dict[Rule, float]] = {
    "speeding": 1.0, "wrong_lane": 0.7, "wrong_way": 0.9, "no_entry": 0.6, "no_helmet": 1.6,
}  # fmt: skip
"""An act must be in the picture at least so long."""
LEAST_M: Final[dict[Rule, float]] = {"wrong_lane": 5.0, "wrong_way": 4.5, "no_helmet": 4.0}
AFTER_S: Final = 3.0
"""So long before and after the decisive moment of a passage is in the clip."""


class Acts:
    """What the cameras of a place see of each road user.

    Args:
        place: Roads and cameras.
        motion: Everybody's, [T, N].
        bodies: Everybody.
        plan: The signals.
    """

    def __init__(
        self, place: Place, motion: Motion, bodies: tuple[Body, ...], plan: SignalPlan
    ) -> None:
        self._place = place
        self._motion = motion
        self._plan = plan
        self._half = np.array([body.length / 2 for body in bodies])
        self._checks: dict[Rule, Callable[[Mount, int], bool]] = {
            "red_light": self._ran,
            "stop_line": self._overran,
            "wrong_lane": self._strayed,
            "wrong_way": self._against,
            "speeding": self._sped,
            "illegal_parking": self._parked,
            "no_entry": self._entered,
            "illegal_turn": self._turned,
            "no_helmet": self._rode,
        }
        self._views = {m.id: in_picture(m.lens, motion.x, motion.y) for m in place.mounts}

    def evident(self, rule: Rule, body: int) -> bool:
        """Whether some camera that watches a rule sees the act from beginning to end."""
        return any(
            self._checks[rule](mount, body)
            for mount in self._place.mounts
            if any(watch.rule == rule for watch in mount.watches)
        )

    def _ran(self, mount: Mount, body: int) -> bool:
        for line, crossed in self._stops(mount, body):
            time_s = crossed / RATE
            red = self._plan.phase(line, time_s) == self._plan.phase(line, time_s - 0.4) == "red"
            if red and self._in_clip(crossed) and self._views[mount.id][crossed, body]:
                return True
        return False

    def _overran(self, mount: Mount, body: int) -> bool:
        still = self._motion.speed[:, body] < STANDS_MPS
        for line, crossed in self._stops(mount, body):
            end = min(len(still), crossed + round(20 * RATE))
            red = np.array([self._plan.phase(line, k / RATE) == "red" for k in range(crossed, end)])
            waits = still[crossed:end] & red & self._views[mount.id][crossed:end, body]
            if waits.sum() >= 3.0 * RATE and crossed >= AFTER_S * RATE / 2:
                return True
        return False

    def _stops(self, mount: Mount, body: int) -> list[tuple[str, int]]:
        """Head and step at which the front end came over each of a camera's stop lines."""
        motion, half = self._motion, self._half[body]
        angle = motion.heading[:, body]
        x, y = motion.x[:, body] + np.cos(angle) * half, motion.y[:, body] + np.sin(angle) * half
        found = []
        for line in self._place.lines:
            if line.kind != "stop" or line.id not in mount.lines or line.head is None:
                continue
            (ax, ay), (bx, by) = line.ends
            span = np.array([bx - ax, by - ay])
            along = (x - ax) * line.direction[0] + (y - ay) * line.direction[1]
            share = ((x - ax) * span[0] + (y - ay) * span[1]) / (span @ span)
            beside = np.abs(share[1:] - 0.5) < 0.5
            over = np.flatnonzero((along[1:] > 0) & (along[:-1] <= 0) & beside)
            found += [(line.head, int(step) + 1) for step in over]
        return found

    def _strayed(self, mount: Mount, body: int) -> bool:
        closed = [
            s.id for r in self._place.roadways for s in r.strips
            if s.vehicles and s.id in mount.lanes
        ]  # fmt: skip
        return self._drives("wrong_lane", mount, body, self._in_strips(closed, body))

    def _against(self, mount: Mount, body: int) -> bool:
        shoulders = [
            s.id for r in self._place.roadways for s in r.strips
            if s.shoulder and s.id in mount.lanes
        ]  # fmt: skip
        return self._drives("wrong_way", mount, body, self._in_strips(shoulders, body))

    def _sped(self, mount: Mount, body: int) -> bool:
        fast = self._motion.speed[:, body] >= LEAST_SPEEDING_KMH / 3.6
        return self._drives("speeding", mount, body, fast & self._in_strips(mount.lanes, body))

    def _parked(self, mount: Mount, body: int) -> bool:
        still = self._motion.speed[:, body] < STANDS_MPS
        there = still & self._in_areas("no_parking", mount, body) & self._views[mount.id][:, body]
        return bool(there.sum() >= PARKED_S * RATE)

    def _entered(self, mount: Mount, body: int) -> bool:
        return self._drives("no_entry", mount, body, self._in_areas("no_entry", mount, body))

    def _turned(self, mount: Mount, body: int) -> bool:
        exits = {turn.exit for turn in self._place.turns if turn.id in mount.turns}
        for line in self._place.lines:
            if line.id not in exits:
                continue
            (ax, ay), (dx, dy) = line.ends[0], line.direction
            passed = np.flatnonzero(
                (self._motion.x[:, body] - ax) * dx + (self._motion.y[:, body] - ay) * dy > 0
            )
            if len(passed) and passed[0] > 0 and self._in_clip(int(passed[0])):
                return bool(self._views[mount.id][passed[0], body])
        return False

    def _rode(self, mount: Mount, body: int) -> bool:
        return self._drives("no_helmet", mount, body, np.ones(len(self._motion.x), np.bool_))

    def _drives(self, rule: Rule, mount: Mount, body: int, act: Mask) -> bool:
        """Whether it is seen at it for long enough and far enough, and not at the clip's ends."""
        seen = act & self._views[mount.id][:, body]
        steps = np.flatnonzero(seen)
        if len(steps) < LEAST_S.get(rule, 0.5) * RATE:
            return False
        travel = float(np.nansum(self._motion.speed[seen, body]) / RATE)
        inside = (steps > AFTER_S * RATE / 2) & (steps < len(act) - AFTER_S * RATE / 2)
        return travel >= LEAST_M.get(rule, 1.0) and bool(inside.mean() > 0.8)

    def _in_clip(self, step: int) -> bool:
        return AFTER_S * RATE <= step <= len(self._motion.x) - AFTER_S * RATE

    def _in_strips(self, names: list[str] | tuple[str, ...], body: int) -> Mask:
        x, y = self._motion.x[:, body], self._motion.y[:, body]
        inside = np.zeros(len(x), np.bool_)
        for name in names:
            road = self._place.roadway_of(name)
            left, right = road.offset(name)
            dx, dy = x - road.start[0], y - road.start[1]
            ux, uy = road.along
            along, aside = dx * ux + dy * uy, dx * uy - dy * ux
            inside |= (along >= 0) & (along <= road.length) & (aside >= left) & (aside <= right)
        return inside

    def _in_areas(self, kind: str, mount: Mount, body: int) -> Mask:
        x, y = self._motion.x[:, body], self._motion.y[:, body]
        inside = np.zeros(len(x), np.bool_)
        for area in self._place.areas:
            if area.kind == kind and area.id in mount.areas:
                inside |= _inside(area.outline, x, y)
        return inside


def _inside(outline: Outline, x: Floats, y: Floats) -> Mask:
    """Which points lie in a polygon: an odd number of its edges is to their right."""
    odd = np.zeros(x.shape, np.bool_)
    for (ax, ay), (bx, by) in zip(outline, (*outline[1:], outline[0]), strict=True):
        if ay == by:
            continue
        meets = ax + (y - ay) * (bx - ax) / (by - ay)
        odd ^= ((ay > y) != (by > y)) & (x < meets)
    return odd
