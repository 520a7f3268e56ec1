"""Decoders never give a box outside the frame, unfinished, or below the threshold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from models.contract import InputSize
from models.registry import load_manifest
from vision.detect.decoder import decoder_of
from vision.detect.detected import Detected
from vision.detect.detections import CLASSES
from vision.detect.letterbox import Fit, fit

CONTRACTS = load_manifest().contracts
SIZE = InputSize(64, 64)
LIES = Fit(64, 64, 100, 200)

numbers = st.one_of(
    st.floats(width=32, allow_nan=True, allow_infinity=True), st.floats(-2, 2, width=32)
)


def decode(name: str, outputs: list[NDArray[np.float32]], least: float = 0.1) -> Detected:
    with np.errstate(all="ignore"):
        return decoder_of(CONTRACTS[name], SIZE).decode(outputs, LIES, least)


def sound(found: Detected, least: float) -> None:
    for boxes, score in (
        (found.vehicles.xyxy, found.vehicles.score),
        (found.parts.xyxy, found.parts.score),
    ):
        assert np.isfinite(boxes).all() and np.isfinite(score).all()
        assert (boxes >= 0).all()
        assert (boxes[:, [0, 2]] <= 200).all() and (boxes[:, [1, 3]] <= 100).all()
        assert (boxes[:, 2:] - boxes[:, :2] >= 1).all()
        assert (score >= np.float32(least)).all() and (score <= 1).all()


@settings(max_examples=100, deadline=None)
@given(
    arrays(np.float32, (5, 4), elements=numbers),
    arrays(np.float32, (5, 91), elements=numbers, fill=st.just(np.float32(-5))),
    st.floats(0.05, 0.95),
)
def test_logits_give_sound_boxes_whatever_the_graph_gives(
    boxes: NDArray[np.float32], logits: NDArray[np.float32], least: float
) -> None:
    sound(decode("rf-detr", [boxes, logits], least), least)


@settings(max_examples=100, deadline=None)
@given(
    arrays(np.float32, 5, elements=st.one_of(numbers, st.sampled_from([-1.0, 2.0, 79.0, 80.0]))),
    arrays(np.float32, (5, 4), elements=numbers),
    arrays(np.float32, 5, elements=numbers),
    st.floats(0.05, 0.95),
)
def test_a_post_processor_gives_sound_boxes_whatever_it_gives(
    labels: NDArray[np.float32],
    boxes: NDArray[np.float32],
    scores: NDArray[np.float32],
    least: float,
) -> None:
    with np.errstate(all="ignore"):
        pixels = boxes * 64
    sound(decode("d-fine", [labels, pixels, scores], least), least)


@settings(max_examples=60, deadline=None)
@given(
    arrays(np.float32, (84, 85), elements=numbers, fill=st.just(np.float32(0))),
    st.floats(0.05, 0.95),
)
def test_cells_give_sound_boxes_whatever_the_graph_gives(
    raw: NDArray[np.float32], least: float
) -> None:
    sound(decode("yolox-coco", [raw], least), least)


def test_logits_become_a_box_of_the_best_class_that_means_something() -> None:
    logits = np.full((2, 91), -9, np.float32)
    logits[0, 4], logits[0, 3] = 1, 0  # motorcycle 0.73, car 0.5
    logits[1, 10] = 5  # traffic light
    boxes = np.array([[0.5, 0.5, 0.2, 0.4], [0.1, 0.1, 0.1, 0.1]], np.float32)

    found = decode("rf-detr", [boxes, logits]).vehicles

    np.testing.assert_allclose(found.xyxy, [[80, 30, 120, 70]], atol=1e-3)
    np.testing.assert_allclose(found.score, [1 / (1 + np.exp(-1))], rtol=1e-6)
    assert CLASSES[found.class_id[0]] == "motorcycle"


@pytest.mark.parametrize(
    ("frame", "size"),
    [((1080, 1920), (360, 640)), ((1080, 1061), (640, 628)), ((77, 640), (76, 640))],
)
def test_a_frame_lies_in_an_even_part_of_the_picture(
    frame: tuple[int, int], size: tuple[int, int]
) -> None:
    lies = fit(*frame, InputSize(640, 640))

    assert (lies.height, lies.width) == size
    boxes, _ = lies.to_frame(np.array([[0, 0, lies.width, lies.height]], np.float32))
    np.testing.assert_allclose(boxes, [[0, 0, frame[1], frame[0]]], rtol=1e-6)
