"""How a part of a picture is cut for a model that judges crops: the same in training and in use."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from models.contract import InputSize

Image = NDArray[np.uint8]


class Window(NamedTuple):
    """A square of a picture, pixels; it may reach over the picture's edge."""

    left: int
    top: int
    side: int


def window(box: NDArray[np.float32], context: float) -> Window:
    """The square around a box.

    Args:
        box: Left, top, right, bottom, pixels.
        context: Its side in longer sides of the box.
    """
    left, top, right, bottom = (float(edge) for edge in box)
    side = max(2, round(max(right - left, bottom - top) * context))
    return Window(round((left + right - side) / 2), round((top + bottom - side) / 2), side)


def squared(part: Image, lack: tuple[int, int, int, int], side: int) -> Image:
    """A part of a picture as a square of a model's size.

    Args:
        part: The part of a window that lies in the picture, uint8 [h, w, 3].
        lack: Columns and rows of the window beyond the picture: left, top, right, bottom. What
            lies there is as the edge is.
        side: Of the result, pixels.
    """
    left, top, right, bottom = lack
    if any(lack):
        part = cv2.copyMakeBorder(part, top, bottom, left, right, cv2.BORDER_REPLICATE)  # type: ignore[assignment]
    # Shrinking with bilinear weights skips pixels, which makes edges flicker; area does not.
    how = cv2.INTER_AREA if part.shape[0] > side else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(part, (side, side), interpolation=how), np.uint8)


def stretched(part: Image, size: InputSize) -> Image:
    """A part of a picture in a model's size, whatever its shape, uint8 [height, width, 3]."""
    shrinks = part.shape[0] > size.height or part.shape[1] > size.width
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(part, (size.width, size.height), interpolation=how), np.uint8)


def cut(image: Image, at: Window, side: int) -> Image:
    """A window of a whole picture as a square of a model's size, uint8 [side, side, 3].

    Args:
        image: BGR uint8 [h, w, 3].
        at: The window; some of it lies in the picture.
        side: Of the result, pixels.
    """
    height, width = image.shape[:2]
    right, bottom = at.left + at.side, at.top + at.side
    part = image[max(0, at.top) : min(height, bottom), max(0, at.left) : min(width, right)]
    lack = (max(0, -at.left), max(0, -at.top), max(0, right - width), max(0, bottom - height))
    return squared(part, lack, side)
