"""A frame of any size into the fixed picture of a model, without copies in between."""

from __future__ import annotations

from dataclasses import dataclass

from models.contract import InputSize
from vision.source.picture import Image, Picture


@dataclass(frozen=True, slots=True)
class Fit:
    """How a frame lies in the model's picture: scaled by ``ratio``, at the top left.

    Attributes:
        ratio: Model pixels for one frame pixel.
        height: Rows of the model's picture that the frame fills.
        width: Columns that it fills.
    """

    ratio: float
    height: int
    width: int


def fit(frame_height: int, frame_width: int, size: InputSize) -> Fit:
    """The largest scale at which a frame fits, its shape kept."""
    ratio = min(size.height / frame_height, size.width / frame_width)
    return Fit(
        ratio,
        min(size.height, max(1, round(frame_height * ratio))),
        min(size.width, max(1, round(frame_width * ratio))),
    )


def letterbox(
    picture: Picture, row: Image, padding: int, region: tuple[int, int, int, int] | None = None
) -> Fit:
    """Scale a picture, or a region of it, straight into its row of the batch buffer.

    OpenCV writes into the view, so the only memory touched is the row itself. Bilinear, because
    INTER_AREA costs 2.5 ms and the models were trained on bilinear pictures.

    Args:
        picture: The frame.
        row: Where it goes, uint8 BGR [H, W, 3]; may be a slice of a larger buffer.
        padding: Grey value of the rest.
        region: Left, top, right, bottom in pixels; the whole picture when left out.

    Returns:
        How the frame lies in the row.
    """
    left, top, right, bottom = region or (0, 0, picture.width, picture.height)
    lies = fit(bottom - top, right - left, InputSize(row.shape[0], row.shape[1]))
    picture.resize_into(row[: lies.height, : lies.width], region)
    row[lies.height :] = padding
    row[: lies.height, lies.width :] = padding
    return lies
