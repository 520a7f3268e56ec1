"""A camera's pictures of a world."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from simulator.camera import NEAREST_M
from simulator.place import Mount, Place
from simulator.render.atmosphere import atmosphere_of
from simulator.render.beams import Beams
from simulator.render.cast import Actor, Cast
from simulator.render.coverage import coverage
from simulator.render.ground import STILL, background, lamps_at
from simulator.render.planes import clear, resolve, restore
from simulator.render.props import signal_lamps
from simulator.render.raster import OFFSETS, TILE, camera_values, draw, look, texture
from simulator.render.shading import light_values, shade
from simulator.render.shadows import Shadows
from simulator.render.solids import Solid
from simulator.render.weather import Weather
from simulator.world import PHASES, World

__all__ = ["Renderer", "coverage"]

Image = NDArray[np.uint8]
Singles = NDArray[np.float32]
Floats = NDArray[np.float64]

PLATE_LEAST_PX: Final = 6.0
"""Plates narrower than this are drawn in their mean colour."""


class Renderer:
    """Renders what a camera sees of a world, one step at a time, in any order.

    The same world, place, camera and step give the same pixels. One renderer holds some 200 MB at
    1920 x 1080 and is not to be shared between threads.

    Args:
        world: The road users, their motion and the signals.
        place: Where.
        mount: Which camera.
    """

    def __init__(self, world: World, place: Place, mount: Mount) -> None:
        lens = mount.lens
        self._world, self._lens = world, lens
        self._air = atmosphere_of(world.conditions, world.seed, lens)
        self._scene = background(place, world.seed, lens, self._air)
        self._cast = Cast(world)
        self._shadows = Shadows(lens, self._air, self._scene)
        self._beams = Beams(lens, self._air, self._scene)
        self._weather = Weather(lens, self._air, world.seed)
        self._camera = camera_values(lens)
        self._light = light_values(self._air)
        planes, shape = len(OFFSETS), (lens.height, lens.width)
        self._nearness = np.zeros((planes, *shape), np.float32)
        self._tags = np.zeros((planes, *shape), np.int32)
        self._dirty = np.zeros((-(-lens.height // TILE), -(-lens.width // TILE)), np.bool_)
        self._drawn = np.zeros_like(self._dirty)
        self._picture = self._scene.picture.copy()
        self._bright = np.zeros((lens.height // 4, lens.width // 4, 3), np.float32)
        self._shade = np.zeros((4096, 3), np.float32)
        self._noise_seed = (world.seed, sum(mount.id.encode()), 76)
        self._heads = {
            (number, phase): signal_lamps(head, PHASES[phase])
            for number, name in enumerate(world.heads)
            for head in place.heads
            if head.id == name
            for phase in range(len(PHASES))
        }

    def frame(self, step: int) -> Image:
        """The picture of a step: blue, green, red [H, W, 3]; a new array.

        Raises:
            IndexError: The world has no such step.
        """
        if not 0 <= step < self._world.steps:
            raise IndexError(f"step {step}; the world has {self._world.steps}")
        clear(self._drawn, self._nearness)
        restore(self._dirty, self._scene.picture, self._picture)
        self._dirty[:] = False
        self._drawn[:] = False
        self._bright[:] = 0
        numbers = self._cast.seen(step, self._lens)
        actors = [self._cast.actor(int(number)) for number in numbers]
        bodies = [self._world.bodies[int(number)] for number in numbers]
        poses = self._cast.poses(step, numbers)
        self._shadows.cast(actors, bodies, poses, self._picture, self._dirty)
        braking = self._world.braking[step, numbers]
        lit = self._beams.shine(actors, poses, self._picture, self._dirty)
        after = (np.arange(len(OFFSETS)) / len(OFFSETS) - 0.375) * self._air.exposure_s
        moved = np.stack([self._cast.poses(step, numbers, float(t)) for t in after], axis=1)
        base = 0
        plates: list[tuple[int, int, Floats]] = []
        for i, actor in enumerate(actors):
            points = np.empty((len(OFFSETS), len(actor.vertices), 3))
            shown = np.empty(len(actor.triangles), np.bool_)
            box = look(
                actor.vertices, actor.triangles, actor.normals, moved[i], self._camera, points,
                shown,
            )  # fmt: skip
            if box[2] < box[0] or not self._mark(box):
                continue
            self._room(base + len(actor.triangles))
            self._paint(
                actor, self._beams.glow(actor, bool(braking[i])), shown, poses[i], lit[i], base
            )
            self._draw(points, actor.triangles, shown, base)
            if len(actor.plates):
                plates.append((i, base, points))
            base += len(actor.triangles)
        base = self._signals(step, base)
        self._dirty |= self._drawn
        resolve(self._drawn, self._nearness, self._tags, self._shade, self._picture, self._bright)
        for i, start, points in plates:
            self._plates(int(numbers[i]), actors[i], start, points)
        self._beams.mirror(self._picture, self._bright, self._dirty)
        return self._weather.develop(self._picture, self._bright, (*self._noise_seed, step))

    def _room(self, count: int) -> None:
        if count > len(self._shade):
            more = np.zeros((max(count, 2 * len(self._shade)), 3), np.float32)
            more[: len(self._shade)] = self._shade
            self._shade = more

    def _mark(self, box: tuple[float, float, float, float]) -> bool:
        """Remember the tiles that a body may be drawn on; whether there are any."""
        left, top = max(int(box[0]) - 1, 0), max(int(box[1]) - 1, 0)
        right = min(int(box[2]) + 2, self._lens.width)
        bottom = min(int(box[3]) + 2, self._lens.height)
        if left >= right or top >= bottom:
            return False
        self._drawn[top // TILE : -(-bottom // TILE), left // TILE : -(-right // TILE)] = True
        return True

    def _paint(
        self, actor: Actor, glow: Singles, shown: NDArray[np.bool_], pose: Floats, lit: Floats,
        base: int,
    ) -> None:  # fmt: skip
        """Work out the light of a body's triangles."""
        far = float(math.dist((pose[0], pose[1], 0.0), self._lens.position))
        lamps = lamps_at(self._scene.lamp_light, np.array([pose[0], pose[1], 1.0]))
        shade(
            actor.normals, actor.albedo, glow, shown, pose, max(far, NEAREST_M), self._light,
            np.concatenate([lamps, lit]), self._shade[base : base + len(actor.triangles)],
        )  # fmt: skip

    def _draw(
        self, points: Floats, triangles: NDArray[np.int32], shown: NDArray[np.bool_], base: int
    ) -> None:
        for s, (x, y) in enumerate(OFFSETS):
            draw(
                points[s], triangles, base, shown, x, y,
                self._scene.nearness, self._nearness[s], self._tags[s],
            )  # fmt: skip

    def _signals(self, step: int, base: int) -> int:
        """Draw the lamps of the signal heads; gives the number of the next triangle."""
        for number in range(len(self._world.heads)):
            solid = self._heads[number, int(self._world.phases[step, number])]
            points = np.empty((len(OFFSETS), len(solid.vertices), 3))
            shown = np.empty(len(solid.triangles), np.bool_)
            box = look(
                solid.vertices, solid.triangles, solid.normals, np.tile(STILL, (len(OFFSETS), 1)),
                self._camera, points, shown,
            )  # fmt: skip
            if box[2] < box[0] or not shown.any() or not self._mark(box):
                continue
            self._room(base + len(solid.triangles))
            self._signal_light(solid, shown, base)
            self._draw(points, solid.triangles, shown, base)
            base += len(solid.triangles)
        return base

    def _signal_light(self, solid: Solid, shown: NDArray[np.bool_], base: int) -> None:
        middle = solid.vertices.mean(axis=0)
        far = float(np.linalg.norm(middle - self._lens.position))
        lamps = lamps_at(self._scene.lamp_light, middle)
        shade(
            solid.normals, solid.albedo, solid.glow, shown, STILL, far, self._light, lamps,
            self._shade[base : base + len(solid.triangles)],
        )  # fmt: skip

    def _plates(self, number: int, actor: Actor, base: int, points: Floats) -> None:
        """Put the texture on a body's plates, where they are seen."""
        count = len(actor.plates)
        first_corner = len(actor.vertices) - 4 * count
        first_triangle = base + len(actor.triangles) - 2 * count
        for plate in range(count):
            at = first_corner + 4 * plate
            corners = points[:, at : at + 4]
            if (corners[..., 2] == 0).any():
                continue
            low = np.floor(corners[..., :2].min(axis=(0, 1))).astype(np.int32) - 1
            high = np.ceil(corners[..., :2].max(axis=(0, 1))).astype(np.int32) + 2
            left, top = np.maximum(low, 0)
            right, bottom = np.minimum(high, (self._lens.width, self._lens.height))
            if left >= right or top >= bottom:
                continue
            wide = float(np.linalg.norm(corners[0, 1, :2] - corners[0, 0, :2]))
            triangle = first_triangle + 2 * plate
            image = self._cast.plate(number, int(wide * 1.3))
            if wide < PLATE_LEAST_PX:
                image = image.mean(axis=(0, 1), keepdims=True)
            box = np.array([left, top, right, bottom], np.int32)
            texture(
                self._nearness, self._tags, box, triangle, triangle + 2,
                np.ascontiguousarray(corners[:, [0, 1, 3]]), OFFSETS, image,
                self._shade[triangle], self._picture,
            )  # fmt: skip
