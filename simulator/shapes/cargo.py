"""Cargo three-wheelers (xe ba gác) and what they carry."""

from __future__ import annotations

from simulator.shapes.cycles import SEATED_DARK, SITTING, spine
from simulator.shapes.paint import BLACK, STEEL, Choice, Paint, mix, shade
from simulator.shapes.parts import Sculptor
from simulator.shapes.people import Head, Seat, rider
from simulator.shapes.plate import Anchor
from simulator.world import Body


def three_wheeler(s: Sculptor, body: Body) -> tuple[list[Head], list[Anchor]]:
    """A motorcycle front with a cargo bed behind, often loaded; see ``motorcycle``."""
    choice = Choice(body.look)
    half, wide = body.length / 2, body.width / 2
    xr, xf = -half + body.rear_axle, half - body.front_axle
    paint = body.colour
    rear, front = min(0.29, body.rear_axle), min(0.29, body.front_axle)
    for y in (wide - 0.1, 0.1 - wide):
        s.wheel(xr, y, rear, 0.15, shade(STEEL, 0.6), 10)
    s.wheel(xf, 0.0, front, 0.1, shade(STEEL, 0.7))
    # Bed: floor over the wheels, low walls.
    start, end = -half, -half + 0.56 * body.length
    floor, wall = 0.64, 0.64 + 0.26
    rail = Paint(("ppppp", "dpdpd"), (), (0.55, 1.0))
    s.block(
        (start + 0.02, end, -wide, wide, floor - 0.12, floor), paint, {"rear": Paint(("dpppd",))}
    )
    s.block((start, end, wide - 0.03, wide, floor, wall), paint, {"left": rail})
    s.block((start, end, -wide, 0.03 - wide, floor, wall), paint, {"right": rail})
    s.block((start, start + 0.03, 0.03 - wide, wide - 0.03, floor, wall), paint, {"rear": rail})
    s.block((end - 0.03, end, 0.03 - wide, wide - 0.03, floor, wall), paint)
    for side in (1.0, -1.0):
        low, high = sorted((side * (wide - 0.04), side * (wide - 0.26)))
        s.block((start + 0.01, start + 0.06, low, high, 0.40, 0.5), BLACK,
                {"rear": Paint(("tb",) if side < 0 else ("bt",))})  # fmt: skip
        s.tube([(start + 0.25, side * 0.3, 0.46), (xf - 0.5, side * 0.12, 0.46)], (0.03, 0.03),
               BLACK, 4)  # fmt: skip
    s.block((start + 0.03, start + 0.06, -0.2, 0.2, 0.3, 0.52), BLACK)
    s.tube(
        [(xr, 0.1 - wide, rear), (xr, wide - 0.1, rear)],
        (0.04, 0.04),
        BLACK,
        5,
        caps=(False, False),
    )
    _load(s, choice, (start + 0.06, end - 0.06, wide - 0.06, floor), body.height)
    # Front: tank, seat, engine, fork, bar, lamp.
    seat, bar = 0.8, 1.05
    spine(
        s,
        [
            (end - 0.02, 0.68, seat, 0.15),
            (end + 0.3, 0.68, seat, 0.14),
            (end + 0.42, 0.7, seat, 0.1),
        ],
        [SEATED_DARK] * 2,
    )
    spine(
        s,
        [
            (end + 0.38, 0.66, seat + 0.02, 0.09), (end + 0.5, 0.62, seat + 0.13, 0.15),
            (end + 0.72, 0.66, seat + 0.13, 0.13), (end + 0.8, 0.7, seat + 0.06, 0.07),
        ],
        [paint, shade(paint, 1.08), paint],
    )  # fmt: skip
    s.block(
        (end + 0.1, xf - 0.36, -0.15, 0.15, 0.25, 0.62), shade(STEEL, 0.5), top=(0.03, 0.05, 0.03)
    )
    steer = end + 0.82
    for side in (0.08, -0.08):
        s.tube(
            [(xf, side, front), (steer, side, 0.98)], (0.024, 0.026), STEEL, 5, caps=(False, False)
        )
    spine(
        s,
        [
            (xf - 0.28, 0.52, 0.6, 0.07), (xf, 2 * front + 0.02, 2 * front + 0.06, 0.08),
            (half, 1.5 * front, 1.5 * front + 0.06, 0.06),
        ],
        [paint, paint],
    )  # fmt: skip
    s.block((steer - 0.02, steer + 0.14, -0.1, 0.1, 0.86, 1.04), BLACK,
            {"front": Paint(("h",))}, top=(0.02, 0.01, 0.02))  # fmt: skip
    grip = steer - 0.16
    for side in (1.0, -1.0):
        s.tube([(steer, side * 0.06, bar), (grip, side * 0.38, bar)], (0.018, 0.02), BLACK, 5)
    size = max(0.72, min(1.05, (body.height - seat) / SITTING))
    heads = []
    count = max(1, len(body.helmets))
    helmets = body.helmets or (choice.share("driver's helmet") < 0.9,)
    for number in range(min(count, 2)):
        x = end + 0.26 if number == 0 else end - 0.4
        place = Seat(
            x, seat if number == 0 else floor, ((grip, 0.34, bar), (grip, -0.34, bar))
            if number == 0 else ((x + 0.25, 0.2, 0.9), (x + 0.25, -0.2, 0.9)),
            ((end + 0.5, 0.22, 0.32), (end + 0.5, -0.22, 0.32))
            if number == 0 else ((x + 0.4, 0.15, floor), (x + 0.4, -0.15, floor)),
            size if number == 0 else 0.9 * size, 0.06, 0.2,
        )  # fmt: skip
        heads.append(rider(s, choice, number, place, helmets[number]))
    return heads[: len(body.helmets)], [Anchor(start + 0.018, 0.41, 0.0, front=False)]


def _load(
    s: Sculptor, choice: Choice, room: tuple[float, float, float, float], height: float
) -> None:
    """What a three-wheeler carries: nothing, sacks, crates, water bottles, pipes or greens."""
    start, end, half, floor = room
    kind = choice.pick("load", ("none", "sacks", "crates", "bottles", "greens", "box"))
    limit = height - floor - 0.05
    if kind == "sacks":
        for row in range(2):
            for place in range(3 - row):
                x = start + 0.25 + place * 0.45 + 0.2 * row
                s.tube([(x, -half + 0.1, floor + 0.16 + 0.26 * row),
                        (x, half - 0.1, floor + 0.17 + 0.26 * row)],
                       (0.17, 0.16), (165, 190, 205), 6, flat=0.8)  # fmt: skip
    elif kind == "crates":
        for place in range(2):
            x = start + 0.05 + place * 0.7
            for level in range(1 + int(choice.share(f"crates {place}") * 2)):
                tone = choice.pick(
                    f"crate {place} {level}", ((60, 60, 190), (60, 150, 60), (190, 110, 40))
                )
                low = floor + 0.01 + level * 0.33
                s.block((x, x + 0.62, 0.05 - half, half - 0.05, low, low + 0.32), tone,
                        {"top": Paint(("k",))}, top=(-0.02, -0.02, -0.02))  # fmt: skip
    elif kind == "bottles":
        for place in range(6):
            x, y = start + 0.22 + 0.42 * (place // 2), (0.25 if place % 2 else -0.25)
            s.tube([(x, y, floor), (x, y, floor + 0.36), (x, y, floor + 0.46)], (0.14, 0.14, 0.04),
                   (205, 165, 110), 7)  # fmt: skip
    elif kind == "greens":
        for place in range(4):
            x = start + 0.25 + 0.36 * place
            s.ball(
                (x, 0.12 - 0.24 * (place % 2), floor + 0.25),
                (0.3, half - 0.2, 0.28),
                mix((60, 140, 70), (50, 90, 60), choice.share(f"green {place}")),
                7,
                3,
            )
    elif kind == "box":
        s.block(
            (start, end, -half, half, floor, floor + min(limit, 0.72)),
            (175, 180, 182),
            {"rear": Paint(("kkk", "k*k", "kkk"), (0.03, 0.97, 1), (0.04, 0.96, 1))},
        )
