"""Motorcycles, bicycles and cargo three-wheelers (xe ba gác), with who rides them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from simulator.shapes.paint import BLACK, PLAIN, STEEL, Choice, Colour, Ink, Paint, mix, shade
from simulator.shapes.parts import Points, Sculptor
from simulator.shapes.people import Head, Seat, rider
from simulator.shapes.plate import Anchor
from simulator.world import Body

SITTING: Final = 0.93
"""From the seat to the top of the helmet of a grown-up rider, metres."""
SEATED_DARK: Final[Colour] = (40, 37, 36)
_KINDS: Final = ("scooter", "scooter", "scooter", "cub", "cub", "cub", "sport")

Station = tuple[float, float, float, float]
"""Of a spine: x, lowest z, highest z, half width."""


def spine(
    s: Sculptor, stations: Sequence[Station], colours: Sequence[Colour], top: Colour | None = None
) -> None:
    """A body of rounded cross-sections along x.

    Args:
        s: Where to add it.
        stations: From the rear to the front.
        colours: One of each stretch between them.
        top: Of the upper faces, when they differ.
    """
    rings: list[Points] = []
    for x, low, high, half in stations:
        cut, rise = 0.45 * half, 0.3 * (high - low)
        y = [half - cut, half, half, half - cut]
        z = [low, low + rise, high - rise, high]
        ring = [(x, a, b) for a, b in zip(y, z, strict=True)]
        ring += [(x, -a, b) for a, b in zip(reversed(y), reversed(z), strict=True)]
        rings.append(np.array(ring))
    bands: list[Colour | list[Ink]] = []
    for colour in colours:
        band: list[Ink] = [(colour, PLAIN)] * 8
        band[7] = (shade(colour, 0.6), PLAIN)
        if top is not None:
            band[3] = (top, PLAIN)
        bands.append(band)
    s.loft(rings, bands, (shade(colours[0], 0.9), shade(colours[-1], 0.9)))


def motorcycle(s: Sculptor, body: Body) -> tuple[list[Head], list[Anchor]]:
    """A scooter, an underbone ("xe số") or a sporty one, with its riders.

    Args:
        s: Where to add it.
        body: Which.

    Returns:
        Its riders' heads, and where its plate is.
    """
    choice = Choice(body.look)
    kind = choice.pick("kind", _KINDS)
    half = body.length / 2
    xr, xf = -half + body.rear_axle, half - body.front_axle
    paint = body.colour
    dark = mix(paint, BLACK, 0.7)
    size = {"scooter": 0.255, "cub": 0.28, "sport": 0.285}[kind]
    rear, front = min(size, body.rear_axle - 0.02), min(size, body.front_axle - 0.01)
    wide = {"scooter": 0.1, "cub": 0.075, "sport": 0.115}[kind]
    hub = shade(STEEL, 0.75) if kind != "sport" else (60, 58, 56)
    s.wheel(xr, 0.0, rear, wide, hub)
    s.wheel(xf, 0.0, front, 0.9 * wide, hub)

    at = _Along(xr, xf - xr)
    seat = {"scooter": 0.76, "cub": 0.765, "sport": 0.79}[kind]
    _frame(s, kind, at, paint, dark, seat, rear)
    # Fork, front mudguard, handlebar with its lamp, mirrors.
    steer = at(0.83)
    for side in (0.075, -0.075):
        s.tube([(xf, side, front), (steer, side, 0.78)], (0.022, 0.026), shade(STEEL, 0.6), 5,
               caps=(False, False))  # fmt: skip
    guard = front + 0.03
    spine(
        s,
        [
            (xf - 0.8 * guard, front + 0.10, front + 0.17, 0.05),
            (xf - 0.2, front + 0.2, guard + front + 0.035, 0.068),
            (xf + 0.08, front + 0.2, guard + front + 0.03, 0.066),
            (half, front + 0.1, front + 0.17, 0.045),
        ],
        [paint, paint, paint],
    )
    bar = 1.0 if kind != "sport" else 0.98
    grip = at(0.72 if kind != "sport" else 0.75)
    reach = body.width / 2 - 0.03
    for side in (1.0, -1.0):
        s.tube(
            [(grip + 0.03, side * 0.08, bar), (grip, side * reach, bar)], (0.02, 0.019), BLACK, 5
        )
        s.tube([(grip + 0.05, side * 0.25, bar), (grip + 0.06, side * 0.3, bar + 0.16)],
               (0.009, 0.008), BLACK, 4, caps=(False, False))  # fmt: skip
        mirror = body.width / 2
        s.block(
            (grip + 0.04, grip + 0.07, min(side * mirror, side * (mirror - 0.13)),
             max(side * mirror, side * (mirror - 0.13)), bar + 0.14, bar + 0.22),
            BLACK, {"rear": Paint(("r",))}, top=(0.0, 0.0, 0.015),
        )  # fmt: skip
    nose = Paint(("ddd", "dhd", "ddd"), (0.18, 0.82, 1.0), (0.25, 0.8, 1.0))
    s.block(
        (grip - 0.02, grip + 0.17, -0.125, 0.125, bar - 0.1, bar + 0.09), paint, {"front": nose},
        top=(0.04, 0.07, 0.035),
    )  # fmt: skip
    if kind == "scooter" and choice.share("screen") < 0.15:
        s.block((grip + 0.1, grip + 0.13, -0.13, 0.13, bar + 0.09, bar + 0.3), (150, 145, 140),
                top=(-0.03, 0.06, 0.03))  # fmt: skip
    anchor = _tail(s, choice, half, rear, seat, paint)
    heads = _riders(s, body, choice, kind, seat, (at(0.3), at(0.5)), (grip, bar, reach))
    return heads, [anchor]


def _frame(
    s: Sculptor, kind: str, at: _Along, paint: Colour, dark: Colour, seat: float, rear: float
) -> None:
    """What is between the wheels."""
    low, high = seat - 0.24, seat - 0.055
    dull = shade(STEEL, 0.55)
    # Seat: broad behind, narrow ahead.
    spine(
        s,
        [
            (at(-0.17), seat + 0.01, seat + 0.06, 0.09),
            (at(-0.05), high + 0.03, seat + 0.055, 0.125),
            (at(0.25), high, seat, 0.135),
            (at(0.48), high, seat - 0.02, 0.085),
        ],
        [SEATED_DARK] * 3,
    )
    if kind == "scooter":
        spine(
            s,
            [
                (at(-0.25), low + 0.12, seat + 0.015, 0.07),
                (at(-0.05), low + 0.02, seat - 0.01, 0.155),
                (at(0.28), low - 0.14, seat - 0.03, 0.17),
                (at(0.5), low - 0.2, seat - 0.06, 0.12),
            ],
            [paint] * 3,
        )
        s.block((at(-0.05), at(0.3), -0.09, 0.14, 0.2, 0.42), dull, top=(0.05, 0.05, 0.0))
        s.block((at(0.36), at(0.84), -0.16, 0.16, 0.25, 0.36), dark, top=(0.0, -0.03, 0.01))
        corners = np.array(
            [
                *((at(0.76), -0.17, 0.28), (at(0.76), 0.17, 0.28)),
                *((at(0.9), -0.12, 0.32), (at(0.9), 0.12, 0.32)),
                *((at(0.70), -0.19, 0.92), (at(0.70), 0.19, 0.92)),
                *((at(0.83), -0.07, 0.95), (at(0.83), 0.07, 0.95)),
            ]
        )
        s.hexa(corners, paint, {"rear": Paint(("d",))})
    elif kind == "cub":
        spine(
            s,
            [
                (at(-0.25), low + 0.12, seat + 0.015, 0.06),
                (at(0.0), low + 0.02, seat - 0.02, 0.11),
                (at(0.35), low - 0.06, seat - 0.05, 0.105),
                (at(0.6), low - 0.1, 0.62, 0.07),
                (at(0.78), 0.58, 0.88, 0.07),
            ],
            [paint, paint, paint, dark],
        )
        s.block((at(0.28), at(0.66), -0.11, 0.11, 0.2, 0.45), dull, top=(0.05, 0.05, 0.02))
        column = np.array(
            [
                *((at(0.76), -0.07, 0.56), (at(0.76), 0.07, 0.56)),
                *((at(0.9), -0.055, 0.56), (at(0.9), 0.055, 0.56)),
                *((at(0.7), -0.09, 0.93), (at(0.7), 0.09, 0.93)),
                *((at(0.84), -0.07, 0.95), (at(0.84), 0.07, 0.95)),
            ]
        )
        s.hexa(column, paint)
        for side in (1.0, -1.0):
            corners = np.array(
                [
                    *((at(0.58), side * 0.15 - 0.012, 0.3), (at(0.58), side * 0.15 + 0.012, 0.3)),
                    *((at(0.72), side * 0.19 - 0.012, 0.3), (at(0.72), side * 0.19 + 0.012, 0.3)),
                    *((at(0.66), side * 0.13 - 0.012, 0.84), (at(0.66), side * 0.13 + 0.012, 0.84)),
                    *((at(0.80), side * 0.13 - 0.012, 0.88), (at(0.80), side * 0.13 + 0.012, 0.88)),
                ]
            )
            s.hexa(corners, paint)
    else:
        spine(
            s,
            [
                (at(-0.28), seat - 0.02, seat + 0.03, 0.05),
                (at(0.0), low + 0.06, seat - 0.01, 0.12),
                (at(0.42), low, seat - 0.03, 0.1),
            ],
            [paint, dark],
        )
        spine(
            s,
            [
                (at(0.4), seat - 0.12, seat + 0.0, 0.08),
                (at(0.55), seat - 0.16, seat + 0.13, 0.155),
                (at(0.75), seat - 0.1, seat + 0.15, 0.15),
                (at(0.82), seat - 0.05, seat + 0.09, 0.08),
            ],
            [paint, shade(paint, 1.08), paint],
        )
        s.block((at(0.28), at(0.74), -0.15, 0.15, 0.2, 0.62), dull, top=(0.03, 0.0, 0.03))
        s.block((at(0.66), at(0.92), -0.14, 0.14, 0.5, 0.85), paint, top=(0.04, 0.08, 0.06))
    # Silencer on the right, swing arm on both sides.
    s.tube([(at(0.4), -0.13, 0.24), (at(0.1), -0.16, 0.27), (at(-0.2), -0.17, 0.36)],
           (0.025, 0.045, 0.048), shade(STEEL, 0.45), 6)  # fmt: skip
    for side in (0.085, -0.085):
        s.tube([(at(0.38), side, 0.32), (at(0.0), side, rear)], (0.022, 0.02), dull, 4)
        s.tube([(at(0.0), side, rear), (at(0.08), side * 1.1, low + 0.06)], (0.025, 0.025), dull, 5,
               caps=(True, False))  # fmt: skip


class _Along:
    """Where a share of the way from the last axle to the first is."""

    def __init__(self, start: float, length: float) -> None:
        self._start, self._length = start, length

    def __call__(self, share: float) -> float:
        return self._start + self._length * share


def _tail(
    s: Sculptor, choice: Choice, half: float, rear: float, seat: float, paint: Colour
) -> Anchor:
    """Tail lamp between two indicators, the mudguard under it, the plate on that."""
    lamp = Paint(("atbta",), (0.16, 0.36, 0.64, 0.84, 1.0))
    s.block(
        (-half + 0.075, -half + 0.2, -0.115, 0.115, seat - 0.09, seat + 0.0), paint, {"rear": lamp},
        top=(0.02, 0.0, 0.02),
    )  # fmt: skip
    # Mudguard: from under the lamp down behind the wheel; its end is the vehicle's rear end.
    low, high = rear + 0.06, seat - 0.09
    corners = np.array(
        [
            *((-half, -0.07, low), (-half, 0.07, low)),
            *((-half + 0.05, -0.07, low), (-half + 0.05, 0.07, low)),
            *((-half + 0.10, -0.06, high), (-half + 0.10, 0.06, high)),
            *((-half + 0.16, -0.06, high), (-half + 0.16, 0.06, high)),
        ]
    )
    s.hexa(corners, BLACK)
    if choice.share("carrier") < 0.25:
        s.block((-half + 0.08, -half + 0.3, -0.07, 0.07, seat + 0.07, seat + 0.09), STEEL)
    tilt = float(np.arctan2(0.10, high - low))
    # In the middle of the mudguard, 12 mm behind it: less would flicker at 60 m.
    return Anchor(-half + 0.05 - 0.012, (low + high) / 2, tilt, front=False)


def _riders(
    s: Sculptor,
    body: Body,
    choice: Choice,
    kind: str,
    seat: float,
    where: tuple[float, float],
    bar: tuple[float, float, float],
) -> list[Head]:
    """Driver and passengers, from the front to the back."""
    count = len(body.helmets)
    if not count:
        return []
    grip, high, reach = bar
    size = min(1.08, max(0.7, (body.height - seat) / SITTING))
    hips, pegs = where
    hips += {1: 0.02, 2: 0.1, 3: 0.17}[min(count, 3)]
    peg = 0.36 if kind == "scooter" else 0.3
    found = []
    # The hands lie on the inner half of the grips, elbows out.
    hand = min(reach - 0.05, 0.31)
    lean = {"scooter": 0.03, "cub": 0.06, "sport": 0.16}[kind] + 0.05 * choice.share("lean")
    step = 0.36 if count < 3 else 0.3
    for number, helmet in enumerate(body.helmets[:3]):
        if number == 0:
            ahead = pegs + (0.18 if kind == "scooter" else 0.02)
            one = Seat(
                hips, seat, ((grip - 0.02, hand, high), (grip - 0.02, -hand, high)),
                ((ahead, 0.14, peg), (ahead, -0.14, peg)), size, lean, 0.12,
            )  # fmt: skip
        else:
            x = hips - step * number
            child = count == 3 and number == 1
            own = size * (0.78 if child else 0.9 + 0.05 * choice.share(f"size {number}"))
            # Hands at the waist of who sits ahead, or on the own knees.
            holds = choice.share(f"holds {number}") < 0.5
            to, level = (x + 0.27, seat + 0.17) if holds else (x + 0.24, seat + 0.14)
            aside = 0.17 if holds else 0.2
            one = Seat(
                x, seat + (0.03 if child else 0.06), ((to, aside, level), (to, -aside, level)),
                ((x + 0.16, 0.17, 0.36), (x + 0.16, -0.17, 0.36)), own, 0.04, 0.35,
            )  # fmt: skip
        found.append(rider(s, choice, number, one, helmet))
    return found


def bicycle(s: Sculptor, body: Body) -> tuple[list[Head], list[Anchor]]:
    """A bicycle with its rider; see ``motorcycle``."""
    choice = Choice(body.look)
    half = body.length / 2
    radius = min(0.33, body.rear_axle - 0.005, body.front_axle)
    xr, xf = -half + body.rear_axle, half - body.front_axle
    base = xf - xr
    paint = body.colour
    for x in (xr, xf):
        _spoked(s, x, radius)
    # The last point of the tyre or the mudguard is the vehicle's rear end.
    s.tube(
        [
            (xr + 0.05, 0.0, 2 * radius + 0.02),
            (xr - 0.75 * radius, 0.0, 1.72 * radius + 0.02),
            (-half + 0.001, 0.0, 1.2 * radius),
        ],
        (0.02, 0.025, 0.02),
        shade(paint, 0.8),
        5,
    )
    s.tube([(half - 0.03, 0.0, 1.6 * radius), (half, 0.0, 1.3 * radius)], (0.02, 0.018), paint, 4)
    crank = (xr + 0.42 * base, 0.0, 0.3)
    saddle = (xr + 0.28 * base, 0.0, 0.86)
    head_low, head_high = (xf - 0.12, 0.0, 0.62), (xf - 0.2, 0.0, 0.92)
    step_through = choice.share("frame") < 0.6
    top = (0.45, 0.62) if step_through else (0.82, 0.86)
    for start, end in (
        (crank, saddle),
        (crank, head_low),
        ((xr + 0.33 * base, 0.0, top[0]), (xf - 0.16, 0.0, top[1])),
        ((xr, 0.0, radius), crank),
        ((xr, 0.0, radius), saddle),
        ((xf, 0.0, radius), head_high),
    ):
        s.tube([start, end], (0.019, 0.019), paint, 5, caps=(False, False))
    s.block((saddle[0] - 0.13, saddle[0] + 0.12, -0.08, 0.08, 0.86, 0.91), BLACK,
            top=(0.02, 0.06, 0.03))  # fmt: skip
    bar = 1.02
    reach = body.width / 2
    s.tube([head_high, (head_high[0] - 0.02, 0.0, bar)], (0.016, 0.016), STEEL, 5)
    for side in (1.0, -1.0):
        s.tube([(head_high[0], 0.0, bar), (head_high[0] - 0.12, side * (reach - 0.006), bar)],
               (0.014, 0.018), BLACK, 5)  # fmt: skip
    if choice.share("basket") < 0.5:
        s.block((xf - 0.1, xf + 0.16, -0.15, 0.15, 0.72, 0.96), (110, 112, 115),
                {"top": Paint(("k",))}, top=(-0.03, -0.03, -0.03))  # fmt: skip
    size = (body.height - 0.86) / SITTING
    grip = head_high[0] - 0.12
    turn = 0.12 if choice.share("pedal") < 0.5 else -0.12
    seat = Seat(
        saddle[0], 0.86, ((grip, reach - 0.04, bar), (grip, 0.04 - reach, bar)),
        ((crank[0] + 0.02, 0.11, 0.3 - turn), (crank[0] + 0.02, -0.11, 0.3 + turn)),
        max(0.72, min(1.05, size)), 0.1, 0.05,
    )  # fmt: skip
    helmet = bool(body.helmets and body.helmets[0])
    found = rider(s, choice, 0, seat, helmet, coat=None)
    return [found][: len(body.helmets)], []


def _spoked(s: Sculptor, x: float, radius: float) -> None:
    """A thin wheel: tyre and rim as a ring that one can look through."""
    sides = 14
    turn = (np.arange(sides) + 0.5) * (2 * np.pi / sides)
    rings = [
        np.stack([x + r * np.cos(turn), np.full(sides, y), radius + r * np.sin(turn)], axis=1)
        for y, r in (
            (-0.018, radius - 0.05),
            (-0.018, radius),
            (0.018, radius),
            (0.018, radius - 0.05),
        )
    ]
    rings.append(rings[0])
    s.loft(rings, [(52, 50, 50), (40, 38, 38), (52, 50, 50), (120, 120, 122)], (None, None))
    for lean in (0.0, np.pi / 2):
        dx, dz = (radius - 0.04) * np.cos(lean + 0.4), (radius - 0.04) * np.sin(lean + 0.4)
        s.tube([(x - dx, 0.0, radius - dz), (x + dx, 0.0, radius + dz)], (0.007, 0.007), STEEL, 3,
               caps=(False, False))  # fmt: skip
