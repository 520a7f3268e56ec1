"""Solid parts that road users are made of: lofts, tubes, balls, painted blocks; flat-shaded.

Body frame: metres, x forward, y left, z up, origin in the middle of the footprint on the ground.
Every part is a closed convex-ish piece whose faces are turned outward when it is added, so that
the back of a face is never seen.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from simulator.shapes.paint import (
    AMBER,
    BLACK,
    BRAKE_LAMP,
    GLASS,
    HEAD_LAMP,
    LAMP,
    PLAIN,
    RED_LAMP,
    RUBBER,
    STEEL,
    TAIL_LAMP,
    Colour,
    Ink,
    Paint,
    shade,
)

Points = NDArray[np.float64]
_NEXT: Final = np.array([1, 2, 0])
_LAST: Final = np.array([2, 0, 1])

Box = tuple[float, float, float, float, float, float]
"""Of a block: x from, x to, y from, y to, z from, z to."""


def circle(
    centre: Sequence[float] | Points, axis: Sequence[float], radii: tuple[float, float], sides: int
) -> Points:
    """A ring of points round an axis, [sides, 3].

    Args:
        centre: Its middle.
        axis: Any length; it is the ring's normal.
        radii: Across and along, where "across" is as level as the axis lets it be.
        sides: How many points.
    """
    way = np.asarray(axis, np.float64)
    return _ring(np.asarray(centre, np.float64), way, _across(way, None), radii, sides)


def _cross(one: Points, other: Points) -> Points:
    """Cross products [..., 3]; NumPy's own takes four times as long for a few vectors."""
    product = one[..., _NEXT] * other[..., _LAST] - one[..., _LAST] * other[..., _NEXT]
    return np.asarray(product)


def _across(way: Points, before: Points | None) -> Points:
    """A unit vector across a way: as near to the one before as can be, else level."""
    ahead = way / np.linalg.norm(way)
    if before is not None:
        turned = before - ahead * float(before @ ahead)
        if np.linalg.norm(turned) > 0.1:
            return np.asarray(turned / np.linalg.norm(turned))
    level = np.array([ahead[1], -ahead[0], 0.0])
    if np.linalg.norm(level) < 1e-3:
        level = np.array([0.0, ahead[2], -ahead[1]])
    return np.asarray(level / np.linalg.norm(level))


def _ring(
    centre: Points, way: Points, level: Points, radii: tuple[float, float], sides: int
) -> Points:
    other = _cross(level, way / np.linalg.norm(way))
    turn = (np.arange(sides) + 0.5) * (2 * math.pi / sides)
    return np.asarray(
        centre + np.cos(turn)[:, None] * level * radii[0] + np.sin(turn)[:, None] * other * radii[1]
    )


class Sculptor:
    """Puts parts together.

    ``owner`` says whose the next parts are: -1 the vehicle's, else the rider's of that number.
    """

    def __init__(self, paint: Colour) -> None:
        """Begin with nothing.

        Args:
            paint: The vehicle's. Letters of ``Paint`` mean: ``p`` it, ``d`` a darker one, ``g``
                glass, ``k`` black, ``w`` a grille, ``m`` metal, ``r`` a mirror, ``h`` head lamp,
                ``t`` tail lamp, ``b`` brake lamp, ``a`` indicator; others are added to ``inks``.
        """
        self.owner = -1
        self.inks: dict[str, Ink] = {
            "p": (paint, PLAIN),
            "d": (shade(paint, 0.62), PLAIN),
            "g": (GLASS, PLAIN),
            "k": (BLACK, PLAIN),
            "w": ((48, 46, 44), PLAIN),
            "m": (STEEL, PLAIN),
            "r": ((125, 118, 110), PLAIN),
            "h": (LAMP, HEAD_LAMP),
            "t": (RED_LAMP, TAIL_LAMP),
            "b": (shade(RED_LAMP, 1.1), BRAKE_LAMP),
            "a": (AMBER, PLAIN),
        }
        self._points: list[Points] = []
        self._faces: list[NDArray[np.int64]] = []
        self._inks: list[Ink] = []
        self._owners: list[tuple[int, int]] = []
        self._count = 0

    def add(self, points: Points, faces: NDArray[np.int64], inks: list[Ink]) -> None:
        """One solid part; its faces are turned outward.

        Args:
            points: [V, 3].
            faces: Places in ``points``, [F, 3].
            inks: One of each face.
        """
        corners = faces
        seen = points[corners] - points.mean(axis=0)
        # Six times the signed volume round the middle: negative when the faces look inward.
        if np.einsum("fi,fi->", seen[:, 0], _cross(seen[:, 1], seen[:, 2])) < 0:
            corners = corners[:, ::-1]
        self._points.append(points)
        self._faces.append(corners + self._count)
        self._inks += inks
        self._owners.append((self.owner, len(points)))
        self._count += len(points)

    def loft(
        self,
        rings: Sequence[Points],
        bands: Sequence[Colour | list[Ink]],
        ends: tuple[Colour | None, Colour | None],
    ) -> None:
        """A skin over rings of as many points each.

        Args:
            rings: R rings of K points, all in the same turn.
            bands: For each of the R - 1 bands its colour, or the ink of each of its K sides.
            ends: Colour of the first and the last ring's cap; None leaves it open.
        """
        sides = len(rings[0])
        faces: list[tuple[int, int, int]] = []
        inks: list[Ink] = []
        for place, band in enumerate(bands):
            for side in range(sides):
                low, high = place * sides, (place + 1) * sides
                after = (side + 1) % sides
                faces.append((low + side, low + after, high + after))
                faces.append((low + side, high + after, high + side))
                inks += [band[side] if isinstance(band, list) else (band, PLAIN)] * 2
        last = (len(rings) - 1) * sides
        for cap, base, turn in ((ends[0], 0, -1), (ends[1], last, 1)):
            if cap is None:
                continue
            for side in range(1, sides - 1):
                one = (base, base + side, base + side + 1)
                faces.append(one if turn > 0 else (one[0], one[2], one[1]))
                inks.append((cap, PLAIN))
        self.add(np.concatenate(rings), np.asarray(faces, np.int64), inks)

    def tube(
        self,
        path: Sequence[Sequence[float]],
        radii: Sequence[float],
        colour: Colour | list[Colour],
        sides: int = 5,
        caps: tuple[bool, bool] = (True, True),
        flat: float = 1.0,
    ) -> None:
        """A round bar along a path.

        Args:
            path: Two points or more.
            radii: At each of them.
            colour: Its colour, or that of each stretch.
            sides: How many faces round it.
            caps: Whether its ends are closed; one that lies inside another part need not be.
            flat: Thickness as a share of the breadth.
        """
        points = np.asarray(path, np.float64)
        rings: list[Points] = []
        level: Points | None = None
        for point, way, radius in zip(points, np.gradient(points, axis=0), radii, strict=True):
            # Each ring's first axis follows from the last one's: a tube that turns past the
            # vertical, such as a leg at the knee, is not wrung.
            level = _across(way, level)
            rings.append(_ring(point, way, level, (radius, radius * flat), sides))
        bands = colour if isinstance(colour, list) else [colour] * (len(rings) - 1)
        first, last = (
            band if cap else None for band, cap in zip((bands[0], bands[-1]), caps, strict=True)
        )
        self.loft(rings, [*bands], (first, last))

    def ball(
        self,
        centre: Sequence[float] | Points,
        radii: tuple[float, float, float],
        colour: Colour,
        sides: int = 8,
        bands: int = 4,
    ) -> None:
        """An egg whose axes are the frame's."""
        levels = np.linspace(-0.92, 0.92, bands + 1)
        self.stack(centre, radii, levels.tolist(), [colour] * bands, (colour, colour), sides)

    def stack(
        self,
        centre: Sequence[float] | Points,
        radii: tuple[float, float, float],
        levels: Sequence[float],
        bands: Sequence[Colour | list[Ink]],
        ends: tuple[Colour | None, Colour | None],
        sides: int = 10,
        way: Sequence[float] = (0.0, 0.0, 1.0),
    ) -> None:
        """A ball cut into painted bands.

        Args:
            centre: Its middle.
            radii: Ahead, to the side, up.
            levels: Where the bands begin and end, from -1 (bottom) to 1 (top).
            bands: As ``loft``; the first side of a ring looks ahead and to the left.
            ends: As ``loft``.
            sides: How many faces round it.
            way: Its axis, upward.
        """
        up = np.asarray(way, np.float64)
        up = up / np.linalg.norm(up)
        turn = (np.arange(sides) + 0.5) * (2 * math.pi / sides)
        # Half a side of turn: side K - 1 looks straight ahead, side K / 2 - 1 straight behind.
        ahead = np.array([1.0, 0.0, 0.0]) - up * up[0]
        ahead = ahead / np.linalg.norm(ahead)
        left = _cross(up, ahead)
        rim = np.cos(turn)[:, None] * ahead * radii[0] + np.sin(turn)[:, None] * left * radii[1]
        middle = np.asarray(centre, np.float64)
        rings = [
            middle + up * (radii[2] * level) + rim * math.sqrt(max(0.0, 1 - level * level))
            for level in levels
        ]
        self.loft(rings, bands, ends)

    def wheel(
        self, x: float, y: float, radius: float, width: float, hub: Colour, sides: int = 10
    ) -> None:
        """A wheel on the ground; its hub is on both sides.

        Args:
            x: Where its axle is.
            y: Middle of its tread.
            radius: Metres.
            width: Of the tread.
            hub: Colour of the rim.
            sides: How many faces round it.
        """
        rings = [
            # Of 10 or 14 corners one is the lowest, so that the wheel touches z = 0.
            circle((x, y + shift, radius), (0.0, 1.0, 0.0), (size, size), sides)
            for shift, size in (
                (-width / 2, 0.6 * radius),
                (-width / 2, radius),
                (width / 2, radius),
                (width / 2, 0.6 * radius),
            )
        ]
        self.loft(rings, [RUBBER, shade(RUBBER, 1.15), RUBBER], (hub, hub))

    def block(
        self,
        box: Box,
        colour: Colour,
        paint: Mapping[str, Paint] | None = None,
        top: tuple[float, float, float] = (0.0, 0.0, 0.0),
        glow: int = PLAIN,
    ) -> None:
        """A box, or a hip roof of one.

        Args:
            box: Its bounds.
            colour: Of the faces without paint.
            paint: Cells of faces: ``rear``, ``front`` (columns from right to left), ``right``,
                ``left`` (columns from the rear to the front), ``top``, ``bottom``.
            top: How far the upper face is drawn in at the rear, at the front, at each side.
            glow: Of the faces without paint.
        """
        x0, x1, y0, y1, z0, z1 = box
        rear, front, side = top
        self.hexa(
            np.array(
                [
                    *((x0, y0, z0), (x0, y1, z0), (x1, y0, z0), (x1, y1, z0)),
                    *((x0 + rear, y0 + side, z1), (x0 + rear, y1 - side, z1)),
                    *((x1 - front, y0 + side, z1), (x1 - front, y1 - side, z1)),
                ]
            ),
            colour,
            paint,
            glow,
        )

    def hexa(
        self,
        corners: Points,
        colour: Colour,
        paint: Mapping[str, Paint] | None = None,
        glow: int = PLAIN,
    ) -> None:
        """A solid of six four-sided faces.

        Args:
            corners: [8, 3]: the lower four, then the upper four, each rear right, rear left,
                front right, front left.
            colour: As ``block``.
            paint: As ``block``.
            glow: As ``block``.
        """
        given = paint or {}
        points: list[Points] = []
        faces: list[NDArray[np.int64]] = []
        inks: list[Ink] = []
        whole = Paint(("*",))
        known = {**self.inks, "*": (colour, glow)}
        for name, (places, inward) in _FACES.items():
            grid, cells, letters = _patch(corners[list(places)], given.get(name, whole))
            if inward:
                cells = cells[:, ::-1]
            base = sum(len(part) for part in points)
            points.append(grid)
            faces.append(cells + base)
            inks += [known[letter] for letter in letters for _ in range(2)]
        self.add(np.concatenate(points), np.concatenate(faces), inks)

    def arrays(
        self,
    ) -> tuple[Points, NDArray[np.int64], list[Ink], NDArray[np.int64]]:
        """Vertices, triangles, ink of each triangle, owner of each vertex."""
        owners = np.concatenate([np.full(count, owner) for owner, count in self._owners])
        return np.concatenate(self._points), np.concatenate(self._faces), self._inks, owners


# Corners of each face in the order (0, 0), (1, 0), (1, 1), (0, 1) of its columns and rows, and
# whether that turns it inward.
_FACES: Final[dict[str, tuple[tuple[int, int, int, int], bool]]] = {
    "rear": ((0, 1, 5, 4), True),
    "front": ((2, 3, 7, 6), False),
    "right": ((0, 2, 6, 4), False),
    "left": ((1, 3, 7, 5), True),
    "top": ((4, 6, 7, 5), False),
    "bottom": ((0, 2, 3, 1), True),
}


def _patch(quad: Points, paint: Paint) -> tuple[Points, NDArray[np.int64], list[str]]:
    """A face cut into cells: points, two triangles a cell, and the letter of each cell."""
    columns, rows = len(paint.rows[0]), len(paint.rows)
    across = (0.0, *(paint.across or np.linspace(0, 1, columns + 1)[1:].tolist()))
    up = (0.0, *(paint.up or np.linspace(0, 1, rows + 1)[1:].tolist()))
    a, b, c, d = quad
    u = np.asarray(across)[None, :, None]
    v = np.asarray(up)[:, None, None]
    grid = (1 - v) * ((1 - u) * a + u * b) + v * ((1 - u) * d + u * c)
    wide = columns + 1
    corner = (np.arange(rows)[:, None] * wide + np.arange(columns)).reshape(-1, 1)
    cells = corner + np.array([[0, 1, wide + 1, 0, wide + 1, wide]])
    letters = [letter for line in reversed(paint.rows) for letter in line]
    return grid.reshape(-1, 3), cells.reshape(-1, 3), letters
