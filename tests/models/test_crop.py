"""Crops are cut the same way in training and in use."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.contract import InputSize
from models.crop import cut, stretched, window


def box(*edges: float) -> np.ndarray:
    return np.array(edges, np.float32)


def test_the_window_is_a_square_round_the_middle_of_the_box() -> None:
    at = window(box(100, 50, 120, 90), 1.5)

    assert (at.left, at.top, at.side) == (80, 40, 60)


def test_what_lies_beyond_the_edge_is_as_the_edge_is() -> None:
    image = np.zeros((40, 40, 3), np.uint8)
    image[:, :1] = 200

    crop = cut(image, window(box(-10, 10, 10, 30), 1.0), 20)

    assert (crop[:, :10] == 200).all() and (crop[:, 12:] == 0).all()


@given(st.floats(-30, 90), st.floats(-30, 60), st.floats(1, 80), st.floats(1, 80), st.floats(1, 3))
def test_any_window_that_touches_the_picture_gives_a_whole_crop(
    left: float, top: float, wide: float, high: float, context: float
) -> None:
    at = window(box(left, top, left + wide, top + high), context)
    image = np.full((60, 90, 3), 77, np.uint8)
    touches = -at.side < at.left < 90 and -at.side < at.top < 60
    if touches:
        assert (cut(image, at, 32) == 77).all()


@pytest.mark.parametrize("shape", [(3, 5), (200, 400)])
def test_a_stretched_part_fills_the_model(shape: tuple[int, int]) -> None:
    part = np.full((*shape, 3), 9, np.uint8)

    assert stretched(part, InputSize(48, 96)).shape == (48, 96, 3)
