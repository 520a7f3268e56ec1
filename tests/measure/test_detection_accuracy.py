from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from ioc.errors import ConfigError
from measure.accuracy.detection import (
    Report,
    Tally,
    confused,
    figures,
    parse_grid,
    tally,
)
from measure.accuracy.junction import HEIGHT, WIDTH, Labelled, at_night, read_labels
from vision.detect.detections import CLASS_ID, Detections


def labels(tmp_path: Path, text: str) -> tuple[tuple[str, ...], np.ndarray]:
    path = tmp_path / "frame.txt"
    path.write_text(text, encoding="utf-8")
    return read_labels(path)


def frame(*rows: tuple[str, tuple[float, float, float, float]]) -> Labelled:
    boxes = np.array([box for _, box in rows], np.float32).reshape(-1, 4)
    return Labelled(Path("x.jpg"), tuple(name for name, _ in rows), boxes)


def found(*rows: tuple[float, float, float, float, float, str]) -> Detections:
    return Detections(
        np.array([row[:4] for row in rows], np.float32).reshape(-1, 4),
        np.array([row[4] for row in rows], np.float32),
        np.array([CLASS_ID[row[5]] for row in rows], np.int64),  # type: ignore[index]
    )


def test_boxes_and_polygons_are_read_in_pixels_of_the_true_shape(tmp_path: Path) -> None:
    names, boxes = labels(tmp_path, "2 0.5 0.5 0.2 0.4\n0 0.1 0.2 0.3 0.2 0.3 0.6 0.1 0.6\n\n")

    assert names == ("MOTORBIKE", "BUS")
    expected = np.array([[0.4, 0.3, 0.6, 0.7], [0.1, 0.2, 0.3, 0.6]])
    np.testing.assert_allclose(boxes, expected * [WIDTH, HEIGHT, WIDTH, HEIGHT], rtol=1e-5)


@pytest.mark.parametrize("line", ["9 0.5 0.5 0.1 0.1", "2 0.5 0.5 0.1", "2 a b c d"])
def test_a_line_that_is_neither_is_told_with_its_place(tmp_path: Path, line: str) -> None:
    with pytest.raises(ConfigError, match=r"frame.txt: line 2"):
        labels(tmp_path, f"2 0.5 0.5 0.2 0.4\n{line}\n")


def test_a_drawn_box_is_found_once_and_by_its_own_kind() -> None:
    one = frame(("MOTORBIKE", (0, 0, 40, 100)), ("CAR", (200, 0, 300, 80)))
    boxes = found(
        (0, 50, 40, 100, 0.5, "motorcycle"),  # the bike under its rider: half of the drawn box
        (0, 45, 40, 100, 0.4, "motorcycle"),
        (200, 0, 300, 80, 0.9, "truck"),
        (0, 0, 40, 100, 0.9, "pedestrian"),
    )

    assert tally(one, boxes, "motorbike") == Tally(1, 1, 2)
    assert tally(one, boxes, "four_wheeler") == Tally(1, 1, 1)


def test_a_four_wheeler_must_fit_better_than_a_motorbike() -> None:
    one = frame(("CAR", (0, 0, 40, 100)))

    assert tally(one, found((0, 60, 40, 100, 0.9, "car")), "four_wheeler").right == 0


def test_classes_are_confused_missed_and_added() -> None:
    one = frame(
        ("CAR", (0, 0, 100, 100)),
        ("BUS", (500, 0, 700, 300)),
        ("TRAFFIC_LIGHT", (900, 0, 910, 30)),
    )
    boxes = found((0, 0, 100, 100, 0.9, "truck"), (300, 300, 340, 360, 0.3, "motorcycle"))

    assert confused(one, boxes) == Counter(
        {("car", "truck"): 1, ("bus", "-"): 1, ("-", "motorcycle"): 1}
    )


def test_night_frames_are_the_colourful_ones() -> None:
    grey = np.full((20, 20, 3), 120, np.uint8)
    red = grey.copy()
    red[..., :2] = 60

    assert not at_night(grey)
    assert at_night(red)


def test_figures_have_stable_names_and_intervals() -> None:
    report = Report()
    report.slices["all", "tiles", "motorbike"] = Tally(70, 100, 80)
    report.slices["night", "whole", "four_wheeler"] = Tally(0, 0, 0)
    report.cost_ms = {"whole": 21.0, "tiles": 63.0}

    made = {figure.name: figure for figure in figures(report)}

    recall = made["detection.motorbike.recall"]
    assert recall.value == 0.7
    assert recall.low is not None and recall.high is not None
    assert 0.6 < recall.low < 0.7 < recall.high < 0.8
    assert made["detection.motorbike.precision"].value == 0.875
    assert made["detection.night.whole.four_wheeler.recall"].value == 0
    assert (made["detection.cost"].value, made["detection.cost"].unit) == (63, "ms/frame")


@pytest.mark.parametrize("text", ["2", "0x3", "axb", "5x5", "-1x-2", "2x1x1"])
def test_a_grid_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="--tiles"):
        parse_grid(text)
