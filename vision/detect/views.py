"""Looking at a picture more than once: the whole of it, and closer at parts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from vision.detect.detected import Detected
from vision.detect.detections import (
    BODY,
    BoolArray,
    Detections,
    FloatArray,
    IntArray,
    area,
    iou,
    settle,
)
from vision.detect.parts import Parts

Region = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels of the picture."""

EDGE_SHARE: Final = 0.01
"""A box ends at a tile's border when it comes this near, as a share of the tile's side: detectors
draw a vehicle that is cut off to within 3 pixels of 416."""

COVERED: Final = 0.6
"""A box that was cut off falls when this share of it lies inside a box of another view."""

CONTAINED: Final = 0.7
"""Two boxes are one vehicle when this share of one lies inside the other: close views also find
halves of vehicles. On the junction of the accuracy data (every 4th frame) it brings the precision
of motorbikes from 0.80, with boxes of different views only, to 0.86, and their recall from 0.70 to
0.68."""

MOST: Final = 500
"""Boxes of all views that are held against each other, the surest ones."""


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
    views: Sequence[Detected],
    regions: Sequence[Region],
    width: int,
    height: int,
    overlap: float,
) -> Detected:
    """The boxes of all views in the picture's pixels, each vehicle once.

    A vehicle on the border of a tile is seen in part by it, and whole by another view. The part
    falls when it touches a border inside the picture and lies mostly inside a box of the same
    body of another view; non-maximum suppression alone would miss it, for the overlap with the
    whole is small. Then boxes that lie mostly in each other are one vehicle, and a box
    that a border cut counts half when the better one is picked.

    Args:
        views: Boxes in the pixels of each region, without doubles.
        regions: Where each view lies.
        width: Of the picture, pixels.
        height: Of it.
        overlap: Intersection over union above which the lesser of two boxes falls.

    Returns:
        The boxes that stand, the surest first.
    """
    users = Detections(
        _moved([view.vehicles.xyxy for view in views], regions),
        np.concatenate([view.vehicles.score for view in views]),
        np.concatenate([view.vehicles.class_id for view in views]),
    )
    parts = Parts(
        _moved([view.parts.xyxy for view in views], regions),
        np.concatenate([view.parts.score for view in views]),
        np.concatenate([view.parts.part_id for view in views]),
    )
    size = (width, height)
    source = np.repeat(np.arange(len(views)), [len(view.vehicles) for view in views])
    users = users.select(
        _once(users.xyxy, users.score, BODY[users.class_id], source, regions, size, overlap)
    )
    source = np.repeat(np.arange(len(views)), [len(view.parts) for view in views])
    parts = parts.select(
        _once(parts.xyxy, parts.score, parts.part_id, source, regions, size, overlap)
    )
    return Detected(users, parts)


def _once(
    boxes: FloatArray,
    score: FloatArray,
    group: IntArray,
    source: IntArray,
    regions: Sequence[Region],
    size: tuple[int, int],
    overlap: float,
) -> IntArray:
    """Indices of the boxes that stand, the surest first."""
    cut = _cut(boxes, np.array(regions, np.float32)[source], size)
    whole = np.flatnonzero(_whole(boxes, group, source, cut))
    rank = whole[np.argsort(-np.where(cut, score / 2, score)[whole], kind="stable")][:MOST]
    ranked = boxes[rank]
    share = _covered(ranked, ranked)
    rival = (iou(ranked, ranked) > overlap) | (np.maximum(share, share.T) > CONTAINED)
    rank = rank[settle(rival & (group[rank][:, None] == group[rank][None, :]))]
    return np.asarray(rank[np.argsort(-score[rank], kind="stable")])


def _moved(boxes: Sequence[FloatArray], regions: Sequence[Region]) -> FloatArray:
    pairs = zip(boxes, regions, strict=True)
    return np.concatenate([each + np.array([*at[:2], *at[:2]], np.float32) for each, at in pairs])


def _whole(boxes: FloatArray, group: IntArray, source: IntArray, parts: BoolArray) -> BoolArray:
    """Which boxes are not the cut-off part of a box of another view."""
    stands = np.ones(len(boxes), np.bool_)
    cut = np.flatnonzero(parts)
    share = _covered(boxes[cut], boxes)
    rival = (group[cut][:, None] == group[None, :]) & (source[cut][:, None] != source[None, :])
    # Of two parts that cover each other the smaller one falls, so that one of them stays.
    sizes = area(boxes)
    rival &= ~parts[None, :] | (sizes[None, :] > sizes[cut][:, None])
    stands[cut[((share >= COVERED) & rival).any(axis=1)]] = False
    return stands


def _cut(boxes: FloatArray, region: FloatArray, size: tuple[int, int]) -> BoolArray:
    """Which boxes [N, 4] touch a border of their region [N, 4] inside the picture."""
    near = np.tile(EDGE_SHARE * (region[:, 2:] - region[:, :2]), 2)
    inner = np.concatenate((region[:, :2] > 0, region[:, 2:] < np.array(size)), axis=1)
    inward = np.array([1, 1, -1, -1])
    return np.asarray((((boxes - region) * inward <= near) & inner).any(axis=1))


def _covered(boxes: FloatArray, others: FloatArray) -> FloatArray:
    """Share of each box [N, 4] that lies inside each other one [M, 4], [N, M]."""
    a, b = boxes[:, None, :], others[None, :, :]
    wide = np.minimum(a[..., 2], b[..., 2]) - np.maximum(a[..., 0], b[..., 0])
    high = np.minimum(a[..., 3], b[..., 3]) - np.maximum(a[..., 1], b[..., 1])
    shared = np.maximum(wide, 0) * np.maximum(high, 0)
    return np.asarray(shared / np.maximum(area(boxes)[:, None], 1e-9), dtype=np.float32)
