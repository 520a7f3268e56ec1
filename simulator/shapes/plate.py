"""Number plates as they are stamped and painted, and where they are screwed on.

Sizes: Thông tư 24/2023/TT-BCA and QCVN 08:2024/BCA: motorcycles 190 x 140 mm, cars 330 x 165 mm
(two lines) and 520 x 110 mm (one line).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from simulator.world import PlateSign

Shape = Literal["motorcycle", "short", "long"]
Picture = NDArray[np.uint8]
Ink = np.ndarray[tuple[int, int], np.dtype[np.uint8]]
Colour = tuple[int, int, int]

SIZES: Final[dict[Shape, tuple[float, float]]] = {
    "motorcycle": (0.190, 0.140),
    "short": (0.330, 0.165),
    "long": (0.520, 0.110),
}
"""Width and height, metres."""
_SCALE: Final[dict[Shape, float]] = {"motorcycle": 2200.0, "short": 1300.0, "long": 1000.0}
"""Pixels of the texture a metre: 418 x 308, 429 x 214 and 520 x 110."""
_LETTERS: Final[dict[Shape, tuple[float, float, float]]] = {
    "motorcycle": (0.055, 0.0315, 0.0055),
    "short": (0.063, 0.0400, 0.0090),
    "long": (0.063, 0.0380, 0.0075),
}
"""Height, width and gap of stamped characters, metres."""
GROUNDS: Final[dict[str, tuple[Colour, Colour]]] = {
    "white": ((236, 238, 238), (24, 22, 22)),
    "yellow": ((40, 188, 242), (24, 22, 22)),
    "blue": ((158, 84, 20), (240, 242, 242)),
}
"""Ground and characters, blue, green, red."""
_GLYPH: Final = 200
"""Size at which the font is drawn before a character is fitted to its stamp, pixels."""
_NARROW: Final[dict[str, float]] = {"-": 0.5, ".": 0.3}
"""Width of marks as a share of the characters'."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """Where a plate is screwed on: its middle, on the vehicle's middle line.

    Attributes:
        x: Ahead of the origin, metres.
        z: Above the road.
        tilt: How far its face looks up, radians.
        front: Whether it is read from ahead of the vehicle.
    """

    x: float
    z: float
    tilt: float
    front: bool


def shape_of(sign: PlateSign) -> Shape:
    """Which of the three plates a sign is painted on.

    The upper line of a motorcycle's has a dash before the series (``95-B1``), a car's has not
    (``95A``).
    """
    if len(sign.lines) == 1:
        return "long"
    return "motorcycle" if "-" in sign.lines[0] else "short"


def quad(anchor: Anchor, shape: Shape) -> NDArray[np.float32]:
    """Corners of a plate in the body frame, metres [4, 3].

    Left top, right top, right bottom, left bottom, as somebody reads them who looks at it.
    """
    width, height = SIZES[shape]
    facing = 1.0 if anchor.front else -1.0
    # Whoever reads the rear plate looks ahead and has the vehicle's left at the left hand.
    left = np.array([0.0, -facing * width / 2, 0.0])
    up = np.array([-facing * math.sin(anchor.tilt), 0.0, math.cos(anchor.tilt)]) * (height / 2)
    middle = np.array([anchor.x, 0.0, anchor.z])
    corners = [middle + left + up, middle - left + up, middle - left - up, middle + left - up]
    return np.asarray(corners, np.float32)


@lru_cache(maxsize=64)
def _glyph(letter: str) -> Ink:
    """A character as the font draws it, cut to its ink: 0 none, 255 full."""
    canvas = np.zeros((2 * _GLYPH, 2 * _GLYPH, 3), np.uint8)
    face = cv2.FontFace("sans")
    # The font's nought is crossed out; the stamped one is as open as the letter.
    shown = "O" if letter == "0" else letter
    cv2.putText(canvas, shown, (_GLYPH // 2, int(1.4 * _GLYPH)), (255, 255, 255), face, _GLYPH, 700)
    ink = canvas[..., 0]
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    return np.ascontiguousarray(ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])


def _width(letter: str, full: float) -> float:
    if letter == "1":
        # Not as wide as the others: stretched to their width its stem would be too thick.
        (tall, one), (high, eight) = _glyph("1").shape, _glyph("8").shape
        return full * (one / tall) / (eight / high)
    return full * _NARROW.get(letter, 1.0)


def line_width(line: str, shape: Shape) -> float:
    """How long a line of a plate is, metres."""
    _, full, gap = _LETTERS[shape]
    return sum(_width(letter, full) for letter in line) + gap * (len(line) - 1)


def _stamp(ink: NDArray[np.float32], line: str, shape: Shape, middle: float, scale: float) -> None:
    """Put a line's characters on a plate's mask, its middle at a height in metres."""
    height, full, gap = _LETTERS[shape]
    room = SIZES[shape][0] - 0.021
    squeeze = min(1.0, room / line_width(line, shape))
    x = (SIZES[shape][0] - line_width(line, shape) * squeeze) / 2
    for letter in line:
        wide = _width(letter, full) * squeeze
        if letter in "-.":
            high = 0.16 * height if letter == "-" else wide
            drop = 0.0 if letter == "-" else 0.12 * height
            _place(ink, np.full((8, 8), 255, np.uint8), (x, middle + drop, wide, high), scale)
        else:
            _place(ink, _glyph(letter), (x, middle, wide, height), scale)
        x += wide + gap * squeeze


def _place(
    ink: NDArray[np.float32],
    glyph: Picture,
    box: tuple[float, float, float, float],
    scale: float,
) -> None:
    x, y, wide, high = box
    size = (max(1, round(wide * scale)), max(1, round(high * scale)))
    small = cv2.resize(glyph, size, interpolation=cv2.INTER_AREA)
    left, top = round(x * scale), round((y - high / 2) * scale)
    left, top = max(0, left), max(0, top)
    part = ink[top : top + size[1], left : left + size[0]]
    np.maximum(part, small[: part.shape[0], : part.shape[1]].astype(np.float32) / 255, out=part)


@lru_cache(maxsize=1024)
def plate_texture(sign: PlateSign) -> Picture:
    """A plate's picture, blue, green, red, seen straight on, without light.

    About 420 pixels wide (520 for a long one): whoever draws it smaller has to average.

    Args:
        sign: What it says.

    Returns:
        uint8 [h, w, 3]; shared, not writable.
    """
    shape = shape_of(sign)
    width, height = SIZES[shape]
    scale = _SCALE[shape]
    columns, rows = round(width * scale), round(height * scale)
    ground, letters = GROUNDS[sign.colour]
    ink = np.zeros((rows, columns), np.float32)
    if len(sign.lines) == 1:
        _stamp(ink, sign.lines[0], shape, height / 2, scale)
    else:
        for number, line in enumerate(sign.lines[:2]):
            _stamp(ink, line, shape, height * (0.275 if number == 0 else 0.725), scale)
    picture = np.empty((rows, columns, 3), np.float32)
    picture[:] = ground
    picture += ink[..., None] * (np.array(letters, np.float32) - np.array(ground, np.float32))
    out = np.clip(np.rint(picture), 0, 255).astype(np.uint8)
    border = max(2, round(0.0035 * scale))
    inset = round(0.0035 * scale)
    cv2.rectangle(out, (inset, inset), (columns - 1 - inset, rows - 1 - inset), letters, border)
    _emblem(out, shape, scale)
    out.flags.writeable = False
    return out


def _emblem(picture: Picture, shape: Shape, scale: float) -> None:
    """The police stamp: a small dot, on long plates and motorcycles' above the dash."""
    width, height = SIZES[shape]
    if shape == "short":
        x, y = 0.022, height / 2
    elif shape == "motorcycle":
        x, y = width * 0.5 - 0.004, 0.016
    else:
        x, y = 0.014, height / 2
    centre = (round(x * scale), round(y * scale))
    cv2.circle(picture, centre, max(2, round(0.0055 * scale)), (90, 120, 190), -1, cv2.LINE_AA)
