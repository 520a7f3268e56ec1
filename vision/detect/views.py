"""Looking at a picture more than once: the whole of it, and closer at parts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from vision.detect.detections import (
    BODY,
    BoolArray,
    Detections,
    FloatArray,
    area,
)

Region = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels of the picture."""

EDGE_SHARE: Final = 0.01
"""A box ends at a tile's border when it comes this near, as a share of the tile's side: detectors
draw a vehicle that is cut off to within 3 pixels of 416."""

COVERED: Final = 0.6
"""A box that was cut off falls when this share of it lies inside a box of another view."""


def grid(width: int, height: int, columns: int, rows: int, overlap: float) -> list[Region]:
    """Equal tiles that cover a picture.

    Args:
        width: Of the picture, pixels.
        height: Of it.
        columns: Tiles side by side.
        rows: Tiles above each other.
        overlap: Share of a tile that its neighbour covers too; at least a vehicle's size, so
            that none is cut off in both.
    """
    across = width / (columns - (columns - 1) * overlap)
    down = height / (rows - (rows - 1) * overlap)
    regions = []
    for row in range(rows):
        for column in range(columns):
            left, top = column * across * (1 - overlap), row * down * (1 - overlap)
            regions.append(
                (
                    round(left),
                    round(top),
                    min(width, round(left + across)),
                    min(height, round(top + down)),
                )
            )
    return regions


def join(
    views: Sequence[Detections], regions: Sequence[Region], width: int, height: int
) -> Detections:
    """The boxes of all views in the picture's pixels, without those that a border cut off.

    A vehicle on the border of a tile is seen in part by it, and whole by another view. The part
    falls when it touches a border inside the picture and lies mostly inside a box of the same
    body of another view; non-maximum suppression, which comes next, would miss it, for the
    overlap with the whole is small.

    Args:
        views: Boxes in the pixels of each region.
        regions: Where each view lies.
        width: Of the picture, pixels.
        height: Of it.
    """
    moved, cut, source = [], [], []
    for number, (view, region) in enumerate(zip(views, regions, strict=True)):
        boxes = view.xyxy + np.array([*region[:2], *region[:2]], np.float32)
        moved.append(boxes)
        cut.append(_cut(boxes, region, width, height))
        source.append(np.full(len(view), number))
    every = Detections(
        np.concatenate(moved),
        np.concatenate([view.score for view in views]),
        np.concatenate([view.class_id for view in views]),
    )
    parts, view_of = np.concatenate(cut), np.concatenate(source)
    if not parts.any():
        return every
    fallen = np.flatnonzero(parts)
    share = _covered(every.xyxy[fallen], every.xyxy)
    body = BODY[every.class_id]
    rival = (body[fallen][:, None] == body[None, :]) & (
        view_of[fallen][:, None] != view_of[None, :]
    )
    # Of two parts that cover each other the smaller one falls, so that one of them stays.
    sizes = area(every.xyxy)
    rival &= ~parts[None, :] | (sizes[None, :] > sizes[fallen][:, None])
    stands = np.ones(len(every), np.bool_)
    stands[fallen[((share >= COVERED) & rival).any(axis=1)]] = False
    return every.select(stands)


def _cut(boxes: FloatArray, region: Region, width: int, height: int) -> BoolArray:
    left, top, right, bottom = region
    near_x, near_y = EDGE_SHARE * (right - left), EDGE_SHARE * (bottom - top)
    touches = (boxes[:, 0] <= left + near_x) & (left > 0)
    touches |= (boxes[:, 1] <= top + near_y) & (top > 0)
    touches |= (boxes[:, 2] >= right - near_x) & (right < width)
    touches |= (boxes[:, 3] >= bottom - near_y) & (bottom < height)
    return np.asarray(touches)


def _covered(boxes: FloatArray, others: FloatArray) -> FloatArray:
    """Share of each box [N, 4] that lies inside each other one [M, 4], [N, M]."""
    a, b = boxes[:, None, :], others[None, :, :]
    wide = np.minimum(a[..., 2], b[..., 2]) - np.maximum(a[..., 0], b[..., 0])
    high = np.minimum(a[..., 3], b[..., 3]) - np.maximum(a[..., 1], b[..., 1])
    shared = np.maximum(wide, 0) * np.maximum(high, 0)
    return np.asarray(shared / np.maximum(area(boxes)[:, None], 1e-9), dtype=np.float32)
