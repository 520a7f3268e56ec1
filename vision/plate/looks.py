"""Ways to cut a line of text out of a picture, for a second look at it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import cv2
import numpy as np

from vision.plate.find import Quad, straighten
from vision.source.picture import Image

ENDS: Final = 0.15
"""Share of a line's height that is added at both ends: under blur the detector stops short of the
first and the last character, and a number that lost one may still be a number."""
Look = Callable[[Image, Quad], Image]


def plain(image: Image, quad: Quad) -> Image:
    """As the detector found it."""
    return straighten(image, quad, ends=ENDS)


def roomy(image: Image, quad: Quad) -> Image:
    """With a rim: the detector may have cut letters off."""
    return straighten(image, quad, margin=0.1)


def long(image: Image, quad: Quad) -> Image:
    """With room for one more character at both ends, where blur may have cut one off."""
    return straighten(image, quad, margin=0.05, ends=0.5)


def tight(image: Image, quad: Quad) -> Image:
    """Without its edge: frames, screws and the other line go."""
    return straighten(image, quad, margin=-0.08, ends=ENDS)


def small(image: Image, quad: Quad) -> Image:
    """Half the model's rows: what noise and streaks leave of the letters' shapes."""
    row = straighten(image, quad, margin=0.1)
    columns = max(8, round(row.shape[1] * 24 / row.shape[0]))
    return np.asarray(cv2.resize(row, (columns, 24), interpolation=cv2.INTER_AREA), np.uint8)


def contrasted(image: Image, quad: Quad) -> Image:
    """With local contrast (CLAHE), for worn paint and dull light."""
    row = straighten(image, quad, margin=0.05, ends=ENDS)
    lab = cv2.cvtColor(row, cv2.COLOR_BGR2LAB)
    lab[:, :, 0] = cv2.createCLAHE(2.0, (2, 4)).apply(np.ascontiguousarray(lab[:, :, 0]))
    return np.asarray(cv2.cvtColor(lab, cv2.COLOR_LAB2BGR), np.uint8)


def evened(image: Image, quad: Quad) -> Image:
    """Divided by the light on the ground: shadows and soft glare go."""
    grey = cv2.cvtColor(straighten(image, quad, margin=0.05, ends=ENDS), cv2.COLOR_BGR2GRAY)
    ground = cv2.dilate(grey, np.ones((9, 9), np.uint8)).astype(np.float32)
    light = cv2.GaussianBlur(ground, (0, 0), max(3.0, grey.shape[0] / 3))
    even = np.clip(grey * (255 / np.maximum(light, 1)), 0, 255).astype(np.uint8)
    return np.asarray(cv2.cvtColor(even, cv2.COLOR_GRAY2BGR), np.uint8)


def strokes(image: Image, quad: Quad) -> Image:
    """Only what is darker than all round it within a stroke's width (black hat)."""
    grey = cv2.cvtColor(straighten(image, quad, margin=0.05, ends=ENDS), cv2.COLOR_BGR2GRAY)
    side = max(3, grey.shape[0] // 4 | 1)
    brush = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    hat = cv2.morphologyEx(grey, cv2.MORPH_BLACKHAT, brush)
    ink = 255 - (hat * (255 / max(int(hat.max()), 1))).astype(np.uint8)
    return np.asarray(cv2.cvtColor(ink, cv2.COLOR_GRAY2BGR), np.uint8)


LOOKS: Final[tuple[Look, ...]] = (
    plain,
    roomy,
    long,
    tight,
    small,
    contrasted,
    evened,
    strokes,
)
"""Ways to cut a line when the first was not sure. A right text stays under all of them, a wrong
one changes: so they are as unlike as can be."""
