"""The way of every road user's wheels over the road, and whether a camera sees it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ioc.events import Rule
from simulator.place import Mount, Place, RoadLine
from simulator.truth.act import Act
from simulator.truth.figure import Figures, boxes, cuboid, cut, wheels
from simulator.truth.lane import reach
from simulator.truth.lights import Lights
from simulator.truth.outline import REACH_M
from simulator.world import World

Points = NDArray[np.float64]
Mask = NDArray[np.bool_]

IN_PICTURE: Final = 0.5
"""In sight is who has at least this share of its box in the picture."""

UNHIDDEN: Final = 0.3
"""And of whom others leave at least this share free."""

SEEN_SHARE: Final = 0.8
"""Who is out of sight for more of the time that an act takes cannot be judged surely."""

LEAST_SEEN_S: Final = 0.6
"""Who was in sight for less before an act was hardly seen: a tracker needs some frames to be sure
that something is there."""

VERDICT_S: Final = 1.5
"""A clip must go on so long after an act for a verdict on it: lights are told late over a network,
so no camera judges at once."""

STILL_MPS: Final = 0.15
"""Slower is standing."""

ROLL_M: Final = 0.3
"""Who stands and rolls less than this meanwhile has stood all the time."""


@dataclass(frozen=True, slots=True)
class Crossing:
    """The wheels have come over a line along its way.

    Attributes:
        body: Whose.
        line: Which line.
        step: Last step before it.
        at_s: When, interpolated between two steps.
        share: Where on the line, 0-1 between its ends.
        sure: Whether it was clear of the end of the line, or on two lines that meet.
    """

    body: int
    line: RoadLine
    step: int
    at_s: float
    share: float
    sure: bool


class Paths:
    """All of a world as one camera sees it.

    Args:
        world: The world.
        place: Its place.
        mount: The camera.
        visible: The share of each road user that no other hides, [T, N]; left out, all is free.

    Attributes:
        times: Of each step, seconds, [T].
        road: Where the wheels nearest to the camera stand, metres, [T, N, 2].
        shown: Of whom a part is in the picture that others leave free, [T, N].
        seen: Who is in sight: most of its box and its wheels are in the picture, [T, N].
        share: Share of the box that is in the picture, [T, N].
        size: Root of the area of the box as it is in the picture, pixels, [T, N]; 0 without one.
    """

    def __init__(
        self, world: World, place: Place, mount: Mount, visible: Points | None = None
    ) -> None:
        self.world, self.place, self.mount = world, place, mount
        self.times = np.arange(world.steps) / world.rate
        self.road = wheels(world, mount.lens)
        self.lights = Lights(world)
        self._lanes: dict[str, Mask] = {}
        self._local: dict[str, tuple[Points, Points]] = {}
        figures = Figures(world, [(body.id, cuboid(body)) for body in world.bodies])
        self.share = np.zeros(world.present.shape)
        self.size = np.zeros(world.present.shape)
        for step in range(world.steps):
            inside, self.share[step] = cut(mount.lens, boxes(mount.lens, figures.at(step)))
            sides = inside[:, 2:] - inside[:, :2]
            self.size[step] = np.nan_to_num(np.sqrt(sides[:, 0] * sides[:, 1]))
        away = np.hypot(*np.moveaxis(self.road - mount.lens.position[:2], -1, 0))
        self.shown = world.present & (self.share > 0) & (away <= REACH_M)
        if visible is not None:
            self.shown &= visible >= UNHIDDEN
        self.seen = self.shown & (self.share >= IN_PICTURE) & self._in_frame()

    @cached_property
    def pixels(self) -> Points:
        """Where the wheels are in the picture, [T, N, 2]."""
        ground = np.concatenate([self.road, np.zeros((*self.road.shape[:2], 1))], axis=-1)
        return self.mount.lens.project(ground)[0]

    @property
    def end_s(self) -> float:
        """When the clip ends."""
        return float(self.times[-1])

    def vehicles(self) -> Iterator[int]:
        """Who is no person on foot and is seen at all."""
        for body in self.world.bodies:
            if body.kind != "pedestrian" and self.seen[:, body.id].any():
                yield body.id

    def crossings(self, lines: Sequence[RoadLine]) -> list[Crossing]:
        """Who comes over which line along its way, in the order of time.

        Lines that meet are one to who crosses where they do; a line counts a twentieth of its
        length beyond its ends, for those who hug the kerb.
        """
        found = [crossing for line in lines for crossing in self._over(line)]
        found.sort(key=lambda one: (one.body, one.at_s, abs(one.share - 0.5)))
        kept: list[Crossing] = []
        for one in found:
            last = kept[-1] if kept else None
            if last is None or last.body != one.body or one.at_s - last.at_s > 0.3:
                kept.append(one)
                continue
            best = min(last, one, key=lambda each: abs(each.share - 0.5))
            kept[-1] = Crossing(best.body, best.line, best.step, best.at_s, best.share, True)
        return sorted(kept, key=lambda one: (one.at_s, one.body))

    def depth(self, line: RoadLine) -> Points:
        """How far the wheels are beyond a line along its way, metres, [T, N]."""
        way = np.asarray(line.direction) / np.hypot(*line.direction)
        return np.asarray((self.road - np.asarray(line.ends[0])) @ way)

    def rests(self, body: int, first: int, least_s: float) -> list[tuple[int, int]]:
        """Spans of steps in which one stands for at least some time.

        Args:
            body: Who.
            first: From which step on.
            least_s: How long at least.

        Returns:
            First and last step of each.
        """
        middle = np.stack([self.world.x[:, body], self.world.y[:, body]], axis=-1)
        moved = np.hypot(*np.diff(middle, axis=0).T)
        still = np.zeros(len(middle), np.bool_)
        still[:-1] = moved * self.world.rate < STILL_MPS
        still[:first] = False
        merged: list[tuple[int, int]] = []
        for start, end in spans(still):
            if merged and np.hypot(*(middle[start] - middle[merged[-1][1]])) < ROLL_M:
                merged[-1] = merged[-1][0], end + 1
            else:
                merged.append((start, end + 1))
        return [
            (start, end)
            for start, end in merged
            if self.times[end] - self.times[start] >= least_s - 1e-9
        ]

    def lane_at(self, body: int, step: int) -> str | None:
        """The lane of the site file that one's wheels are in."""
        for name in self.mount.lanes:
            if self.in_lane(name)[step, body]:
                return name
        return None

    def in_lane(self, strip: str) -> Mask:
        """Whose wheels are in a lane as the site file draws it, [T, N]."""
        if strip not in self._lanes:
            along, right = self.in_roadway(strip)
            left, far = self.place.roadway_of(strip).offset(strip)
            end = reach(self.place, self.mount, strip)
            self._lanes[strip] = (along >= 0) & (along <= end) & (right >= left) & (right < far)
        return self._lanes[strip]

    def in_roadway(self, strip: str) -> tuple[Points, Points]:
        """How far the wheels are along a strip's roadway and to the right of its axis, [T, N]."""
        road = self.place.roadway_of(strip)
        if road.id not in self._local:
            off = self.road - np.asarray(road.start)
            ux, uy = road.along
            self._local[road.id] = np.asarray(off @ [ux, uy]), np.asarray(off @ [uy, -ux])
        return self._local[road.id]

    def speed_kmh(self, body: int, at_s: float) -> float:
        """How fast one is at an instant."""
        there = self.world.present[:, body]
        speeds = np.interp(at_s, self.times[there], self.world.speed[there, body])
        return round(3.6 * float(speeds), 2)

    def unseen(self, body: int, from_s: float, until_s: float) -> list[str]:
        """What speaks against a sure verdict on something that went on for a time, if anything."""
        doubts = []
        if until_s + VERDICT_S > self.end_s:
            doubts.append(f"the clip ends {self.end_s - until_s:.1f} s after it")
        if from_s < 0:
            doubts.append("began before the clip")
        steps = (self.times >= from_s) & (self.times <= until_s)
        if steps.any() and float(self.seen[steps, body].mean()) < SEEN_SHARE:
            doubts.append(f"in sight for {100 * self.seen[steps, body].mean():.0f} % of it only")
        return doubts

    def act(
        self,
        rule: Rule,
        body: int,
        at_s: float,
        told: str,
        doubts: Sequence[str],
        lane: str | None = None,
        head: str | None = None,
        until_s: float | None = None,
        from_s: float | None = None,
    ) -> Act:
        """An act of a road user.

        Args:
            rule: Which rule.
            body: Who.
            at_s: When it was done.
            told: What happened.
            doubts: Why it is doubtful; empty when it is not.
            lane: Where.
            head: The signal head.
            until_s: Until when it went on, if any instant since ``from_s`` is right for it.
            from_s: Since when it went on; left out, since ``at_s``.
        """
        at_s = round(at_s, 6)
        first_s = at_s if from_s is None else min(at_s, round(from_s, 6))
        last_s = at_s if until_s is None else round(until_s, 6)
        one = self.world.bodies[body]
        why = told if not doubts else f"{told}; doubtful: {', '.join(doubts)}"
        return Act(
            rule, body, at_s, first_s, last_s, lane, one.plate.text if one.plate else None,
            one.kind, self.speed_kmh(body, at_s), head, bool(doubts), why,
        )  # fmt: skip

    def _over(self, line: RoadLine) -> Iterator[Crossing]:
        depth = self.depth(line)
        start, end = (np.asarray(point) for point in line.ends)
        span = end - start
        over = (depth[:-1] <= 0) & (depth[1:] > 0)
        for step, body in np.argwhere(over).tolist():
            if self.world.bodies[body].kind == "pedestrian":
                continue
            part = depth[step, body] / (depth[step, body] - depth[step + 1, body])
            where = self.road[step, body] + part * (
                self.road[step + 1, body] - self.road[step, body]
            )
            share = float((where - start) @ span / (span @ span))
            if -0.05 <= share <= 1.05:
                at_s = float(self.times[step] + part / self.world.rate)
                sure = 0.03 <= share <= 0.97
                yield Crossing(body, line, step, at_s, share, sure)

    def _in_frame(self) -> Mask:
        x, y = np.moveaxis(self.pixels, -1, 0)
        lens = self.mount.lens
        return np.asarray((x >= 0) & (x < lens.width) & (y >= 0) & (y < lens.height))


def spans(mask: Mask) -> list[tuple[int, int]]:
    """First and last place of each run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return [(int(a), int(b) - 1) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def within(points: Points, outline: Points) -> Mask:
    """Which points [..., 2] lie in a polygon [K, 2] (even-odd rule)."""
    x, y = points[..., 0, None], points[..., 1, None]
    ax, ay = outline[:, 0], outline[:, 1]
    bx, by = np.roll(ax, -1), np.roll(ay, -1)
    rise = np.where(by == ay, 1.0, by - ay)
    met = ((ay > y) != (by > y)) & (x < ax + (y - ay) * (bx - ax) / rise)
    return np.asarray(met.sum(axis=-1) % 2 == 1)


def border_share(start: Points, end: Points, outline: Points) -> float | None:
    """Share of the way between two points at which it last comes over a polygon's border."""
    way, edges = end - start, np.roll(outline, -1, axis=0) - outline
    off = outline - start
    cross = way[0] * edges[:, 1] - way[1] * edges[:, 0]
    apart = np.where(cross == 0, 1.0, cross)
    on_way = (off[:, 0] * edges[:, 1] - off[:, 1] * edges[:, 0]) / apart
    on_edge = (off[:, 0] * way[1] - off[:, 1] * way[0]) / apart
    met = (cross != 0) & (on_way >= 0) & (on_way <= 1) & (on_edge >= 0) & (on_edge <= 1)
    return float(on_way[met].max()) if met.any() else None


def to_border(point: Points, outline: Points) -> float:
    """How far a point is from a polygon's border, metres."""
    edges = np.roll(outline, -1, axis=0) - outline
    off = point - outline
    share = np.clip((off * edges).sum(axis=1) / (edges * edges).sum(axis=1), 0, 1)
    away = off - share[:, None] * edges
    return float(np.hypot(away[:, 0], away[:, 1]).min())


def reached_at(times: Points, values: Points, target: float) -> float | None:
    """When values first reach a target, interpolated; None when they never do."""
    there = np.flatnonzero(values >= target)
    if not len(there):
        return None
    step = int(there[0])
    if step == 0:
        return float(times[0])
    before, after = values[step - 1], values[step]
    return float(
        times[step - 1] + (target - before) / (after - before) * (times[step] - times[step - 1])
    )
