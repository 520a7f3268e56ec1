"""Plates drawn for tests: dark letters on a bright ground, or the reverse, then spoilt."""

from __future__ import annotations

import cv2
import numpy as np

from vision.source.picture import Image

GROUNDS = {
    "white": ((235, 235, 235), (20, 20, 20)),
    "yellow": ((20, 190, 240), (20, 20, 20)),
    "blue": ((170, 80, 10), (240, 240, 240)),
    "red": ((30, 20, 180), (240, 240, 240)),
}


def draw(
    *rows: str, colour: str = "white", size: tuple[int, int] | None = None, turn: float = 0.0
) -> Image:
    """A vehicle's dark back with a plate of one or two rows on it, turned by some degrees."""
    ground, ink = GROUNDS[colour]
    columns, lines = size or ((300, 80) if len(rows) == 1 else (190, 140))
    plate: Image = np.full((lines, columns, 3), ground, np.uint8)
    cv2.rectangle(plate, (2, 2), (columns - 3, lines - 3), ink, 2)
    step = lines / len(rows)
    for index, row in enumerate(rows):
        (wide, high), _ = cv2.getTextSize(row, cv2.FONT_HERSHEY_SIMPLEX, 1.0, 3)
        scale = min(0.86 * columns / wide, 0.62 * step / high)
        thick = max(2, round(3.2 * scale))
        left = round((columns - wide * scale) / 2)
        base = round(step * index + (step + high * scale) / 2)
        at = (left, base)
        cv2.putText(plate, row, at, cv2.FONT_HERSHEY_SIMPLEX, scale, ink, thick, cv2.LINE_AA)
    back: Image = np.full((360, 480, 3), (48, 46, 44), np.uint8)
    noise = np.random.default_rng(0).integers(0, 12, back.shape).astype(np.uint8)
    back += noise
    top, left = (360 - lines) // 2, (480 - columns) // 2
    back[top : top + lines, left : left + columns] = plate
    how = cv2.getRotationMatrix2D((240, 180), turn, 1)
    return np.asarray(cv2.warpAffine(back, how, (480, 360), borderMode=cv2.BORDER_REFLECT))
