"""Average precision of boxes against labels, in numpy alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.contract import InputSize
from models.train.augment import Example
from models.train.dataset import FloatArray

IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

LEVELS: Final = np.arange(0.5, 1.0, 0.05)
"""Overlaps at which COCO counts a box as right, 0.5 to 0.95."""

WORKING_SCORE: Final = 0.35
"""Recall and precision are told for boxes from this score on."""


@dataclass(frozen=True, slots=True)
class Boxes:
    """Boxes of one picture, best first.

    Attributes:
        xyxy: Pixels, float32 [N, 4].
        score: [N].
        class_id: int64 [N].
    """

    xyxy: FloatArray
    score: FloatArray
    class_id: IntArray


@dataclass(frozen=True, slots=True)
class ClassScore:
    """How well one class is found.

    Attributes:
        name: The class.
        objects: Objects that count.
        ap50: Average precision at overlap 0.5; None without objects.
        ap: Mean over ``LEVELS``.
        recall: Share of the objects found at ``WORKING_SCORE`` and overlap 0.5.
        precision: Share of those boxes that are right; None without boxes.
        overlap: Mean IoU of what was found there.
    """

    name: str
    objects: int
    ap50: float | None
    ap: float | None
    recall: float | None
    precision: float | None
    overlap: float | None


def pairwise(first: FloatArray, second: FloatArray) -> FloatArray:
    """Intersection over union of every pair, [N, M] of boxes [N, 4] and [M, 4]."""
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    shared = (high - low).clip(0).prod(-1)
    one = (first[:, 2:] - first[:, :2]).prod(-1)[:, None]
    other = (second[:, 2:] - second[:, :2]).prod(-1)[None, :]
    return np.asarray(shared / np.maximum(one + other - shared, 1e-6), np.float32)


def read_rows(
    rows: FloatArray,
    size: InputSize,
    strides: Sequence[int],
    least: float = 0.02,
    overlap: float = 0.6,
    most: int = 400,
) -> Boxes:
    """Boxes of one picture from the output of an exported graph, doubles removed within a class.

    Args:
        rows: [cells, 5 + classes] as contract ``yolox`` has it.
        size: The input.
        strides: Of the levels.
        least: Lowest score that is read.
        overlap: Above this the lesser of two boxes of a class falls.
        most: So many of the best boxes are looked at.
    """
    scores = rows[:, 5:] * rows[:, 4:5]
    best = scores.argmax(1)
    score = scores[np.arange(len(rows)), best]
    keep = np.flatnonzero(score >= least)
    keep = keep[np.argsort(-score[keep], kind="stable")][:most]
    corner, stride = _cells(size, strides)
    centre = (rows[keep, :2] + corner[keep]) * stride[keep]
    half = np.exp(np.minimum(rows[keep, 2:4], 11)) * stride[keep] / 2
    edge = np.array([size.width, size.height] * 2, np.float32)
    xyxy = np.concatenate((centre - half, centre + half), 1).clip(0, edge).astype(np.float32)
    group = best[keep]
    rival = (pairwise(xyxy, xyxy) > overlap) & (group[:, None] == group[None, :])
    rival = np.triu(rival, 1)
    stands = np.ones(len(keep), np.bool_)
    # Greedy suppression for all boxes at once (Cluster-NMS, arXiv 2005.03572).
    for _ in range(len(keep)):
        settled = ~(rival & stands[:, None]).any(0)
        if np.array_equal(settled, stands):
            break
        stands = settled
    return Boxes(xyxy[stands], score[keep][stands], group[stands].astype(np.int64))


def _cells(size: InputSize, strides: Sequence[int]) -> tuple[FloatArray, FloatArray]:
    corners, sides = [], []
    for stride in strides:
        y, x = np.mgrid[0 : size.height // stride, 0 : size.width // stride]
        corners.append(np.stack((x.ravel(), y.ravel()), 1))
        sides.append(np.full((x.size, 1), stride))
    return np.concatenate(corners).astype(np.float32), np.concatenate(sides).astype(np.float32)


@dataclass(frozen=True, slots=True)
class _Matched:
    """Boxes of one class and picture: score, overlap with what each was matched to, and fate."""

    score: FloatArray
    right: BoolArray  # [levels, N]
    counted: BoolArray  # [levels, N]; False where it lies on an ignored object
    overlap: FloatArray  # at the lowest level, 0 where it is wrong


def _match(found: Boxes, true: Example, class_id: int) -> _Matched:
    """Greedy by score, as COCO does: a box takes the free object that it overlaps most."""
    mine = found.class_id == class_id
    xyxy, score = found.xyxy[mine], found.score[mine]
    theirs = true.class_id == class_id
    real, ignored = true.xyxy[theirs & ~true.ignored], true.xyxy[theirs & true.ignored]
    iou = pairwise(xyxy, real)
    right = np.zeros((len(LEVELS), len(xyxy)), np.bool_)
    overlap = np.zeros(len(xyxy), np.float32)
    for level, least in enumerate(LEVELS):
        free = np.ones(len(real), np.bool_)
        for box in range(len(xyxy) if len(real) else 0):
            open_to = np.where(free, iou[box], -1)
            at = int(open_to.argmax())
            if open_to[at] >= least:
                free[at], right[level, box] = False, True
                if level == 0:
                    overlap[box] = open_to[at]
    on_ignored = np.zeros(len(xyxy), np.bool_)
    if len(ignored) and len(xyxy):
        low = np.maximum(xyxy[:, None, :2], ignored[None, :, :2])
        high = np.minimum(xyxy[:, None, 2:], ignored[None, :, 2:])
        shared = (high - low).clip(0).prod(-1)
        # Of the box's own area, for a hidden object's box may be much larger than what is seen.
        own = np.maximum((xyxy[:, 2:] - xyxy[:, :2]).prod(-1), 1e-6)
        on_ignored = (shared / own[:, None]).max(1) >= 0.5
    return _Matched(score, right, right | ~on_ignored[None, :], overlap)


def average_precision(score: FloatArray, right: BoolArray, objects: int) -> float:
    """Area under precision over recall at 101 points, precision made falling, as COCO has it.

    Args:
        score: Of each box [N].
        right: Whether it is right [N].
        objects: How many there are to find, above 0.
    """
    order = np.argsort(-score, kind="stable")
    hits = np.cumsum(right[order])
    recall = hits / objects
    precision = hits / np.arange(1, len(hits) + 1)
    falling = np.maximum.accumulate(precision[::-1])[::-1]
    at = np.searchsorted(recall, np.linspace(0, 1, 101) - 1e-9)
    return float(np.append(falling, 0.0)[at].mean())


def score_classes(
    pairs: Iterable[tuple[Boxes, Example]], classes: Sequence[str]
) -> list[ClassScore]:
    """How well each class is found.

    Args:
        pairs: Of each picture, what was found and what is there.
        classes: Names, in order.
    """
    matched: list[list[_Matched]] = [[] for _ in classes]
    objects = [0] * len(classes)
    for found, true in pairs:
        present = set(true.class_id.tolist()) | set(found.class_id.tolist())
        for class_id in present:
            objects[class_id] += int(((true.class_id == class_id) & ~true.ignored).sum())
            matched[class_id].append(_match(found, true, class_id))
    return [_score(name, objects[at], matched[at]) for at, name in enumerate(classes)]


def _score(name: str, objects: int, matched: Sequence[_Matched]) -> ClassScore:
    if not objects:
        return ClassScore(name, 0, None, None, None, None, None)
    score = np.concatenate([each.score for each in matched])
    right = np.concatenate([each.right for each in matched], 1)
    counted = np.concatenate([each.counted for each in matched], 1)
    overlap = np.concatenate([each.overlap for each in matched])
    by_level = [
        average_precision(score[counted[at]], right[at][counted[at]], objects)
        for at in range(len(LEVELS))
    ]
    working = (score >= WORKING_SCORE) & counted[0]
    hits = working & right[0]
    return ClassScore(
        name,
        objects,
        by_level[0],
        float(np.mean(by_level)),
        float(hits.sum() / objects),
        float(hits.sum() / working.sum()) if working.any() else None,
        float(overlap[hits].mean()) if hits.any() else None,
    )


def mean_of(scores: Sequence[ClassScore], column: str) -> float:
    """Mean of a column over the classes that have one; 0 when none has."""
    told = [getattr(score, column) for score in scores if getattr(score, column) is not None]
    return float(np.mean(told)) if told else 0.0
