"""The site file's geometry as arrays, in the pixels of the frames that really come."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ioc.site import Camera, Lane, Line, Pixel, Segment
from vision.detect.detections import BoolArray

Points = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class LaneArea:
    """One lane: its outline and the permitted way.

    Attributes:
        id: Name in the site file.
        polygon: Corners, [K, 2].
        along: Unit vector of the permitted way, [2].
    """

    id: str
    polygon: Points
    along: Points


@dataclass(frozen=True, slots=True)
class CountLine:
    """A line that vehicles are counted on.

    Attributes:
        id: Name in the site file.
        lane: The lane whose flow it measures, if any.
        start: One end, [2].
        span: Vector to the other end, [2].
        normal: Unit vector across the line; the side it points to is the positive one, [2].
        only: +1 or -1 when only crossings to that side count, 0 when both do.
    """

    id: str
    lane: str | None
    start: Points
    span: Points
    normal: Points
    only: int

    def side(self, points: Points) -> Points:
        """Signed distance of points [N, 2] from the line and its extension, pixels [N]."""
        return np.asarray((points - self.start) @ self.normal)

    def share(self, points: Points) -> Points:
        """How far along the line points [N, 2] lie: 0 at its start, 1 at its end, [N]."""
        return np.asarray((points - self.start) @ self.span / (self.span @ self.span))


@dataclass(frozen=True, slots=True)
class Scene:
    """What one camera looks at.

    Attributes:
        width: Columns of a frame.
        height: Rows of a frame.
        scale: Frame pixels for one pixel of the site file (mean of x and y).
        lanes: Its lanes.
        lines: Lines that vehicles are counted on.
    """

    width: int
    height: int
    scale: float
    lanes: tuple[LaneArea, ...]
    lines: tuple[CountLine, ...]


def build_scene(camera: Camera, width: int, height: int) -> Scene:
    """A camera's geometry for frames of ``width`` x ``height``.

    Coordinates of the site file are stretched to the real frame. A lane is counted on its lines
    of kind ``count``; if it has none, on its stop lines.

    Args:
        camera: The camera as the site file describes it.
        width: Columns of the frames that come.
        height: Rows of the frames that come.
    """
    factor = np.array([width / camera.frame.width, height / camera.frame.height])
    has_count_line = {line.lane for line in camera.lines if line.kind == "count"}
    counted = [
        line
        for line in camera.lines
        if line.kind == "count" or (line.lane is not None and line.lane not in has_count_line)
    ]
    return Scene(
        width,
        height,
        float(factor.mean()),
        tuple(_lane(lane, factor) for lane in camera.lanes),
        tuple(_line(line, factor) for line in counted),
    )


def faults(camera: Camera) -> list[str]:
    """What of a camera's geometry has no meaning; each names its key and the mend."""
    found = []
    one = np.ones(2)
    for lane in camera.lanes:
        if not _vector(lane.direction, one).any():
            found.append(f"lanes.{lane.id}.direction: both ends are one point; draw an arrow")
    for line in camera.lines:
        span = _vector(line.ends, one)
        if not span.any():
            found.append(f"lines.{line.id}.ends: both ends are one point; draw a line")
        elif line.direction is not None:
            arrow = _vector(line.direction, one)
            across = abs(span[0] * arrow[1] - span[1] * arrow[0])
            if across < 0.05 * float(np.hypot(*span)) * float(np.hypot(*arrow)) or not arrow.any():
                found.append(f"lines.{line.id}.direction: runs along the line; point it across")
    return found


def inside(points: Points, polygon: Points) -> BoolArray:
    """Which points lie in a polygon (even-odd rule), all at once.

    Args:
        points: [N, 2].
        polygon: Corners in order, [K, 2].

    Returns:
        Bool [N]. A point on an edge may fall on either side.
    """
    x, y = points[:, 0:1], points[:, 1:2]
    ax, ay = polygon[:, 0], polygon[:, 1]
    bx, by = np.roll(ax, -1), np.roll(ay, -1)
    straddles = (ay > y) != (by > y)
    rise = np.where(by == ay, 1.0, by - ay)
    left = x < ax + (y - ay) * (bx - ax) / rise
    return np.asarray((straddles & left).sum(axis=1) % 2 == 1)


def _points(pixels: tuple[Pixel, ...], factor: Points) -> Points:
    return np.array(pixels, dtype=np.float64) * factor


def _vector(arrow: Segment, factor: Points) -> Points:
    start, end = _points(arrow, factor)
    return np.asarray(end - start)


def _lane(lane: Lane, factor: Points) -> LaneArea:
    along = _vector(lane.direction, factor)
    length = float(np.hypot(*along))
    return LaneArea(lane.id, _points(lane.polygon, factor), along / (length or 1.0))


def _line(line: Line, factor: Points) -> CountLine:
    start, end = _points(line.ends, factor)
    span = end - start
    normal = np.array([-span[1], span[0]]) / (float(np.hypot(*span)) or 1.0)
    only = 0
    if line.direction is not None:
        only = int(np.sign(_vector(line.direction, factor) @ normal))
    return CountLine(line.id, line.lane, start, span, normal, only)
