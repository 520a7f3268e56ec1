"""The road users of a world as triangles, and where each stands at an instant."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from simulator.camera import Lens
from simulator.shapes.mesh import mesh, plate_quads, plate_texture
from simulator.world import Body, World

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]

PLATES_KEPT: Final = 192
"""Pictures of plates, some 20 to 400 kB each, that are kept between frames."""

_PLATE_LIFT_M: Final = 0.006
"""Plates are drawn this much nearer than their rectangle, so that none sinks into the body."""


@dataclass(frozen=True, slots=True)
class Actor:
    """A road user's triangles.

    Attributes:
        vertices: Body frame, metres [V, 3].
        triangles: Vertices of each [F, 3]; plates are the last, two each.
        normals: Outward [F, 3].
        albedo: Linear share of light given back, blue, green, red [F, 3].
        glow: 0 none, 1 head lamp, 2 tail lamp, 3 brake lamp [F].
        plates: Rectangles of plates, [n, 4, 3].
        radius: No vertex is farther from the origin, metres.
    """

    vertices: Singles
    triangles: NDArray[np.int32]
    normals: Singles
    albedo: Singles
    glow: NDArray[np.uint8]
    plates: Singles
    radius: float


class Cast:
    """All actors of a world; each is built when it first comes on.

    Args:
        world: Whose road users.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self._actors: dict[int, Actor] = {}
        self._plates: OrderedDict[tuple[int, int], Singles] = OrderedDict()

    def actor(self, number: int) -> Actor:
        """A road user's triangles."""
        found = self._actors.get(number)
        if found is None:
            found = self._actors[number] = _actor(self.world.bodies[number])
        return found

    def plate(self, number: int, columns: int) -> Singles:
        """A road user's plate as reflectance [h, w, 3], shrunk to at least so many columns."""
        wide = 16
        while wide < columns and wide < 512:
            wide *= 2
        key = (number, wide)
        found = self._plates.get(key)
        if found is None:
            sign = self.world.bodies[number].plate
            if sign is None:
                raise ValueError(f"road user {number} has no plate")
            image = plate_texture(sign)
            light = np.square(image.astype(np.float32) / 255) * np.float32(0.85)
            if wide < image.shape[1]:
                high = max(1, round(image.shape[0] * wide / image.shape[1]))
                small = cv2.resize(light, (wide, high), interpolation=cv2.INTER_AREA)
                light = np.asarray(small, np.float32)
            found = self._plates[key] = np.ascontiguousarray(light, np.float32)
            if len(self._plates) > PLATES_KEPT:
                self._plates.popitem(last=False)
        else:
            self._plates.move_to_end(key)
        return found

    def poses(self, step: int, numbers: NDArray[np.intp], after_s: float = 0.0) -> Floats:
        """x, y, cosine and sine of heading, and 0 for the road, [n, 5].

        Args:
            step: Which step.
            numbers: Of whom.
            after_s: So long after the step, on straight ahead; a fraction of a step.
        """
        world = self.world
        heading = world.heading[step, numbers]
        c, s = np.cos(heading), np.sin(heading)
        far = world.speed[step, numbers] * after_s
        x, y = world.x[step, numbers] + c * far, world.y[step, numbers] + s * far
        return np.stack([x, y, c, s, np.zeros(len(numbers))], axis=-1)

    def seen(self, step: int, lens: Lens) -> NDArray[np.intp]:
        """Who may be in the picture of a lens."""
        world = self.world
        there = np.flatnonzero(world.present[step])
        if not len(there):
            return there
        size = np.array([[b.length, b.width, b.height] for b in (world.bodies[n] for n in there)])
        middle = np.stack([world.x[step, there], world.y[step, there], size[:, 2] / 2], axis=-1)
        right, down, ahead = ((middle - lens.position) @ lens.rotation.T).T
        radius = np.linalg.norm(size, axis=1) / 2 + 0.3
        wide = lens.width / 2 / lens.focal_px * 1.1
        high = lens.height / 2 / lens.focal_px * 1.1
        inside = (ahead > -radius) & (np.abs(right) - radius * np.hypot(1, wide) < wide * ahead)
        inside &= np.abs(down) - radius * np.hypot(1, high) < high * ahead
        return np.asarray(there[inside])


def _actor(body: Body) -> Actor:
    shape = mesh(body)
    vertices = np.asarray(shape.vertices, np.float32)
    triangles = np.asarray(shape.triangles, np.int32)
    normals = np.asarray(shape.normals, np.float32)
    albedo = np.square(np.asarray(shape.colours, np.float32) / 255)
    glow = np.asarray(shape.glow, np.uint8)
    quads = np.asarray(plate_quads(body), np.float32).reshape(-1, 4, 3)
    if body.plate is None:
        quads = quads[:0]
    if len(quads):
        # Left top to right top, crossed with left top to left bottom, looks into the body.
        out = np.cross(quads[:, 3] - quads[:, 0], quads[:, 1] - quads[:, 0])
        out /= np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-9)
        quads = (quads + out[:, None] * np.float32(_PLATE_LIFT_M)).astype(np.float32)
        start = len(vertices) + 4 * np.arange(len(quads), dtype=np.int32)
        pair = np.array([[0, 1, 2], [0, 2, 3]], np.int32)
        vertices = np.concatenate([vertices, quads.reshape(-1, 3)])
        triangles = np.concatenate([triangles, (start[:, None, None] + pair).reshape(-1, 3)])
        normals = np.concatenate([normals, np.repeat(out, 2, axis=0)])
        albedo = np.concatenate([albedo, np.ones((2 * len(quads), 3), np.float32)])
        glow = np.concatenate([glow, np.zeros(2 * len(quads), np.uint8)])
    return Actor(
        np.ascontiguousarray(vertices, np.float32),
        np.ascontiguousarray(triangles, np.int32),
        np.ascontiguousarray(normals, np.float32),
        np.ascontiguousarray(albedo, np.float32),
        glow,
        quads,
        float(np.linalg.norm(vertices, axis=1).max()),
    )
