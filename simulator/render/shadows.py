"""Shadows of road users on the road: that of the sun, and the dark below a body under any sky."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from simulator.camera import Lens
from simulator.render.atmosphere import Atmosphere
from simulator.render.cast import Actor
from simulator.render.compiled import compiled
from simulator.render.ground import Background
from simulator.render.raster import TILE, camera_values, flood, project
from simulator.world import Body

Singles = NDArray[np.float32]
Floats = NDArray[np.float64]

REACH_M: Final = 0.45
"""The sky is partly hidden so far around a body."""
DEPTH: Final = 0.62
"""Share of the sky's light that is missing right below a body."""
LONGEST_M: Final = 14.0
"""A low sun's shadow is not drawn beyond this."""


class Shadows:
    """Darkens the road.

    Args:
        lens: What sees it.
        air: The light.
        scene: The background.
    """

    def __init__(self, lens: Lens, air: Atmosphere, scene: Background) -> None:
        self._lens, self._air, self._scene = lens, air, scene
        self._half = camera_values(lens, 2)
        self._mask = np.zeros((lens.height // 2, lens.width // 2), np.uint8)
        self._full = camera_values(lens)
        self._where = ground_of(lens, 4)
        self._eye = np.array([*lens.position, air.fog])
        self._contact = np.ones(self._where.shape[:2], np.float32)
        self._changed = np.zeros((-(-lens.height // TILE), -(-lens.width // TILE)), np.bool_)

    def cast(
        self,
        actors: Sequence[Actor],
        bodies: Sequence[Body],
        poses: Floats,
        picture: Singles,
        dirty: NDArray[np.bool_],
    ) -> None:
        """Darken the ground where bodies keep light off, and mark the tiles that changed."""
        self._changed[:] = False
        sunny = bool(self._air.sunlight.any())
        boxes: list[tuple[int, int, int, int]] = []
        for actor, body, pose in zip(actors, bodies, poses, strict=True):
            self._below(body, pose)
            if sunny:
                boxes += self._sun(actor, pose)
        for left, top, right, bottom in boxes:
            part = self._mask[top:bottom, left:right]
            part[:] = cv2.blur(part, (3, 3))
        darken(
            self._changed, self._scene.nearness, self._mask, self._contact, self._scene.shaded,
            picture,
        )  # fmt: skip
        dirty |= self._changed
        for left, top, right, bottom in boxes:
            self._mask[top:bottom, left:right] = 0
        self._contact[:] = 1

    def _below(self, body: Body, pose: Floats) -> None:
        half = np.array([body.length / 2, body.width / 2])
        corners = np.array([(1, 1), (1, -1), (-1, -1), (-1, 1)]) * (half + REACH_M)
        points = np.empty((4, 3))
        flat = np.concatenate([corners, np.zeros((4, 1))], axis=1).astype(np.float32)
        project(flat, pose, self._full, points)
        box = self._box(points, 4)
        if box is None:
            return
        hide(self._where, box, pose, half, self._eye, self._contact)

    def _sun(self, actor: Actor, pose: Floats) -> list[tuple[int, int, int, int]]:
        """Fill a body's shadow in the mask; gives where, in the mask's pixels."""
        sun = self._air.sun
        slope = min(math.hypot(sun[0], sun[1]) / sun[2], LONGEST_M)
        way = -sun[:2] / math.hypot(sun[0], sun[1])
        c, s = pose[2], pose[3]
        shift = np.array([c * way[0] + s * way[1], c * way[1] - s * way[0]]) * slope
        flat = actor.vertices.copy()
        flat[:, :2] += flat[:, 2:] * shift.astype(np.float32)
        flat[:, 2] = 0
        points = np.empty((len(flat), 3))
        project(flat, pose, self._half, points)
        box = self._box(points, 2)
        if box is None:
            return []
        # Only sides that the sun shines on: the others fall into the same shadow.
        towards = np.array([c * sun[0] + s * sun[1], c * sun[1] - s * sun[0], sun[2]], np.float32)
        flood(points, actor.triangles, actor.normals @ towards > 0, 255, self._mask)
        left, top, right, bottom = (int(v) for v in box)
        return [(max(left - 2, 0), max(top - 2, 0), right + 2, bottom + 2)]

    def _box(self, points: Floats, shrink: int) -> NDArray[np.int32] | None:
        """Where points are, in a picture smaller by a factor; marks the tiles."""
        there = points[:, 2] > 0
        if not there.any():
            return None
        scale = 1.0 if shrink == 4 else 2.0
        low = points[there, :2].min(axis=0) * scale
        high = points[there, :2].max(axis=0) * scale
        left, top = max(int(low[0]) - 8, 0), max(int(low[1]) - 8, 0)
        right = min(int(high[0]) + 9, self._lens.width)
        bottom = min(int(high[1]) + 9, self._lens.height)
        if left >= right or top >= bottom:
            return None
        self._changed[top // TILE : -(-bottom // TILE), left // TILE : -(-right // TILE)] = True
        return np.array([left, top, right, bottom], np.int32) // shrink


def ground_of(lens: Lens, shrink: int) -> Singles:
    """Where pixels of a smaller picture look on the road, metres [h, w, 2]; NaN for the sky."""
    rows, columns = lens.height // shrink, lens.width // shrink
    x = (np.arange(columns) + 0.5) * shrink
    y = (np.arange(rows) + 0.5) * shrink
    return np.ascontiguousarray(lens.ground(np.stack(np.meshgrid(x, y), axis=-1)), np.float32)


@compiled
def hide(
    where: Singles,
    box: NDArray[np.int32],
    pose: Floats,
    half: Floats,
    eye: Floats,
    contact: Singles,
) -> None:
    """Take away the sky's light below and around a footprint.

    Args:
        where: Ground of each pixel, metres [h, w, 2].
        box: Left, top, right, bottom of where to look.
        pose: x, y, cosine and sine of the heading, height.
        half: Half of length and width, metres.
        eye: Where the lens is, and the share of light that fog takes a metre [4]: fog between the
            lens and a shadow is as bright as it was.
        contact: Share of the sky that is left, changed in place [h, w].
    """
    for y in range(box[1], min(box[3] + 1, where.shape[0])):
        for x in range(box[0], min(box[2] + 1, where.shape[1])):
            dx, dy = where[y, x, 0] - pose[0], where[y, x, 1] - pose[1]
            u = abs(pose[2] * dx + pose[3] * dy) - half[0]
            v = abs(pose[2] * dy - pose[3] * dx) - half[1]
            out = max(u, 0.0) + max(v, 0.0)
            inside = min(-max(u, v), 0.3) if out == 0.0 else 0.0
            if out < REACH_M:
                t = 1.0 - out / REACH_M
                dark = DEPTH * t * t * (0.6 + 0.4 * inside / 0.3)
                away = math.sqrt(
                    (where[y, x, 0] - eye[0]) ** 2 + (where[y, x, 1] - eye[1]) ** 2 + eye[2] ** 2
                )
                dark *= math.exp(-eye[3] * away)
                contact[y, x] = min(contact[y, x], np.float32(1.0 - dark))


@compiled
def darken(
    dirty: NDArray[np.bool_],
    nearness: Singles,
    mask: NDArray[np.uint8],
    contact: Singles,
    shaded: Singles,
    picture: Singles,
) -> None:
    """Darken the ground by the sun's shadow (half resolution) and the sky's (a quarter)."""
    height, width, _ = picture.shape
    rows, columns = contact.shape
    mask_rows, mask_columns = mask.shape
    one = np.float32(1.0)
    for tile_y in range(dirty.shape[0]):
        for tile_x in range(dirty.shape[1]):
            if not dirty[tile_y, tile_x]:
                continue
            least, most = np.float32(1.0), np.uint8(0)
            for y in range(max(tile_y * 4 - 1, 0), min(tile_y * 4 + 5, rows)):
                for x in range(max(tile_x * 4 - 1, 0), min(tile_x * 4 + 5, columns)):
                    least = min(least, contact[y, x])
            for y in range(max(tile_y * 8 - 1, 0), min(tile_y * 8 + 9, mask_rows)):
                for x in range(max(tile_x * 8 - 1, 0), min(tile_x * 8 + 9, mask_columns)):
                    most = max(most, mask[y, x])
            if least == one and most == 0:
                continue
            for y in range(tile_y * TILE, min(tile_y * TILE + TILE, height)):
                ay = max((y + 0.5) * 0.25 - 0.5, 0.0)
                j = min(int(ay), rows - 1)
                j2 = min(j + 1, rows - 1)
                fy = np.float32(ay - j)
                my = max((y + 0.5) * 0.5 - 0.5, 0.0)
                m = min(int(my), mask_rows - 1)
                m2 = min(m + 1, mask_rows - 1)
                gy = np.float32(my - m)
                for x in range(tile_x * TILE, min(tile_x * TILE + TILE, width)):
                    if nearness[y, x] > 0.0:
                        continue
                    ax = max((x + 0.5) * 0.25 - 0.5, 0.0)
                    i = min(int(ax), columns - 1)
                    i2 = min(i + 1, columns - 1)
                    fx = np.float32(ax - i)
                    keep = (contact[j, i] * (one - fx) + contact[j, i2] * fx) * (one - fy) + (
                        contact[j2, i] * (one - fx) + contact[j2, i2] * fx
                    ) * fy
                    mx = max((x + 0.5) * 0.5 - 0.5, 0.0)
                    n = min(int(mx), mask_columns - 1)
                    n2 = min(n + 1, mask_columns - 1)
                    gx = np.float32(mx - n)
                    dark = (mask[m, n] * (one - gx) + mask[m, n2] * gx) * (one - gy) + (
                        mask[m2, n] * (one - gx) + mask[m2, n2] * gx
                    ) * gy
                    dark *= np.float32(1.0 / 255.0)
                    if keep < one or dark > 0.0:
                        for k in range(3):
                            picture[y, x, k] *= keep * (one - dark * (one - shaded[k]))
