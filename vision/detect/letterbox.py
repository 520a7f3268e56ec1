"""A frame of any size into the fixed picture of a model, without copies in between."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.contract import InputSize
from vision.detect.detections import BoolArray, FloatArray
from vision.source.picture import Image, Picture

LEAST_SIDE = 1.0
"""Boxes that are narrower or lower than this in the frame are no vehicles, pixels."""


@dataclass(frozen=True, slots=True)
class Fit:
    """How a frame, or a region of it, lies in the model's picture: scaled, at the top left.

    Attributes:
        height: Rows of the model's picture that it fills.
        width: Columns that it fills.
        frame_height: Its own rows.
        frame_width: Its own columns.
    """

    height: int
    width: int
    frame_height: int
    frame_width: int

    def to_frame(self, xyxy: FloatArray) -> tuple[FloatArray, BoolArray]:
        """Boxes of the model's picture in pixels of the frame, cut at its edges.

        Args:
            xyxy: Boxes in pixels of the model's picture [N, 4]; anything may be in them.

        Returns:
            The boxes, float32 [N, 4], and which of them are finite and lie in the frame.
        """
        wide, high = self.frame_width / self.width, self.frame_height / self.height
        boxes = xyxy * np.array([wide, high, wide, high], np.float32)
        boxes[:, 0::2] = boxes[:, 0::2].clip(0, self.frame_width)
        boxes[:, 1::2] = boxes[:, 1::2].clip(0, self.frame_height)
        # Cutting leaves nothing infinite, and NaN fails the comparison.
        whole = (boxes[:, 2:] - boxes[:, :2] >= LEAST_SIDE).all(axis=1)
        return boxes.astype(np.float32, copy=False), np.asarray(whole)


def fit(
    frame_height: int,
    frame_width: int,
    size: InputSize,
    stretch: bool = False,
    flatten: float = 1.0,
) -> Fit:
    """The largest scale at which a frame fits, its shape kept to within a pixel.

    The sides are even, for that is what scaling planes needs; without it an odd side costs a
    conversion of the whole frame, 2 ms at 1080p. The exact scale of each side is kept.

    Args:
        frame_height: Rows of the frame.
        frame_width: Columns.
        size: The model's picture.
        stretch: Fill the picture instead.
        flatten: The frame is pressed to this share of its height first, above 0 to 1.
    """
    if stretch:
        return Fit(size.height, size.width, frame_height, frame_width)
    pressed = frame_height * flatten
    ratio = min(size.height / pressed, size.width / frame_width)
    height = min(size.height, max(2, round(pressed * ratio / 2) * 2))
    width = min(size.width, max(2, round(frame_width * ratio / 2) * 2))
    return Fit(height, width, frame_height, frame_width)


def letterbox(
    picture: Picture,
    row: Image,
    padding: int,
    region: tuple[int, int, int, int] | None = None,
    stretch: bool = False,
    flatten: float = 1.0,
) -> Fit:
    """Scale a picture, or a region of it, straight into its row of the batch buffer.

    OpenCV writes into the view, so the only memory touched is the row itself. Bilinear, because
    INTER_AREA costs 2.5 ms and the models were trained on bilinear pictures.

    Args:
        picture: The frame.
        row: Where it goes, uint8 BGR [H, W, 3]; may be a slice of a larger buffer.
        padding: Grey value of the rest.
        region: Left, top, right, bottom in pixels; the whole picture when left out.
        stretch: Fill the row instead of keeping the shape.
        flatten: The picture is pressed to this share of its height first, above 0 to 1.

    Returns:
        How the frame lies in the row.
    """
    left, top, right, bottom = region or (0, 0, picture.width, picture.height)
    size = InputSize(row.shape[0], row.shape[1])
    lies = fit(bottom - top, right - left, size, stretch, flatten)
    picture.resize_into(row[: lies.height, : lies.width], region)
    row[lies.height :] = padding
    row[: lies.height, lies.width :] = padding
    return lies
