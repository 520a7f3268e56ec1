"""Counts vehicles on lines, and sums up each lane's flow over a period."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ioc.events import FlowData, VehicleClass
from vision.detect.detections import CLASS_ID, CLASSES, IntArray
from vision.scene import Areas, LaneArea, Points, RoadLine
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
    distance: list[float]
    side: list[int]
    crossed: list[tuple[float, float] | None]
    counted: set[int] = field(default_factory=set)


class LineCounter:
    """Finds crossings. A vehicle counts once on each line, however often it goes to and fro."""

    def __init__(self, lines: Sequence[RoadLine]) -> None:
        self._lines = tuple(lines)
        self._passages: dict[int, _Passage] = {}

    def observe(self, tracks: Tracks, at_s: float) -> list[Crossing]:
        """The crossings that this frame completes.

        Only vehicles that were seen in the frame move: a guess about a hidden one must not count.
        One that crosses while hidden counts when it is seen again, and one that crosses before it
        is confirmed counts when it is: its path begins at its first sighting.

        Args:
            tracks: All vehicles; those no longer in it are forgotten.
            at_s: Time of the frame, seconds.
        """
        ids = tracks.id.tolist()
        for gone in self._passages.keys() - ids:
            del self._passages[gone]
        points = tracks.ground()
        distances = self._distances(points)
        settled = _sides(distances, HYSTERESIS * tracks.size())
        found: list[Crossing] = []
        for index in np.flatnonzero(tracks.seen).tolist():
            track = ids[index]
            passage = self._passages.get(track)
            if passage is None:
                passage = self._passages[track] = self._begin(tracks, index, at_s)
            after, now = distances[index].tolist(), settled[index].tolist()
            for number, line in enumerate(self._lines):
                before = passage.distance[number]
                if (before > 0) != (after[number] > 0):
                    part = before / (before - after[number])
                    where = passage.point + part * (points[index] - passage.point)
                    passage.crossed[number] = (
                        passage.time_s + part * (at_s - passage.time_s),
                        float(line.share(where)),
                    )
                if now[number] in (0, passage.side[number]):
                    continue
                time_s = self._completed(number, passage, now[number])
                passage.side[number] = now[number]
                if time_s is not None:
                    passage.counted.add(number)
                    vehicle = CLASSES[int(tracks.class_id[index])]
                    forward = now[number] > 0
                    found.append(Crossing(line.id, line.lane, track, vehicle, time_s, forward))
            passage.time_s, passage.point, passage.distance = at_s, points[index], after
        return found

    def _begin(self, tracks: Tracks, index: int, at_s: float) -> _Passage:
        """A vehicle's path from its first sighting, which lies before its confirmation.

        At 6 frames a second a vehicle is on trial for a third of a second and more: in that time
        a car at 50 km/h goes one and a half lengths.
        """
        point = tracks.first_ground()[index]
        distance = self._distances(point[None])
        side = _sides(distance, HYSTERESIS * tracks.first_size()[index : index + 1])
        return _Passage(
            at_s - float(tracks.age_s[index]),
            point,
            distance[0].tolist(),
            side[0].tolist(),
            [None] * len(self._lines),
        )

    def _completed(self, number: int, passage: _Passage, now: int) -> float | None:
        """When a vehicle that is now clearly on one side crossed a line, if that counts."""
        crossed = passage.crossed[number]
        if number in passage.counted or passage.side[number] == 0 or crossed is None:
            return None
        time_s, where = crossed
        wanted = self._lines[number].only in (0, now) and -MARGIN <= where <= 1 + MARGIN
        return time_s if wanted else None

    def _distances(self, points: Points) -> Points:
        """Signed distance of points [N, 2] from each line, pixels [N, lines]."""
        distances = np.empty((len(points), len(self._lines)))
        for number, line in enumerate(self._lines):
            distances[:, number] = line.side(points)
        return distances


def _sides(distances: Points, margins: Points) -> IntArray:
    """The side of each line that vehicles are clearly on, +1 or -1, else 0, [N, lines]."""
    clear = np.abs(distances) >= margins[:, None]
    return np.where(clear, np.where(distances > 0, 1, -1), 0)


class LaneFlow:
    """Sums up lanes over periods of equal length, counted from the first frame."""

    def __init__(
        self, lanes: Sequence[LaneArea], lines: Sequence[RoadLine], period_s: float
    ) -> None:
        counted = {line.lane for line in lines}
        self._lanes = tuple(lane for lane in lanes if lane.id in counted)
        self._areas = Areas([lane.polygon for lane in self._lanes])
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
        for number in np.flatnonzero(self._areas.within(points).any(axis=1)):
            self._occupied[self._lanes[number].id] += dt
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
