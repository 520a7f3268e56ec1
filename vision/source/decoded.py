"""Pictures out of decoded frames: planes without a copy where they are what ``Picture`` holds."""

from __future__ import annotations

from typing import Final

import av
import cv2
import numpy as np
from av.video.plane import VideoPlane

from vision.source.picture import Image, Picture

_I420: Final = frozenset({"yuv420p", "yuvj420p"})
_FULL_RANGE: Final = 2
"""AVCOL_RANGE_JPEG of FFmpeg's pixfmt.h."""
_TURNS: Final = {
    90: cv2.ROTATE_90_COUNTERCLOCKWISE,
    180: cv2.ROTATE_180,
    -180: cv2.ROTATE_180,
    -90: cv2.ROTATE_90_CLOCKWISE,
}


def picture_of(frame: av.VideoFrame) -> Picture:
    """A frame as a picture, upright.

    4:2:0 frames of even size are wrapped, not copied: the arrays hold a reference to the frame,
    and FFmpeg writes into a buffer again only when nobody refers to it any more. A picture that
    is kept therefore stays as it is (and keeps its 3 MB at 1080p). Others, such as the 4:2:2 of
    most USB cameras or ten bits, become BGR at once.

    Args:
        frame: What the decoder gave.
    """
    name = frame.format.name
    planes = frame.planes  # PyAV makes them anew each time that they are asked for
    if any(plane.line_size <= 0 for plane in planes):  # stored from the last row to the first
        frame, name = frame.reformat(format="bgr24"), "bgr24"
    turn = _TURNS.get(frame.rotation)
    if frame.width % 2 == 0 and frame.height % 2 == 0 and (name in _I420 or name == "nv12"):
        y = _plane(planes[0], frame.width, frame.height)
        if name == "nv12":
            pairs = _plane(planes[1], frame.width, frame.height // 2)
            u, v = (
                np.asarray(part, np.uint8)
                for part in cv2.split(pairs.reshape(frame.height // 2, frame.width // 2, 2))
            )
        else:
            u, v = (_plane(part, frame.width // 2, frame.height // 2) for part in planes[1:3])
        if turn is not None:
            y, u, v = (np.asarray(cv2.rotate(part, turn), np.uint8) for part in (y, u, v))
        full_range = name == "yuvj420p" or frame.color_range == _FULL_RANGE
        return Picture(planes=(y, u, v), full_range=full_range)
    bgr = np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)
    return Picture(bgr=bgr if turn is None else np.asarray(cv2.rotate(bgr, turn), np.uint8))


def _plane(plane: VideoPlane, columns: int, rows: int) -> Image:
    """A plane as a view; its rows lie ``line_size`` bytes apart."""
    flat = np.frombuffer(memoryview(plane), np.uint8)
    return flat[: plane.line_size * rows].reshape(rows, plane.line_size)[:, :columns]
