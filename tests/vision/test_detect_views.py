from __future__ import annotations

import numpy as np
import pytest

from vision.detect.detected import Detected
from vision.detect.detections import CLASS_ID, CLASSES, Detections
from vision.detect.riders import on_foot
from vision.detect.views import Region, grid, join

WIDTH, HEIGHT = 1000, 500
WHOLE: Region = (0, 0, WIDTH, HEIGHT)
LEFT: Region = (0, 0, 600, HEIGHT)
RIGHT: Region = (400, 0, WIDTH, HEIGHT)


def seen(*rows: tuple[float, float, float, float, float, str]) -> Detections:
    return Detections(
        np.array([row[:4] for row in rows], np.float32).reshape(-1, 4),
        np.array([row[4] for row in rows], np.float32),
        np.array([CLASS_ID[row[5]] for row in rows], np.int64),  # type: ignore[index]
    )


def joined(*views: tuple[Region, Detections]) -> Detections:
    found = join(
        [Detected(boxes) for _, boxes in views], [at for at, _ in views], WIDTH, HEIGHT, 0.5
    )
    return found.vehicles


@pytest.mark.parametrize(("columns", "rows", "overlap"), [(2, 1, 0.2), (3, 2, 0.2), (1, 1, 0.0)])
def test_a_grid_covers_the_picture_and_its_tiles_overlap(
    columns: int, rows: int, overlap: float
) -> None:
    tiles = grid(1138, 640, columns, rows, overlap)

    covered = np.zeros((640, 1138), np.uint8)
    for left, top, right, bottom in tiles:
        covered[top:bottom, left:right] += 1
    assert len(tiles) == columns * rows
    assert covered.min() == 1
    assert (covered.max() > 1) == (overlap > 0)


def test_half_a_bus_in_a_tile_loses_against_the_whole_bus_however_sure_it_is() -> None:
    found = joined(
        (WHOLE, seen((450, 100, 900, 300, 0.3, "bus"))),
        (LEFT, seen((450, 100, 599, 300, 0.95, "bus"))),
        (RIGHT, seen()),
    )

    np.testing.assert_allclose(found.xyxy, [[450, 100, 900, 300]])


def test_of_two_boxes_that_overlap_the_one_that_no_border_cut_is_kept() -> None:
    # 0.59 of the cut one lies in the other: too little for a mere part, too much for two cars
    found = joined(
        (LEFT, seen((500, 0, 600, 100, 0.6, "car"))),
        (WHOLE, seen((541, 0, 611, 100, 0.4, "car"))),
    )

    np.testing.assert_allclose(found.xyxy, [[541, 0, 611, 100]])


def test_a_vehicle_that_no_view_sees_whole_stays_once() -> None:
    found = joined(
        (LEFT, seen((380, 100, 600, 300, 0.5, "bus"))),
        (RIGHT, seen((0, 100, 300, 300, 0.6, "bus"))),
    )

    assert len(found) == 1


def test_a_box_of_a_tile_is_moved_and_doubles_fall() -> None:
    found = joined(
        (WHOLE, seen((700, 100, 750, 160, 0.4, "motorcycle"))),
        (RIGHT, seen((300, 100, 350, 160, 0.8, "motorcycle"), (10, 10, 40, 60, 0.7, "car"))),
    )

    np.testing.assert_allclose(found.xyxy, [[700, 100, 750, 160], [410, 10, 440, 60]])
    np.testing.assert_allclose(found.score, [0.8, 0.7])


def test_the_outer_border_of_a_tile_cuts_nothing_off() -> None:
    cut_by_the_frame = (0, 100, 90, 200, 0.5, "car")
    found = joined((LEFT, seen(cut_by_the_frame)), (WHOLE, seen((300, 0, 400, 90, 0.5, "car"))))

    assert len(found) == 2


def test_a_rider_is_no_pedestrian_and_one_beside_the_motorbike_is() -> None:
    found = on_foot(
        seen(
            (100, 100, 140, 180, 0.6, "motorcycle"),
            (105, 70, 135, 150, 0.7, "pedestrian"),
            (150, 90, 180, 185, 0.7, "pedestrian"),
            (110, 20, 130, 98, 0.7, "pedestrian"),  # behind it: ends above
        )
    )

    assert [CLASSES[i] for i in found.class_id] == ["motorcycle", "pedestrian", "pedestrian"]
    np.testing.assert_allclose(found.xyxy[0], [100, 100, 140, 180])


def test_an_unsure_motorbike_takes_nobody_from_the_road() -> None:
    rows = seen((100, 100, 140, 180, 0.12, "motorcycle"), (105, 70, 135, 150, 0.7, "pedestrian"))

    assert len(on_foot(rows)) == 2
