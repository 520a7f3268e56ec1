"""Boxes of one frame, as a struct of arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, get_args

import numpy as np
from numpy.typing import NDArray

from ioc.events import VehicleClass

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

CLASSES: Final[tuple[VehicleClass, ...]] = get_args(VehicleClass)
"""Our classes; ``class_id`` is the place in this tuple, whatever the model's own numbering."""

CLASS_ID: Final[dict[VehicleClass, int]] = {name: index for index, name in enumerate(CLASSES)}

_BODIES: Final[dict[VehicleClass, int]] = {
    "car": 0,
    "bus": 0,
    "truck": 0,
    "three_wheeler": 0,
    "motorcycle": 1,
    "bicycle": 1,
    "pedestrian": 2,
    "other": 3,
}
BODY: Final[IntArray] = np.array([_BODIES[name] for name in CLASSES], dtype=np.int64)
"""Class → body. Detectors waver between classes of one body (car, truck, bus) on one vehicle, but
not between bodies; so two boxes compete, and a track takes a box, only within one body."""


@dataclass(frozen=True, slots=True)
class Detections:
    """Boxes of one frame.

    Attributes:
        xyxy: Left, top, right, bottom in pixels of the frame, float32 [N, 4].
        score: Confidence 0-1, float32 [N].
        class_id: Place in ``CLASSES``, int64 [N].
    """

    xyxy: FloatArray
    score: FloatArray
    class_id: IntArray

    @staticmethod
    def empty() -> Detections:
        """No boxes."""
        return Detections(
            np.empty((0, 4), np.float32), np.empty(0, np.float32), np.empty(0, np.int64)
        )

    def __len__(self) -> int:
        return len(self.score)

    def select(self, which: BoolArray | IntArray) -> Detections:
        """The boxes of a mask or of indices, in their order."""
        return Detections(self.xyxy[which], self.score[which], self.class_id[which])


def iou(first: FloatArray, second: FloatArray) -> FloatArray:
    """Intersection over union of every pair.

    Args:
        first: Boxes [N, 4].
        second: Boxes [M, 4].

    Returns:
        Float32 [N, M]; 0 where either box has no area.
    """
    a, b = first[:, None, :], second[None, :, :]
    width = np.minimum(a[..., 2], b[..., 2]) - np.maximum(a[..., 0], b[..., 0])
    height = np.minimum(a[..., 3], b[..., 3]) - np.maximum(a[..., 1], b[..., 1])
    shared = np.maximum(width, 0) * np.maximum(height, 0)
    union = area(first)[:, None] + area(second)[None, :] - shared
    return np.asarray(shared / np.maximum(union, 1e-9), dtype=np.float32)


def area(boxes: FloatArray) -> FloatArray:
    """Area of boxes [N, 4] in square pixels, [N]."""
    sides = np.maximum(boxes[:, 2:] - boxes[:, :2], 0)
    return np.asarray(sides[:, 0] * sides[:, 1], dtype=np.float32)


def standing(
    xyxy: FloatArray, score: FloatArray, group: IntArray, overlap: float, most: int = 300
) -> IntArray:
    """Non-maximum suppression within each group, exactly the greedy one.

    Args:
        xyxy: Boxes [N, 4] in any order.
        score: [N].
        group: Boxes compete only with their own group, [N].
        overlap: Intersection over union above which the lesser box falls.
        most: Only so many of the best boxes are looked at, which bounds the N x N matrix.

    Returns:
        Indices of the boxes that stand, best first.
    """
    order = np.argsort(-score, kind="stable")[:most]
    ranked, groups = xyxy[order], group[order]
    rival = (iou(ranked, ranked) > overlap) & (groups[:, None] == groups[None, :])
    return np.asarray(order[settle(rival)])


def settle(rival: BoolArray) -> BoolArray:
    """Which of some ranked boxes stand, without a loop over boxes.

    A box falls when a better box that itself stands overlaps it. Starting with all boxes standing,
    that is evaluated for all at once until nothing changes (Cluster-NMS, Zheng et al. 2021,
    arXiv 2005.03572); it settles after as many rounds as the longest chain of overlaps, 2 to 4.

    Args:
        rival: Whether two boxes cannot both stand [N, N], the best box first.

    Returns:
        Bool [N].
    """
    rival = np.triu(rival, k=1)
    stands: BoolArray = np.ones(len(rival), dtype=np.bool_)
    for _ in range(len(rival)):
        settled: BoolArray = np.asarray(~(rival & stands[:, None]).any(axis=0))
        if np.array_equal(settled, stands):
            break
        stands = settled
    return stands


def suppress(found: Detections, overlap: float, most: int = 300) -> Detections:
    """``standing`` within each body.

    Args:
        found: Boxes in any order.
        overlap: Intersection over union above which the lesser box falls.
        most: Only so many of the best boxes are looked at.

    Returns:
        The boxes that stand, best first.
    """
    body = BODY[found.class_id]
    return found.select(standing(found.xyxy, found.score, body, overlap, most))
