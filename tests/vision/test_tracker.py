from __future__ import annotations

import numpy as np
import pytest

from vision.detect.detections import CLASS_ID, Detections
from vision.track.assignment import assign
from vision.track.bytetrack import Tracker


def boxes(centres: np.ndarray, score: float | np.ndarray = 0.7, vehicle: str = "car") -> Detections:
    centres = np.asarray(centres, np.float32).reshape(-1, 2)
    half = np.array([30, 20], np.float32)
    return Detections(
        np.concatenate((centres - half, centres + half), axis=1),
        np.broadcast_to(np.float32(score), len(centres)).astype(np.float32),
        np.full(len(centres), CLASS_ID[vehicle], np.int64),  # type: ignore[index]
    )


def test_the_sum_is_maximised_and_not_each_pair() -> None:
    table = np.array([[0.9, 0.8], [0.85, 0.0]], np.float32)

    rows, columns = assign(table, 0.1)

    assert list(zip(rows, columns, strict=True)) == [(0, 1), (1, 0)]


def test_no_pair_is_made_below_the_least() -> None:
    rows, _columns = assign(np.array([[0.2, 0.29], [0.0, 0.1]], np.float32), 0.3)

    assert len(rows) == 0


@pytest.mark.parametrize("rate", [6.0, 12.5, 25.0])
@pytest.mark.parametrize("speed", [40.0, 150.0, 350.0])
def test_one_vehicle_keeps_one_identity_at_any_rate_and_speed(rate: float, speed: float) -> None:
    tracker = Tracker()
    ids: set[int] = set()
    rng = np.random.default_rng(1)
    for step in range(int(2 * rate)):
        at = step / rate
        found = boxes(np.array([50 + speed * at, 100]) + rng.normal(0, 1, 2))
        ids |= set(tracker.step(found, at).id.tolist())

    assert ids == {1}


def test_uneven_times_between_frames_do_not_break_a_track() -> None:
    tracker = Tracker()
    ids: set[int] = set()
    for at in (0, 0.04, 0.08, 0.4, 0.44, 0.44, 0.9, 0.94, 1.5):
        ids |= set(tracker.step(boxes(np.array([50 + 120 * at, 100])), at).id.tolist())

    assert ids == {1}


def test_two_vehicles_that_meet_keep_their_identities() -> None:
    tracker = Tracker()
    for step in range(60):
        at = step / 25
        pair = np.array([[50 + 200 * at, 100], [530 - 200 * at, 130]])
        out = tracker.step(boxes(pair), at)

    by_id = dict(zip(out.id.tolist(), out.xyxy[:, 0].tolist(), strict=True))
    assert by_id[1] > by_id[2] and len(by_id) == 2


def test_a_vehicle_hidden_for_a_second_comes_back_as_itself() -> None:
    tracker = Tracker()
    for step in range(75):
        at = step / 25
        hidden = 25 <= step < 48
        found = Detections.empty() if hidden else boxes(np.array([50 + 100 * at, 100]))
        out = tracker.step(found, at)
        assert not (hidden and out.seen.any())

    assert out.id.tolist() == [1] and out.seen.all()


def test_a_vehicle_gone_for_long_is_forgotten() -> None:
    tracker = Tracker()
    for step in range(10):
        tracker.step(boxes(np.array([50, 100])), step / 25)

    assert len(tracker.step(Detections.empty(), 3.0)) == 0


def test_one_flicker_is_no_vehicle_and_five_faint_sightings_on_one_path_are() -> None:
    tracker = Tracker()
    assert len(tracker.step(boxes(np.array([300, 300])), 0.0)) == 0
    for step in range(1, 8):
        out = tracker.step(boxes(np.array([50 + 4 * step, 100]), score=0.2), step / 25)

    assert out.id.tolist() == [1]


def test_the_class_is_that_of_most_sightings() -> None:
    tracker = Tracker()
    for step in range(10):
        vehicle = "truck" if step in (0, 5, 9) else "car"
        out = tracker.step(boxes(np.array([50 + step, 100]), vehicle=vehicle), step / 25)

    assert out.class_id.tolist() == [CLASS_ID["car"]]


def test_a_person_in_the_place_of_a_machine_is_not_that_machine() -> None:
    tracker = Tracker()
    for step in range(5):
        tracker.step(boxes(np.array([50, 100]), vehicle="motorcycle"), step / 25)
    for step in range(5, 10):
        out = tracker.step(boxes(np.array([50, 100]), vehicle="pedestrian"), step / 25)

    assert out.id.tolist() == [1, 2]
    assert out.seen.tolist() == [False, True]


def test_a_box_round_the_whole_scene_does_not_become_a_car_in_it() -> None:
    tracker = Tracker()
    scene = Detections(
        np.array([[0, 0, 600, 340]], np.float32), np.array([0.5], np.float32), np.array([1])
    )
    for step in range(5):
        tracker.step(scene, step / 25)

    out = tracker.step(boxes(np.array([300, 170])), 0.8)  # long unseen, so much in doubt

    assert not out.seen.any()
