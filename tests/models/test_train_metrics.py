from __future__ import annotations

import numpy as np
import pytest

from models.contract import InputSize
from models.train.augment import Example
from models.train.dataset import CLASSES
from models.train.metrics import (
    LEVELS,
    Boxes,
    average_precision,
    mean_of,
    pairwise,
    read_rows,
    score_classes,
)
from vision.detect.letterbox import fit
from vision.detect.yolox import YoloxDecoder

SIZE = InputSize(64, 96)
STRIDES = (8, 16, 32)


def true(boxes: list[list[float]], ignored: list[bool] | None = None) -> Example:
    return Example(
        np.zeros((1, 1, 3), np.uint8),
        np.zeros(len(boxes), np.int64),
        np.array(boxes, np.float32).reshape(-1, 4),
        np.array(ignored or [False] * len(boxes), np.bool_),
    )


def found(boxes: list[list[float]], scores: list[float]) -> Boxes:
    return Boxes(
        np.array(boxes, np.float32).reshape(-1, 4),
        np.array(scores, np.float32),
        np.zeros(len(boxes), np.int64),
    )


BOX, FAR = [10.0, 10.0, 50.0, 30.0], [60.0, 40.0, 80.0, 60.0]


def test_all_found_exactly_is_one() -> None:
    (score,) = score_classes([(found([BOX, FAR], [0.9, 0.8]), true([BOX, FAR]))], ["car"])

    assert (score.objects, score.recall, score.precision) == (2, 1, 1)
    assert score.ap50 == score.ap == pytest.approx(1)
    assert score.overlap == pytest.approx(1)


def test_a_box_that_sits_badly_counts_at_low_overlap_only() -> None:
    loose = [10.0, 10.0, 50.0, 36.0]  # IoU 20 / 26 = 0.77

    (score,) = score_classes([(found([loose], [0.9]), true([BOX]))], ["car"])

    assert score.ap50 == 1
    assert score.ap == pytest.approx((LEVELS <= 0.76).mean())
    assert score.overlap == pytest.approx(20 / 26)


def test_a_second_box_on_one_object_is_wrong() -> None:
    pair = found([BOX, BOX], [0.9, 0.8]), true([BOX])

    (score,) = score_classes([pair], ["car"])

    assert (score.recall, score.precision) == (1, 0.5)


def test_a_box_on_an_ignored_object_counts_neither_way() -> None:
    pair = found([BOX, FAR], [0.9, 0.8]), true([BOX, FAR], [False, True])

    (score,) = score_classes([pair], ["car"])

    assert (score.objects, score.recall, score.precision, score.ap50) == (1, 1, 1, 1)


def test_false_boxes_cost_precision_only_where_they_rank_above_true_ones() -> None:
    right = np.array([True, False, True])

    assert average_precision(np.array([0.9, 0.1, 0.8], np.float32), right, 2) == 1
    # 1 up to recall 0.5 (51 of 101 points), then 2/3.
    wrong_second = average_precision(np.array([0.9, 0.8, 0.7], np.float32), right, 2)
    assert wrong_second == pytest.approx((51 + 50 * 2 / 3) / 101)


def test_a_class_without_objects_has_no_figure_and_does_not_count_in_the_mean() -> None:
    scores = score_classes([(found([BOX], [0.9]), true([BOX]))], ["car", "bus"])

    assert scores[1].ap is None
    assert mean_of(scores, "ap50") == 1


def test_rows_are_read_as_the_camera_node_reads_them() -> None:
    from models.registry import load_manifest

    rng = np.random.default_rng(3)
    contract = load_manifest().contracts["sim-v1"]
    rows = rng.normal(0, 1, (contract.rows(SIZE), 5 + len(CLASSES))).astype(np.float32)
    rows[:, 4] = rng.random(len(rows)) ** 6
    rows[:, 5:] = rng.random((len(rows), len(CLASSES)))
    rows[:, 5:] /= rows[:, 5:].max(1, keepdims=True)

    ours = read_rows(rows, SIZE, STRIDES, least=0.3, overlap=1.0)
    theirs = YoloxDecoder(contract, SIZE).decode([rows], fit(*SIZE, SIZE), 0.3)

    boxes = np.concatenate((theirs.vehicles.xyxy, theirs.parts.xyxy))
    # The node drops what lies outside the picture; ours keeps it, as a wrong box.
    inside = (ours.xyxy[:, 2:] - ours.xyxy[:, :2] >= 1).all(1)
    assert len(boxes) == inside.sum() > 5
    assert (pairwise(boxes, ours.xyxy[inside]).max(1) > 0.999).all()
    assert set(np.r_[theirs.vehicles.score, theirs.parts.score].tolist()) == set(
        ours.score[inside].tolist()
    )


def test_the_lesser_of_two_boxes_of_a_class_falls() -> None:
    rows = np.zeros((8 * 12 + 4 * 6 + 2 * 3, 5 + 2), np.float32)
    rows[13] = [0.5, 0.5, 1.0, 1.0, 0.9, 1.0, 0.1]
    rows[14] = [-0.4, 0.5, 1.0, 1.0, 0.8, 1.0, 0.1]  # nearly the same place, next cell
    rows[25] = [0.5, -0.5, 1.0, 1.0, 0.7, 0.1, 1.0]  # the same place, another class

    boxes = read_rows(rows, SIZE, STRIDES)

    assert boxes.score.tolist() == pytest.approx([0.9, 0.7])
    assert boxes.class_id.tolist() == [0, 1]
