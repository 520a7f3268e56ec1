"""Heads: helmets as they are worn in Vietnam, and hair, caps and cone hats, which are none."""

from __future__ import annotations

from typing import Final

import numpy as np

from simulator.shapes.paint import BLACK, PLAIN, Choice, Colour, Ink, mix, shade
from simulator.shapes.parts import Points, Sculptor

SKINS: Final[tuple[Colour, ...]] = (
    (120, 155, 200),
    (105, 140, 188),
    (90, 122, 170),
    (78, 106, 150),
)
HAIR: Final[tuple[Colour, ...]] = ((24, 22, 22), (28, 27, 30), (30, 34, 44), (34, 44, 66))
HELMETS: Final[tuple[Colour, ...]] = (
    *((238, 238, 240), (50, 45, 195), (190, 95, 35), (60, 200, 235), (190, 150, 225)),
    *(
        (90, 160, 60),
        (200, 198, 196),
        (50, 120, 235),
        (205, 190, 120),
        (60, 56, 54),
        (120, 60, 110),
    ),
)
"""White, red, blue, yellow, pink, green, silver, orange, light blue, black, violet."""
_BALD_CAPS: Final[tuple[Colour, ...]] = (
    (60, 50, 48), (130, 70, 45), (50, 50, 150), (70, 95, 115), (80, 110, 90),
)  # fmt: skip

SIDES: Final = 12
"""Faces round a head; of ``Sculptor.stack`` the last looks ahead, number 5 behind."""


def skin_of(choice: Choice, who: str) -> Colour:
    """Somebody's skin."""
    return choice.pick(who + "skin", SKINS)


def head(
    s: Sculptor,
    choice: Choice,
    who: str,
    middle: Points,
    size: float,
    helmet: bool,
    cone: bool = False,
) -> tuple[float, float, float, float]:
    """A head with its neck.

    Args:
        s: Where to add it.
        choice: Of the road user.
        who: Whose.
        middle: Of the skull, [3].
        size: 1 for a grown-up.
        helmet: Whether it wears a helmet.
        cone: Whether a cone hat is usual.

    Returns:
        Middle and radius of a ball that holds it with what it wears, metres.
    """
    skin = skin_of(choice, who)
    hair = choice.pick(who + "hair", HAIR)
    x, y, z = (float(part) for part in middle)
    size = 0.9 + 0.1 * size if size < 1 else size
    s.tube(
        [(x - 0.02, y, z - 0.17 * size), (x - 0.01, y, z - 0.06 * size)],
        (0.055 * size, 0.05 * size), shade(skin, 0.92), 6, caps=(False, False),
    )  # fmt: skip
    if helmet:
        _face(s, middle, size, skin, hair, 0.1)
        return _helmet(s, choice, who, middle, size)
    return _bare(s, choice, who, middle, size, skin, hair, cone)


def _sides(ahead: Ink, aside: Ink, behind: Ink, wide: int = 3) -> list[Ink]:
    """Inks of a band: the ``wide`` sides ahead, those beside, and the five behind."""
    inks = [aside] * SIDES
    for place in range(SIDES):
        turn = (place + 1) % SIDES
        away = min(turn, SIDES - turn)
        if away <= wide // 2:
            inks[place] = ahead
        elif away >= 4:
            inks[place] = behind
    return inks


def _face(s: Sculptor, middle: Points, size: float, skin: Colour, hair: Colour, top: float) -> None:
    """Lower head: chin, face, ears, nape; closed above by what sits on it."""
    face: Ink = (skin, PLAIN)
    ear: Ink = (shade(skin, 0.95), PLAIN)
    nape: Ink = (hair, PLAIN)
    s.stack(
        middle,
        (0.1 * size, 0.078 * size, 0.125 * size),
        (-0.9, -0.4, top / 0.125 * 0.6),
        [
            _sides(face, face, (shade(skin, 0.88), PLAIN)),
            _sides(face, ear, nape),
        ],
        (shade(skin, 0.8), hair),
        SIDES,
    )


def _bare(
    s: Sculptor,
    choice: Choice,
    who: str,
    middle: Points,
    size: float,
    skin: Colour,
    hair: Colour,
    cone: bool,
) -> tuple[float, float, float, float]:
    """Hair of several cuts, a cap, or a cone hat."""
    x, y, z = (float(part) for part in middle)
    _face(s, middle, size, skin, hair, 0.1)
    locks = [mix(hair, (70, 70, 76), 0.25 if place % 3 == 1 else 0.0) for place in range(SIDES)]
    strands: list[Ink] = [(lock, PLAIN) for lock in locks]
    drawn = choice.share(who + "cover")
    cut = choice.pick(who + "cut", ("short", "short", "bob", "tail", "long", "bun", "crop"))
    radius = 0.125 * size
    if cone and drawn < 0.3:
        # A cone hat of palm leaves, 42 cm wide.
        rings = [
            np.stack([x + r * np.cos(t), y + r * np.sin(t), np.full(SIDES, z + up)], axis=1)
            for r, up in ((0.21, 0.03), (0.105, 0.125), (0.012, 0.21))
            for t in [np.arange(SIDES) * (2 * np.pi / SIDES)]
        ]
        straw = (150, 205, 225)
        s.loft(rings, [straw, shade(straw, 1.05)], (shade(straw, 0.6), straw))
        return x, y, z + 0.06, 0.22
    if drawn < (0.45 if cone else 0.14):
        tone = choice.pick(who + "cap", _BALD_CAPS)
        crown = (x - 0.005, y, z + 0.03 * size)
        s.stack(
            crown, (0.112 * size, 0.09 * size, 0.105 * size), (-0.12, 0.45, 0.8, 0.97),
            [tone, shade(tone, 1.1), shade(tone, 1.15)], (shade(tone, 0.6), tone), SIDES,
        )  # fmt: skip
        s.block(
            (
                x + 0.08 * size,
                x + 0.21 * size,
                y - 0.07 * size,
                y + 0.07 * size,
                z + 0.015,
                z + 0.035,
            ),
            shade(tone, 0.8),
            top=(0.0, 0.02, 0.02),
        )
        return x + 0.02, y, z, 0.135 * size
    wide, deep, low = 0.088, 0.108, 0.15
    if cut == "crop":
        wide, deep = 0.082, 0.102
    elif cut in ("bob", "long"):
        wide, deep, low = 0.1, 0.115, -0.35
    # Thin at the front, where the forehead is.
    s.stack(
        (x - 0.016 * size, y, z + 0.01 * size),
        (deep * size, wide * size, 0.125 * size),
        (low, 0.5, 0.82, 0.97),
        [strands, strands[2:] + strands[:2], (mix(hair, (90, 90, 96), 0.3))],
        (hair, hair),
        SIDES,
    )
    back = x - 0.1 * size
    if cut == "tail":
        s.tube(
            [(back + 0.02, y, z + 0.05), (back - 0.05, y, z + 0.01), (back - 0.04, y, z - 0.2)],
            (0.03, 0.038, 0.012), hair, 6,
        )  # fmt: skip
        radius = 0.14 * size
    elif cut == "bun":
        s.ball((back - 0.01, y, z + 0.05), (0.05, 0.055, 0.05), hair, 7, 3)
        radius = 0.14 * size
    elif cut in ("bob", "long"):
        low = z - (0.32 if cut == "long" else 0.15) * size
        s.block(
            (back - 0.01, back + 0.075, y - 0.095 * size, y + 0.095 * size, low, z + 0.03), hair,
            top=(0.0, 0.0, 0.012),
        )  # fmt: skip
        radius = 0.135 * size
    return x - 0.01, y, z, radius


def _helmet(
    s: Sculptor, choice: Choice, who: str, middle: Points, size: float
) -> tuple[float, float, float, float]:
    """A half shell (most), a three-quarter one with a visor, or a full one."""
    shell = choice.pick(who + "shell", HELMETS)
    mark = choice.pick(who + "mark", HELMETS)
    if mark == shell:
        mark = shade(shell, 0.55)
    kind = choice.pick(who + "helmet", ("half", "half", "half", "quarter", "quarter", "full"))
    x, y, z = (float(part) for part in middle)
    plain: Ink = (shell, PLAIN)
    shine = mix(shell, (255, 255, 255), 0.45)
    rim: Ink = (mix(shell, BLACK, 0.65) if kind == "half" else shade(shell, 0.7), PLAIN)
    visor: Ink = ((78, 68, 60), PLAIN)
    sticker: Ink = ((225, 235, 238) if sum(shell) < 560 else (60, 60, 190), PLAIN)
    decorated = choice.share(who + "sticker") < 0.6
    back = _sides(plain, plain, sticker if decorated else plain)
    striped = choice.share(who + "stripe") < 0.45
    upper = _sides((mark, PLAIN) if striped else plain, plain, plain, 1)
    if striped:
        upper[5] = (mark, PLAIN)
    # A polished shell mirrors the sky: brighter towards the crown, brightest at its left front.
    crown = [(mix(shell, shine, 0.5), PLAIN)] * SIDES
    crown[0] = crown[1] = (shine, PLAIN)
    if kind == "half":
        levels: tuple[float, ...] = (-0.08, 0.1, 0.45, 0.78, 0.96)
        bands = [_sides(rim, rim, rim), back, upper, crown]
        radii = (0.15 * size, 0.128 * size, 0.148 * size)
        s.block(
            (
                x + 0.1 * size,
                x + 0.19 * size,
                y - 0.075 * size,
                y + 0.075 * size,
                z + 0.012,
                z + 0.03,
            ),
            rim[0],
            top=(0.0, 0.02, 0.02),
        )
        lift, radius = 0.015, 0.155
    elif kind == "quarter":
        levels = (-0.72, -0.45, 0.15, 0.5, 0.8, 0.96)
        bands = [
            _sides((shade(shell, 0.5), PLAIN), plain, rim, 3),
            _sides(visor, plain, back[5]),
            _sides(visor, plain, plain, 5),
            upper,
            crown,
        ]
        radii = (0.15 * size, 0.13 * size, 0.15 * size)
        lift, radius = 0.01, 0.16
    else:
        levels = (-0.9, -0.5, -0.1, 0.35, 0.75, 0.96)
        bands = [
            _sides(rim, rim, rim),
            _sides(plain, plain, back[5], 5),
            _sides(visor, plain, plain, 5),
            upper,
            crown,
        ]
        radii = (0.16 * size, 0.135 * size, 0.152 * size)
        lift, radius = 0.0, 0.165
    s.stack((x - 0.005, y, z + lift * size), radii, levels, [*bands], (BLACK, shine), SIDES)
    return x, y, z + (lift + 0.015) * size, radius * size
