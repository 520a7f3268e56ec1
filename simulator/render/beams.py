"""Lamps of vehicles: how they look, what they light up, how a wet road mirrors them."""

from __future__ import annotations

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
from simulator.render.raster import TILE, camera_values, project
from simulator.render.shadows import ground_of

Singles = NDArray[np.float32]
Floats = NDArray[np.float64]

REACH_M: Final = 28.0
"""Dipped head lamps light the road so far ahead (ECE R112 has its cut-off at 25 m to 75 m)."""
WIDTH_M: Final = 6.0
"""Half of the width of what they light."""
COLOUR: Final = np.array([0.80, 0.95, 1.0], np.float32)
ON_ROAD: Final = 1.0
"""Light of one vehicle's lamps on the road 6 m ahead of it, where 1 is white."""
ON_BODY: Final = 0.9
"""The same on what stands upright 5 m ahead."""
MOST_LAMPS: Final = 3
"""Bodies are lit by at most so many others: the strongest."""

_HEAD: Final = (2.3, 2.7, 2.8)
_TAIL: Final = (0.07, 0.08, 0.85)
_BRAKE: Final = (0.16, 0.20, 2.6)


class Beams:
    """Lamps of vehicles.

    Args:
        lens: What sees them.
        air: How bright they are.
        scene: The background.
    """

    def __init__(self, lens: Lens, air: Atmosphere, scene: Background) -> None:
        self._lens, self._air, self._scene = lens, air, scene
        self._camera = camera_values(lens)
        self._where = ground_of(lens, 4)
        self._light = np.zeros(self._where.shape[:2], np.float32)
        self._changed = np.zeros((-(-lens.height // TILE), -(-lens.width // TILE)), np.bool_)
        on = air.headlights
        self._glow = {
            braking: np.array(
                [
                    (0, 0, 0),
                    np.multiply(_HEAD, on),
                    np.multiply(_TAIL, on),
                    _BRAKE if braking else np.multiply(_TAIL, 0.7 * on),
                ],
                np.float32,
            )
            for braking in (False, True)
        }

    def glow(self, actor: Actor, braking: bool) -> Singles:
        """Own light of a body's triangles, [F, 3]."""
        return np.asarray(self._glow[braking][np.minimum(actor.glow, 3)])

    def shine(
        self, actors: Sequence[Actor], poses: Floats, picture: Singles, dirty: NDArray[np.bool_]
    ) -> list[Floats]:
        """Light the road ahead of each vehicle; gives the lamps that shine on each, [L, 6]."""
        none = np.empty((0, 6))
        if self._air.headlights <= 0.5 or not len(actors):
            return [none] * len(actors)
        lamps = [n for n, actor in enumerate(actors) if (actor.glow == 1).any()]
        front = np.array([actors[n].vertices[:, 0].max() for n in lamps])
        self._changed[:] = False
        self._light[:] = 0
        for n, ahead in zip(lamps, front, strict=True):
            self._beam(poses[n], float(ahead))
        strength = np.float32(self._air.headlights * ON_ROAD * (1 - 0.35 * self._air.wet))
        brighten(self._changed, self._light, self._scene.albedo, COLOUR * strength, picture)
        dirty |= self._changed
        return [self._onto(n, lamps, front, poses) for n in range(len(actors))]

    def _beam(self, pose: Floats, ahead: float) -> None:
        u0, u1 = ahead, ahead + REACH_M
        flat = np.array(
            [
                (u, v, 0.0)
                for u in np.linspace(u0, u1, 8)
                for v in (-WIDTH_M * (u - u0 + 2) / REACH_M, WIDTH_M * (u - u0 + 2) / REACH_M)
            ],
            np.float32,
        )
        points = np.empty((len(flat), 3))
        project(flat, pose, self._camera, points)
        there = points[:, 2] > 0
        if not there.any():
            return
        low, high = points[there, :2].min(axis=0), points[there, :2].max(axis=0)
        if not there.all():
            # Part of it lies behind the lens: it may reach the lower edge and both sides.
            low[0], high[:] = 0, (self._lens.width, self._lens.height)
        left, top = max(int(low[0]), 0), max(int(low[1]), 0)
        right = min(int(high[0]) + 1, self._lens.width)
        bottom = min(int(high[1]) + 1, self._lens.height)
        if left >= right or top >= bottom:
            return
        self._changed[top // TILE : -(-bottom // TILE), left // TILE : -(-right // TILE)] = True
        box = np.array([left // 4, top // 4, -(-right // 4), -(-bottom // 4)], np.int32)
        beam(self._where, box, pose, ahead, self._light)

    def _onto(self, number: int, lamps: list[int], front: Floats, poses: Floats) -> Floats:
        """Lamps of others that shine on a body."""
        others = [(n, ahead) for n, ahead in zip(lamps, front, strict=True) if n != number]
        if not others:
            return np.empty((0, 6))
        who = np.array([n for n, _ in others])
        ahead = np.array([a for _, a in others])
        c, s = poses[who, 2], poses[who, 3]
        x, y = poses[who, 0] + c * ahead, poses[who, 1] + s * ahead
        dx, dy = poses[number, 0] - x, poses[number, 1] - y
        u, v = c * dx + s * dy, c * dy - s * dx
        share = ON_BODY * self._air.headlights / (1 + np.square(u / 6.0))
        share = share * np.exp(-np.square(v / (0.9 + 0.25 * np.maximum(u, 0))))
        share[(u < 0.2) | (u > 40)] = 0
        best = np.argsort(-share, kind="stable")[:MOST_LAMPS]
        best = best[share[best] > 0.01]
        far = np.hypot(dx[best], dy[best])
        way = np.stack([-dx[best] / far, -dy[best] / far, np.zeros(len(best))], axis=1)
        return np.concatenate([way, share[best, None] * COLOUR], axis=1)

    def mirror(self, picture: Singles, bright: Singles, dirty: NDArray[np.bool_]) -> None:
        """A wet road shows lamps as long streaks below them; added to what is too bright."""
        if self._air.wet <= 0 or not bright.any():
            return
        tall = max(9, bright.shape[0] // 8) | 1
        streak = cv2.filter2D(bright, -1, _kernel(tall), anchor=(0, tall - 1))
        streak = cv2.GaussianBlur(streak, (5, 1), 1.0)
        wet = cv2.resize(
            self._scene.albedo, (bright.shape[1], bright.shape[0]), interpolation=cv2.INTER_AREA
        )
        share = (wet > 0.005).astype(np.float32) * np.float32(2.2 * self._air.wet)
        bright += streak * share[..., None]


def _kernel(tall: int) -> Singles:
    """Weights of what lies above a pixel: the nearer, the more."""
    weight = np.linspace(0.15, 1.0, tall, dtype=np.float32)[:, None]
    return np.asarray(weight / weight.sum())


@compiled
def beam(
    where: Singles, box: NDArray[np.int32], pose: Floats, ahead: float, light: Singles
) -> None:
    """Add the light of one vehicle's lamps on the road.

    Args:
        where: Ground of each pixel, metres [h, w, 2].
        box: Left, top, right, bottom of where to look.
        pose: x, y, cosine and sine of the heading, height.
        ahead: How far before its middle its lamps are, metres.
        light: Changed in place [h, w]; about 1 at 6 m.
    """
    for y in range(box[1], min(box[3], where.shape[0])):
        for x in range(box[0], min(box[2], where.shape[1])):
            dx, dy = where[y, x, 0] - pose[0], where[y, x, 1] - pose[1]
            u = pose[2] * dx + pose[3] * dy - ahead
            if u < 0.3 or u > REACH_M:
                continue
            v = pose[2] * dy - pose[3] * dx
            spread = 0.9 + 0.17 * u
            side = v * v / (spread * spread)
            if side > 6.0:
                continue
            rise = u / (u + 2.0)
            fall = 1.0 - u / REACH_M
            share = 1.6 * rise * fall * fall / (1.0 + side) ** 2
            light[y, x] += np.float32(share)


@compiled
def brighten(
    dirty: NDArray[np.bool_],
    light: Singles,
    albedo: Singles,
    colour: Singles,
    picture: Singles,
) -> None:
    """Add light [H / 4, W / 4] to the ground, as much as it gives back."""
    height, width, _ = picture.shape
    rows, columns = light.shape
    one = np.float32(1.0)
    for tile_y in range(dirty.shape[0]):
        for tile_x in range(dirty.shape[1]):
            if not dirty[tile_y, tile_x]:
                continue
            for y in range(tile_y * TILE, min(tile_y * TILE + TILE, height)):
                ay = max((y + 0.5) * 0.25 - 0.5, 0.0)
                j = min(int(ay), rows - 1)
                j2 = min(j + 1, rows - 1)
                fy = np.float32(ay - j)
                for x in range(tile_x * TILE, min(tile_x * TILE + TILE, width)):
                    given = albedo[y, x]
                    if given == 0.0:
                        continue
                    ax = max((x + 0.5) * 0.25 - 0.5, 0.0)
                    i = min(int(ax), columns - 1)
                    i2 = min(i + 1, columns - 1)
                    fx = np.float32(ax - i)
                    value = (light[j, i] * (one - fx) + light[j, i2] * fx) * (one - fy) + (
                        light[j2, i] * (one - fx) + light[j2, i2] * fx
                    ) * fy
                    value *= given
                    if value > 0.0:
                        for k in range(3):
                            picture[y, x, k] += value * colour[k]
