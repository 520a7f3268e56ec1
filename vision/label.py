"""Names on a picture that do not cover each other."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Colour = tuple[int, int, int]
Points = NDArray[np.float64]

FONT: Final = cv2.FontFace("sans")
"""The TrueType font inside OpenCV 5, which has all Vietnamese letters."""

WEIGHT: Final = 400
"""The one weight in which all Vietnamese letters look alike: bolder ones leave ư and ơ thin."""

MARKS: Final = {"ờ": "`", "ỡ": "˜"}
"""OpenCV 5.0's font draws ờ as ớ and ỡ as õ, so that đường would read đướng. These two are put
together from ơ and the accent, which stands where that of ò and õ does."""

_PLAIN: Final = str.maketrans(dict.fromkeys(MARKS, "ơ"))

_DARK: Final[Colour] = (24, 20, 18)
MOST_TRIES: Final = 160
MOST_LABELS: Final = 400


def extent(text: str, size: int) -> tuple[int, int]:
    """Width and height of a text, pixels; the height has room for all letters."""
    return _width(text.translate(_PLAIN), size) + 2, round(1.25 * size)


def put(
    canvas: Image,
    text: str,
    at: tuple[int, int],
    size: int,
    colour: Colour,
    weight: int = WEIGHT,
) -> None:
    """Write a text with its base line's left end at a place, every Vietnamese letter as it is."""
    plain = text.translate(_PLAIN)
    cv2.putText(canvas, plain, at, colour, FONT, size, weight)
    for place, letter in enumerate(text):
        mark = MARKS.get(letter)
        if mark is not None:
            # To its last whole letter, so that the spacing of letters is counted once.
            begin = _width(plain[: place + 1], size, weight) - _width("ơ", size, weight)
            x = at[0] + begin + (_width("o", size, weight) - _width(mark, size, weight)) // 2
            cv2.putText(canvas, mark, (x, at[1]), colour, FONT, size, weight)


def _width(text: str, size: int, weight: int = WEIGHT) -> int:
    return int(cv2.getTextSize((1, 1), text, (0, 0), FONT, size, weight)[2])


def write(
    canvas: Image, text: str, at: tuple[int, int], size: int, most: int, colour: Colour
) -> None:
    """Write a text with its top left corner at a place, cut to a width, with a dark outline."""
    if extent(text, size)[0] > most:
        while text and extent(f"{text}…", size)[0] > most:
            text = text[:-1]
        text = f"{text}…"
    x, y = at
    base = y + size
    for right, down in ((-1, 0), (1, 0), (0, -1), (0, 1)):
        put(canvas, text, (x + right, base + down), size, _DARK)
    put(canvas, text, (x, base), size, colour)


class Labels:
    """Collects names, then places each where it is free."""

    def __init__(self, width: int, height: int, size: int) -> None:
        """Begin with none.

        Args:
            width: Columns of the picture.
            height: Rows of it.
            size: Height of letters, pixels.
        """
        self._width, self._height, self._size = width, height, size
        self._wanted: list[tuple[str, Points, Colour, int, bool, float]] = []

    def add(
        self,
        text: str,
        at: Points,
        colour: Colour,
        size: int | None = None,
        weak: bool = False,
        beside: float = 0.0,
    ) -> None:
        """Ask for a name.

        Args:
            text: The name.
            at: What it names, pixels.
            colour: Of what it names.
            size: Height of letters, if not the usual one.
            weak: Left out where there is no room near by.
            beside: So far to the right of the place, so that it stays free; 0 is on it.
        """
        self._wanted.append((text, at, colour, size or self._size, weak, beside))

    def place(self, canvas: Image) -> list[tuple[int, int, int, int]]:
        """Draw the names; the boxes that they take, left, top, right, bottom."""
        taken = np.empty((0, 4))
        strong_first = sorted(self._wanted[:MOST_LABELS], key=lambda wanted: wanted[4])
        for text, at, colour, size, weak, beside in strong_first:
            box = self._free(text, at, size, taken, 12 if weak else MOST_TRIES, beside)
            if box is None:
                continue
            taken = np.vstack((taken, box))
            self._draw(canvas, text, at, colour, size, box)
        return [tuple(box) for box in taken.astype(int).tolist()]

    def _free(
        self, text: str, at: Points, size: int, taken: Points, tries: int, beside: float
    ) -> tuple[int, int, int, int] | None:
        """The nearest free place on a spiral about the point; None where all are taken."""
        wide, tall = extent(text, size)
        wide, tall = wide + 8, tall + 4
        if wide > self._width or tall > self._height:
            return None
        middle = float(at[0]) + (beside + wide / 2 if beside else 0.0)
        for step in range(tries):
            angle, far = 2.4 * step, 0.35 * tall * step**0.75
            x = middle - wide / 2 + far * 1.6 * np.cos(angle)
            y = float(at[1]) - tall / 2 + far * np.sin(angle)
            left = round(min(max(x, 0), self._width - wide))
            top = round(min(max(y, 0), self._height - tall))
            right, bottom = left + wide, top + tall
            met = (
                (taken[:, 0] < right + 2)
                & (taken[:, 2] > left - 2)
                & (taken[:, 1] < bottom + 2)
                & (taken[:, 3] > top - 2)
            )
            if not met.any():
                return left, top, right, bottom
        return None

    def _draw(
        self,
        canvas: Image,
        text: str,
        at: Points,
        colour: Colour,
        size: int,
        box: tuple[int, int, int, int],
    ) -> None:
        left, top, right, bottom = box
        x = min(max(round(float(at[0])), 0), self._width - 1)
        y = min(max(round(float(at[1])), 0), self._height - 1)
        if not (left - 16 <= x <= right + 4 and top - 4 <= y <= bottom + 4):
            foot = (min(max(x, left), right), min(max(y, top), bottom))
            cv2.line(canvas, (x, y), foot, _DARK, 3, cv2.LINE_AA)
            cv2.line(canvas, (x, y), foot, colour, 1, cv2.LINE_AA)
        part = canvas[top:bottom, left:right]
        part[:] = (0.25 * part + 0.75 * np.array(_DARK)).astype(np.uint8)
        cv2.line(canvas, (left + 1, top), (left + 1, bottom - 1), colour, 3)
        write(canvas, text, (left + 6, top), size, right - left, (255, 255, 255))
