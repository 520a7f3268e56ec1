"""What a viewing copy shows clearly, and what it does not. Pure.

Clear is the flagged vehicle alone. All else is averaged into tones so few that no face and no
plate is in them, while lamps, lines and the shapes of vehicles stay.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from console.views import TimedBox

Image = NDArray[np.uint8]

TONES: Final = 5
"""A head keeps so many tones across: eyes, nose and mouth share one."""

HEAD_SHARE: Final = 1 / 19.2
"""Widest head that a junction's camera sees, as a share of the picture's width: 100 pixels of
1920. A plate of 150 pixels keeps eight tones for its eight letters, and two lines of them."""

HEAD_OF: Final = {"motorcycle": 0.5, "bicycle": 0.5, "pedestrian": 0.5}
HEAD_OF_OTHERS: Final = 0.2
"""Width of a head as a share of a vehicle's: where the flagged one is large, its neighbours are."""

GROWTH: Final = 0.15
"""The vehicle's box is grown by this share of its sides, for it may be a little off."""

HOLD_US: Final = 500_000
"""The vehicle is taken to be there so long before and after the boxes that show it."""
BRIDGE_US: Final = 1_500_000
"""Between two boxes further apart nobody knows where it was."""


class Box(NamedTuple):
    """A part of a picture, pixels."""

    left: float
    top: float
    right: float
    bottom: float


def box_at(boxes: Sequence[TimedBox], offset_us: int) -> Box | None:
    """Where the vehicle was, in between on a straight way; None when nobody knows.

    Args:
        boxes: In the order of time.
        offset_us: Time after the act, microseconds.
    """
    if not boxes:
        return None
    times = [box.offset_us for box in boxes]
    after = int(np.searchsorted(times, offset_us))
    before = boxes[max(0, after - 1)]
    behind = boxes[min(after, len(boxes) - 1)]
    near = min(abs(offset_us - before.offset_us), abs(behind.offset_us - offset_us)) <= HOLD_US
    within = before.offset_us <= offset_us <= behind.offset_us
    if not near and not (within and behind.offset_us - before.offset_us <= BRIDGE_US):
        return None
    left, top, right, bottom = (
        float(np.interp(offset_us, times, [box[edge] for box in boxes])) for edge in range(1, 5)
    )
    return Box(left, top, right, bottom)


def clear_part(box: Box | None, size: tuple[int, int], of: tuple[int, int]) -> Box | None:
    """The part of a picture that stays clear.

    Args:
        box: The vehicle, in pixels of the recording.
        size: Columns and rows of the picture.
        of: Columns and rows of the recording.

    Returns:
        Whole pixels inside of the picture; None when nothing stays clear.
    """
    if box is None or min(of) <= 0:
        return None
    across, down = size[0] / of[0], size[1] / of[1]
    wide, high = (box.right - box.left) * GROWTH, (box.bottom - box.top) * GROWTH
    left = max(0, int((box.left - wide) * across))
    top = max(0, int((box.top - high) * down))
    right = min(size[0], int(np.ceil((box.right + wide) * across)))
    bottom = min(size[1], int(np.ceil((box.bottom + high) * down)))
    return Box(left, top, right, bottom) if right > left and bottom > top else None


def cell_of(width: int, clear: Box | None, vehicle: str) -> float:
    """Size of a tone, pixels.

    Args:
        width: Columns of the picture.
        clear: The part that stays clear.
        vehicle: What the flagged vehicle is.
    """
    head = width * HEAD_SHARE
    if clear is not None:
        seen = (clear.right - clear.left) / (1 + 2 * GROWTH)
        head = max(head, seen * HEAD_OF.get(vehicle, HEAD_OF_OTHERS))
    return max(2.0, head / TONES)


def soften(image: Image, cell: float, clear: Box | None) -> Image:
    """A picture with all hidden but one part.

    Args:
        image: BGR, uint8 [h, w, 3].
        cell: Size of a tone, pixels.
        clear: Whole pixels of the part that stays as it is.

    Returns:
        BGR, uint8 [h, w, 3].
    """
    rows, columns = image.shape[:2]
    few = (max(1, int(columns / cell)), max(1, int(rows / cell)))
    small = cv2.resize(image, few, interpolation=cv2.INTER_AREA)
    # Linear, and not cubic: the tones of before are all that goes into it.
    soft = cv2.resize(small, (columns, rows), interpolation=cv2.INTER_LINEAR)
    shown = np.asarray(soft, np.uint8)
    if clear is not None:
        left, top, right, bottom = (int(edge) for edge in clear)
        shown[top:bottom, left:right] = image[top:bottom, left:right]
    return shown


def shrunk(image: Image, most: int) -> Image:
    """A picture that is at most so wide."""
    rows, columns = image.shape[:2]
    if columns <= most:
        return image
    size = (most, max(1, round(rows * most / columns)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
