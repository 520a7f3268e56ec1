"""From pixels to metres on the road: the homography that surveyed points give, and its error.

The road is taken as a plane and the lens as free of distortion; where either is not so, the
residuals of the surveyed points show it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from ioc.camera import Calibration, FrameSize
from ioc.errors import ConfigError

Points = NDArray[np.float64]
Mask = NDArray[np.bool_]

LEAST_POINTS: Final = 4
MOST_POINTS: Final = 100
"""More add no precision to a plane, and the check for points on a line takes their cube."""

MARGIN: Final = 0.05
"""Positions count up to this share of the surveyed area's side (root of its area, metres) beyond
its border: outside of it nothing shows how far the plane is off."""

ON_LINE: Final = 0.01
NEAR_LINE: Final = 0.05
"""A point is on (near) a line when its distance is below this share of the points' extent."""

SAME_PX: Final = 0.5
SAME_M: Final = 0.01
"""Two points closer than this are one."""

CLICK_PX: Final = 1.0
"""How well a person marks a point in a picture; four points alone do not show it."""

LEAST_ERROR_M: Final = 0.02
"""No tape or GNSS survey on a road is better than this."""


@dataclass(frozen=True, slots=True)
class Residuals:
    """How far the plane is off at the surveyed points.

    Attributes:
        metres: At each point, on the ground, [N].
        pixels: At each point, in the picture, [N].
        left_out_m: At each point when the plane is fitted without it, [N]; None with fewer than
            five points, for four always fit. The honest figure for places between the points.
    """

    metres: Points
    pixels: Points
    left_out_m: Points | None

    @property
    def rms_m(self) -> float:
        """Root of the mean square on the ground, metres."""
        return _rms(self.metres)

    @property
    def worst(self) -> int:
        """Place of the worst point: the one that fits the others worst."""
        return int(np.argmax(self.metres if self.left_out_m is None else self.left_out_m))

    @property
    def left_out_rms_m(self) -> float | None:
        """Root of the mean square of ``left_out_m``."""
        return None if self.left_out_m is None else _rms(self.left_out_m)


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """The road plane of one camera, in the pixels of the frames that come.

    Attributes:
        id: Certificate or survey number.
        expires: Last day on which speeds from it may be used.
        image: Surveyed points in the picture, [N, 2].
        surveyed: The same on the ground, metres east and north, [N, 2].
        matrix: Homography picture → ground, positive on this side of the horizon, [3, 3].
        inverse: Homography ground → picture, positive in front of the camera, [3, 3].
        hull: Border of the surveyed area on the ground, [K, 2].
        margin_m: How far beyond it positions still count.
        residuals: How far it is off at the points.
    """

    id: str
    expires: date
    image: Points
    surveyed: Points
    matrix: Points
    inverse: Points
    hull: Points
    margin_m: float
    residuals: Residuals

    @property
    def error_m(self) -> float:
        """Standard error of a position in the surveyed area, metres.

        The residuals of points left out, but no less than a click of a pixel is worth there.
        """
        click = CLICK_PX * float(np.median(self.metres_per_pixel(self.image)))
        left_out = self.residuals.left_out_rms_m
        return max(LEAST_ERROR_M, click if left_out is None else max(left_out, click / 2))

    def to_ground(self, points: Points) -> Points:
        """Pixels [N, 2] → metres east and north [N, 2]; NaN at and above the horizon."""
        return _project(self.matrix, points)

    def to_image(self, points: Points) -> Points:
        """Metres east and north [N, 2] → pixels [N, 2]; NaN behind the camera."""
        return _project(self.inverse, points)

    def covers(self, points: Points) -> Mask:
        """Which pixels [N, 2] lie in the surveyed area or within ``margin_m`` of it, bool [N]."""
        return self.covers_ground(self.to_ground(points))

    def covers_ground(self, metres: Points) -> Mask:
        """The same for positions on the ground [N, 2], bool [N]; NaN is never covered."""
        edges = np.roll(self.hull, -1, axis=0) - self.hull
        off = metres[:, None] - self.hull
        cross = edges[:, 0] * off[..., 1] - edges[:, 1] * off[..., 0]
        within = (cross >= 0).all(axis=1)
        share = np.clip((off * edges).sum(axis=2) / (edges * edges).sum(axis=1), 0, 1)
        away = off - share[..., None] * edges
        nearest = np.hypot(away[..., 0], away[..., 1]).min(axis=1)
        return np.asarray(within | (nearest <= self.margin_m))

    def jacobian(self, points: Points) -> Points:
        """Metres on the ground for a step of a pixel in x and in y at pixels [N, 2], [N, 2, 2].

        Row 0 is east, row 1 north; column 0 is x, column 1 y. NaN above the horizon.
        """
        h = self.matrix
        weight = points @ h[2, :2] + h[2, 2]
        weight = np.where(weight > 0, weight, np.nan)
        metres = self.to_ground(points)
        numerator = h[None, :2, :2] - metres[:, :, None] * h[None, 2:, :2]
        return np.asarray(numerator / weight[:, None, None])

    def scales(self, points: Points) -> Points:
        """What a pixel is worth on the ground at pixels [N, 2], metres, [N, 2].

        Column 0 in the worst direction, along the line of sight; column 1 in the best, across it.
        These are the singular values of the Jacobian. NaN above the horizon.
        """
        a, b, c, d = np.moveaxis(self.jacobian(points).reshape(-1, 4), 1, 0)
        total = a * a + b * b + c * c + d * d
        product = np.abs(a * d - b * c)
        root = np.sqrt(np.maximum(total * total - 4 * product * product, 0))
        larger = np.sqrt((total + root) / 2)
        # By the product, for the difference of two near numbers would lose its digits.
        return np.stack((larger, product / larger), axis=1)

    def metres_per_pixel(self, points: Points) -> Points:
        """What a pixel is worth on the ground at pixels [N, 2], in the worst direction, [N].

        The larger singular value of the Jacobian; along the line of sight a pixel is worth far
        more than across it.
        """
        return np.asarray(self.scales(points)[:, 0])

    def expired(self, day: date) -> bool:
        """Whether speeds may no longer be used on a day, local date."""
        return day > self.expires

    def mirrored(self) -> bool:
        """Whether the ground lies as seen from below: east and north were swapped, as a rule."""
        return bool(np.linalg.det(self.jacobian(self.image.mean(axis=0)[None])[0]) > 0)


def ground_of(calibration: Calibration, frame: FrameSize, width: int, height: int) -> Ground:
    """The plane that a site file's calibration describes.

    Args:
        calibration: Surveyed points in the pixels of ``frame``.
        frame: The size they were marked on.
        width: Columns of the frames that come.
        height: Rows of the frames that come.

    Raises:
        ConfigError: The points do not fix a plane; the message names them.
    """
    image = np.array([point.image for point in calibration.points], np.float64)
    surveyed = np.array([point.ground for point in calibration.points], np.float64)
    image *= [width / frame.width, height / frame.height]
    return fit_ground(image, surveyed, calibration.id, calibration.expires)


def fit_ground(image: Points, surveyed: Points, name: str, expires: date) -> Ground:
    """The plane that fits surveyed points best.

    Normalised direct linear transform, then Levenberg-Marquardt on the error in the picture
    (``cv2.findHomography`` without RANSAC; Hartley and Zisserman, Multiple View Geometry, 4.4 and
    4.5): the error is one of marking, which is the same number of pixels near and far.

    Args:
        image: Pixels, [N, 2].
        surveyed: Metres, [N, 2].
        name: Certificate or survey number.
        expires: Last day on which speeds from it may be used.

    Raises:
        ConfigError: The points do not fix a plane; the message names them.
    """
    _check(image, surveyed)
    inverse = _fit(surveyed, image)
    if inverse is None:
        raise ConfigError("calibration.points: no plane fits them; check the order of the points")
    weight = surveyed @ inverse[2, :2] + inverse[2, 2]
    if (weight > 0).sum() * 2 < len(weight):
        inverse, weight = -inverse, -weight
    beyond = np.flatnonzero(weight <= 0)
    if len(beyond):
        raise ConfigError(
            f"calibration.points: {_named(beyond, image)} would lie above the horizon of the "
            "others; it is mixed up with another point, or image and ground do not belong together"
        )
    matrix = _inverted(inverse)
    at = image.mean(axis=0)
    if float(at @ matrix[2, :2] + matrix[2, 2]) < 0:
        matrix = -matrix
    scale = float(np.abs(matrix[2]) @ np.append(np.abs(image).mean(axis=0), 1.0))
    matrix, inverse = matrix / scale, inverse / float(np.median(weight))
    seen = image @ matrix[2, :2] + matrix[2, 2]
    if (seen <= 0).any():
        raise ConfigError(
            f"calibration.points: {_named(np.flatnonzero(seen <= 0), image)} lies above the "
            "horizon that the points give; mark points on the road only"
        )
    hull = _hull(surveyed)
    margin = MARGIN * float(np.sqrt(_area(hull)))
    residuals = _residuals(image, surveyed, matrix, inverse)
    return Ground(name, expires, image, surveyed, matrix, inverse, hull, margin, residuals)


def near_line(points: Points) -> NDArray[np.int64]:
    """Places of the points, all but one or none, that lie nearly on one line; else empty."""
    return _on_line(points, NEAR_LINE)


def _check(image: Points, surveyed: Points) -> None:
    count = len(image)
    if count < LEAST_POINTS:
        raise ConfigError(f"calibration.points: {count} points; at least {LEAST_POINTS} are needed")
    if count > MOST_POINTS:
        raise ConfigError(
            f"calibration.points: {count} points; keep the {MOST_POINTS} that are spread best"
        )
    if not (np.isfinite(image).all() and np.isfinite(surveyed).all()):
        raise ConfigError("calibration.points: a coordinate is no number; give finite numbers")
    for points, least, what in (
        (image, SAME_PX, "in the picture"),
        (surveyed, SAME_M, "on the ground"),
    ):
        off = points[:, None] - points[None]
        apart = np.hypot(off[..., 0], off[..., 1])
        same = np.argwhere(np.triu(apart < least, 1))
        if len(same):
            raise ConfigError(
                f"calibration.points: {_named(same[0], image)} are the same place {what}; "
                "survey another one"
            )
        line = _on_line(points, ON_LINE)
        if len(line):
            raise ConfigError(
                f"calibration.points: {_named(line, image)} lie on one line {what}; add points to "
                "its sides, so that at least two lie well off any line through the others"
            )


def _on_line(points: Points, share: float) -> NDArray[np.int64]:
    """The line through two points with the most others on it, if at most one is off it."""
    count = len(points)
    extent = float(np.hypot(*np.ptp(points, axis=0)))
    first, second = np.triu_indices(count, 1)
    way = points[second] - points[first]
    # Only lines as long as a fifth of the extent: a short base puts far points on it by chance.
    length = np.hypot(way[:, 0], way[:, 1])
    kept = length >= 0.2 * extent
    first, way, length = first[kept], way[kept], length[kept]
    off = points[None] - points[first][:, None]
    away = np.abs(way[:, None, 0] * off[..., 1] - way[:, None, 1] * off[..., 0]) / length[:, None]
    on = away < share * extent
    best = int(np.argmax(on.sum(axis=1)))
    return np.flatnonzero(on[best]) if count - int(on[best].sum()) <= 1 else np.empty(0, np.int64)


def _fit(source: Points, target: Points) -> Points | None:
    """Homography of points onto others, from centred and scaled coordinates; None without one."""
    (near, from_near), (far, from_far) = _normal(source), _normal(target)
    fitted, _ = cv2.findHomography(near, far, method=0)
    if fitted is None or not np.isfinite(fitted).all():
        return None
    whole = np.linalg.inv(from_far) @ fitted @ from_near
    return np.asarray(whole) if abs(float(np.linalg.det(fitted))) > 1e-12 else None


def _normal(points: Points) -> tuple[Points, Points]:
    """Points about their centre at a mean distance of root 2, and the matrix that does it."""
    centre = points.mean(axis=0)
    off = points - centre
    scale = float(np.sqrt(2) / np.hypot(off[:, 0], off[:, 1]).mean())
    matrix = np.array([[scale, 0, -scale * centre[0]], [0, scale, -scale * centre[1]], [0, 0, 1]])
    return off * scale, matrix


def _inverted(matrix: Points) -> Points:
    return np.asarray(np.linalg.inv(matrix), dtype=np.float64)


def _project(matrix: Points, points: Points) -> Points:
    mapped = points @ matrix[:, :2].T + matrix[:, 2]
    weight = np.where(mapped[:, 2] > 1e-9, mapped[:, 2], np.nan)
    return np.asarray(mapped[:, :2] / weight[:, None])


def _residuals(image: Points, surveyed: Points, matrix: Points, inverse: Points) -> Residuals:
    metres = _lengths(_project(matrix, image) - surveyed)
    pixels = _lengths(_project(inverse, surveyed) - image)
    left_out = None
    if len(image) > LEAST_POINTS:
        left_out = np.array([_left_out(image, surveyed, at) for at in range(len(image))])
        # Without it the others may lie on a line; then only its residual in the whole is known.
        left_out = np.where(np.isfinite(left_out), left_out, metres)
    return Residuals(metres, pixels, left_out)


def _left_out(image: Points, surveyed: Points, at: int) -> float:
    kept = np.arange(len(image)) != at
    if len(_on_line(image[kept], ON_LINE)) or len(_on_line(surveyed[kept], ON_LINE)):
        return float("nan")
    inverse = _fit(surveyed[kept], image[kept])
    if inverse is None:
        return float("nan")
    matrix = _inverted(inverse)
    if float(image[at] @ matrix[2, :2] + matrix[2, 2]) < 0:
        matrix = -matrix
    return float(_lengths(_project(matrix, image[at : at + 1]) - surveyed[at])[0])


def _hull(points: Points) -> Points:
    """Convex hull, counter-clockwise (y up), [K, 2] (Andrew's monotone chain)."""
    ordered = points[np.lexsort((points[:, 1], points[:, 0]))].tolist()

    def chain(row: Sequence[Sequence[float]]) -> list[Sequence[float]]:
        kept: list[Sequence[float]] = []
        for x, y in row:
            while len(kept) > 1 and (
                (kept[-1][0] - kept[-2][0]) * (y - kept[-2][1])
                <= (kept[-1][1] - kept[-2][1]) * (x - kept[-2][0])
            ):
                kept.pop()
            kept.append((x, y))
        return kept[:-1]

    return np.array(chain(ordered) + chain(ordered[::-1]), np.float64)


def _area(polygon: Points) -> float:
    x, y = polygon.T
    return abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2


def _lengths(vectors: Points) -> Points:
    return np.asarray(np.hypot(vectors[:, 0], vectors[:, 1]))


def _rms(values: Points) -> float:
    return float(np.sqrt(np.mean(values**2)))


def _named(places: NDArray[np.int64], image: Points) -> str:
    """Points as the installer knows them: number from 1 and pixels."""
    named = [f"{at + 1} [{image[at, 0]:g}, {image[at, 1]:g}]" for at in places[:6].tolist()]
    return f"points {', '.join(named)}" + (" …" if len(places) > 6 else "")
