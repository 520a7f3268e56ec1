"""Where the last wheels of each vehicle stand, from its box, its class and its way.

A vehicle has crossed a line when its last wheels have; that is the reading most in favour of its
driver. A point at a fixed height of the box is somewhere under the vehicle instead, up to two
metres off, by the class and by the side that the camera sees. So the box is lifted to the road: a
solid of the class's usual size is set on it, turned the way the vehicle drives, and moved until it
fills the box. Its wheels nearest to the camera are the point.

The camera's pose follows from the homography of its calibration (Zhang 2000, section 2.3: the
columns of a plane's homography are orthogonal and of one length once the focal length is undone);
pixels are taken as square and the axis as the picture's middle.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ioc.errors import ConfigError
from ioc.events import VehicleClass
from vision.calibrate import Ground
from vision.detect.detections import CLASSES, BoolArray, FloatArray, IntArray
from vision.track.tracks import Tracks

Points = NDArray[np.float64]

ROUNDS: Final = 4
"""Gauss-Newton steps; after three the wheels move by less than a pixel."""

CUT_PX: Final = 2.0
"""An edge of a box so near to the picture's edge says nothing of the vehicle's own."""

LENGTH_PX: Final = 120.0
"""How strongly a length holds to the class's usual one: this many pixels for its whole."""

STEP_M: Final = 0.6
STEP_PX: Final = 4.0
"""A way is taken from steps of at least so many metres, and pixels: the box of who stands jitters
by one or two."""

OLD: Final = 0.5
"""Weight of the way so far against a new step."""

TREAD: Final = 0.8
"""The lowest part of a vehicle's outline lies so far from its end to its axle: a tyre is round."""

LEAST_LENGTH: Final = 0.6
MOST_LENGTH: Final = 1.8
"""Vehicles of one class are so much shorter or longer than the usual one, at most."""


@dataclass(frozen=True, slots=True)
class Solid:
    """The usual size of a class, metres.

    Attributes:
        length: Over all.
        width: Over all, at half its height.
        height: With riders.
        rear: Last wheels ahead of its rear end.
        front: First wheels behind its front end.
        track: Width between the outsides of its wheels; a two-wheeler has almost none.
        sill: Height of its ends above the road.
        roof: Width of its top.
    """

    length: float
    width: float
    height: float
    rear: float
    front: float
    track: float
    sill: float
    roof: float

    def points(self) -> Points:
        """Corners from its middle on the road: x ahead, y left, z up, [12, 3]."""
        half, side = self.length / 2, self.width / 2
        rear, front = -half + TREAD * self.rear, half - TREAD * self.front
        wheels = [(rear, self.track / 2), (front, self.track / 2)]
        rows = [(x, s * y, 0.0) for x, y in wheels for s in (-1, 1)]
        rows += [(x, s * side, self.sill) for x in (-half, half) for s in (-1, 1)]
        top = 0.45 if self.roof < 0.6 * self.width else 0.85
        rows += [
            (x, s * self.roof / 2, self.height)
            for x in (-half * top, half * (top - 0.2))
            for s in (-1, 1)
        ]
        return np.array(rows)


SOLIDS: Final[dict[VehicleClass, Solid]] = {
    "motorcycle": Solid(1.92, 0.72, 1.63, 0.33, 0.32, 0.12, 0.9, 0.3),
    "bicycle": Solid(1.72, 0.58, 1.68, 0.34, 0.34, 0.08, 0.9, 0.3),
    "car": Solid(4.3, 1.76, 1.55, 0.85, 0.80, 1.7, 0.3, 1.3),
    "bus": Solid(8.0, 2.25, 2.9, 2.0, 1.5, 2.15, 0.4, 2.1),
    "truck": Solid(6.0, 2.0, 2.5, 1.4, 1.1, 1.9, 0.5, 1.9),
    "three_wheeler": Solid(3.1, 1.28, 1.7, 0.55, 0.32, 1.1, 0.4, 0.7),
    "pedestrian": Solid(0.4, 0.5, 1.65, 0.2, 0.2, 0.4, 0.9, 0.3),
    "other": Solid(3.0, 1.5, 1.7, 0.6, 0.5, 1.3, 0.4, 1.0),
}
"""Common makes of Vietnam's streets: Honda Wave, Toyota Vios, Hyundai County and Mighty."""

_POINTS: Final = np.stack([SOLIDS[name].points() for name in CLASSES])
_ENDS: Final = np.array(
    [
        (-one.length / 2 + one.rear, one.length / 2 - one.front)
        for one in (SOLIDS[name] for name in CLASSES)
    ]
)


@dataclass(slots=True)
class _Way:
    """What is remembered of a vehicle: where it was on the road, and which way it drove."""

    x: float
    y: float
    along: tuple[float, float] | None


class Footing:
    """Places one camera's vehicles by their last wheels. Keeps the way of each that is held."""

    def __init__(self, ground: Ground, width: int, height: int) -> None:
        """Work out the camera's pose.

        Args:
            ground: Its calibration.
            width: Columns of the frames.
            height: Rows of the frames.

        Raises:
            ConfigError: The surveyed points fit no camera that looks down at the road.
        """
        self._ground = ground
        self._size = np.array([width, height], np.float64)
        self._matrix, self._lens = _pose(ground, width, height)
        self._ways: dict[int, _Way] = {}

    def place(self, tracks: Tracks) -> Tracks:
        """The same tracks with ``road``, ``first_road`` and ``bulk`` filled in."""
        if not len(tracks):
            self._ways.clear()
            return tracks
        boxes = tracks.xyxy.astype(np.float64)
        if tracks.found_xyxy is not None:
            # The filter runs ahead of what brakes, and for a second of what came into the picture
            # and so grew: a car at 78 km/h was measured at 89. What was found is where it is.
            boxes = np.where(tracks.seen[:, None], tracks.found_xyxy, boxes).astype(np.float64)
        first = boxes if tracks.first_xyxy is None else tracks.first_xyxy.astype(np.float64)
        along = self._along(tracks, boxes, first)
        both = np.concatenate((boxes, first))
        kinds = np.concatenate((tracks.class_id, tracks.class_id))
        road, bulk = self._wheels(both, kinds, np.concatenate((along, along)))
        count = len(tracks)
        return replace(tracks, road=road[:count], first_road=road[count:], bulk=bulk[:count])

    def _along(self, tracks: Tracks, boxes: Points, first: Points) -> Points:
        """Unit vector of each vehicle's way on the road, [N, 2]; away from the lens if unknown."""
        feet = np.stack([(boxes[:, 0] + boxes[:, 2]) / 2, boxes[:, 3]], axis=1)
        began = np.stack([(first[:, 0] + first[:, 2]) / 2, first[:, 3]], axis=1)
        here, start = self._ground.to_ground(feet), self._ground.to_ground(began)
        worth = np.nan_to_num(self._ground.metres_per_pixel(feet), nan=np.inf)
        least = np.maximum(STEP_M, STEP_PX * worth)
        away = here - self._lens[:2]
        away /= np.maximum(np.hypot(away[:, 0], away[:, 1]), 1e-9)[:, None]
        ways: dict[int, _Way] = {}
        found: Points = np.where(np.isfinite(away), away, (0.0, 1.0))
        for row, name in enumerate(tracks.id.tolist()):
            x, y = here[row].tolist()
            way = self._ways.get(name)
            if way is None:
                from_x, from_y = start[row].tolist()
                way = _Way(from_x, from_y, None)
            dx, dy = x - way.x, y - way.y
            gone = float(np.hypot(dx, dy))
            if tracks.seen[row] and gone >= least[row]:  # False for nan
                dx, dy = dx / gone, dy / gone
                if way.along is not None:
                    dx, dy = dx + OLD * way.along[0], dy + OLD * way.along[1]
                    gone = max(float(np.hypot(dx, dy)), 1e-9)
                    dx, dy = dx / gone, dy / gone
                way = _Way(x, y, (dx, dy))
            if way.along is not None:
                found[row] = way.along
            ways[name] = way
        self._ways = ways
        return found

    def _wheels(
        self, boxes: Points, kinds: IntArray, along: Points
    ) -> tuple[FloatArray, FloatArray]:
        """Pixels of the last wheels of boxes [N, 4], [N, 2], and how large each box is, [N]."""
        feet = np.stack([(boxes[:, 0] + boxes[:, 2]) / 2, boxes[:, 3]], axis=1)
        start = self._ground.to_ground(feet)
        sure: BoolArray = np.asarray(np.isfinite(start).all(axis=1))
        local, ends = _POINTS[kinds], _ENDS[kinds]
        state = np.concatenate([np.where(sure[:, None], start, 0.0), np.ones((len(boxes), 1))], 1)
        wanted = boxes[:, [0, 2, 3]]
        limits = self._size[[0, 0, 1]]
        free = (wanted > CUT_PX) & (wanted < limits - CUT_PX)
        weight = free.astype(np.float64)
        # With one side cut the other one alone says where it is; with both the middle does.
        weight[~weight[:, :2].any(axis=1), :2] = 0.5
        weight[:, 2] = 1.0
        for _ in range(ROUNDS):
            base = self._edges(state, local, along)[:, :3]
            slope = np.empty((len(boxes), 3, 3))
            for place, step in enumerate((0.05, 0.05, 0.02)):
                moved = state.copy()
                moved[:, place] += step
                slope[:, :, place] = (self._edges(moved, local, along)[:, :3] - base) / step
            slope *= weight[:, :, None]
            off = (wanted - base) * weight
            square = slope.transpose(0, 2, 1) @ slope
            pull = (slope.transpose(0, 2, 1) @ off[:, :, None])[:, :, 0]
            square[:, 2, 2] += LENGTH_PX**2
            pull[:, 2] += LENGTH_PX**2 * (1.0 - state[:, 2])
            square += 1e-3 * np.eye(3)
            good: BoolArray = np.asarray(np.isfinite(square).all(axis=(1, 2)))
            good &= np.isfinite(pull).all(axis=1)
            square[~good], pull[~good] = np.eye(3), 0.0
            change = np.linalg.solve(square, pull[:, :, None])[:, :, 0]
            change[:, :2] = np.clip(change[:, :2], -3.0, 3.0)
            state += change
            state[:, 2] = np.clip(state[:, 2], LEAST_LENGTH, MOST_LENGTH)
        sight = state[:, :2] - self._lens[:2]
        reach = np.maximum(np.hypot(sight[:, 0], sight[:, 1]), 1e-9)
        cosine = (sight * along).sum(axis=1) / reach
        share = (1 - np.clip(2 * cosine, -1, 1)) / 2
        ahead = (ends[:, 0] + share * (ends[:, 1] - ends[:, 0])) * state[:, 2]
        wheels = state[:, :2] + ahead[:, None] * along
        pixels = self._ground.to_image(wheels)
        low = np.where(sure[:, None], feet, boxes[:, [0, 3]])
        state[:, 2] = 1.0
        left, right, bottom, top = self._edges(state, local, along).T
        usual = np.maximum((right - left) * (bottom - top), 1.0)
        sides = np.maximum(boxes[:, 2:] - boxes[:, :2], 1.0)
        bulk = np.nan_to_num(np.sqrt(sides[:, 0] * sides[:, 1] / usual), nan=1.0)
        road = np.where(np.isfinite(pixels), pixels, low)
        return road.astype(np.float32), bulk.astype(np.float32)

    def _edges(self, state: Points, local: Points, along: Points) -> Points:
        """Left, right, bottom and top edge of solids in the picture, [N, 4]."""
        ahead = local[:, :, 0] * state[:, 2:3]
        left = local[:, :, 1]
        x = state[:, 0:1] + ahead * along[:, 0:1] - left * along[:, 1:2]
        y = state[:, 1:2] + ahead * along[:, 1:2] + left * along[:, 0:1]
        m = self._matrix
        z = local[:, :, 2]
        depth = m[2, 0] * x + m[2, 1] * y + m[2, 2] * z + m[2, 3]
        depth = np.where(depth > 1e-6, depth, np.nan)
        u = (m[0, 0] * x + m[0, 1] * y + m[0, 2] * z + m[0, 3]) / depth
        v = (m[1, 0] * x + m[1, 1] * y + m[1, 2] * z + m[1, 3]) / depth
        return np.stack([u.min(1), u.max(1), v.max(1), v.min(1)], axis=1)


def _pose(ground: Ground, width: int, height: int) -> tuple[Points, Points]:
    """Projection of metres to pixels [3, 4], and where the lens is [3]."""
    middle = np.array([width / 2, height / 2])
    shift = np.array([[1, 0, -middle[0]], [0, 1, -middle[1]], [0, 0, 1.0]])
    h = shift @ ground.inverse
    a, b = h[0, 0] * h[0, 1] + h[1, 0] * h[1, 1], h[2, 0] * h[2, 1]
    c = h[0, 0] ** 2 + h[1, 0] ** 2 - h[0, 1] ** 2 - h[1, 1] ** 2
    d = h[2, 0] ** 2 - h[2, 1] ** 2
    square = -(a * b + c * d) / max(b * b + d * d, 1e-18)
    wrong = ConfigError(
        "calibration: its points fit no camera that looks down at a road, so vehicles cannot be "
        "placed by their wheels; survey more points that lie farther apart, or set stand: box"
    )
    if not np.isfinite(square) or square <= (0.1 * width) ** 2:
        raise wrong
    focal = float(np.sqrt(square))
    first, second, origin = (h[:, place] / [focal, focal, 1.0] for place in range(3))
    length = float(np.sqrt(np.linalg.norm(first) * np.linalg.norm(second)))
    first, second, origin = first / length, second / length, origin / length
    third = np.cross(first, second)
    turn = np.stack([first, second, third], axis=1)
    lens = -np.linalg.solve(turn, origin)
    if lens[2] <= 0:
        raise wrong
    camera = np.array([[focal, 0, middle[0]], [0, focal, middle[1]], [0, 0, 1.0]])
    return camera @ np.concatenate([turn, origin[:, None]], axis=1), np.asarray(lens)
