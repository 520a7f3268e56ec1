"""Flat plates to train a reader on."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import cv2
import pytest

from ioc.errors import ConfigError
from models.plate_slots import encode
from simulator.plate_pictures import ROWS, make_plates


def test_every_plate_has_a_picture_and_lines_that_the_reader_can_hold(tmp_path: Path) -> None:
    make_plates(tmp_path, 120, 100_000)

    told = json.loads((tmp_path / "plates.json").read_text(encoding="utf-8"))["plates"]

    assert len(told) == 120
    for name, lines in told.items():
        picture = cv2.imread(str(tmp_path / name))
        assert picture is not None and picture.shape[0] == ROWS
        encode(tuple(lines))
    assert len(Counter(lines[0][:2] for lines in told.values())) > 40  # not two thirds 95


def test_the_same_seed_gives_the_same_plates(tmp_path: Path) -> None:
    make_plates(tmp_path / "one", 100, 100_001)
    make_plates(tmp_path / "two", 100, 100_001)

    one, two = (sorted((tmp_path / name).iterdir()) for name in ("one", "two"))
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in two]


def test_seeds_of_the_measuring_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="train on 100000"):
        make_plates(tmp_path, 100, 7)
