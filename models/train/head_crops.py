"""Heads cut out of the dataset's pictures: with a helmet, bare, and what is no head at all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from models.crop import Image, cut, window
from models.train.dataset import CLASSES, FloatArray, Sample

LABELS: Final = ("none", "helmet", "no_helmet")
"""What a crop may be, in the order of the model's columns."""

CONTEXT: Final = 1.7
"""Side of a crop in longer sides of the head: a cap is told from a helmet by the neck below it."""

ROOM: Final = 1.5
"""Crops are kept so many times larger, so that training can shift, turn and zoom them."""

KEPT_PX: Final = 64
VISIBLE: Final = 0.5
LEAST_PX: Final = 6.0
"""Heads that are smaller in the picture show nothing."""

_HEADS: Final = (CLASSES.index("helmet"), CLASSES.index("no_helmet"))
_USERS: Final = CLASSES.index("rider")
"""Classes up to this one are road users; crops of no head are cut from them."""


@dataclass(frozen=True, slots=True)
class HeadCrops:
    """Crops of heads.

    Attributes:
        image: BGR, uint8 [N, KEPT_PX, KEPT_PX, 3].
        label: Place in ``LABELS``, int64 [N].
        height_px: Longer side of the head in its picture, float32 [N].
    """

    image: Image
    label: NDArray[np.int64]
    height_px: FloatArray

    def __len__(self) -> int:
        return len(self.label)


def head_crops(samples: Sequence[Sample], seed: int) -> HeadCrops:
    """All heads of some pictures, and half as many places on road users that no head covers.

    Args:
        samples: The pictures.
        seed: Chooses the places.
    """
    rng = np.random.default_rng(seed)
    images: list[Image] = []
    labels: list[int] = []
    heights: list[float] = []
    for sample in samples:
        decoded = cv2.imdecode(np.frombuffer(sample.jpeg, np.uint8), cv2.IMREAD_COLOR)
        if decoded is None:
            continue
        picture = np.asarray(decoded, np.uint8)
        rows, columns = picture.shape[:2]
        boxes = sample.xyxy * np.array([columns, rows, columns, rows], np.float32)
        for box, label in (*_heads(sample, boxes), *_others(sample, boxes, rng)):
            side = float((box[2:] - box[:2]).max())
            if side >= LEAST_PX:
                images.append(cut(picture, window(box, CONTEXT * ROOM), KEPT_PX))
                labels.append(label)
                heights.append(side)
    return HeadCrops(
        np.stack(images) if images else np.empty((0, KEPT_PX, KEPT_PX, 3), np.uint8),
        np.array(labels, np.int64),
        np.array(heights, np.float32),
    )


def _heads(sample: Sample, boxes: FloatArray) -> Iterator[tuple[FloatArray, int]]:
    for label, column in enumerate(_HEADS, start=1):
        for row in np.flatnonzero((sample.class_id == column) & (sample.visible >= VISIBLE)):
            yield boxes[row], label


def _others(
    sample: Sample, boxes: FloatArray, rng: np.random.Generator
) -> Iterator[tuple[FloatArray, int]]:
    """Squares on road users that are no head: a detector takes lamps, bags and knees for them."""
    heads = boxes[np.isin(sample.class_id, _HEADS)]
    users = boxes[sample.class_id <= _USERS]
    if not len(users):
        return
    for _ in range(max(2, len(heads) // 2)):
        left, top, right, bottom = users[rng.integers(len(users))]
        side = float(np.clip((right - left) * rng.uniform(0.15, 0.6), LEAST_PX, 60))
        centre = np.array([rng.uniform(left, right), rng.uniform(top, bottom)], np.float32)
        away = np.hypot(*((heads[:, :2] + heads[:, 2:]) / 2 - centre).T)
        if (away > 0.9 * np.maximum(side, heads[:, 2] - heads[:, 0])).all():
            yield np.concatenate((centre - side / 2, centre + side / 2)), 0
