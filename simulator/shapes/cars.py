"""Cars: hatchbacks, saloons, off-roaders, vans and pickups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from simulator.shapes.paint import (
    BLACK,
    PLAIN,
    RUBBER,
    STEEL,
    Choice,
    Colour,
    Ink,
    Paint,
    mix,
    shade,
)
from simulator.shapes.parts import Points, Sculptor, circle
from simulator.shapes.plate import SIZES, Anchor, Shape
from simulator.world import Body


@dataclass(frozen=True, slots=True)
class Profile:
    """A car from the side. Lengths as shares of the car's length, heights of its height.

    Attributes:
        deck: Of the lower body: share from the rear, height of its upper edge; rear to front.
        glass: Where the rear window and the roof begin, where the roof and the windscreen end.
        panes: Shares of the side where panes of glass begin and end.
        belt: Height where the glass begins.
        sill: Height of the lower edge.
        narrow: How far the roof is drawn in at each side, as a share of the width.
        bed: Where an open bed begins and ends and its depth, if there is one.
    """

    deck: tuple[tuple[float, float], ...]
    glass: tuple[float, float, float, float]
    panes: tuple[float, ...]
    belt: float
    sill: float
    narrow: float
    bed: tuple[float, float, float] | None = None


PROFILES: Final[dict[str, Profile]] = {
    "hatchback": Profile(
        ((0.0, 0.50), (0.03, 0.60), (0.5, 0.61), (0.76, 0.60), (0.95, 0.52), (1.0, 0.40)),
        (0.02, 0.12, 0.56, 0.78),
        (0.08, 0.34, 0.38, 0.66, 0.70, 0.90),
        0.59,
        0.13,
        0.105,
    ),
    "saloon": Profile(
        (
            (0.0, 0.52),
            (0.03, 0.63),
            (0.17, 0.645),
            (0.5, 0.62),
            (0.73, 0.61),
            (0.95, 0.53),
            (1.0, 0.42),
        ),
        (0.12, 0.28, 0.56, 0.745),
        (0.14, 0.44, 0.48, 0.88),
        0.605,
        0.13,
        0.115,
    ),
    "off-roader": Profile(
        ((0.0, 0.50), (0.02, 0.58), (0.5, 0.60), (0.75, 0.60), (0.96, 0.56), (1.0, 0.44)),
        (0.015, 0.07, 0.60, 0.76),
        (0.05, 0.25, 0.28, 0.58, 0.61, 0.92),
        0.58,
        0.17,
        0.075,
    ),
    "crossover": Profile(
        ((0.0, 0.50), (0.03, 0.60), (0.5, 0.60), (0.75, 0.60), (0.95, 0.55), (1.0, 0.42)),
        (0.02, 0.16, 0.57, 0.77),
        (0.1, 0.32, 0.36, 0.62, 0.66, 0.92),
        0.58,
        0.16,
        0.095,
    ),
    "van": Profile(
        ((0.0, 0.45), (0.01, 0.52), (0.5, 0.53), (0.86, 0.53), (0.97, 0.45), (1.0, 0.36)),
        (0.005, 0.03, 0.72, 0.88),
        (0.04, 0.3, 0.33, 0.6, 0.63, 0.93),
        0.51,
        0.13,
        0.07,
    ),
    "pickup": Profile(
        (
            (0.0, 0.55),
            (0.015, 0.585),
            (0.36, 0.60),
            (0.5, 0.60),
            (0.77, 0.60),
            (0.96, 0.56),
            (1.0, 0.44),
        ),
        (0.35, 0.40, 0.62, 0.78),
        (0.06, 0.42, 0.46, 0.9),
        0.585,
        0.18,
        0.085,
        (0.03, 0.335, 0.2),
    ),
}


def kind_of(body: Body, choice: Choice) -> str:
    """Which profile suits a car's size."""
    if body.height > 1.68:
        return choice.pick(
            "car", ("off-roader", "off-roader", "crossover", "van")
            if body.length < 4.9 else ("van", "pickup", "off-roader")
        )  # fmt: skip
    if body.height > 1.58:
        return choice.pick("car", ("crossover", "off-roader", "hatchback"))
    if body.length > 4.15:
        return choice.pick("car", ("saloon", "saloon", "saloon", "crossover"))
    return choice.pick("car", ("hatchback", "hatchback", "crossover"))


def car(s: Sculptor, body: Body, shape: Shape | None) -> list[Anchor]:
    """A car.

    Args:
        s: Where to add it.
        body: Which.
        shape: Of its plates; None for a car without.

    Returns:
        Where its plates are, rear one first.
    """
    choice = Choice(body.look)
    profile = _varied(PROFILES[kind_of(body, choice)], choice)
    long, high = body.length, body.height
    wide = body.width / 2 - 0.055
    rings = _hull(s, profile, long, high, wide, body.colour)
    ends = _ends(s, choice, rings, shape)
    _cabin(s, choice, profile, long, high, wide, body.colour)
    if profile.bed is not None:
        _bed(s, profile.bed, profile, long, high, wide)
    radius = min(0.175 * long * 0.42, 0.23 * high, body.rear_axle - 0.02, body.front_axle - 0.02)
    radius = max(radius, 0.27)
    hub = choice.pick("hub", (shade(STEEL, 1.1), shade(STEEL, 0.8), (70, 68, 66)))
    for x in (-long / 2 + body.rear_axle, long / 2 - body.front_axle):
        for side in (1.0, -1.0):
            road_wheel(s, x, side, wide, radius, hub)
    _mirrors(s, profile, long, high, wide, body.width / 2)
    return ends


def _varied(profile: Profile, choice: Choice) -> Profile:
    """No two makes are the same: the roof a little longer or shorter, the deck higher or lower."""
    back, ahead, up = (choice.share(what) - 0.5 for what in ("roof rear", "roof front", "deck"))
    x0, x1, x2, x3 = profile.glass
    glass = (x0, x1 + 0.05 * back, x2 + 0.04 * ahead, x3 + 0.02 * ahead)
    deck = tuple((share, height + 0.03 * up) for share, height in profile.deck)
    return replace(profile, glass=glass, deck=deck, belt=profile.belt + 0.03 * up)


def road_wheel(
    s: Sculptor, x: float, side: float, wide: float, radius: float, hub: Colour, width: float = 0.2
) -> None:
    """A wheel in a body's side, under a dark arch.

    Args:
        s: Where to add it.
        x: Of its axle.
        side: 1 left, -1 right.
        wide: Half width of the body there, metres.
        radius: Metres.
        hub: Colour.
        width: Of the tyre.
    """
    out = wide + 0.02
    rings = [
        circle((x, side * y, radius), (0.0, side, 0.0), (size, size), 10)
        for y, size in ((out - width, radius), (out, radius), (out, 0.64 * radius))
    ]
    s.loft(rings, [RUBBER, shade(RUBBER, 1.15)], (RUBBER, hub))
    arch = [
        circle((x, side * y, radius), (0.0, side, 0.0), (1.17 * radius, 1.17 * radius), 10)
        for y in (wide - 0.06, wide + 0.008)
    ]
    # The arch is cut off at the axle's height: below it there is only the wheel.
    for ring in arch:
        ring[:, 2] = np.maximum(ring[:, 2], 0.72 * radius)
    s.loft(arch, [BLACK], (None, BLACK))


def _hull(
    s: Sculptor, profile: Profile, long: float, high: float, wide: float, paint: Colour
) -> list[Points]:
    """The lower body; the two end caps are left to ``_ends``."""
    rings: list[Points] = []
    count = len(profile.deck)
    for place, (share, deck) in enumerate(profile.deck):
        x = (share - 0.5) * long
        low, top = profile.sill * high, deck * high
        at_end = place in (0, count - 1)
        tuck = 0.86 if at_end else 0.96 if place in (1, count - 2) else 1.0
        middle = low + 0.56 * (top - low)
        if at_end:
            low += 0.03
        half = wide * tuck
        left = [(x, 0.93 * half, low), (x, half, middle), (x, 0.9 * half, top)]
        right = [(x, -y, z) for _, y, z in reversed(left)]
        rings.append(np.array([*left, *right]))
    # Sides of a ring: left lower, left upper, deck, right upper, right lower, bottom.
    side: Ink = (paint, PLAIN)
    lower: Ink = (shade(paint, 0.9), PLAIN)
    deck_ink: Ink = (shade(paint, 1.05), PLAIN)
    band = [lower, side, deck_ink, side, lower, (BLACK, PLAIN)]
    s.loft(rings, [list(band) for _ in rings[1:]], (None, None))
    return rings


_TAILS: Final = (
    ("tbpppppbt", "ttpppppat"),
    ("tbbppppbt", "appppppat"),
    ("bttttttb", "ttppppat"),
    ("tbppppbt", "aamppmaa"),
)
_NOSES: Final = (
    (("hhpwwwwphh", "ppwwwwwwpp"), ("pppppppppp", "pkkkkkkkkp")),
    (("hhwwwwwwhh", "pppppppppp"), ("ppwwwwwwpp", "akwwwwwwka")),
    (("hhmwwwwmhh", "ppmwwwwmpp"), ("ppmwwwwmpp", "dkkkkkkkkd")),
    (("hhhppppphh", "ppwwwwwwpp"), ("pwwwwwwwwp", "pddddddddp")),
)
_LAMPS: Final = (0.09, 0.17, 0.28, 0.4, 0.5, 0.6, 0.72, 0.83, 0.91, 1.0)
"""Where the ten columns of a nose or a tail end."""


def _ends(
    s: Sculptor, choice: Choice, rings: Sequence[Points], shape: Shape | None
) -> list[Anchor]:
    """The two ends of the lower body with lamps, bumpers and grille; and the plates on them."""
    paint = s.inks["p"][0]
    drawn = choice.pick("tail", _TAILS)
    tail = tuple(row[:5] + row[:5][::-1] for row in (line.ljust(10, "p") for line in drawn))
    bumper = choice.pick("bumper", (("pppppppppp", "kkkkkkkkkk"), ("pppppppppp", "pwwwwwwwwp"),
                                    ("kkkkkkkkkk", "kkkkkkkkkk")))  # fmt: skip
    up = (0.42, 1.0)
    _end(s, rings[0], 0.07, "rear", (Paint(bumper, _LAMPS, up), Paint(tail, _LAMPS, up)), paint)
    upper, lower = choice.pick("nose", _NOSES)
    _end(s, rings[-1], -0.07, "front", (Paint(lower, _LAMPS, up), Paint(upper, _LAMPS, up)), paint)
    if shape is None:
        return []
    tall = SIZES[shape][1]
    found = []
    for ring, front in ((rings[0], False), (rings[-1], True)):
        low, middle = float(ring[0, 2]), float(ring[1, 2])
        # At the rear across the edge of the bumper, ahead in the middle of it.
        z = max(low + tall / 2 + 0.02, (low + middle) / 2 if front else middle - 0.4 * tall)
        out = 0.012 if front else -0.012
        found.append(Anchor(float(ring[0, 0]) + out, z, 0.04, front))
    return found


def _end(
    s: Sculptor,
    ring: Points,
    depth: float,
    face: str,
    paints: tuple[Paint, Paint],
    colour: Colour,
) -> None:
    """Close an end of the lower body: two blocks whose outer faces are the ring's halves."""
    inner = ring.copy()
    middle = ring.mean(axis=0)
    # Smaller inside of the body, so that its skin hides all but the outer faces.
    inner[:, 1:] = middle[1:] + (ring[:, 1:] - middle[1:]) * 0.8
    inner[:, 0] += depth
    rear, front = (ring, inner) if depth > 0 else (inner, ring)
    for (left, left_up, right_up, right), paint in zip(
        ((0, 1, 4, 5), (1, 2, 3, 4)), paints, strict=True
    ):
        corners = np.array(
            [
                *(rear[right], rear[left], front[right], front[left]),
                *(rear[right_up], rear[left_up], front[right_up], front[left_up]),
            ]
        )
        s.hexa(corners, colour, {face: paint})


def _cabin(
    s: Sculptor,
    choice: Choice,
    profile: Profile,
    long: float,
    high: float,
    wide: float,
    paint: Colour,
) -> None:
    """Glasshouse: a painted hexahedron on the belt; panes, pillars and roof are its cells."""
    x0, x1, x2, x3 = ((share - 0.5) * long for share in profile.glass)
    z0, z1 = (profile.belt - 0.015) * high, high
    low, top = 0.9 * wide, wide * (0.9 - 2 * profile.narrow)
    corners = np.array(
        [
            *((x0, -low, z0), (x0, low, z0), (x3, -low, z0), (x3, low, z0)),
            *((x1, -top, z1 - 0.05), (x1, top, z1 - 0.05)),
            *((x2, -top, z1 - 0.05), (x2, top, z1 - 0.05)),
        ]
    )
    row = "".join("g" if place % 2 else "p" for place in range(len(profile.panes) + 1))
    side = Paint(("p" * len(row), row, "p" * len(row)), (*profile.panes, 1.0), (0.1, 0.88, 1.0))
    screen = Paint(("ppp", "pgp", "ppp"), (0.06, 0.94, 1.0), (0.04, 0.93, 1.0))
    rear = Paint(("ppp", "pgp", "ppp"), (0.09, 0.91, 1.0), (0.12, 0.86, 1.0))
    s.hexa(corners, paint, {"left": side, "right": side, "front": screen, "rear": rear})
    # Roof: a flat cap that is rounded at its edges; some are black glass.
    roof = mix(paint, (255, 255, 255), 0.06)
    if choice.share("roof") < 0.1:
        roof = (44, 42, 40)
    inset = 0.12
    s.hexa(
        np.array(
            [
                *((x1, -top, z1 - 0.05), (x1, top, z1 - 0.05)),
                *((x2, -top, z1 - 0.05), (x2, top, z1 - 0.05)),
                *((x1 + inset, -0.82 * top, z1), (x1 + inset, 0.82 * top, z1)),
                *((x2 - 2 * inset, -0.82 * top, z1), (x2 - 2 * inset, 0.82 * top, z1)),
            ]
        ),
        roof,
    )
    if high > 1.68 and choice.share("rails") < 0.6:
        for y in (0.86 * top, -0.86 * top):
            s.block((x1 + 0.2, x2 - 0.2, y - 0.02, y + 0.02, z1 - 0.04, z1), shade(STEEL, 0.7))


def _bed(
    s: Sculptor,
    bed: tuple[float, float, float],
    profile: Profile,
    long: float,
    high: float,
    wide: float,
) -> None:
    """The open bed of a pickup, shown as its dark liner between raised walls."""
    start, end, _ = bed
    x0, x1 = (start - 0.5) * long, (end - 0.5) * long
    z = profile.deck[2][1] * high
    half = 0.9 * wide
    paint = s.inks["p"][0]
    s.block((x0, x1, 0.14 - half, half - 0.14, z - 0.05, z + 0.012), (50, 48, 46))
    for y in (half - 0.14, -half):
        s.block((x0, x1, y, y + 0.14, z - 0.05, z + 0.075), paint, top=(0.0, 0.0, 0.02))
    s.block((x0 - 0.02, x0 + 0.06, -half, half, z - 0.06, z + 0.07), paint, top=(0.01, 0.01, 0.02))


def _mirrors(
    s: Sculptor, profile: Profile, long: float, high: float, wide: float, reach: float
) -> None:
    x = (profile.glass[3] - 0.5) * long - 0.13 * (profile.glass[3] - profile.glass[2]) * long - 0.1
    z = profile.belt * high
    for side in (1.0, -1.0):
        y0, y1 = sorted((side * 0.86 * wide, side * reach))
        s.block((x, x + 0.12, y0, y1, z + 0.02, z + 0.15), s.inks["p"][0],
                {"rear": Paint(("k",))}, top=(0.0, 0.05, 0.015))  # fmt: skip
