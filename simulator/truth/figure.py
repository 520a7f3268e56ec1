"""Where the parts of road users are at a step, and the boxes they fill in a camera's picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from simulator.camera import NEAREST_M, Lens
from simulator.world import Body, World

Points = NDArray[np.float64]

_WIDEST: Final = 1.5
"""Rays are drawn in to so many times the picture's half diagonal: the lens' polynomial folds back
far outside of the picture, where it was never meant to hold."""


def cuboid(body: Body) -> Points:
    """The corners of the box that a road user fills, in its own frame, [8, 3]."""
    x, y, z = body.length / 2, body.width / 2, body.height
    return np.array([[a, b, c] for a in (-x, x) for b in (-y, y) for c in (0.0, z)])


class Figures:
    """Groups of points that move with road users, as one array.

    Args:
        world: The road users and their motion.
        groups: For each of G groups the number of its road user, and its points in that one's own
            frame: x ahead, y left, z up, from the middle of its footprint, [K, 3]; K may differ.
    """

    def __init__(
        self, world: World, groups: Sequence[tuple[int, Points | NDArray[np.float32]]]
    ) -> None:
        self._world = world
        self.bodies = np.array([body for body, _ in groups], np.int64)
        each = [np.asarray(points, np.float64).reshape(-1, 3) for _, points in groups]
        most = max([1, *(len(one) for one in each)])
        # Points that a group has not repeat its last one, so that they widen no box.
        self._local = np.zeros((len(each), most, 3))
        for row, one in enumerate(each):
            if len(one):
                self._local[row] = one[np.minimum(np.arange(most), len(one) - 1)]

    def at(self, step: int, rows: NDArray[np.int64] | None = None) -> Points:
        """Where the points are, metres, [G, K, 3]; NaN for who is not there.

        Args:
            step: The step.
            rows: Places of the groups that are asked for; left out, all.
        """
        world = self._world
        bodies = self.bodies if rows is None else self.bodies[rows]
        local = self._local if rows is None else self._local[rows]
        heading = world.heading[step, bodies][:, None]
        c, s = np.cos(heading), np.sin(heading)
        x, y, z = np.moveaxis(local, 2, 0)
        out = np.stack(
            [
                world.x[step, bodies][:, None] + c * x - s * y,
                world.y[step, bodies][:, None] + s * x + c * y,
                np.broadcast_to(z, x.shape),
            ],
            axis=-1,
        )
        out[~world.present[step, bodies]] = np.nan
        return out


def drawn(lens: Lens, points: Points) -> tuple[Points, Points]:
    """Where points are seen, also those beside and behind the lens.

    Those are put at the least distance ahead and at the widest angle, in their own direction: the
    box of something that reaches out of the picture then does so too.

    Args:
        lens: The camera.
        points: Metres, [..., 3].

    Returns:
        Pixels [..., 2] and distance along the axis [...], metres.
    """
    seen = (points - lens.position) @ lens.rotation.T
    depth = seen[..., 2]
    plane = seen[..., :2] / np.maximum(depth, NEAREST_M)[..., None]
    radius = np.hypot(plane[..., 0], plane[..., 1])
    widest = _WIDEST * np.hypot(lens.width, lens.height) / 2 / lens.focal_px
    shrink = np.minimum(1.0, widest / np.maximum(radius, 1e-9))[..., None]
    plane = plane * shrink
    square = np.square(plane).sum(axis=-1, keepdims=True)
    middle = np.array([lens.width / 2, lens.height / 2])
    return plane * (1 + lens.k1 * square) * lens.focal_px + middle, depth


def boxes(lens: Lens, points: Points) -> Points:
    """The boxes round groups of points, left, top, right, bottom, [N, 4].

    Args:
        lens: The camera.
        points: Metres, [N, K, 3].

    Returns:
        Not cut at the picture's edge; NaN for a group that is not there or wholly behind the lens.
    """
    pixels, depth = drawn(lens, points)
    found = np.concatenate([pixels.min(axis=1), pixels.max(axis=1)], axis=1)
    found[~(depth > NEAREST_M).any(axis=1)] = np.nan
    return np.asarray(found)


def cut(lens: Lens, whole: Points) -> tuple[Points, Points]:
    """Boxes [N, 4] cut at the picture's edge, and the share of each that is in it, [N].

    A box with no part in the picture is NaN and has share 0.
    """
    size = np.array([lens.width, lens.height, lens.width, lens.height], np.float64)
    inside = np.clip(whole, 0.0, size)
    sides, full = inside[:, 2:] - inside[:, :2], whole[:, 2:] - whole[:, :2]
    area = np.where(np.isfinite(whole).all(axis=1), sides[:, 0] * sides[:, 1], 0.0)
    share = area / np.maximum(full[:, 0] * full[:, 1], 1e-9)
    share = np.where(np.isfinite(share), share, 0.0)
    return np.where((share > 0)[:, None], inside, np.nan), np.asarray(share)


def near_view(world: World, lens: Lens, step: int) -> NDArray[np.bool_]:
    """Who may be in the picture: all whose middle is less than 10 m beside the view, [N]."""
    flat = np.stack([world.x[step], world.y[step], np.zeros(len(world.bodies))], axis=-1)
    right, _, ahead = np.moveaxis((flat - lens.position) @ lens.rotation.T, -1, 0)
    wide = ahead * lens.width / 2 / lens.focal_px
    return np.asarray(world.present[step] & (ahead > -10) & (np.abs(right) < wide + 10))


def wheels(world: World, lens: Lens) -> Points:
    """The point of the road where each road user stands last in the camera's eyes, [T, N, 2].

    The wheels nearest to the camera: the rear axle of what drives away, the front axle of what
    comes. What drives away has crossed a line only when these have, which is the reading most in
    favour of its driver. What is seen from the side stands in between; up to 60 degrees from the
    line of sight it is the axle itself, so that who only turns a little does not shift.
    """
    rear = world.point(np.array([body.length - body.rear_axle for body in world.bodies]))
    front = world.point(np.array([body.front_axle for body in world.bodies]))
    sight = np.stack([world.x - lens.x, world.y - lens.y], axis=-1)
    away = np.stack([np.cos(world.heading), np.sin(world.heading)], axis=-1)
    cosine = (sight * away).sum(axis=-1) / np.maximum(np.hypot(*np.moveaxis(sight, -1, 0)), 1e-6)
    share = (1 - np.clip(2 * cosine, -1, 1)) / 2
    return np.asarray(rear + share[..., None] * (front - rear))
