"""What must hold for the tracker whatever boxes come, and whenever."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vision.detect.detections import CLASSES, Detections
from vision.track.bytetrack import Tracker, TrackerSettings
from vision.track.tracks import Tracks

BOX = st.tuples(
    st.floats(0, 600, width=32),
    st.floats(0, 300, width=32),
    st.floats(1, 300, width=32),
    st.floats(1, 200, width=32),
    st.floats(0.125, 1, width=32),
    st.integers(0, len(CLASSES) - 1),
)
FRAME = st.lists(BOX, max_size=8)
# Falling, equal and far-off times are what a camera with a bad clock or a cut link hands over.
STEP = st.sampled_from((0.04, 0.04, 0.04, 0.17, 0.0, -1.0, 3.0, 1e6))
FILM = st.lists(st.tuples(FRAME, STEP), min_size=1, max_size=25)
Film = list[tuple[list[tuple[float, float, float, float, float, int]], float]]


def detections(frame: list[tuple[float, float, float, float, float, int]]) -> Detections:
    rows = np.array(frame, np.float32).reshape(-1, 6)
    return Detections(
        np.concatenate((rows[:, :2], rows[:, :2] + rows[:, 2:4]), axis=1),
        rows[:, 4].copy(),
        rows[:, 5].astype(np.int64),
    )


def play(film: Film, order: np.random.Generator | None = None) -> list[Tracks]:
    tracker, at, out = Tracker(), 0.0, []
    for frame, step in film:
        found = detections(frame)
        if order is not None:
            found = found.select(order.permutation(len(found)))
        at += step
        out.append(tracker.step(found, at))
    return out


def lasting(film: Film) -> Film:
    """Each frame three times, so that boxes become vehicles."""
    return [(frame, step if again == 0 else 0.04) for frame, step in film for again in range(3)]


def same(first: list[Tracks], second: list[Tracks]) -> None:
    for one, other in zip(first, second, strict=True):
        for field in ("id", "xyxy", "speed", "score", "class_id", "age_s", "hits", "seen"):
            np.testing.assert_array_equal(getattr(one, field), getattr(other, field))


@settings(max_examples=40, deadline=None)
@given(FILM)
def test_no_identity_is_shared_by_two_boxes_or_given_twice(film: Film) -> None:
    gone: set[int] = set()
    before: set[int] = set()
    for tracks in play(lasting(film)):
        now = tracks.id.tolist()

        assert len(set(now)) == len(now)
        assert not gone & set(now)
        gone |= before - set(now)
        before = set(now)


@settings(max_examples=40, deadline=None)
@given(FILM)
def test_what_is_given_out_is_whole_whatever_the_times(film: Film) -> None:
    for tracks in play(lasting(film)):
        assert np.isfinite(tracks.xyxy).all() and np.isfinite(tracks.speed).all()
        assert (tracks.xyxy[:, 2:] > tracks.xyxy[:, :2]).all()
        assert (tracks.age_s >= 0).all() and (tracks.hits >= 3).all()


@settings(max_examples=30, deadline=None)
@given(FILM, st.integers(0, 1000))
def test_the_same_boxes_in_any_order_give_the_same_vehicles(film: Film, seed: int) -> None:
    film = lasting(film)

    same(play(film), play(film, np.random.default_rng(seed)))
    same(play(film), play(film))


def test_memory_is_bounded_under_random_boxes() -> None:
    tracker, rng, most = Tracker(TrackerSettings(most=60)), np.random.default_rng(2), 0
    for step in range(1500):
        low = rng.uniform(0, 1800, (40, 2))
        found = Detections(
            np.concatenate((low, low + rng.uniform(20, 100, (40, 2))), axis=1).astype(np.float32),
            rng.uniform(0.1, 1, 40).astype(np.float32),
            rng.integers(0, len(CLASSES), 40),
        )
        tracker.step(found, step / 25)
        most = max(most, len(tracker._boxes), len(tracker._votes))

    assert most == 60


def test_the_best_boxes_start_when_not_all_can() -> None:
    tracker = Tracker(TrackerSettings(most=2))
    low = np.array([[0, 0], [200, 0], [400, 0]], np.float32)
    boxes = np.concatenate((low, low + 50), axis=1)
    score = np.array([0.5, 0.9, 0.7], np.float32)
    for step in range(3):
        out = tracker.step(Detections(boxes, score, np.ones(3, np.int64)), step / 25)

    assert sorted(out.xyxy[:, 0].round().tolist()) == [200, 400]


def test_a_faint_box_inside_a_vehicle_is_no_second_one_and_a_sure_one_is() -> None:
    bus, car = [100, 100, 300, 220], [220, 170, 290, 220]
    for score, expected in ((0.2, 1), (0.6, 2)):
        tracker = Tracker()
        for step in range(12):
            boxes = np.array([bus, car], np.float32)
            found = Detections(boxes, np.array([0.8, score], np.float32), np.array([3, 1]))
            out = tracker.step(found.select(np.arange(1 if step < 2 else 2)), step / 25)

        assert len(out) == expected


@pytest.mark.parametrize("rate", [25.0, 6.0])
def test_the_first_sighting_is_remembered_until_the_vehicle_is_confirmed(rate: float) -> None:
    tracker = Tracker()
    for step in range(3):
        x = 100 + 200 * step / rate
        box = np.array([[x, 100, x + 60, 140]], np.float32)
        out = tracker.step(Detections(box, np.array([0.8], np.float32), np.array([1])), step / rate)

    assert out.first_ground()[0].tolist() == pytest.approx([130, 130])
    assert out.age_s[0] == pytest.approx(2 / rate)
