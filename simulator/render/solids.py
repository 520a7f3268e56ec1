"""Boxes, walls, poles and crowns of leaves as triangles: what stands beside the road."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Singles = NDArray[np.float32]
BGR = tuple[float, float, float]
Point3 = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Solid:
    """Triangles with a colour each.

    Attributes:
        vertices: Metres [V, 3].
        triangles: Vertices of each, [F, 3].
        normals: Outward, of unit length [F, 3].
        albedo: Share of light given back: blue, green, red [F, 3].
        glow: Own light [F, 3].
    """

    vertices: Singles
    triangles: NDArray[np.int32]
    normals: Singles
    albedo: Singles
    glow: Singles


@dataclass(slots=True)
class Builder:
    """Collects faces; ``build`` gives the solid."""

    _vertices: list[Point3] = field(default_factory=list)
    _triangles: list[tuple[int, int, int]] = field(default_factory=list)
    _normals: list[Point3] = field(default_factory=list)
    _albedo: list[BGR] = field(default_factory=list)
    _glow: list[BGR] = field(default_factory=list)

    def face(
        self, corners: Sequence[Point3], normal: Point3, albedo: BGR, glow: BGR = (0.0, 0.0, 0.0)
    ) -> None:
        """A flat convex face."""
        start = len(self._vertices)
        self._vertices += corners
        for i in range(1, len(corners) - 1):
            self._triangles.append((start, start + i, start + i + 1))
            self._normals.append(normal)
            self._albedo.append(albedo)
            self._glow.append(glow)

    def wall(
        self,
        foot: tuple[float, float],
        along: tuple[float, float],
        low: float,
        high: float,
        albedo: BGR,
        glow: BGR = (0.0, 0.0, 0.0),
    ) -> None:
        """An upright rectangle from a foot along a vector; its outer side is to the right."""
        x, y = foot
        dx, dy = along
        length = math.hypot(dx, dy)
        self.face(
            [(x, y, low), (x + dx, y + dy, low), (x + dx, y + dy, high), (x, y, high)],
            (dy / length, -dx / length, 0.0),
            albedo,
            glow,
        )

    def box(
        self,
        middle: Point3,
        size: Point3,
        heading: float,
        albedo: BGR,
        glow: BGR = (0.0, 0.0, 0.0),
    ) -> None:
        """A box: middle, size along its heading, across it and up."""
        c, s = math.cos(heading), math.sin(heading)
        hx, hy, hz = (v / 2 for v in size)

        def at(u: float, v: float, w: float) -> Point3:
            return middle[0] + c * u - s * v, middle[1] + s * u + c * v, middle[2] + w

        corners = {
            (i, j, k): at(hx * i, hy * j, hz * k) for i in (-1, 1) for j in (-1, 1) for k in (-1, 1)
        }
        for axis in range(3):
            for sign in (-1, 1):
                ring = []
                for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1)):
                    key = [a, b]
                    key.insert(axis, sign)
                    ring.append(corners[key[0], key[1], key[2]])
                local = [0.0, 0.0, 0.0]
                local[axis] = float(sign)
                normal = (c * local[0] - s * local[1], s * local[0] + c * local[1], local[2])
                self.face(ring, normal, albedo, glow)

    def pole(
        self,
        x: float,
        y: float,
        low: float,
        high: float,
        radius: float,
        albedo: BGR,
        sides: int = 8,
    ) -> None:
        """An upright pole."""
        turn = 2 * math.pi / sides
        for i in range(sides):
            a, b = (i - 0.5) * turn, (i + 0.5) * turn
            ax, ay = x + radius * math.cos(a), y + radius * math.sin(a)
            bx, by = x + radius * math.cos(b), y + radius * math.sin(b)
            middle = i * turn
            self.face(
                [(ax, ay, low), (bx, by, low), (bx, by, high), (ax, ay, high)],
                (math.cos(middle), math.sin(middle), 0.0),
                albedo,
            )

    def crown(
        self, middle: Point3, radius: float, leaves: int, rng: np.random.Generator, albedo: BGR
    ) -> None:
        """Leaves: small triangles near the skin of a ball, each of its own green."""
        way = _unit(rng.normal(size=(leaves, 3)))
        reach = radius * rng.uniform(0.72, 1.0, (leaves, 1))
        centre = np.array(middle) + way * reach * (1.0, 1.0, 0.8)
        side = _unit(np.cross(way, rng.normal(size=(leaves, 3))))
        up = np.cross(way, side)
        size = radius * rng.uniform(0.14, 0.26, (leaves, 1))
        tint = rng.uniform(0.6, 1.25, leaves)
        ring = np.stack(
            [centre + size * (math.cos(t) * side + math.sin(t) * up) for t in (0.0, 1.6, 3.1, 4.7)],
            axis=1,
        ).tolist()
        for corners, out, shade in zip(ring, way.tolist(), tint.tolist(), strict=True):
            # Those seen from behind are dark, so both sides are there.
            for sign, share in ((1.0, shade), (-1.0, shade * 0.5)):
                self.face(
                    corners,
                    (sign * out[0], sign * out[1], sign * out[2]),
                    (albedo[0] * share, albedo[1] * share, albedo[2] * share),
                )

    def build(self) -> Solid:
        """The solid."""

        def table(rows: list[BGR]) -> Singles:
            return np.array(rows, np.float32).reshape(-1, 3)

        return Solid(
            table(self._vertices),
            np.array(self._triangles, np.int32).reshape(-1, 3),
            table(self._normals),
            table(self._albedo),
            table(self._glow),
        )


def _unit(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))
