"""The colour of a plate's ground, which says who owns it: private, state, business, army."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np

from ioc.events import PlateColour
from vision.source.picture import Image

DARK: Final = 60
"""Value (0-255) below which no colour is told apart: noise decides there."""
GREY: Final = 70
"""Saturation (0-255) up to which a bright ground is white; lamps tint it that much."""
VIVID: Final = 100
"""Saturation from which a hue is believed. Between both nothing is said."""
LEAST_PIXELS: Final = 60
HUES: Final[tuple[tuple[int, int, PlateColour], ...]] = (
    (0, 9, "red"),
    (17, 38, "yellow"),
    (95, 132, "blue"),
    (170, 180, "red"),
)
"""Hue ranges of OpenCV (0-180), both ends included. Between red and yellow lies sodium light."""


def ground_colour(rows: list[Image]) -> PlateColour:
    """The colour of the ground round the letters.

    Otsu's threshold parts letters and ground of each row; the ground is the larger part (letters
    cover 25 to 40 % of a row). Letters on a white or yellow ground are darker than it, on a blue or
    red one brighter, and where that does not fit, nothing is said.

    Args:
        rows: The plate's lines, level, BGR uint8.
    """
    grounds, brighter, letters, bright_letters = [], 0.0, 0, 0.0
    for row in rows:
        if row.size == 0:
            continue
        grey = cv2.cvtColor(row, cv2.COLOR_BGR2GRAY)
        limit, _ = cv2.threshold(grey, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
        high = grey > limit
        ground = high if high.mean() >= 0.5 else ~high
        pixels = row[ground]
        grounds.append(pixels)
        brighter += float(grey[ground].sum())
        bright_letters += float(grey[~ground].sum())
        letters += int((~ground).sum())
    count = sum(len(pixels) for pixels in grounds)
    if count < LEAST_PIXELS or letters == 0:
        return "unknown"
    middle = np.median(np.concatenate(grounds), axis=0).astype(np.uint8)
    hue, saturation, value = (
        int(part) for part in cv2.cvtColor(middle[None, None], cv2.COLOR_BGR2HSV)[0, 0]
    )
    if value < DARK:
        return "unknown"
    light_ground = brighter / count > bright_letters / letters
    if saturation <= GREY:
        return "white" if light_ground else "unknown"
    if saturation < VIVID:
        return "unknown"
    for low, high_end, name in HUES:
        if low <= hue <= high_end:
            return name if light_ground == (name == "yellow") else "unknown"
    return "unknown"
