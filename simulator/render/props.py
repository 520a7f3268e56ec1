"""What stands at a place and never moves: houses, trees, street lamps, signal heads."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from ioc.events import Phase
from simulator.place import Building, Head, Place
from simulator.render.shading import LAMP_HEIGHT_M
from simulator.render.solids import BGR, Builder, Solid

_GREY: Final[BGR] = (0.22, 0.22, 0.22)
_DARK: Final[BGR] = (0.025, 0.024, 0.022)
_BARK: Final[BGR] = (0.05, 0.08, 0.11)
_LEAF: Final[BGR] = (0.035, 0.14, 0.055)
_WARM: Final[BGR] = (0.10, 0.34, 0.55)

FLOOR_M: Final = 3.4
"""Height of a storey."""

LIT: Final[dict[Phase, tuple[int, BGR]]] = {
    "red": (0, (0.10, 0.12, 2.4)),
    "yellow": (1, (0.06, 1.25, 2.2)),
    "green": (2, (1.25, 2.2, 0.25)),
}
"""Which lamp from the top burns in a phase, and its light."""
_UNLIT: Final[tuple[BGR, ...]] = ((0.008, 0.008, 0.06), (0.008, 0.045, 0.06), (0.04, 0.05, 0.008))

LAMP_RADIUS_SHARE: Final = 0.39
"""Radius of a signal's lamp as a share of its box's width, or of a third of its height."""


def stand(place: Place, seed: int, night: bool) -> Solid:
    """All of a place's solid things, in the world's frame.

    Args:
        place: The place.
        seed: Leaves and windows differ by it.
        night: Whether street lamps and some windows are lit.
    """
    build = Builder()
    rng = np.random.default_rng([seed, 72])
    for building in place.buildings:
        _house(build, building, rng, night)
    for x, y in place.trees:
        height = float(rng.uniform(2.4, 3.2))
        build.pole(x, y, 0.0, height + 0.6, float(rng.uniform(0.10, 0.17)), _BARK)
        tint = float(rng.uniform(0.75, 1.25))
        leaf = (_LEAF[0] * tint, _LEAF[1] * tint, _LEAF[2] * tint)
        for _ in range(4):
            dx, dy = (float(v) for v in rng.uniform(-0.8, 0.8, 2))
            middle = (x + dx, y + dy, height + float(rng.uniform(0.6, 2.0)))
            build.crown(middle, float(rng.uniform(0.9, 1.4)), 60, rng, leaf)
    for x, y in place.lamps:
        _lamp(build, x, y, night)
    for head in place.heads:
        _head(build, head)
    return build.build()


def lantern(x: float, y: float) -> tuple[float, float]:
    """Where a street lamp's light hangs: 1.8 m from its pole towards the junction's middle."""
    far = max(math.hypot(x, y), 1e-6)
    if abs(x) > abs(y):
        return x - math.copysign(1.8, x) * (abs(x) / far > 0), y
    return x, y - math.copysign(1.8, y)


def signal_lamps(head: Head, phase: Phase) -> Solid:
    """The three lamps of a head; that of the phase burns, none when it is dark or not known."""
    build = Builder()
    c, s = math.cos(head.facing), math.sin(head.facing)
    deep = _depth(head) / 2 + 0.012
    third = head.height / 3
    radius = LAMP_RADIUS_SHARE * min(head.width, third)
    burning = LIT.get(phase)
    for number in range(3):
        z = head.z + (1 - number) * third
        ring = []
        for i in range(16):
            turn = 2 * math.pi * i / 16
            u, w = radius * math.cos(turn), radius * math.sin(turn)
            ring.append((head.x + c * deep - s * u, head.y + s * deep + c * u, z + w))
        lit = burning is not None and burning[0] == number
        glow = burning[1] if lit and burning is not None else (0.0, 0.0, 0.0)
        build.face(ring, (c, s, 0.0), _UNLIT[number], glow)
    return build.build()


def _depth(head: Head) -> float:
    return head.width * 0.6


def _head(build: Builder, head: Head) -> None:
    """Box, a hood over each lamp, and the pole behind it."""
    c, s = math.cos(head.facing), math.sin(head.facing)
    deep = _depth(head)
    build.box((head.x, head.y, head.z), (deep, head.width, head.height), head.facing, _DARK)
    third = head.height / 3
    for number in range(3):
        z = head.z + (1 - number) * third + third * 0.44
        out = deep / 2 + 0.07
        build.box(
            (head.x + c * out, head.y + s * out, z), (0.14, head.width * 0.8, 0.015),
            head.facing, _DARK,
        )  # fmt: skip
    back = deep / 2 + 0.06
    build.pole(head.x - c * back, head.y - s * back, 0.0, head.z + head.height / 2 + 0.3, 0.06,
               _GREY)  # fmt: skip


def _lamp(build: Builder, x: float, y: float, night: bool) -> None:
    """Pole, arm and lantern."""
    lx, ly = lantern(x, y)
    build.pole(x, y, 0.0, LAMP_HEIGHT_M, 0.09, _GREY)
    heading = math.atan2(ly - y, lx - x)
    length = math.hypot(lx - x, ly - y)
    build.box(((x + lx) / 2, (y + ly) / 2, LAMP_HEIGHT_M), (length, 0.07, 0.07), heading, _GREY)
    build.box((lx, ly, LAMP_HEIGHT_M - 0.02), (0.75, 0.28, 0.10), heading, _GREY)
    glow: BGR = (1.3, 2.4, 3.0) if night else (0.0, 0.0, 0.0)
    build.box((lx, ly, LAMP_HEIGHT_M - 0.09), (0.55, 0.2, 0.05), heading, (0.5, 0.5, 0.5), glow)


def _house(build: Builder, building: Building, rng: np.random.Generator, night: bool) -> None:
    """Walls with windows, shop fronts at the ground, a flat roof with a rim."""
    outline = list(building.outline)
    area = sum(
        ax * by - bx * ay
        for (ax, ay), (bx, by) in zip(outline, outline[1:] + outline[:1], strict=True)
    )
    if area < 0:
        outline.reverse()
    paint = np.square(np.array(building.colour) / 255.0) * 0.85
    for (ax, ay), (bx, by) in zip(outline, outline[1:] + outline[:1], strict=True):
        length = math.hypot(bx - ax, by - ay)
        units = max(1, round(length / 4.4))
        for unit in range(units):
            # Houses of a Vietnamese street are narrow and each has its own paint.
            tint = paint * rng.uniform(0.7, 1.15, 3)
            own: BGR = (float(tint[0]), float(tint[1]), float(tint[2]))
            u0, u1 = unit / units, (unit + 1) / units
            foot = (ax + (bx - ax) * u0, ay + (by - ay) * u0)
            along = ((bx - ax) * (u1 - u0), (by - ay) * (u1 - u0))
            build.wall(foot, along, 0.0, building.height, own)
            _front(build, foot, along, building.height, rng, night)
    build.face([(x, y, building.height) for x, y in outline], (0.0, 0.0, 1.0), (0.16, 0.18, 0.2))


def _front(
    build: Builder,
    foot: tuple[float, float],
    along: tuple[float, float],
    height: float,
    rng: np.random.Generator,
    night: bool,
) -> None:
    """A shop with its sign below, windows with frames above; each 3 cm before what is behind."""
    length = math.hypot(*along)
    ux, uy = along[0] / length, along[1] / length

    def panel(
        u: float, wide: float, low: float, high: float, out: float, paint: BGR, glow: BGR
    ) -> None:
        x, y = foot[0] + ux * u + uy * out, foot[1] + uy * u - ux * out
        build.wall((x, y), (ux * wide, uy * wide), low, high, paint, glow)

    none: BGR = (0.0, 0.0, 0.0)
    lit = night and rng.random() < 0.45
    shop: BGR = _WARM if lit else none
    panel(0.35, length - 0.7, 0.1, 2.6, 0.03, _DARK, shop)
    b, g, r = (float(v) for v in rng.uniform(0.05, 0.7, 3))
    sign: BGR = (b * 0.5, g * 0.5, r * 0.5) if lit else none
    panel(0.15, length - 0.3, 2.7, 3.3, 0.06, (b, g, r), sign)
    floors = int((height - 0.6) / FLOOR_M)
    for floor in range(1, floors):
        low = floor * FLOOR_M + 0.9
        for side in (0.18, 0.58):
            wide = length * 0.24
            panel(length * side - 0.08, wide + 0.16, low - 0.08, low + 1.58, 0.03,
                  (0.5, 0.52, 0.52), none)  # fmt: skip
            burning = night and rng.random() < 0.3
            panel(length * side, wide, low, low + 1.5, 0.06, (0.05, 0.045, 0.04),
                  _WARM if burning else none)  # fmt: skip
