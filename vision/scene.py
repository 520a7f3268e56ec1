"""The site file's geometry as arrays, in the pixels of the frames that really come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ioc.camera import Camera, ForbiddenTurn, Hours, Lane, Line, Pixel, Segment
from ioc.errors import ConfigError
from ioc.events import VehicleClass
from vision.calibrate import Ground, ground_of
from vision.detect.detections import BoolArray

Points = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class LaneArea:
    """One lane: its outline and the permitted way.

    Attributes:
        id: Name in the site file.
        polygon: Corners, [K, 2].
        along: Unit vector of the permitted way, [2].
        vehicles: Permitted classes; empty is all.
        limit_kmh: Speed limit of classes without one of their own.
        limits_kmh: Limits of single classes.
    """

    id: str
    polygon: Points
    along: Points
    vehicles: tuple[VehicleClass, ...] = ()
    limit_kmh: float | None = None
    limits_kmh: Mapping[VehicleClass, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RoadLine:
    """A line across the road.

    Attributes:
        id: Name in the site file.
        kind: What a crossing means: count, stop or exit.
        lane: The lane whose flow it measures, if any.
        start: One end, [2].
        span: Vector to the other end, [2].
        normal: Unit vector across the line; the side it points to is the positive one, [2].
        only: +1 or -1 when only crossings to that side count, 0 when both do.
        head: The signal head that governs a stop line, if any.
    """

    id: str
    kind: str
    lane: str | None
    start: Points
    span: Points
    normal: Points
    only: int
    head: str | None

    def side(self, points: Points) -> Points:
        """Signed distance of points [N, 2] from the line and its extension, pixels [N]."""
        return np.asarray((points - self.start) @ self.normal)

    def share(self, points: Points) -> Points:
        """How far along the line points [N, 2] lie: 0 at its start, 1 at its end, [N]."""
        return np.asarray((points - self.start) @ self.span / (self.span @ self.span))


@dataclass(frozen=True, slots=True)
class ZoneArea:
    """One zone.

    Attributes:
        id: Name in the site file.
        kind: junction, no_parking, no_entry or privacy.
        polygon: Corners, [K, 2].
        vehicles: Classes that a ban concerns; empty is all.
        hours: When a ban holds; empty is always.
    """

    id: str
    kind: str
    polygon: Points
    vehicles: tuple[VehicleClass, ...]
    hours: tuple[Hours, ...]


@dataclass(frozen=True, slots=True)
class LampBox:
    """Where a signal head is seen.

    Attributes:
        head: The head.
        box: Left, top, right, bottom in whole pixels of the frame.
        order: What it holds from its top, or from its left when it lies.
    """

    head: str
    box: tuple[int, int, int, int]
    order: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Scene:
    """What one camera looks at.

    Attributes:
        width: Columns of a frame.
        height: Rows of a frame.
        scale: Frame pixels for one pixel of the site file (mean of x and y).
        lanes: Its lanes.
        lines: Lines that vehicles are counted on.
        stops: Lines of kind stop. One without a direction of its own is crossed along its lane.
        exits: Lines of kind exit.
        zones: Areas with a meaning.
        turns: Turns that may not be made.
        lamps: Where signal heads are seen.
        ground: The road plane; None without a calibration.
    """

    width: int
    height: int
    scale: float
    lanes: tuple[LaneArea, ...]
    lines: tuple[RoadLine, ...]
    stops: tuple[RoadLine, ...] = ()
    exits: tuple[RoadLine, ...] = ()
    zones: tuple[ZoneArea, ...] = ()
    turns: tuple[ForbiddenTurn, ...] = ()
    lamps: tuple[LampBox, ...] = ()
    ground: Ground | None = None


def build_scene(camera: Camera, width: int, height: int) -> Scene:
    """A camera's geometry for frames of ``width`` x ``height``.

    Coordinates of the site file are stretched to the real frame. A lane is counted on its lines
    of kind ``count``; if it has none, on its stop lines.

    Args:
        camera: The camera as the site file describes it.
        width: Columns of the frames that come.
        height: Rows of the frames that come.

    Raises:
        ConfigError: The calibration's points fix no plane.
    """
    factor = np.array([width / camera.frame.width, height / camera.frame.height])
    has_count_line = {line.lane for line in camera.lines if line.kind == "count"}
    counted = [
        line
        for line in camera.lines
        if line.kind == "count"
        or (line.kind == "stop" and line.lane is not None and line.lane not in has_count_line)
    ]
    calibration = camera.calibration
    return Scene(
        width,
        height,
        float(factor.mean()),
        tuple(_lane(lane, factor) for lane in camera.lanes),
        tuple(_line(line, factor) for line in counted),
        tuple(_stop(line, camera, factor) for line in camera.lines if line.kind == "stop"),
        tuple(_line(line, factor) for line in camera.lines if line.kind == "exit"),
        tuple(
            ZoneArea(zone.id, zone.kind, _points(zone.polygon, factor), zone.vehicles, zone.hours)
            for zone in camera.zones
        ),
        camera.forbidden_turns,
        tuple(LampBox(lamp.head, whole(lamp.box, factor), lamp.order) for lamp in camera.lamps),
        None if calibration is None else ground_of(calibration, camera.frame, width, height),
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
    if camera.calibration is not None:
        try:
            ground_of(camera.calibration, camera.frame, camera.frame.width, camera.frame.height)
        except ConfigError as error:
            found.append(str(error))
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


class Areas:
    """Several polygons, so packed that points are tested against all of them at once.

    ``inside`` takes 60 us for one polygon; this takes 30 us for a dozen.
    """

    def __init__(self, polygons: Sequence[Points]) -> None:
        """Pack polygons, [K, 2] each."""
        most = max((len(polygon) for polygon in polygons), default=0)
        # ay, by, ax and run over rise of each edge; one of nothing but zeros is never met.
        self._edges = np.zeros((4, len(polygons), 1, most))
        for number, polygon in enumerate(polygons):
            after = np.roll(polygon, -1, axis=0)
            rise = after[:, 1] - polygon[:, 1]
            slope = (after[:, 0] - polygon[:, 0]) / np.where(rise == 0, 1.0, rise)
            edges = self._edges[:, number, 0, : len(polygon)]
            edges[:] = polygon[:, 1], after[:, 1], polygon[:, 0], slope

    def within(self, points: Points) -> BoolArray:
        """Which points [N, 2] lie in which polygon (even-odd rule), [polygons, N]."""
        ay, by, ax, slope = self._edges
        x, y = points[:, 0:1], points[:, 1:2]
        met = ((ay > y) != (by > y)) & (x < ax + (y - ay) * slope)
        return np.asarray(np.logical_xor.reduce(met, axis=2))


def _points(pixels: tuple[Pixel, ...], factor: Points) -> Points:
    return np.array(pixels, dtype=np.float64) * factor


def _vector(arrow: Segment, factor: Points) -> Points:
    start, end = _points(arrow, factor)
    return np.asarray(end - start)


def _lane(lane: Lane, factor: Points) -> LaneArea:
    along = _vector(lane.direction, factor)
    length = float(np.hypot(*along))
    return LaneArea(
        lane.id,
        _points(lane.polygon, factor),
        along / (length or 1.0),
        lane.vehicles,
        lane.speed_limit_kmh,
        lane.speed_limits_kmh,
    )


def _stop(line: Line, camera: Camera, factor: Points) -> RoadLine:
    """A stop line; one without a direction of its own is crossed along its lane's way."""
    if line.direction is None:
        for lane in camera.lanes:
            if lane.id == line.lane:
                line = line.model_copy(update={"direction": lane.direction})
    return _line(line, factor)


def whole(box: tuple[Pixel, Pixel], factor: Points) -> tuple[int, int, int, int]:
    """Corners in the site file's pixels → left, top, right, bottom in whole frame pixels."""
    (left, top), (right, bottom) = np.round(_points(box, factor)).astype(int).tolist()
    return left, top, right, bottom


def _line(line: Line, factor: Points) -> RoadLine:
    start, end = _points(line.ends, factor)
    span = end - start
    normal = np.array([-span[1], span[0]]) / (float(np.hypot(*span)) or 1.0)
    only = 0
    if line.direction is not None:
        only = int(np.sign(_vector(line.direction, factor) @ normal))
    return RoadLine(line.id, line.kind, line.lane, start, span, normal, only, line.head)
