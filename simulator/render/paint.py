"""What lies flat on the ground of a place, as outlines in metres: asphalt, paint, kerbs, paving."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from simulator.place import Outline, Place, Point, Roadway

LINE_M: Final = 0.15
"""Width of lane lines (QCVN 41:2024, line 2.1)."""
STOP_M: Final = 0.40
"""Width of stop lines (QCVN 41:2024, line 7.1)."""
ZEBRA_M: Final = 0.40
"""Width of a bar of a crossing, and of the gap beside it (line 7.3)."""
DASH_M: Final = (2.0, 4.0)
"""Length of a dash and of the gap after it, under 60 km/h."""
SOLID_M: Final = 30.0
"""Lane lines are solid so far before a stop line."""
KERB_M: Final = 0.22


def asphalt(place: Place) -> Iterator[Outline]:
    """All that is paved for vehicles: the roadways, and the junction between their mouths."""
    mouths: list[Point] = []
    for road in place.roadways:
        wide = sum(strip.width for strip in road.strips)
        yield tuple(
            road.at(d, r) for d, r in ((0, 0), (road.length, 0), (road.length, wide), (0, wide))
        )
        inner = road.length if road.inbound else 0.0
        mouths += [road.at(inner, 0.0), road.at(inner, wide)]
    yield _hull(mouths)


def kerbs(place: Place) -> Iterator[Outline]:
    """The edges of pavements."""
    for outline in place.sidewalks:
        for a, b in zip(outline, outline[1:] + outline[:1], strict=True):
            yield band(a, b, KERB_M)


def walls(place: Place) -> Iterator[Outline]:
    """The edges of canals."""
    for outline in place.canals:
        for a, b in zip(outline, outline[1:] + outline[:1], strict=True):
            yield band(a, b, 0.5)


def white(place: Place) -> Iterator[Outline]:
    """Lane lines, stop lines, zebra bars and arrows."""
    for road in place.roadways:
        stop = road.inbound and road.head is not None
        right = 0.0
        driving = 0.0
        for strip, after in zip(road.strips, road.strips[1:], strict=False):
            right += strip.width
            solid = road.length - SOLID_M if stop else road.length
            if after.shoulder:
                yield _along(road, 0.0, road.length, right, LINE_M)
                continue
            at = 0.0
            while at < solid:
                yield _along(road, at, min(at + DASH_M[0], solid), right, LINE_M)
                at += sum(DASH_M)
            if stop:
                yield _along(road, solid, road.length, right, LINE_M)
        driving = sum(strip.width for strip in road.strips if not strip.shoulder)
        if stop:
            yield band(road.at(road.length, 0.1), road.at(road.length, driving), STOP_M)
        if road.inbound:
            yield from _arrows(road)
    for outline in place.crosswalks:
        yield from _zebra(outline)


def yellow(place: Place) -> Iterator[Outline]:
    """Middle lines between the two ways of a street, and kerbs where none may park."""
    for road in place.roadways:
        if not road.inbound:
            continue
        stop = road.head is not None
        solid = road.length - SOLID_M if stop else road.length
        at = 0.0
        while at < solid:
            yield _along(road, at, min(at + DASH_M[0], solid), 0.0, LINE_M)
            at += sum(DASH_M)
        if stop:
            for side in (-0.15, 0.15):
                yield _along(road, solid, road.length, side, LINE_M)
    for area in place.areas:
        if area.kind == "no_parking":
            edges = list(zip(area.outline, area.outline[1:] + area.outline[:1], strict=True))
            a, b = max(edges, key=lambda edge: (round(math.dist(*edge), 3), _middle_y(edge)))
            yield band(a, b, 0.2)


def _middle_y(edge: tuple[Point, Point]) -> float:
    return abs(edge[0][1] + edge[1][1])


def band(a: Point, b: Point, width: float) -> Outline:
    """A straight band from a to b, its middle on them."""
    dx, dy = b[0] - a[0], b[1] - a[1]
    far = math.hypot(dx, dy)
    nx, ny = -dy / far * width / 2, dx / far * width / 2
    return (
        (a[0] + nx, a[1] + ny), (b[0] + nx, b[1] + ny),
        (b[0] - nx, b[1] - ny), (a[0] - nx, a[1] - ny),
    )  # fmt: skip


def _along(road: Roadway, start: float, end: float, right: float, width: float) -> Outline:
    return band(road.at(start, right), road.at(end, right), width)


def _arrows(road: Roadway) -> Iterator[Outline]:
    """Straight-ahead arrows 5 m long, 8 m and 34 m before the end of each lane for all."""
    right = 0.0
    for strip in road.strips:
        middle = right + strip.width / 2
        right += strip.width
        if strip.shoulder or strip.vehicles or strip.width < 2.5:
            continue
        for before in (8.0, 34.0):
            tip = road.length - before
            if tip < 6.0:
                continue
            yield _along(road, tip - 5.0, tip - 1.8, middle, 0.16)
            yield tuple(
                road.at(tip + d, middle + r) for d, r in ((0.0, 0.0), (-1.9, 0.38), (-1.9, -0.38))
            )


def _zebra(outline: Outline) -> Iterator[Outline]:
    """Bars along the short side, over the whole of the long one."""
    a, b, _, d = (np.array(point) for point in outline[:4])
    along, across = b - a, d - a
    if np.hypot(*along) < np.hypot(*across):
        along, across = across, along
    length = float(np.hypot(*along))
    count = int(length / (2 * ZEBRA_M))
    for number in range(count):
        start = a + along * ((2 * number + 0.5) * ZEBRA_M / length)
        end = start + along * (ZEBRA_M / length)
        yield tuple((float(p[0]), float(p[1])) for p in (start, end, end + across, start + across))


def _hull(points: list[Point]) -> Outline:
    """Convex hull, counter-clockwise (Andrew's monotone chain)."""
    ordered = sorted(set(points))

    def chain(run: list[Point]) -> list[Point]:
        out: list[Point] = []
        for x, y in run:
            while len(out) > 1:
                (ax, ay), (bx, by) = out[-2], out[-1]
                if (bx - ax) * (y - ay) - (by - ay) * (x - ax) > 0:
                    break
                out.pop()
            out.append((x, y))
        return out[:-1]

    return tuple(chain(ordered) + chain(ordered[::-1]))


def shadow(outline: Outline, height: float, sun: NDArray[np.float64]) -> Outline:
    """What an upright prism keeps the sun from: the hull of its outline and where its top falls."""
    shift = -sun[:2] / sun[2] * height
    return _hull([*outline, *((x + float(shift[0]), y + float(shift[1])) for x, y in outline)])
