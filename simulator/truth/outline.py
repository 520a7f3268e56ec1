"""Shapes on the road as a camera's picture shows them, cut at the picture's edge."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from simulator.camera import Lens

Points = NDArray[np.float64]

REACH_M: Final = 60.0
"""Farther from the lens nothing is drawn: a motorcycle there is 20 pixels wide at 1920 columns,
and a step of a pixel is worth a metre of road."""

_NEAR_M: Final = 1.0
_WIDER: Final = 1.15
"""Shapes are first cut a little outside the picture, where the lens' distortion is still one to
one: seen at more than 70 degrees from the axis, k1 = -0.04 would fold them back into it."""

_STEP_M: Final = 0.5
"""A straight edge on the road is bent by the lens, so it is drawn in pieces of this length."""

_FLAT_PX: Final = 0.4
"""A corner is left out when it is so near to the line between its neighbours."""

MOST_CORNERS: Final = 64
"""As ``ioc.camera.Polygon`` has it."""


def polygon_seen(lens: Lens, outline: Sequence[Sequence[float]]) -> Points | None:
    """The part of an outline on the road that is in the picture.

    Args:
        lens: The camera.
        outline: Corners in order, metres, [K, 2]; convex.

    Returns:
        Corners in pixels, all inside the frame, [L, 2]; None when less than a triangle is seen.
    """
    cut = _cut(_flat(lens, outline), _cone(lens), closed=True)
    if len(cut) < 3:
        return None
    pixels = _drawn(lens, _in_pieces(cut, closed=True))
    inside = _cut(pixels, _frame(lens), closed=True)
    corners = _simplified(np.round(inside, 1))
    if len(corners) < 3 or _area(corners) < 1.0:
        return None
    return corners


def segment_seen(lens: Lens, ends: Sequence[Sequence[float]]) -> Points | None:
    """The part of a straight line on the road that is in the picture.

    Args:
        lens: The camera.
        ends: Metres, [2, 2].

    Returns:
        Its ends in pixels, inside the frame, [2, 2]; None when nothing of it is seen.
    """
    cut = _cut(_flat(lens, ends), _cone(lens), closed=False)
    if len(cut) < 2:
        return None
    inside = _cut(_drawn(lens, _in_pieces(cut, closed=False)), _frame(lens), closed=False)
    if len(inside) < 2:
        return None
    seen = np.round(inside[[0, -1]], 1)
    return seen if np.abs(seen[1] - seen[0]).max() >= 1.0 else None


def length_px(lens: Lens, start: Sequence[float], end: Sequence[float]) -> float:
    """How long a straight line on the road is in the picture, pixels; NaN behind the lens."""
    pixels, _ = lens.project(np.array([[*start, 0.0], [*end, 0.0]]))
    return math.hypot(*(pixels[1] - pixels[0]).tolist())


def scale_px(lens: Lens, at: Sequence[float]) -> float:
    """How many pixels a metre of road is worth at a point, whichever way it leads.

    The root of the area that a square metre has in the picture: the mean between along the line
    of sight and across it.
    """
    x, y = at
    pixels, _ = lens.project(np.array([[x, y, 0.0], [x + 0.1, y, 0.0], [x, y + 0.1, 0.0]]))
    (ax, ay), (bx, by) = (pixels[1:] - pixels[0]).tolist()
    return 10.0 * math.sqrt(abs(ax * by - ay * bx))


def _flat(lens: Lens, outline: Sequence[Sequence[float]]) -> Points:
    """Points on the road as the camera has them: metres right, down and ahead, [K, 3]."""
    ground = np.asarray(outline, np.float64)
    world = np.concatenate([ground, np.zeros((len(ground), 1))], axis=1)
    return np.asarray((world - lens.position) @ lens.rotation.T)


def _cone(lens: Lens) -> Points:
    """Half-spaces of the camera's view, [6, 4]: a point p is inside where row @ (p, 1) >= 0."""
    right = _WIDER * lens.width / 2 / lens.focal_px
    down = _WIDER * lens.height / 2 / lens.focal_px
    return np.array(
        [
            [0.0, 0.0, 1.0, -_NEAR_M],
            [0.0, 0.0, -1.0, REACH_M],
            [1.0, 0.0, right, 0.0],
            [-1.0, 0.0, right, 0.0],
            [0.0, 1.0, down, 0.0],
            [0.0, -1.0, down, 0.0],
        ]
    )


def _frame(lens: Lens) -> Points:
    """Half-planes of the frame, [4, 3]."""
    return np.array(
        [[1.0, 0.0, 0.0], [-1.0, 0.0, lens.width], [0.0, 1.0, 0.0], [0.0, -1.0, lens.height]]
    )


def _cut(points: Points, sides: Points, *, closed: bool) -> Points:
    """A polygon or a line of straight pieces, cut by half-spaces (Sutherland and Hodgman 1974)."""
    for side in sides:
        if not len(points):
            break
        depth = points @ side[:-1] + side[-1]
        kept: list[Points] = []
        count = len(points)
        for at in range(count):
            if depth[at] >= 0:
                kept.append(points[at])
            after = (at + 1) % count
            if (after or closed) and (depth[at] >= 0) != (depth[after] >= 0):
                part = depth[at] / (depth[at] - depth[after])
                kept.append(points[at] + part * (points[after] - points[at]))
        points = np.array(kept).reshape(-1, points.shape[1])
    return points


def _in_pieces(points: Points, *, closed: bool) -> Points:
    """The same line with a corner every ``_STEP_M``."""
    chain = np.concatenate([points, points[:1]]) if closed else points
    pieces = []
    for start, end in pairwise(chain):
        count = max(1, math.ceil(float(np.linalg.norm(end - start)) / _STEP_M))
        share = np.arange(count)[:, None] / count
        pieces.append(start + share * (end - start))
    if not closed:
        pieces.append(points[-1:])
    return np.concatenate(pieces)


def _drawn(lens: Lens, seen: Points) -> Points:
    """Points as the camera has them → pixels, [K, 2]."""
    return lens.project(seen @ lens.rotation + lens.position)[0]


def _simplified(corners: Points) -> Points:
    """A polygon without corners that lie on the line between their neighbours."""
    kept = [corner for at, corner in enumerate(corners) if (corner != corners[at - 1]).any()]
    limit = _FLAT_PX
    while len(kept) > 3:
        polygon = np.array(kept)
        before, after = np.roll(polygon, 1, axis=0), np.roll(polygon, -1, axis=0)
        way, off = after - before, polygon - before
        length = np.maximum(np.hypot(way[:, 0], way[:, 1]), 1e-9)
        away = np.abs(way[:, 0] * off[:, 1] - way[:, 1] * off[:, 0]) / length
        flattest = int(np.argmin(away))
        if away[flattest] > limit:
            if len(kept) <= MOST_CORNERS:
                break
            limit *= 2
            continue
        del kept[flattest]
    return np.array(kept).reshape(-1, 2)


def _area(polygon: Points) -> float:
    x, y = polygon.T
    return abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2
