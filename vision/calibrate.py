"""From pixels to metres on the road: the homography of a surveyed camera, and how far to trust it.

A flat road and a camera without distortion are joined by a homography (Hartley and Zisserman,
Multiple View Geometry, 2nd ed., 2.3 and 4.4). It is fitted by the normalised direct linear
transformation over all points, then by Gauss-Newton on the error in the picture: an installer is
off by a pixel or two wherever he points, which is centimetres nearby and metres far off, so the
error that is alike for all points is the one in pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ioc.errors import ConfigError
from ioc.site import Calibration, FrameSize

Points = NDArray[np.float64]

MARGIN_M: Final = 2.0
"""How far outside the hull of the surveyed points metres are still given: half a car, because the
points are surveyed on the kerb or the lane marking and the vehicle drives beside them."""

CLICK_PX: Final = 1.0
"""Least error with which a person points at a spot in a picture, pixels (one standard deviation).
Four points fit any homography without a residual, so this is all that is known of them."""

DRAWS: Final = 24
"""Homographies drawn to carry the points' error into a speed; their spread is then known to 15 %
(one over the root of twice the number)."""

ON_A_LINE: Final = 0.01
"""Share of the points' extent: nearer to one line than this, all but one of them fix nothing."""

LEAST_EXTENT_M: Final = 2.0
MOST_EXTENT_M: Final = 2000.0
MOST_POINTS: Final = 100


@dataclass(frozen=True, slots=True)
class Ground:
    """How one camera's pixels become metres.

    Attributes:
        id: Certificate or survey number.
        expires: Last day on which speeds from it may be used, local date.
        image: Surveyed points in pixels of the frame, [K, 2].
        ground: The same points, metres east and north, [K, 2].
        origin: Their middle, metres; matrices are about it, so that large map coordinates lose
            no digits, [2].
        matrix: Pixels → metres from the origin, scaled so that its third row gives positive
            numbers below the horizon, [3, 3].
        inverse: The way back, scaled likewise, [3, 3].
        hull: Convex hull of the surveyed points, metres, [H, 2].
        draws: What else the homography may be, given the points' error, [DRAWS, 3, 3].
        error_px: Standard error of one surveyed point in the picture, pixels.
    """

    id: str
    expires: date
    image: Points
    ground: Points
    origin: Points
    matrix: Points
    inverse: Points
    hull: Points
    draws: Points
    error_px: float

    def to_ground(self, points: Points) -> Points:
        """Pixels [N, 2] → metres east and north [N, 2]; NaN on and above the horizon."""
        return _mapped(self.matrix, points) + self.origin

    def to_image(self, points: Points) -> Points:
        """Metres east and north [N, 2] → pixels [N, 2]; NaN behind the camera."""
        return _mapped(self.inverse, points - self.origin)

    def covers(self, points: Points) -> NDArray[np.bool_]:
        """Which pixels [N, 2] show road inside the surveyed points or within ``MARGIN_M``, [N]."""
        spots = self.to_ground(points)
        start = self.hull
        span = np.roll(start, -1, axis=0) - start
        offset = spots[:, None] - start
        cross = span[:, 0] * offset[..., 1] - span[:, 1] * offset[..., 0]
        share = np.clip((offset * span).sum(axis=-1) / (span * span).sum(axis=-1), 0, 1)
        away = np.hypot(*np.moveaxis(offset - share[..., None] * span, -1, 0)).min(axis=1)
        return np.asarray((cross >= 0).all(axis=1) | (away <= MARGIN_M))

    def metres_per_pixel(self, points: Points) -> Points:
        """Metres that one pixel spans at pixels [N, 2] in its worst direction, [N]; or NaN."""
        spots = np.c_[points, np.ones(len(points))] @ self.matrix.T
        depth = np.where(spots[:, 2] > 0, spots[:, 2], np.nan)
        slope = (
            self.matrix[None, :2, :2] * depth[:, None, None]
            - spots[:, :2, None] * self.matrix[None, 2:, :2]
        ) / (depth**2)[:, None, None]
        found = np.full(len(points), np.nan)
        usable = np.isfinite(slope).all(axis=(1, 2))
        found[usable] = np.linalg.norm(slope[usable], ord=2, axis=(1, 2))
        return found

    def drawn(self, points: Points) -> Points:
        """Pixels [N, 2] → metres under every drawn homography, [DRAWS, N, 2]."""
        return np.stack([_mapped(matrix, points) for matrix in self.draws]) + self.origin

    def residuals_m(self) -> Points:
        """How far each surveyed point is from where its pixel leads, metres, [K]."""
        return np.asarray(np.hypot(*(self.to_ground(self.image) - self.ground).T))

    def residuals_px(self) -> Points:
        """How far each surveyed point's metres lead from its pixel, pixels, [K]."""
        return np.asarray(np.hypot(*(self.to_image(self.ground) - self.image).T))

    def left_out_m(self) -> Points | None:
        """Error of each point under the homography of the others, metres, [K].

        Returns:
            None with fewer than five points. NaN where the others do not fix one.
        """
        count = len(self.image)
        if count < 5:
            return None
        found = np.full(count, np.nan)
        for place in range(count):
            others = np.arange(count) != place
            image, ground = self.image[others], (self.ground - self.origin)[others]
            if min(straightness(image), straightness(ground)) < ON_A_LINE:
                continue
            matrix = _facing(np.linalg.inv(_fit(ground, image)), image)
            spot = _mapped(matrix, self.image[place : place + 1]) + self.origin
            found[place] = float(np.hypot(*(spot[0] - self.ground[place])))
        return found

    def expired(self, day: date) -> bool:
        """Whether no speed of that day (local date) may be used."""
        return day > self.expires


def ground_of(calibration: Calibration, frame: FrameSize, width: int, height: int) -> Ground:
    """The homography of a calibration, for frames of ``width`` x ``height``.

    Args:
        calibration: Surveyed points.
        frame: The size of the pictures on which they were pointed at.
        width: Columns of the frames that come.
        height: Rows of the frames that come.

    Raises:
        ConfigError: The points fix no homography, or one that no camera has. It names them,
            counted from 1, but not the file.
    """
    image = np.array([point.image for point in calibration.points], dtype=np.float64)
    ground = np.array([point.ground for point in calibration.points], dtype=np.float64)
    _refuse(image, ground, frame)
    image *= (width / frame.width, height / frame.height)
    origin = ground.mean(axis=0)
    local = ground - origin
    inverse = _fit(local, image)
    matrix = np.linalg.inv(inverse)
    _refuse_impossible(matrix, image)
    matrix = _facing(matrix, image)
    off = _mapped(inverse, local, signed=False) - image
    freedom = 2 * len(image) - 8
    error_px = max(CLICK_PX, float(np.sqrt((off**2).sum() / freedom)) if freedom else 0.0)
    rng = np.random.default_rng(0)
    draws = [
        _facing(np.linalg.inv(_fit(local, image + rng.normal(0, error_px, image.shape))), image)
        for _ in range(DRAWS)
    ]
    return Ground(
        id=calibration.id,
        expires=calibration.expires,
        image=image,
        ground=ground,
        origin=origin,
        matrix=matrix,
        inverse=_facing(inverse, local),
        hull=hull_of(ground),
        draws=np.stack(draws),
        error_px=error_px,
    )


def straightness(points: Points) -> float:
    """How near all but one of points [N, 2] come to one line, as a share of their extent.

    0: all but one lie on a line, which fixes no homography. A square has 0.7.
    """
    extent = float(np.hypot(*np.ptp(points, axis=0))) or 1.0
    first, second = np.triu_indices(len(points), k=1)
    span = points[second] - points[first]
    length = np.maximum(np.hypot(span[:, 0], span[:, 1]), 1e-12)
    offset = points[None] - points[first][:, None]
    away = np.abs(span[:, None, 0] * offset[..., 1] - span[:, None, 1] * offset[..., 0])
    # Of each line through two points, the second farthest of the others decides.
    second_farthest = np.sort(away / length[:, None], axis=1)[:, -2]
    return float(second_farthest.min()) / extent


def hull_of(points: Points) -> Points:
    """Convex hull of points [N, 2], counter-clockwise where y is up (Andrew 1979), [H, 2]."""
    ranked = points[np.lexsort((points[:, 1], points[:, 0]))]
    chains = []
    for order in (ranked, ranked[::-1]):
        chain: list[Points] = []
        for point in order:
            while len(chain) > 1 and _turn(chain[-2], chain[-1], point) <= 0:
                chain.pop()
            chain.append(point)
        chains += chain[:-1]
    return np.array(chains)


def _turn(first: Points, second: Points, third: Points) -> float:
    ahead, after = second - first, third - first
    return float(ahead[0] * after[1] - ahead[1] * after[0])


def _mapped(matrix: Points, points: Points, signed: bool = True) -> Points:
    spots = points @ matrix[:, :2].T + matrix[:, 2]
    depth = spots[:, 2:]
    # A sliver above zero, so that a point just under the horizon is not some 1e15 m away.
    least = 1e-9 * float(np.abs(matrix[2]).max())
    usable = depth > least if signed else np.abs(depth) > least
    return np.asarray(spots[:, :2] / np.where(usable, depth, np.nan))


def _facing(matrix: Points, points: Points) -> Points:
    """The same homography, scaled so that the points lie on its positive side."""
    depth = float((points @ matrix[2, :2] + matrix[2, 2]).mean())
    return np.asarray(matrix / (depth or 1.0))


def _fit(source: Points, target: Points, rounds: int = 5) -> Points:
    """The homography source → target with the least error in the target, [3, 3]."""
    before, after = _normaliser(source), _normaliser(target)
    a = source * before[0, 0] + before[:2, 2]
    b = target * after[0, 0] + after[:2, 2]
    ones, zeros = np.ones((len(a), 1)), np.zeros((len(a), 3))
    flat = np.hstack((a, ones))
    rows = np.vstack(
        (
            np.hstack((flat, zeros, -b[:, :1] * flat)),
            np.hstack((zeros, flat, -b[:, 1:] * flat)),
        )
    )
    h = np.linalg.svd(rows)[2][-1]
    best, least = h, np.inf
    for _ in range(rounds):
        spots = flat @ h.reshape(3, 3).T
        depth = np.where(np.abs(spots[:, 2:]) < 1e-9, 1e-9, spots[:, 2:])
        found = spots[:, :2] / depth
        off = found - b
        cost = float((off**2).sum())
        if cost >= least:
            break
        best, least = h, cost
        share = flat / depth
        slope = np.vstack(
            (
                np.hstack((share, zeros, -found[:, :1] * share)),
                np.hstack((zeros, share, -found[:, 1:] * share)),
            )
        )
        step = np.linalg.lstsq(slope, -np.concatenate((off[:, 0], off[:, 1])), rcond=1e-10)[0]
        h = (h + step) / np.linalg.norm(h + step)
    return np.asarray(np.linalg.inv(after) @ best.reshape(3, 3) @ before)


def _normaliser(points: Points) -> Points:
    """Moves points to the origin and scales them to a mean distance of the root of two."""
    middle = points.mean(axis=0)
    scale = np.sqrt(2) / max(float(np.hypot(*(points - middle).T).mean()), 1e-12)
    return np.array(
        [[scale, 0, -scale * middle[0]], [0, scale, -scale * middle[1]], [0.0, 0.0, 1.0]]
    )


def _refuse(image: Points, ground: Points, frame: FrameSize) -> None:
    """Points that cannot fix a homography."""
    if len(image) > MOST_POINTS:
        raise ConfigError(f"{len(image)} points; at most {MOST_POINTS} are taken, keep the best")
    for number, (x, y) in enumerate(image, 1):
        if not (0 <= x <= frame.width and 0 <= y <= frame.height):
            raise ConfigError(
                f"point {number} [{x:g}, {y:g}] lies outside the frame of "
                f"{frame.width}x{frame.height}; give pixels of that size"
            )
    extent = float(np.hypot(*np.ptp(ground, axis=0)))
    if not LEAST_EXTENT_M <= extent <= MOST_EXTENT_M:
        raise ConfigError(
            f"the points lie within {extent:.3g} m of each other on the ground, expected "
            f"{LEAST_EXTENT_M:g} to {MOST_EXTENT_M:g} m; give metres, not degrees or millimetres"
        )
    for what, points, near in (("picture", image, 0.5), ("ground", ground, 0.01)):
        first, second = np.triu_indices(len(points), k=1)
        apart = np.hypot(*(points[first] - points[second]).T)
        if apart.min() < near:
            place = int(apart.argmin())
            raise ConfigError(
                f"points {first[place] + 1} and {second[place] + 1} are the same spot in the "
                f"{what}; remove one or correct it"
            )
        if straightness(points) < ON_A_LINE:
            raise ConfigError(
                f"points {_straight(points)} lie on one line in the {what}, so width and length "
                "cannot be told apart; add points beside that line"
            )


def _straight(points: Points) -> str:
    """Numbers of the points on the line that holds the most of them."""
    first, second = np.triu_indices(len(points), k=1)
    span = points[second] - points[first]
    offset = points[None] - points[first][:, None]
    away = np.abs(span[:, None, 0] * offset[..., 1] - span[:, None, 1] * offset[..., 0])
    extent = float(np.hypot(*np.ptp(points, axis=0)))
    near = away <= 1.5 * ON_A_LINE * extent * np.hypot(span[:, :1], span[:, 1:])
    best = near[int(near.sum(axis=1).argmax())]
    return ", ".join(str(place + 1) for place in np.flatnonzero(best))


def _refuse_impossible(matrix: Points, image: Points) -> None:
    """Homographies that no camera above a road has: two points are exchanged."""
    depth = image @ matrix[2, :2] + matrix[2, 2]
    odd = np.sign(depth) != np.sign(np.median(depth))
    if odd.any() or np.abs(depth).min() < 1e-9 * np.abs(depth).max():
        raise ConfigError(
            "the horizon would run between the points; two of them are exchanged, or one is wrong "
            f"(look at {', '.join(str(i + 1) for i in np.flatnonzero(odd)) or 'each'})"
        )
    # Seen from above, a turn to the left on the map is one in the picture; y runs down there.
    if float(np.linalg.det(matrix)) * float(np.sign(depth[0])) > 0:
        raise ConfigError(
            "the picture would be a mirror image of the ground; two points are exchanged, or east "
            "and north are"
        )
