from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ioc.errors import ConfigError
from models.contract import InputSize
from models.registry import load_manifest, resolve
from tests.models.onnx_file import constant_model
from vision.detect.detections import BODY, CLASS_ID, CLASSES, Detections, iou, suppress
from vision.detect.letterbox import Fit, letterbox
from vision.detect.session import Detector, DetectorSettings, open_session
from vision.detect.yolox import YoloxDecoder
from vision.source.picture import Picture


def detections(*rows: tuple[float, float, float, float, float, str]) -> Detections:
    return Detections(
        np.array([row[:4] for row in rows], np.float32).reshape(-1, 4),
        np.array([row[4] for row in rows], np.float32),
        np.array([CLASS_ID[row[5]] for row in rows], np.int64),  # type: ignore[index]
    )


def test_the_letterbox_fills_its_row_in_place_and_keeps_the_shape() -> None:
    image = np.full((90, 160, 3), 200, np.uint8)
    batch = np.zeros((2, 64, 64, 3), np.uint8)

    lies = letterbox(Picture(bgr=image), batch[1], 114)

    assert (lies.height, lies.width) == (36, 64)
    assert (batch[1, :36] == 200).all()
    assert (batch[1, 36:] == 114).all()
    assert (batch[0] == 0).all()


def test_the_letterbox_leaves_nothing_of_an_earlier_frame() -> None:
    row = np.zeros((64, 64, 3), np.uint8)
    letterbox(Picture(bgr=np.full((64, 64, 3), 255, np.uint8)), row, 114)

    letterbox(Picture(bgr=np.zeros((64, 32, 3), np.uint8)), row, 114)

    assert (row[:, :32] == 0).all()
    assert (row[:, 32:] == 114).all()


def planes(height: int, width: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(height)
    return (
        rng.integers(16, 236, (height, width), np.uint8),
        rng.integers(16, 241, (height // 2, width // 2), np.uint8),
        rng.integers(16, 241, (height // 2, width // 2), np.uint8),
    )


@pytest.mark.parametrize(
    ("height", "width", "rows", "columns", "region"),
    [
        (108, 192, 36, 64, None),  # a third: pixels are picked
        (108, 192, 36, 64, (0, 0, 192, 108)),
        (120, 192, 30, 48, None),  # a quarter: between pixels
        (108, 192, 20, 36, (6, 4, 186, 104)),  # a fifth of a region
        (108, 192, 60, 66, (4, 6, 104, 98)),
    ],
)
def test_planes_are_scaled_as_opencv_does_bilinear(
    height: int,
    width: int,
    rows: int,
    columns: int,
    region: tuple[int, int, int, int] | None,
) -> None:
    y, u, v = planes(height, width)
    target = np.zeros((rows, columns, 3), np.uint8)

    Picture(planes=(y, u, v)).resize_into(target, region)

    left, top, right, bottom = region or (0, 0, width, height)
    packed = np.empty((rows * 3 // 2, columns), np.uint8)
    packed[:rows] = cv2.resize(y[top:bottom, left:right], (columns, rows))
    half = np.s_[top // 2 : bottom // 2, left // 2 : right // 2]
    for number, plane in enumerate((u, v)):
        chroma = cv2.resize(plane[half], (columns // 2, rows // 2))
        packed[rows:].reshape(2, rows // 2, columns // 2)[number] = chroma
    assert np.array_equal(target, cv2.cvtColor(packed, cv2.COLOR_YUV2BGR_I420))


def naive(found: Detections, overlap: float) -> list[int]:
    order = sorted(range(len(found)), key=lambda i: -found.score[i])
    kept: list[int] = []
    table = iou(found.xyxy, found.xyxy)
    body = BODY[found.class_id]
    for index in order:
        if all(table[index, k] <= overlap or body[index] != body[k] for k in kept):
            kept.append(index)
    return kept


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 40), st.integers(0, 2**32 - 1))
def test_suppression_is_the_greedy_one(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    corner = rng.uniform(0, 60, (count, 2))
    found = Detections(
        np.concatenate((corner, corner + rng.uniform(5, 40, (count, 2))), axis=1).astype("f4"),
        (rng.permutation(count) / 100 + 0.1).astype(np.float32),
        rng.integers(0, len(CLASSES), count),
    )

    kept = suppress(found, 0.4)

    assert np.array_equal(kept.score, found.score[naive(found, 0.4)])


def test_a_van_seen_as_car_and_truck_is_one_and_its_rider_beside_it_stays() -> None:
    found = detections(
        (10, 10, 50, 50, 0.6, "truck"),
        (11, 10, 50, 51, 0.8, "car"),
        (11, 11, 50, 50, 0.5, "pedestrian"),
    )

    kept = suppress(found, 0.5)

    assert [CLASSES[i] for i in kept.class_id] == ["car", "pedestrian"]


def decoder() -> YoloxDecoder:
    return YoloxDecoder(load_manifest().contracts["yolox-coco"], InputSize(32, 32))


def raw_output() -> np.ndarray:
    raw = np.zeros((21, 85), np.float32)
    raw[17, :5] = (0.5, 0.25, np.log(0.5), np.log(1.0), 0.9)  # second cell of stride 16, top right
    raw[17, 5 + 2] = 0.8  # COCO: car
    return raw


def test_a_cell_becomes_a_box_in_frame_pixels() -> None:
    found = decoder().decode([raw_output()], Fit(32, 32, 64, 64), 0.1).vehicles

    # centre (1.5, 0.25) x 16 = (24, 4), sides 8 x 16; halved ratio doubles it; cut at the top
    np.testing.assert_allclose(found.xyxy, [[40, 0, 56, 24]], atol=1e-3)
    np.testing.assert_allclose(found.score, [0.72])
    assert CLASSES[found.class_id[0]] == "car"


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30])
@pytest.mark.parametrize("column", [0, 2, 4, 7])
def test_broken_numbers_of_a_graph_never_become_boxes_that_are_not_finite(
    value: float, column: int
) -> None:
    raw = raw_output()
    raw[17, column] = value

    with np.errstate(all="ignore"):
        found = decoder().decode([raw], Fit(32, 32, 64, 64), 0.1).vehicles

    assert np.isfinite(found.xyxy).all()
    assert (found.xyxy >= 0).all() and (found.xyxy <= 64).all()


def test_classes_without_a_meaning_here_are_not_read() -> None:
    raw = raw_output()
    raw[17, 5:] = 0
    raw[17, 5 + 9] = 0.99  # COCO: traffic light

    assert len(decoder().decode([raw], Fit(32, 32, 32, 32), 0.1).vehicles) == 0


def test_a_detector_runs_a_graph_and_cuts_at_the_frame(tmp_path: Path) -> None:
    path = constant_model(tmp_path / "tiny.onnx", (1, 3, 32, 32), raw_output()[None])
    threads = cv2.getNumThreads()
    try:
        black = Picture(bgr=np.zeros((16, 32, 3), np.uint8))
        found = Detector(resolve(str(path))).detect([black])[0].vehicles
    finally:
        cv2.setNumThreads(threads)

    np.testing.assert_allclose(found.xyxy, [[20, 0, 28, 12]], atol=1e-3)


def test_a_provider_that_is_not_there_is_refused_and_never_replaced(tmp_path: Path) -> None:
    model = resolve(str(constant_model(tmp_path / "t.onnx", (1, 3, 32, 32), raw_output()[None])))

    with pytest.raises(
        ConfigError, match=r"--provider openvino: this onnxruntime .* has only .*cpu"
    ):
        open_session(model, DetectorSettings(providers=("openvino", "cpu")))
    with pytest.raises(ConfigError, match="--provider gpu: known are tensorrt, cuda"):
        open_session(model, DetectorSettings(providers=("gpu",)))
