"""Lorries and buses."""

from __future__ import annotations

from typing import Final

import numpy as np

from simulator.shapes.cars import road_wheel
from simulator.shapes.paint import BLACK, PLAIN, STEEL, Choice, Colour, Paint, mix, shade
from simulator.shapes.parts import Sculptor, circle
from simulator.shapes.plate import Anchor, Shape
from simulator.world import Body

_BOXES: Final[tuple[Colour, ...]] = (
    (205, 208, 210), (190, 190, 192), (60, 110, 60), (150, 90, 50), (60, 80, 170), (225, 228, 230),
)  # fmt: skip


def truck(s: Sculptor, body: Body, shape: Shape | None) -> list[Anchor]:
    """A lorry: a cab and a closed box, a canvas top, an open bed or a tipper.

    Args:
        s: Where to add it.
        body: Which.
        shape: Of its plates; None for one without.

    Returns:
        Where its plates are, rear one first.
    """
    choice = Choice(body.look)
    half, wide, high = body.length / 2, body.width / 2, body.height
    kind = choice.pick("truck", ("box", "box", "canvas", "flat", "flat", "tipper"))
    xr, xf = -half + body.rear_axle, half - body.front_axle
    radius = min(0.46, max(0.33, 0.155 * high), body.rear_axle - 0.03, body.front_axle - 0.03)
    cab_high = min(high, 2.35) if kind == "box" else high
    cab_rear = half - min(1.75, 0.3 * body.length)
    floor = 2 * radius + 0.12
    _cab(s, choice, (cab_rear, half, wide - 0.08, 0.45 * floor, cab_high), xf, radius)
    # Chassis, and mudguards over the rear wheels.
    for y in (0.32, -0.40):
        s.block((-half + 0.06, cab_rear + 0.1, y, y + 0.08, floor - 0.28, floor - 0.08), BLACK)
    for side in (1.0, -1.0):
        road_wheel(s, xf, side, wide - 0.075, radius, shade(STEEL, 0.9), 0.24)
        _rear_wheel(s, xr, side, wide - 0.06, radius)
        low, high_y = sorted((side * (wide - 0.05), side * (wide - 0.12)))
        s.block((xr + radius + 0.15, xf - radius - 0.25, low, high_y, 0.5 * floor, 0.62 * floor),
                shade(STEEL, 0.8))  # fmt: skip
    tank = xr + radius + 0.3
    s.block((tank, min(tank + 0.8, cab_rear), 0.35, wide - 0.14, 0.42 * floor, floor - 0.14),
            shade(STEEL, 0.6))  # fmt: skip
    room = (-half + 0.05, cab_rear - 0.06, wide, floor)
    _body(s, choice, kind, room, high)
    return _stern(s, half, wide, floor, shape)


def _cab(
    s: Sculptor,
    choice: Choice,
    box: tuple[float, float, float, float, float],
    axle: float,
    radius: float,
) -> None:
    """A forward-control cab: its front is nearly upright."""
    x0, x1, wide, low, high = box
    paint = s.inks["p"][0]
    slope = 0.22 + 0.15 * choice.share("cab slope")
    waist = low + 0.52 * (high - low)
    grille = choice.pick("cab face", (
        ("pppppp", "pwwwwp", "hpppph", "kkkkkk"), ("pwwwwp", "hwwwwh", "hpppph", "dddddd"),
        ("pppppp", "hwwwwh", "awwwwa", "kkkkkk"),
    ))  # fmt: skip
    face = tuple(row[:3] + row[:3][::-1] for row in grille)
    s.block(
        (x0, x1 - 0.02, -wide, wide, low, waist),
        paint,
        {"front": Paint(face, (0.16, 0.3, 0.5, 0.7, 0.84, 1.0), (0.2, 0.5, 0.76, 1.0))},
    )
    side = Paint(("pppp", "ppgp", "pppp"), (0.12, 0.34, 0.92, 1.0), (0.1, 0.8, 1.0))
    screen = Paint(("ppp", "pgp", "ppp"), (0.05, 0.95, 1.0), (0.06, 0.84, 1.0))
    rear = Paint(("ppp", "pgp", "ppp"), (0.2, 0.8, 1.0), (0.3, 0.8, 1.0))
    s.block((x0, x1 - 0.02, -wide, wide, waist, high), paint,
            {"left": side, "right": side, "front": screen, "rear": rear},
            top=(0.03, slope, 0.07))  # fmt: skip
    s.block((x1 - 0.16, x1, -wide + 0.02, wide - 0.02, low - 0.05, low + 0.2),
            choice.pick("bumper", (BLACK, paint, (120, 120, 122))))  # fmt: skip
    for sign in (1.0, -1.0):
        y0, y1 = sorted((sign * (wide - 0.02), sign * (wide + 0.08)))
        s.block((x1 - 0.25, x1 - 0.16, y0, y1, waist + 0.05, waist + 0.45), BLACK)


def _rear_wheel(s: Sculptor, x: float, side: float, out: float, radius: float) -> None:
    """Twin tyres with a hub that lies deep."""
    rings = [
        circle((x, side * y, radius), (0.0, side, 0.0), (size, size), 10)
        for y, size in (
            (out - 0.42, radius),
            (out, radius),
            (out, 0.62 * radius),
            (out - 0.1, 0.5 * radius),
        )
    ]
    s.loft(rings, [(34, 32, 31), (40, 37, 36), shade(STEEL, 0.5)], (BLACK, shade(STEEL, 0.7)))


def _body(
    s: Sculptor,
    choice: Choice,
    kind: str,
    room: tuple[float, float, float, float],
    high: float,
) -> None:
    x0, x1, wide, floor = room
    tone = choice.pick("box", _BOXES)
    s.inks.update(c=(tone, PLAIN), e=(shade(tone, 0.85), PLAIN), f=(shade(tone, 0.55), PLAIN))
    if kind == "box":
        ribs = Paint(("f" * 9, "cececcece", "f" * 9), (), (0.035, 0.965, 1.0))
        doors = Paint(
            ("fffffff", "fccfccf", "fmcfcmf", "fccfccf", "fffffff"),
            (0.04, 0.12, 0.485, 0.515, 0.88, 0.96, 1.0),
            (0.04, 0.35, 0.42, 0.96, 1.0),
        )
        s.block((x0, x1, -wide, wide, floor, high), tone,
                {"left": ribs, "right": ribs, "rear": doors,
                 "front": Paint(("c",)), "top": Paint(("cece",))})  # fmt: skip
        return
    paint = s.inks["p"][0]
    wall = floor + (0.62 if kind != "tipper" else 0.85)
    rails = Paint(("d" * 9, "pdpdpdpdp", "d" * 9), (), (0.12, 0.88, 1.0))
    stern = Paint(("ddddd", "dpdpd", "ddddd"), (0.05, 0.47, 0.53, 0.95, 1.0), (0.12, 0.88, 1.0))
    s.block((x0, x1, -wide, wide, floor - 0.06, floor + 0.02), BLACK)
    lean = 0.0 if kind != "tipper" else -0.02
    for y0, y1, face in ((wide - 0.06, wide, "left"), (-wide, 0.06 - wide, "right")):
        s.block((x0, x1, y0, y1, floor + 0.02, wall), paint, {face: rails})
    s.block((x0, x0 + 0.06, 0.06 - wide, wide - 0.06, floor + 0.02, wall), paint,
            {"rear": stern}, top=(lean, 0.0, 0.0))  # fmt: skip
    s.block((x1 - 0.06, x1, 0.06 - wide, wide - 0.06, floor + 0.02, wall + 0.25), paint)
    inner = (x0 + 0.07, x1 - 0.07, 0.07 - wide, wide - 0.07)
    if kind == "canvas":
        hood = choice.pick("canvas", ((75, 105, 60), (140, 85, 50), (90, 120, 140), (170, 120, 70)))
        s.inks.update(v=(hood, PLAIN), u=(shade(hood, 0.88), PLAIN))
        fold = Paint(("vuvuvuv",))
        eaves = high - 0.28
        s.block((x0 + 0.02, x1 - 0.02, 0.01 - wide, wide - 0.01, wall, eaves), hood,
                {"left": fold, "right": fold, "rear": Paint(("vuv",))})  # fmt: skip
        s.block((x0 + 0.02, x1 - 0.02, 0.01 - wide, wide - 0.01, eaves, high - 0.02), hood,
                {"left": fold, "right": fold}, top=(0.02, 0.02, 0.4))  # fmt: skip
        return
    heap = choice.pick("heap", ("sand", "none", "sacks", "bricks", "drums", "none"))
    if kind == "tipper" or heap == "sand":
        tone = choice.pick("heap colour", ((110, 150, 175), (95, 110, 125), (70, 95, 130)))
        x, y = (inner[0] + inner[1]) / 2, (inner[1] - inner[0]) / 2
        turn = (np.arange(10) + 0.5) * (2 * np.pi / 10)
        rings = [
            np.stack(
                [x + y * r * np.cos(turn), inner[3] * r * np.sin(turn), np.full(10, z)], axis=1
            )
            for r, z in ((1.05, wall - 0.18), (0.75, wall), (0.3, wall + 0.16))
        ]
        rings[0][:, 0] = np.clip(rings[0][:, 0], inner[0], inner[1])
        rings[0][:, 1] = np.clip(rings[0][:, 1], inner[2], inner[3])
        s.loft(rings, [tone, shade(tone, 1.06)], (tone, shade(tone, 1.1)))
    elif heap == "sacks":
        for place in range(4):
            step = (inner[1] - inner[0]) / 4
            x = inner[0] + place * step
            s.block(
                (
                    x + 0.03,
                    x + step - 0.03,
                    inner[2] + 0.1,
                    inner[3] - 0.1,
                    floor + 0.03,
                    wall + 0.12,
                ),
                mix((170, 195, 210), (120, 150, 160), choice.share(f"sack {place}")),
                top=(0.08, 0.08, 0.12),
            )
    elif heap == "bricks":
        s.block(
            (inner[0], inner[1] * 0.6, inner[2] + 0.15, inner[3] - 0.15, floor + 0.03, wall - 0.1),
            (60, 85, 160),
            top=(0.1, 0.1, 0.1),
        )
    elif heap == "drums":
        for place in range(6):
            x = inner[0] + 0.4 + 0.75 * (place // 2)
            y = 0.42 if place % 2 else -0.42
            s.tube([(x, y, floor + 0.03), (x, y, floor + 0.9)], (0.28, 0.28), (150, 90, 40), 8)


def _stern(
    s: Sculptor, half: float, wide: float, floor: float, shape: Shape | None
) -> list[Anchor]:
    """Under-run bar with lamps and the plate."""
    low, high = 0.5 * floor, 0.5 * floor + 0.2
    lamps = Paint(("kkkkkkk", "atbkbta", "kkkkkkk"), (0.06, 0.13, 0.2, 0.8, 0.87, 0.94, 1.0),
                  (0.15, 0.85, 1.0))  # fmt: skip
    s.block((-half, -half + 0.1, 0.04 - wide, wide - 0.04, low, high), BLACK, {"rear": lamps})
    for y in (0.36, -0.4):
        s.block((-half + 0.03, -half + 0.12, y, y + 0.05, high, floor), BLACK)
    if shape is None:
        return []
    return [
        Anchor(-half - 0.012, low + 0.1, 0.0, front=False),
        Anchor(half + 0.012, 0.45 * floor + 0.075, 0.0, front=True),
    ]


def bus(s: Sculptor, body: Body, shape: Shape | None) -> list[Anchor]:
    """A minibus, a town bus or a coach; see ``truck``."""
    choice = Choice(body.look)
    half, wide, high = body.length / 2, body.width / 2, body.height
    second = choice.pick("stripe", ((60, 160, 60), (190, 110, 50), (50, 50, 190), (40, 160, 230),
                                    (230, 232, 235)))  # fmt: skip
    glow = choice.pick("sign", ((60, 190, 250), (90, 220, 250), (225, 235, 235)))
    s.inks.update(s=(second, PLAIN), o=(glow, PLAIN))
    radius = min(0.48, 0.16 * high, body.rear_axle - 0.05, body.front_axle - 0.05)
    low, skirt = 0.3, 0.13 * high
    side_wide = wide - 0.12
    doors = choice.pick("doors", (1, 2))
    columns = max(6, round(body.length / choice.pick("pane", (1.05, 1.25, 1.45))))
    panes = "gp" * columns
    shares: list[float] = []
    for place in range(columns):
        shares += [(place + 0.86) / columns, (place + 1) / columns]
    shares = [round(0.02 + 0.96 * share, 4) for share in shares]
    row = "p" + panes[:-1] + "p"
    across = (0.02, *shares[:-1], 1.0)
    below = "p" * len(row)
    stripe = "s" * len(row)
    bands = (below, row, row, below, stripe, below)
    up = (0.14, 0.24, 0.40, 0.47, 0.86, 1.0)
    right = [list(line) for line in bands]
    for door in range(doors):
        # Doors are at the kerb's side: behind the front axle or at the very front.
        place = len(row) - 3 if door == 0 else len(row) // 2 - (len(row) // 2) % 2 + 1
        for line in range(1, 6):
            right[line][place] = "g" if line < 5 else "k"
    nose = choice.pick("nose", (0.03, 0.1, 0.2))
    s.hexa(
        np.array(
            [
                *((-half + 0.03, -side_wide, low), (-half + 0.03, side_wide, low)),
                *((half - 0.03, -side_wide, low), (half - 0.03, side_wide, low)),
                *((-half + 0.08, 0.05 - side_wide, high - skirt * 0.3),),
                *((-half + 0.08, side_wide - 0.05, high - skirt * 0.3),),
                *((half - 0.03 - nose, 0.05 - side_wide, high - skirt * 0.3),),
                *((half - 0.03 - nose, side_wide - 0.05, high - skirt * 0.3),),
            ]
        ),
        body.colour,
        {
            "left": Paint(bands, across, up),
            "right": Paint(tuple("".join(line) for line in right), across, up),
            "front": Paint(
                ("ppppp", "pooop", "ggggg", "ggggg", "sssss", "hpwph", "kkkkk"),
                (0.14, 0.3, 0.7, 0.86, 1.0), (0.08, 0.2, 0.33, 0.5, 0.84, 0.96, 1.0),
            ),
            "rear": Paint(
                ("ppppp", "ppopp", "pgggp", "ppppp", "sssss", "tpppt", "bwwwb"),
                (0.1, 0.25, 0.75, 0.9, 1.0), (0.12, 0.24, 0.38, 0.52, 0.84, 0.94, 1.0),
            ),
        },
    )  # fmt: skip
    # Roof edge and, on many, the box of the air conditioner.
    base = high - skirt * 0.3
    air = choice.share("air") < 0.7
    roof = high - (0.16 if air else 0.0)
    s.block((-half + 0.08, half - 0.03 - nose, 0.05 - side_wide, side_wide - 0.05, base - 0.001,
             max(roof, base + 0.04)), shade(body.colour, 1.04), top=(0.12, 0.18, 0.16))  # fmt: skip
    if air:
        s.block((-half + 0.3 * body.length, -half + 0.62 * body.length, -0.6 * wide, 0.6 * wide,
                 base, high), (215, 218, 220), {"top": Paint(("pkp",), (0.3, 0.7, 1.0))},
                top=(0.12, 0.15, 0.1))  # fmt: skip
    s.block((-half, -half + 0.1, 0.03 - side_wide, side_wide - 0.03, low, low + 0.24),
            shade(body.colour, 0.75))  # fmt: skip
    s.block((half - 0.1, half, 0.03 - side_wide, side_wide - 0.03, low, low + 0.26),
            shade(body.colour, 0.8))  # fmt: skip
    for x in (-half + body.rear_axle, half - body.front_axle):
        for side in (1.0, -1.0):
            road_wheel(s, x, side, side_wide, radius, shade(STEEL, 0.85), 0.26)
    for sign in (1.0, -1.0):
        y0, y1 = sorted((sign * (side_wide - 0.03), sign * wide))
        s.block((half - 0.2, half - 0.08, y0, y1, 0.58 * high, 0.74 * high), BLACK)
    if shape is None:
        return []
    return [
        Anchor(-half - 0.012, low + 0.13, 0.0, front=False),
        Anchor(half + 0.012, low + 0.13, 0.0, front=True),
    ]
