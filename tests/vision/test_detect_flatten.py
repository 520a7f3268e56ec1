"""Pictures from straight above, pressed before the model sees them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.contract import InputSize
from models.registry import resolve
from tests.models.onnx_file import constant_model
from vision.detect.letterbox import fit, letterbox
from vision.detect.session import Detector
from vision.source.picture import Picture


@pytest.fixture
def detector(tmp_path: Path) -> Iterator[Detector]:
    """Sees one car at 20, 0, 28, 12 of its 32x32 picture, whatever it is shown."""
    raw = np.zeros((1, 21, 85), np.float32)
    raw[0, 17, :5] = (0.5, 0.25, np.log(0.5), np.log(1.0), 0.9)
    raw[0, 17, 5 + 2] = 0.8
    threads = cv2.getNumThreads()
    try:
        yield Detector(resolve(str(constant_model(tmp_path / "t.onnx", (1, 3, 32, 32), raw))))
    finally:
        cv2.setNumThreads(threads)


def test_boxes_of_a_pressed_picture_lie_where_they_are_in_the_frame(detector: Detector) -> None:
    black = Picture(bgr=np.zeros((64, 64, 3), np.uint8))

    plain, pressed = detector.detect([black, black], flatten=[1.0, 0.5])

    np.testing.assert_allclose(plain.vehicles.xyxy, [[40, 0, 56, 24]], atol=1e-3)
    np.testing.assert_allclose(pressed.vehicles.xyxy, [[40, 0, 56, 48]], atol=1e-3)


def test_a_tile_is_pressed_as_the_whole_is(detector: Detector) -> None:
    black = Picture(bgr=np.zeros((64, 192, 3), np.uint8))

    found = detector.detect([black], [[(64, 0, 128, 64)]], [0.5])[0].vehicles

    assert [104, 0, 120, 48] in found.xyxy.round(3).tolist()


def test_a_pressed_picture_is_all_in_the_row() -> None:
    image = np.zeros((64, 64, 3), np.uint8)
    image[48:] = 200
    row = np.zeros((32, 32, 3), np.uint8)

    lies = letterbox(Picture(bgr=image), row, 114, flatten=0.5)

    assert (lies.height, lies.width) == (16, 32)
    assert (row[13:16] == 200).all() and (row[:11] == 0).all() and (row[16:] == 114).all()


@given(
    st.integers(2, 4000), st.integers(2, 4000), st.floats(0.2, 1), st.sampled_from([32, 416, 640])
)
def test_any_pressed_frame_fits_into_the_model(
    height: int, width: int, flatten: float, side: int
) -> None:
    lies = fit(height, width, InputSize(side, side), flatten=flatten)

    assert 0 < lies.height <= side and 0 < lies.width <= side
    boxes, whole = lies.to_frame(np.array([[0, 0, lies.width, lies.height]], np.float32))
    np.testing.assert_allclose(boxes, [[0, 0, width, height]], rtol=1e-4)
    assert whole.all()
