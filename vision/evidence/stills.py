"""Stills of an act: the pictures before, at and after it, and the plate, as they were decoded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from vision.source.picture import Image

QUALITY: Final = 92
"""JPEG quality: a 1080p picture is about 600 kB, and no block edges show round a plate."""

PLATE_MARGIN: Final = 0.15
"""Share of a plate's box that is kept round it, so that its frame can be seen."""


@dataclass(frozen=True, slots=True)
class TimedBox:
    """Where something was in one picture.

    Attributes:
        time_s: The picture's time, in the source's clock, seconds.
        left: Pixels of the source's frame, as are the others.
        top: Upper edge.
        right: Right edge.
        bottom: Lower edge.
    """

    time_s: float
    left: float
    top: float
    right: float
    bottom: float


def still_times(
    act_s: float, first_s: float, last_s: float, before_s: float, after_s: float
) -> tuple[float, float, float]:
    """Times of the three stills, moved inside the clip.

    Args:
        act_s: The act, in the source's clock, seconds.
        first_s: First picture of the clip.
        last_s: Last picture of it.
        before_s: Seconds from the still before to the act.
        after_s: Seconds from the act to the still after.
    """

    def inside(at: float) -> float:
        return min(max(at, first_s), last_s)

    return inside(act_s - before_s), inside(act_s), inside(act_s + after_s)


def jpeg(picture: Image) -> bytes:
    """A whole picture as JPEG.

    Args:
        picture: BGR, uint8 [h, w, 3].
    """
    done, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    assert done
    return data.tobytes()


def plate_crop(picture: Image, box: TimedBox) -> bytes | None:
    """The plate as PNG, without loss: it is small, and every pixel of it is argued about.

    Args:
        picture: BGR, uint8 [h, w, 3].
        box: The plate in pixels of the picture.

    Returns:
        The file; None when the box lies outside the picture.
    """
    rows, columns = picture.shape[:2]
    across = (box.right - box.left) * PLATE_MARGIN
    down = (box.bottom - box.top) * PLATE_MARGIN
    left, top = max(0, int(box.left - across)), max(0, int(box.top - down))
    right = min(columns, int(np.ceil(box.right + across)))
    bottom = min(rows, int(np.ceil(box.bottom + down)))
    if right <= left or bottom <= top:
        return None
    done, data = cv2.imencode(".png", np.ascontiguousarray(picture[top:bottom, left:right]))
    assert done
    return data.tobytes()
