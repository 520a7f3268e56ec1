"""Follows vehicles beyond a stop line: who drove on, who overran it and waits, who then left."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from ioc.camera import RuleSettings
from ioc.errors import ConfigError
from vision.detect.detections import FloatArray
from vision.rules.guards import Guard, need
from vision.rules.sight import Crossing, Sight, zone_rows
from vision.scene import RoadLine, Scene, inside
from vision.signals import SignalHistory, SignalState

REST_S: Final = 1.0
STEP: Final = 0.3
"""A vehicle waits when it moves less than ``STEP`` of its box in ``REST_S``: 0.6 m/s for a car seen
from ahead, and 1 to 1.5 along the road, which a camera sees shortened. At 0.5 a car that turned
left at 2.5 m/s was taken to wait. The drift of a standing box stays far below."""

LEAVE: Final = 0.25
"""It has left its place once it is this share of its box away from it."""

DRIVING: Final = 0.5
"""One that is lost while it drives at so many box sizes a second has left the picture, not
stopped."""

MOST_WAITS: Final = 16
"""A vehicle that stops and goes more often than this beyond one line is in a jam."""


@dataclass(slots=True)
class Overrun:
    """One vehicle beyond one stop line.

    Attributes:
        track: The vehicle.
        line: The stop line.
        number: Its place in ``Sight.lines``.
        row: Its place in the present frame, -1 when it is no longer held.
        crossed_s: When it crossed the line, interpolated.
        earliest_s: When it may have crossed at the earliest: it was hidden before.
        first_frame: Last frame before the line.
        last_frame: Last frame in which it was seen.
        last_s: Time of that frame.
        depth: How far beyond the line it was then, pixels.
        size: Its box then, pixels.
        box: The box.
        speed: Its velocity, pixels a second.
        resting: Whether it waits now.
        rest_s: Since when it has been where it is, more or less.
        rest_depth: How deep that place is.
        rest_at: And where, pixels.
        rest_junction: Whether it rests in the junction.
        left: When it left each of the places at which it waited, interpolated.
        left_depth: How deep the last of these places is; 0 for the line itself.
        waited_s: How long it had waited there.
        reached_s: When it had come far enough beyond the line, or beyond its last waiting place.
        reached_depth: How deep it was then.
        reached_at: Where it was then, pixels.
        gone: How far it has come from there, pixels.
        sightings: Boxes since the line.
        score_sum: Sum of their confidence.
        class_id: Its class by vote.
        born: Since when it has been followed, and where it was then.
    """

    track: int
    line: RoadLine
    number: int
    row: int
    crossed_s: float
    earliest_s: float
    first_frame: int
    last_frame: int
    last_s: float
    depth: float
    size: float
    box: FloatArray
    speed: FloatArray
    rest_s: float
    rest_depth: float
    rest_at: Sequence[float]
    class_id: int
    born: tuple[float, FloatArray]
    resting: bool = False
    rest_junction: bool = False
    left: list[float] = field(default_factory=list)
    left_depth: float = 0.0
    waited_s: float = 0.0
    reached_s: float | None = None
    reached_depth: float = 0.0
    reached_at: Sequence[float] = (0.0, 0.0)
    gone: float = 0.0
    sightings: int = 0
    score_sum: float = 0.0
    still: tuple[float, float] = (0.0, 0.0)
    off: tuple[float, float] | None = None

    @property
    def act_s(self) -> float:
        """When it ran on: over the line, or out of the place where it waited last."""
        return self.left[-1] if self.left else self.crossed_s

    def onward(self, along: tuple[float, float]) -> bool:
        """Whether it was driving on when it was seen last: straight, or turning, but not back."""
        x, y = float(self.speed[0]), float(self.speed[1])
        back = x * along[0] + y * along[1] < 0
        return not (self.resting or back) and math.hypot(x, y) >= DRIVING * self.size


class Overruns:
    """All vehicles that are beyond a stop line with a signal head, from when they crossed it."""

    def __init__(self, rule: str, scene: Scene, settings: RuleSettings, guard: Guard) -> None:
        """Watch the stop lines of a scene.

        Raises:
            ConfigError: No stop line names a head, or one has no direction.
        """
        need(rule, [line for line in scene.stops if line.head], "stop line with a signal head")
        for line in scene.stops:
            if line.head and not line.only:
                raise ConfigError(
                    f"lines.{line.id}: {rule} must know which way it is crossed; give its "
                    "direction, or the lane it lies across"
                )
        self._guard = guard
        self._least = settings.min_travel_px * scene.scale
        self._junctions = zone_rows(scene, "junction")
        self._open: dict[tuple[int, int], Overrun] = {}

    def __len__(self) -> int:
        return len(self._open)

    def close(self, overrun: Overrun) -> None:
        """Follow a vehicle no longer."""
        self._open.pop((overrun.track, overrun.number), None)

    def observe(self, sight: Sight) -> tuple[list[Overrun], list[Overrun]]:
        """Take in a frame.

        Returns:
            Vehicles beyond a line that were seen in this frame, and those that were lost in it.
        """
        rows = {track: row for row, track in enumerate(sight.ids)} if self._open else {}
        lost, seen = [], []
        concerned = self._guard.concerned(sight) if self._open or sight.crossings else None
        for (track, number), overrun in list(self._open.items()):
            row = rows.get(track, -1)
            overrun.row = row
            if row < 0:
                lost.append(overrun)
                del self._open[track, number]
            elif sight.view.tracks.seen[row]:
                assert concerned is not None
                depth = float(sight.depth[number, row])
                if sight.fresh[row] or depth <= 0 or not concerned[row]:
                    del self._open[track, number]
                    continue
                self._advance(overrun, sight, row, depth)
                seen.append(overrun)
        for crossing in sight.crossings:
            line = sight.lines[crossing.line]
            assert concerned is not None
            if line.head is None or line.kind != "stop" or not concerned[crossing.row]:
                continue
            key = (sight.ids[crossing.row], crossing.line)
            self._open.pop(key, None)
            if crossing.forward:
                begun = _begin(sight, crossing, line)
                self._open[key] = begun
                depth = float(sight.depth[crossing.line, crossing.row])
                self._advance(begun, sight, crossing.row, depth)
                seen.append(begun)
        return seen, lost

    def _advance(self, run: Overrun, sight: Sight, row: int, depth: float) -> None:
        """Move a vehicle on by one sighting."""
        now, tracks = sight.view.time_s, sight.view.tracks
        before_s, before = run.last_s, run.depth
        size = float(sight.size[row])
        run.row, run.last_s, run.last_frame, run.depth = row, now, sight.view.frame, depth
        run.size, run.box, run.speed = size, tracks.xyxy[row], tracks.speed[row]
        run.class_id = int(tracks.class_id[row])
        run.sightings += 1
        run.score_sum += float(tracks.score[row])
        gain = depth - run.rest_depth
        if gain <= LEAVE * size:
            run.still, run.off = (now, depth), None
        elif run.off is None:
            run.off = (now, depth)
        x, y = sight.ground[row].tolist()
        # Who turns left across the line gains no depth, and waits as little as who drives on.
        aside = math.hypot(x - run.rest_at[0], y - run.rest_at[1]) > STEP * size
        if abs(gain) > STEP * size or (aside and not run.resting):
            if run.resting and gain > 0:
                self._leave(run, LEAVE * size)
            elif run.resting:
                run.resting = False
            run.rest_s, run.rest_depth, run.rest_at = now, depth, (x, y)
            run.still, run.off = (now, depth), None
        elif now - run.rest_s >= REST_S and not run.resting:
            run.resting, run.reached_s = True, None
            run.rest_depth, run.still, run.off = depth, (now, depth), None
            run.rest_at = (x, y)
            run.rest_junction = self._in_junction(sight, row)
        target = max(self._least, run.left_depth + max(self._least, size))
        if not run.left:
            target = max(self._least, size)
        if run.reached_s is not None:
            run.gone = math.hypot(x - run.reached_at[0], y - run.reached_at[1])
        if run.resting or run.reached_s is not None or depth < target:
            return
        if self._in_junction(sight, row):
            part = (target - before) / max(depth - before, 1e-9) if before < target else 1.0
            run.reached_s = before_s + part * (now - before_s)
            run.reached_depth = depth
            run.reached_at, run.gone = (x, y), 0.0

    def _leave(self, run: Overrun, away: float) -> None:
        """A vehicle that waited has left its place; when, interpolated between two sightings."""
        (still_s, still), (off_s, off) = run.still, run.off or (run.last_s, run.depth)
        part = (run.rest_depth + away - still) / max(off - still, 1e-9)
        run.left.append(still_s + min(1.0, max(0.0, part)) * (off_s - still_s))
        run.left_depth = run.rest_depth
        run.waited_s = run.left[-1] - run.rest_s
        run.resting, run.reached_s = False, None

    def _in_junction(self, sight: Sight, row: int) -> bool:
        """Whether a vehicle is in the junction or its last step led through it; yes without one.

        A box that the picture's edge cuts off stands on less than its real ground, so its lower
        edge counts too.
        """
        if not self._junctions:
            return True
        zones = sight.zones()
        if any(zones[zone, row] for zone in self._junctions):
            return True
        box = sight.view.tracks.xyxy[row]
        start, end = sight.last[row], sight.ground[row]
        points = []
        if float(np.hypot(*(end - start))) > STEP * float(sight.size[row]):
            points += [start + (end - start) * share for share in (0.25, 0.5, 0.75)]
        if float(box[3]) >= sight.scene.height - 2:
            points.append(np.array([float(box[0] + box[2]) / 2, sight.scene.height - 3.0]))
        if not points:
            return False
        tested = np.stack(points)
        return any(
            bool(inside(tested, sight.scene.zones[zone].polygon).any()) for zone in self._junctions
        )


def _begin(sight: Sight, crossing: Crossing, line: RoadLine) -> Overrun:
    row, tracks = crossing.row, sight.view.tracks
    return Overrun(
        track=sight.ids[row],
        line=line,
        number=crossing.line,
        row=row,
        crossed_s=crossing.at_s,
        earliest_s=crossing.before_s if crossing.hidden else crossing.at_s,
        first_frame=crossing.before_frame,
        last_frame=sight.view.frame,
        last_s=crossing.at_s,
        depth=0.0,
        size=float(sight.size[row]),
        box=tracks.xyxy[row],
        speed=tracks.speed[row],
        rest_s=crossing.at_s,
        rest_depth=0.0,
        rest_at=sight.ground[row].tolist(),
        class_id=int(tracks.class_id[row]),
        born=(float(sight.born_s[row]), sight.born_box[row]),
        still=(crossing.at_s, 0.0),
    )


def along(line: RoadLine) -> tuple[float, float]:
    """Unit vector of a line's permitted way."""
    x, y = (line.normal * (line.only or 1)).tolist()
    return x, y


def red_cycle(
    signals: SignalHistory,
    head: str,
    earliest_s: float,
    act_s: float,
    until_s: float,
    grace_s: float,
) -> SignalState | None:
    """The red phase in which an act lies with its grace on both sides, or None.

    Args:
        signals: What is known of the lights by now.
        head: The one that governs the act.
        earliest_s: When the act may have been done at the earliest.
        act_s: When it was done.
        until_s: When it had been completed; it must still have been red then.
        grace_s: Red must have begun so long before, and must have lasted so long after the act.
    """
    state = signals.at(head, act_s)
    if state is None or state.phase != "red" or state.since_s + grace_s > earliest_s:
        return None
    steady = signals.steady(head, earliest_s, max(until_s, act_s + grace_s))
    return state if steady == state else None
