from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vision.boxes import FrameBoxes
from vision.detect.detections import CLASS_ID
from vision.evidence.hide import Boxes, grown, heads, hide, paths, plates, riders_of
from vision.source.picture import Image

CAR, BIKE, WALKER = (CLASS_ID[name] for name in ("car", "motorcycle", "pedestrian"))


def letters(width: int = 200, height: int = 120) -> Image:
    """A picture whose every pixel matters: black and white at random."""
    grains = np.random.default_rng(1).integers(0, 2, (height, width, 1)) * 255
    return np.repeat(grains.astype(np.uint8), 3, axis=2)


def boxes(*rows: tuple[float, ...]) -> Boxes:
    return np.array(rows, np.float64).reshape(-1, 4)


def at(time_s: float, *vehicles: tuple[int, int, tuple[float, ...]]) -> FrameBoxes:
    return FrameBoxes(
        time_s,
        round(time_s * 10),
        np.array([v[0] for v in vehicles], np.int64),
        np.array([v[2] for v in vehicles], np.float32).reshape(-1, 4),
        np.array([v[1] for v in vehicles], np.int64),
    )


def test_what_is_hidden_is_gone_and_the_rest_is_as_it_was() -> None:
    image = letters()
    shown = image.copy()
    hide(shown, boxes((40, 30, 90, 80)))
    inside = shown[30:80, 40:90].astype(float)
    assert inside.std() < 20  # of 127
    shown[30:80, 40:90] = image[30:80, 40:90]
    assert np.array_equal(shown, image)


@pytest.mark.parametrize("side", [10, 30, 100])
def test_no_more_is_left_of_a_large_face_than_of_a_small_one(side: int) -> None:
    """A pattern of eight stripes, as fine as an eye in a face, leaves nothing behind."""
    image = np.zeros((120, 120, 3), np.uint8)
    image[:] = np.where(np.arange(120) * 8 // side % 2, 255, 0)[None, :, None]
    hide(image, boxes((10, 10, 10 + side, 10 + side)))
    assert np.ptp(image[12 : 8 + side, 12 : 8 + side].mean(axis=(0, 2))) < 140


@settings(max_examples=60, deadline=None)
@given(
    corners=st.lists(
        st.tuples(*[st.floats(-300, 400, allow_nan=False) for _ in range(4)]), max_size=5
    )
)
def test_any_region_can_be_hidden(corners: list[tuple[float, float, float, float]]) -> None:
    image = letters(60, 40)
    hide(image, boxes(*corners))
    hide(image, boxes((np.nan, 0, 1, 1), (0, 0, np.inf, 5)))
    assert image.shape == (40, 60, 3)


def test_heads_of_walkers_and_riders_are_covered_and_cars_have_none() -> None:
    box = boxes((100, 100, 140, 220), (10, 100, 50, 160), (200, 50, 300, 120))
    found = heads(box, np.array([WALKER, BIKE, CAR]))
    assert len(found) == 2
    walker, rider = found
    # A head is an eighth of the body, at its top.
    assert walker[0] <= 110 and walker[1] <= 100 and walker[2] >= 130 and walker[3] >= 115
    # The rider may be above a box that holds the motorbike alone, or within it.
    assert rider[1] <= 70 and rider[3] >= 115


def test_plates_are_covered_where_they_could_be_read() -> None:
    box = boxes((100, 100, 200, 180), (10, 10, 30, 25), (0, 0, 100, 300))
    found = plates(box, np.array([CAR, CAR, WALKER]))
    assert len(found) == 1
    assert found[0][1] <= 140 and found[0].tolist()[2:] == [200, 180]


def test_riders_belong_to_the_motorbike_below_them() -> None:
    box = boxes((100, 100, 140, 160), (102, 60, 138, 150), (300, 60, 330, 150), (90, 90, 200, 200))
    kind = np.array([BIKE, WALKER, WALKER, CAR])
    assert riders_of(box, kind, 0).tolist() == [False, True, False, False]
    assert not riders_of(box, kind, 3).any()  # who walks before a car does not ride it


def test_between_two_sightings_a_vehicle_is_where_it_must_have_been() -> None:
    history = [at(0.0, (7, CAR, (0, 0, 10, 10))), at(1.4, (7, CAR, (140, 0, 150, 10)))]
    known = paths(history, [0.7, 1.8, 2.0])
    assert known.id.tolist() == [7]
    assert known.xyxy[0, 0].round(6).tolist() == [70, 0, 80, 10]
    assert known.there[:, 0].tolist() == [True, True, False]  # held for half a second


def test_a_vehicle_lost_for_long_is_not_made_up() -> None:
    history = [at(0.0, (7, CAR, (0, 0, 10, 10))), at(8.0, (7, CAR, (100, 0, 110, 10)))]
    assert paths(history, [0.2, 4.0, 7.8]).there[:, 0].tolist() == [True, False, True]


def test_each_vehicle_has_its_own_way() -> None:
    history = [
        at(t / 10, (2, BIKE, (t, 0, t + 5, 5)), (1, CAR, (0, t, 5, t + 5))) for t in range(11)
    ]
    known = paths(history, [0.55])
    order = known.id.argsort()
    assert known.class_id[order].tolist() == [CAR, BIKE]
    assert known.xyxy[0, order].round(6).tolist() == [[0, 5.5, 5, 10.5], [5.5, 0, 10.5, 5]]


def test_nothing_known_hides_nothing() -> None:
    assert paths([], [0.0, 1.0]).there.shape == (2, 0)
    assert paths([at(0.0)], [0.0]).there.shape == (1, 0)
    assert grown(np.empty((0, 4)), 0.2).shape == (0, 4)
