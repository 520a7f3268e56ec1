"""Counts vehicles on lines, and sums up each lane's flow over a period."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ioc.events import FlowData, VehicleClass
from vision.detect.detections import CLASS_ID, CLASSES
from vision.scene import LaneArea, Points, RoadLine, inside
from vision.track.tracks import Tracks

HYSTERESIS = 0.1
"""A vehicle is on a side once it is this share of its box beyond the line. The filter leaves about
0.03 of jitter, so a vehicle that stands on the line does not swing from side to side."""

MARGIN = 0.05
"""A line is taken this much longer at each end, for vehicles that hug the kerb."""


@dataclass(frozen=True, slots=True)
class Crossing:
    """A vehicle crossed a line.

    Attributes:
        line: The line's name.
        lane: The lane whose flow the line measures.
        track: The vehicle.
        vehicle: Its class as voted so far.
        time_s: When its point on the road was on the line, interpolated between two frames.
        forward: Whether it went to the line's positive side.
    """

    line: str
    lane: str | None
    track: int
    vehicle: VehicleClass
    time_s: float
    forward: bool


@dataclass(slots=True)
class _Passage:
    """What is remembered of one vehicle: where it was, its side of each line, what counted."""

    time_s: float
    point: Points
    side: list[int]
    crossed: list[tuple[float, float] | None]
    counted: set[str] = field(default_factory=set)


class LineCounter:
    """Finds crossings. A vehicle counts once on each line, however often it goes to and fro."""

    def __init__(self, lines: Sequence[RoadLine]) -> None:
        self._lines = tuple(lines)
        self._passages: dict[int, _Passage] = {}

    def observe(self, tracks: Tracks, at_s: float) -> list[Crossing]:
        """The crossings that this frame completes.

        Only vehicles that were seen in the frame move: a guess about a hidden one must not count.
        One that crosses while hidden counts when it is seen again.

        Args:
            tracks: All vehicles; those no longer in it are forgotten.
            at_s: Time of the frame, seconds.
        """
        held = {int(track) for track in tracks.id}
        for gone in self._passages.keys() - held:
            del self._passages[gone]
        points = tracks.ground()
        margins = HYSTERESIS * tracks.size()
        distances = np.zeros((len(self._lines), len(tracks)))
        for number, line in enumerate(self._lines):
            distances[number] = line.side(points)
        found: list[Crossing] = []
        for index in np.flatnonzero(tracks.seen):
            track = int(tracks.id[index])
            settled = [
                0 if abs(distance) < margins[index] else (1 if distance > 0 else -1)
                for distance in distances[:, index]
            ]
            passage = self._passages.get(track)
            if passage is None:
                self._passages[track] = _Passage(
                    at_s, points[index], settled, [None] * len(self._lines)
                )
                continue
            vehicle = CLASSES[int(tracks.class_id[index])]
            for number, line in enumerate(self._lines):
                crossing = self._step(number, line, passage, points[index], at_s, settled[number])
                if crossing is not None and line.id not in passage.counted:
                    passage.counted.add(line.id)
                    forward = settled[number] > 0
                    found.append(Crossing(line.id, line.lane, track, vehicle, crossing, forward))
            passage.time_s, passage.point = at_s, points[index]
        return found

    def _step(
        self, number: int, line: RoadLine, passage: _Passage, point: Points, at_s: float, now: int
    ) -> float | None:
        """Move one vehicle against one line; the time of its crossing if that is now certain."""
        ends = np.stack((passage.point, point))
        before, after = line.side(ends)
        if (before > 0) != (after > 0):
            part = float(before / (before - after))
            where = float(line.share(ends[:1] + part * (ends[1:] - ends[:1]))[0])
            passage.crossed[number] = (passage.time_s + part * (at_s - passage.time_s), where)
        was = passage.side[number]
        if now == 0 or now == was:
            return None
        passage.side[number] = now
        crossed = passage.crossed[number]
        if was == 0 or crossed is None or line.only not in (0, now):
            return None
        time_s, where = crossed
        return time_s if -MARGIN <= where <= 1 + MARGIN else None


class LaneFlow:
    """Sums up lanes over periods of equal length, counted from the first frame."""

    def __init__(
        self, lanes: Sequence[LaneArea], lines: Sequence[RoadLine], period_s: float
    ) -> None:
        counted = {line.lane for line in lines}
        self._lanes = tuple(lane for lane in lanes if lane.id in counted)
        self._period = period_s
        self._start: float | None = None
        self._last = 0.0
        self._counts: dict[str, Counter[VehicleClass]] = {}
        self._occupied: dict[str, float] = {}
        self._counted: dict[str, set[int]] = {lane.id: set() for lane in self._lanes}
        self._clear()

    def observe(
        self, tracks: Tracks, crossings: Sequence[Crossing], at_s: float
    ) -> list[tuple[float, FlowData]]:
        """Take in a frame.

        Args:
            tracks: All vehicles in it.
            crossings: What it completed. A vehicle counts once in a lane, even on several lines.
            at_s: Its time, seconds.

        Returns:
            The flow of each lane for every period that has ended, with the time of its end. A
            period in which no frame came is left out: nobody looked, so nothing is known of it.
        """
        if self._start is None:
            self._start = self._last = at_s
        ended: list[tuple[float, FlowData]] = []
        if at_s >= self._start + self._period:
            ended = self._close(self._start + self._period)
            periods = int((at_s - self._start) // self._period)
            self._start += periods * self._period
            self._last = max(self._last, self._start)
        vehicles = tracks.class_id != CLASS_ID["pedestrian"]
        points = tracks.ground()[vehicles]
        dt = max(0.0, at_s - self._last)
        for lane in self._lanes:
            if len(points) and bool(inside(points, lane.polygon).any()):
                self._occupied[lane.id] += dt
        self._last = max(self._last, at_s)
        held = {int(track) for track in tracks.id}
        for crossing in crossings:
            if crossing.lane is None or crossing.track in self._counted[crossing.lane]:
                continue
            self._counted[crossing.lane].add(crossing.track)
            self._counts[crossing.lane][crossing.vehicle] += 1
        for seen in self._counted.values():
            seen &= held
        return ended

    def finish(self) -> list[tuple[float, FlowData]]:
        """The flow of the last period, shorter than the others, up to the last frame."""
        if self._start is None or self._last - self._start < 0.001:
            return []
        return self._close(self._last)

    def _close(self, end: float) -> list[tuple[float, FlowData]]:
        assert self._start is not None
        length = end - self._start
        flows = [
            (
                end,
                FlowData(
                    lane=lane.id,
                    period_s=round(length, 3),
                    counts=dict(self._counts[lane.id]),
                    occupancy=round(min(1.0, self._occupied[lane.id] / length), 4),
                ),
            )
            for lane in self._lanes
        ]
        self._clear()
        return flows

    def _clear(self) -> None:
        self._counts = {lane.id: Counter() for lane in self._lanes}
        self._occupied = {lane.id: 0.0 for lane in self._lanes}
