"""People as solids: riders, drivers of open vehicles and people on foot; heads and helmets."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from simulator.shapes.hair import head, skin_of
from simulator.shapes.paint import BLACK, Choice, Colour, mix, shade
from simulator.shapes.parts import Points, Sculptor, circle

Dress = Literal["t_shirt", "shirt", "jacket", "hood", "cape", "ao_dai"]

DRESSES: Final[tuple[Dress, ...]] = (
    *("t_shirt", "t_shirt", "t_shirt", "shirt", "shirt", "jacket", "jacket", "hood"),
    *("hood", "ao_dai"),
)
SHIRTS: Final[tuple[Colour, ...]] = (
    *((232, 230, 228), (190, 120, 60), (60, 50, 170), (70, 110, 60), (45, 42, 40), (95, 140, 205)),
    *((170, 160, 220), (120, 60, 50), (60, 175, 215), (130, 125, 120), (160, 200, 190)),
)
JACKETS: Final[tuple[Colour, ...]] = (
    *((120, 80, 50), (50, 46, 44), (150, 130, 190), (90, 130, 90), (175, 170, 165), (60, 60, 120)),
    *((70, 140, 40), (190, 160, 130)),
)
TROUSERS: Final[tuple[Colour, ...]] = (
    (80, 60, 45), (40, 38, 36), (110, 85, 65), (70, 95, 115), (60, 58, 56), (130, 150, 165),
)  # fmt: skip
CAPES: Final[tuple[Colour, ...]] = (
    (190, 120, 60),
    (120, 170, 80),
    (200, 150, 190),
    (60, 190, 225),
    (130, 60, 110),
    (205, 200, 190),
)
SHOES: Final[tuple[Colour, ...]] = ((40, 38, 36), (60, 80, 110), (200, 200, 200), (50, 60, 80))


@dataclass(frozen=True, slots=True)
class Head:
    """Where a head is: its middle and the radius of a ball that holds it with what it wears."""

    x: float
    y: float
    z: float
    radius: float


@dataclass(frozen=True, slots=True)
class Seat:
    """Where a rider sits.

    Attributes:
        x: Of the hips, ahead of the origin, metres.
        z: Height of the seat.
        grips: Where the hands hold, left then right.
        pegs: Where the soles stand, left then right.
        size: 1 for a grown-up who is 0.89 m from the seat to the crown.
        lean: How far ahead of the hips the shoulders are, metres.
        spread: How far from the middle the knees are, metres.
    """

    x: float
    z: float
    grips: tuple[tuple[float, float, float], tuple[float, float, float]]
    pegs: tuple[tuple[float, float, float], tuple[float, float, float]]
    size: float
    lean: float = 0.06
    spread: float = 0.2


@dataclass(frozen=True, slots=True)
class Clothes:
    """What somebody wears."""

    dress: Dress
    top: Colour
    sleeve: Colour
    forearm: Colour
    legs: Colour
    shoes: Colour
    skin: Colour


def clothes(choice: Choice, who: str, coat: Colour | None = None) -> Clothes:
    """What somebody wears, by the look.

    Args:
        choice: Of the road user.
        who: Which of its people.
        coat: Colour of the top, where it is given.
    """
    # A look does not know the weather: few wear a cape.
    caped = choice.share(who + "caped") < 0.05
    dress: Dress = "cape" if caped else choice.pick(who + "dress", DRESSES)
    skin = skin_of(choice, who)
    legs = choice.pick(who + "legs", TROUSERS)
    if dress == "cape":
        top = choice.pick(who + "cape", CAPES)
    elif dress == "ao_dai":
        white = (238, 236, 234)
        top = choice.pick(who + "ao dai", (white, white, (160, 90, 170), (190, 140, 60)))
        legs = (230, 228, 226)
    else:
        top = coat or choice.pick(who + "top", JACKETS if dress in ("jacket", "hood") else SHIRTS)
    forearm = skin if dress == "t_shirt" else shade(top, 0.94)
    return Clothes(
        dress, top, shade(top, 0.94), forearm, legs, choice.pick(who + "shoes", SHOES), skin
    )


def joint(
    start: Sequence[float], end: Sequence[float], upper: float, lower: float, pole: Sequence[float]
) -> Points:
    """Where the knee or elbow of a limb of two bones is, [3].

    Args:
        start: Hip or shoulder.
        end: Ankle or wrist.
        upper: Length of the first bone, metres.
        lower: Of the second.
        pole: The way that the joint points to.
    """
    a, c = np.asarray(start, np.float64), np.asarray(end, np.float64)
    way = c - a
    far = float(np.linalg.norm(way))
    way = way / far
    reach = min(far, 0.999 * (upper + lower))
    # Law of cosines: how far along the straight line the joint's foot is.
    along = (upper**2 - lower**2 + reach**2) / (2 * reach)
    off = math.sqrt(max(0.0, upper**2 - along**2))
    aside = np.asarray(pole, np.float64)
    aside = aside - way * float(aside @ way)
    return np.asarray(a + way * (along * far / reach) + aside / np.linalg.norm(aside) * off)


def _torso(
    s: Sculptor, hips: Points, shoulders: Points, size: float, wear: Clothes, child: bool
) -> None:
    """Trunk from the hips to the neck."""
    way = shoulders - hips
    thick = 1.22 if wear.dress in ("jacket", "hood") else 1.0
    if child:
        thick *= 0.95
    shape = (
        (0.0, 0.165, 0.125), (0.3, 0.15, 0.115), (0.72, 0.185, 0.125), (0.94, 0.19, 0.1),
        (1.06, 0.075, 0.06),
    )  # fmt: skip
    rings = [
        circle(
            (hips + way * share).tolist(),
            way.tolist(),
            (wide * size * thick, deep * size * thick),
            8,
        )
        for share, wide, deep in shape
    ]
    lower = shade(wear.top, 0.9)
    s.loft(rings, [lower, wear.top, wear.top, shade(wear.top, 1.06)], (lower, wear.top))
    if wear.dress == "hood":
        # A hood that hangs at the nape: common against the sun.
        nape = shoulders - np.array([0.10, 0.0, -0.01]) * size
        s.ball(nape.tolist(), (0.06 * size, 0.11 * size, 0.07 * size), shade(wear.top, 0.85), 7, 2)


def rider(
    s: Sculptor, choice: Choice, number: int, seat: Seat, helmet: bool, coat: Colour | None = None
) -> Head:
    """Somebody who sits astride.

    Args:
        s: Where to add them.
        choice: Of the road user.
        number: Which of its riders, driver first.
        seat: Where.
        helmet: Whether they wear one.
        coat: Colour of the top, where it is given.
    """
    who = f"rider {number} "
    wear = clothes(choice, who, coat)
    size = seat.size
    before, s.owner = s.owner, number
    hips = np.array([seat.x, 0.0, seat.z + 0.09 * size])
    shoulders = hips + np.array([seat.lean, 0.0, 0.45 * size])
    _torso(s, hips, shoulders, size, wear, size < 0.85)
    _seat_of(s, hips, size, wear.legs)
    for place, side in ((0, 1.0), (1, -1.0)):
        hip = hips + np.array([0.0, side * 0.085 * size, -0.015 * size])
        ankle = np.array(seat.pegs[place]) + np.array([-0.05, 0.0, 0.08])
        knee = joint(
            hip.tolist(), ankle.tolist(), 0.43 * size, 0.43 * size,
            (1.0, side * (0.2 + seat.spread), 0.6),
        )  # fmt: skip
        _leg(s, (hip, knee, ankle), size, wear)
        shoulder = shoulders + np.array([0.0, side * 0.18 * size, -0.035 * size])
        hand = np.array(seat.grips[place])
        elbow = joint(
            shoulder.tolist(), hand.tolist(), 0.28 * size, 0.27 * size, (-0.3, side * 0.7, -1.0)
        )
        _arm(s, (shoulder, elbow, hand), size, wear)
    if wear.dress == "cape":
        _cape(s, hips, shoulders, size, wear.top)
    elif wear.dress == "ao_dai":
        # The back panel hangs over the seat.
        back = float(hips[0] - 0.15 * size)
        wide = 0.15 * size
        low = max(0.45, seat.z - 0.22)
        s.block((back - 0.03, back + 0.02, -wide, wide, low, seat.z + 0.14), shade(wear.top, 0.95),
                top=(0.01, -0.02, 0.02))  # fmt: skip
    found = head(s, choice, who, shoulders + np.array([0.035, 0.0, 0.222 * size]), size, helmet)
    s.owner = before
    return Head(*found)


def _seat_of(s: Sculptor, hips: Points, size: float, colour: Colour) -> None:
    """The seat of the trousers."""
    x, y, z = (float(part) for part in hips)
    s.stack(
        (x - 0.01, y, z), (0.14 * size, 0.175 * size, 0.12 * size), (-0.9, -0.35, 0.3),
        [shade(colour, 0.85), colour], (shade(colour, 0.7), None), 8,
    )  # fmt: skip


def _leg(s: Sculptor, joints: tuple[Points, Points, Points], size: float, wear: Clothes) -> None:
    """Thigh, shin and shoe, from hip, knee and ankle."""
    s.tube(
        [point.tolist() for point in joints], (0.088 * size, 0.066 * size, 0.047 * size),
        [wear.legs, shade(wear.legs, 0.93)], 5, caps=(False, False),
    )  # fmt: skip
    _shoe(s, joints[2], size, wear.shoes)


def _arm(s: Sculptor, joints: tuple[Points, Points, Points], size: float, wear: Clothes) -> None:
    """Sleeve, forearm and hand, from shoulder, elbow and hand."""
    shoulder, elbow, hand = joints
    thick = 1.2 * size if wear.dress in ("jacket", "hood") else size
    way = (hand - elbow) / float(np.linalg.norm(hand - elbow))
    wrist, fingers = hand - way * (0.06 * size), hand + way * (0.045 * size)
    s.tube(
        [point.tolist() for point in (shoulder, elbow, wrist, fingers)],
        (0.063 * thick, 0.049 * thick, 0.036 * size, 0.032 * size),
        [wear.sleeve, wear.forearm, wear.skin], 5,
    )  # fmt: skip


def _shoe(s: Sculptor, ankle: Points, size: float, colour: Colour) -> None:
    x, y, z = (float(part) for part in ankle)
    s.block(
        (x - 0.06 * size, x + 0.2 * size, y - 0.045 * size, y + 0.045 * size, z - 0.075, z + 0.01),
        colour, top=(0.01, 0.1 * size, 0.01),
    )  # fmt: skip


def _cape(s: Sculptor, hips: Points, shoulders: Points, size: float, colour: Colour) -> None:
    """A rain cape: a tent from the neck over arms and knees."""
    x, z = float(hips[0]), float(hips[2])
    top = float(shoulders[2])
    lead = float(shoulders[0])
    shape = (
        (x + 0.06, z - 0.28 * size, 0.40, 0.36), (x + 0.08, z - 0.02 * size, 0.34, 0.34),
        (lead + 0.05, z + 0.28 * size, 0.23, 0.29), (lead, top + 0.02 * size, 0.15, 0.21),
        (lead, top + 0.09 * size, 0.07, 0.08),
    )  # fmt: skip
    turn = (np.arange(10) + 0.5) * (2 * math.pi / 10)
    rings = [
        np.stack(
            [
                centre + deep * size * np.cos(turn),
                wide * size * np.sin(turn),
                # The hem swings a little: folds.
                np.full(10, level) + (0.03 * np.cos(turn * 3) if place == 0 else 0.0),
            ],
            axis=1,
        )
        for place, (centre, level, deep, wide) in enumerate(shape)
    ]
    # Neighbouring folds differ a little, as wet cloth does.
    folds = [[(shade(colour, 0.9 if side % 2 else 1.0), 0) for side in range(10)] for _ in range(4)]
    s.loft(rings, [*folds], (shade(colour, 0.5), colour))


def walker(s: Sculptor, choice: Choice, height: float, coat: Colour) -> None:
    """Somebody on foot, in the middle of a stride.

    Args:
        s: Where to add them.
        choice: Of the road user.
        height: From the soles to the crown, metres.
        coat: Colour of the top.
    """
    who = "walker "
    wear = clothes(choice, who, coat)
    size = height / 1.7
    swing = 0.08 + 0.14 * choice.share("swing")
    swing *= 1.0 if choice.share("foot") < 0.5 else -1.0
    hips = np.array([0.0, 0.0, 0.86 * size])
    shoulders = hips + np.array([0.02, 0.0, 0.5 * size])
    _torso(s, hips, shoulders, size, wear, False)
    _seat_of(s, hips, size, wear.legs)
    for side in (1.0, -1.0):
        step = swing * side
        hip = hips + np.array([0.0, side * 0.085 * size, 0.0])
        ankle = np.array([step - 0.05, side * 0.09 * size, 0.075 + 0.05 * max(0.0, -step)])
        knee = joint(hip.tolist(), ankle.tolist(), 0.42 * size, 0.42 * size, (1.0, 0.0, 0.1))
        _leg(s, (hip, knee, ankle), size, wear)
        shoulder = shoulders + np.array([0.0, side * 0.2 * size, -0.04 * size])
        hand = np.array([-step + 0.05, side * 0.25 * size, 0.8 * size])
        elbow = joint(
            shoulder.tolist(), hand.tolist(), 0.29 * size, 0.28 * size, (-1.0, side * 0.2, 0.0)
        )
        _arm(s, (shoulder, elbow, hand), size, wear)
    if wear.dress == "cape":
        _cape(s, hips, shoulders, size * 0.8, wear.top)
    elif wear.dress == "ao_dai":
        for ahead in (0.1, -0.13):
            s.block((ahead, ahead + 0.03, -0.13 * size, 0.13 * size, 0.3 * size, 0.9 * size),
                    shade(wear.top, 0.96))  # fmt: skip
    if choice.share("bag") < 0.3:
        tone = mix(choice.pick("bag colour", SHIRTS), BLACK, 0.3)
        s.block((-0.27 * size, -0.11, -0.13 * size, 0.13 * size, 1.0 * size, 1.38 * size), tone,
                top=(0.05, 0.0, 0.03))  # fmt: skip
    head(s, choice, who, shoulders + np.array([0.02, 0.0, 0.215 * size]), size, False, cone=True)
