"""DETR-style graphs: what their outputs become, through small graphs and with any numbers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from models.contract import InputSize
from models.registry import load_manifest, resolve
from vision.detect.decoder import decoder_of
from vision.detect.detected import Detected
from vision.detect.detections import CLASSES
from vision.detect.letterbox import Fit
from vision.detect.session import Detector
from vision.source.picture import Picture

SIDE = 32
FRAME = Picture(bgr=np.zeros((64, 96, 3), np.uint8))
LIES = Fit(SIDE, SIDE, 64, 96)


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    before = cv2.getNumThreads()
    yield
    cv2.setNumThreads(before)


def constant_graph(path: Path, outputs: dict[str, NDArray[Any]], sizes: bool) -> Path:
    """A graph that gives the same outputs whatever it is shown."""
    inputs = [helper.make_tensor_value_info("images", TensorProto.FLOAT, (1, 3, SIDE, SIDE))]
    if sizes:
        inputs.append(helper.make_tensor_value_info("orig_target_sizes", TensorProto.INT64, (1, 2)))
    kinds = {name: helper.np_dtype_to_tensor_dtype(value.dtype) for name, value in outputs.items()}
    graph = helper.make_graph(
        [helper.make_node("Identity", [f"{name}_is"], [name]) for name in outputs],
        "tiny",
        inputs,
        [helper.make_tensor_value_info(n, kinds[n], value.shape) for n, value in outputs.items()],
        [numpy_helper.from_array(value, f"{name}_is") for name, value in outputs.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, path)
    return path


def names(found: Detected) -> list[str]:
    return [CLASSES[index] for index in found.vehicles.class_id]


def test_a_graph_with_a_post_processor_gives_boxes_of_the_frame(tmp_path: Path) -> None:
    path = constant_graph(
        tmp_path / "m.onnx",
        {
            "labels": np.array([[2, 3, 9, 2]], np.int64),  # COCO: car, motorcycle, light, car
            "boxes": np.array(
                [[[8, 8, 16, 24], [0, 0, 4, 4], [1, 1, 9, 9], [8, 8, 16, 24]]], np.float32
            ),
            "scores": np.array([[0.9, 0.5, 0.99, 0.08]], np.float32),
        },
        sizes=True,
    )
    model = resolve(str(path))

    found = Detector(model).detect([FRAME])[0]

    assert model.contract_name == "rt-detr"
    assert names(found) == ["car", "motorcycle"]
    np.testing.assert_allclose(found.vehicles.xyxy, [[24, 16, 48, 48], [0, 0, 12, 8]], atol=1e-3)


def test_a_graph_of_logits_gives_boxes_of_the_frame(tmp_path: Path) -> None:
    dets, logits = np.zeros((1, 300, 4), np.float32), np.full((1, 300, 91), -9, np.float32)
    dets[0, 7] = (0.5, 0.5, 0.25, 0.5)
    logits[0, 7, 4] = 2.0  # COCO's category number: motorcycle
    dets[0, 8], logits[0, 8, 3] = dets[0, 7] / 2, -2.44  # a car at 0.08, too faint
    path = constant_graph(tmp_path / "m.onnx", {"dets": dets, "labels": logits}, sizes=False)
    model = resolve(str(path))

    found = Detector(model).detect([FRAME])[0]

    assert model.contract_name == "rf-detr"
    assert names(found) == ["motorcycle"]
    np.testing.assert_allclose(found.vehicles.xyxy, [[36, 16, 60, 48]], atol=1e-3)
    np.testing.assert_allclose(found.vehicles.score, [1 / (1 + np.exp(-2))], rtol=1e-5)


def test_vehicles_that_stand_close_are_not_taken_for_doubles(tmp_path: Path) -> None:
    path = constant_graph(
        tmp_path / "m.onnx",
        {
            "labels": np.array([[3, 3]], np.int64),
            "boxes": np.array([[[8, 8, 16, 24], [9, 8, 17, 24]]], np.float32),
            "scores": np.array([[0.9, 0.8]], np.float32),
        },
        sizes=True,
    )

    assert len(Detector(resolve(str(path))).detect([FRAME])[0].vehicles) == 2


def sound(found: Detected, least: float) -> None:
    boxes = found.vehicles.xyxy
    assert np.isfinite(boxes).all()
    assert (boxes >= 0).all() and (boxes[:, 0::2] <= 96).all() and (boxes[:, 1::2] <= 64).all()
    assert (boxes[:, 2:] > boxes[:, :2]).all()
    assert (found.vehicles.score >= least - 1e-6).all() and (found.vehicles.score <= 1).all()


ANY = st.floats(width=32, allow_nan=True, allow_infinity=True)


@given(
    hnp.arrays(np.float32, (6, 4), elements=ANY),
    hnp.arrays(np.float32, (6,), elements=ANY),
    hnp.arrays(np.float32, (6,), elements=ANY | st.integers(-2, 90).map(float)),
    st.floats(0.05, 0.9),
)
def test_no_numbers_of_a_graph_become_boxes_outside_the_frame(
    boxes: NDArray[np.float32],
    scores: NDArray[np.float32],
    labels: NDArray[np.float32],
    least: float,
) -> None:
    decoder = decoder_of(load_manifest().contracts["rt-detr"], InputSize(SIDE, SIDE))

    with np.errstate(all="ignore"):
        sound(decoder.decode([labels, boxes, scores], LIES, least), least)


@given(
    hnp.arrays(np.float32, (3, 4), elements=ANY | st.floats(0, 1, width=32)),
    hnp.arrays(np.float32, (3, 91), elements=ANY, fill=st.just(np.float32(-9))),
    st.floats(0.05, 0.9),
)
def test_no_logits_of_a_graph_become_boxes_outside_the_frame(
    shares: NDArray[np.float32], logits: NDArray[np.float32], least: float
) -> None:
    decoder = decoder_of(load_manifest().contracts["rf-detr"], InputSize(SIDE, SIDE))

    with np.errstate(all="ignore"):
        sound(decoder.decode([shares, logits], LIES, least), least)
