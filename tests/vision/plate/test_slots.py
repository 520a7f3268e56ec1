"""Small plates, read off the demo's own rendered clip."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import simulator.clip
from ioc.errors import ConfigError
from models.registry import resolve
from vision.detect.session import Detector
from vision.plate.reader import PlateReader
from vision.plate.readers import reader_for
from vision.plate.slots import SlotReader
from vision.source.file import FileSource
from vision.source.picture import Image

CLIP = Path(simulator.clip.__file__).parent / "clips" / "vithanh-tran-hung-dao-cam-1-7.mp4"
EVERY = 75
LAST = 750
NEAR_PX = 90


@pytest.fixture(scope="module")
def reader() -> SlotReader:
    found = reader_for(resolve("ioc-sim-v1-int8"))
    assert isinstance(found, SlotReader)
    return found


@pytest.fixture(scope="module")
def crops() -> list[Image]:
    """The vehicles of some pictures of the clip, most of them waiting at the stop line."""
    detector = Detector(resolve("ioc-sim-v1-int8"))
    found = []
    with FileSource(CLIP) as source:
        for frame in source:
            if frame.index % EVERY == 0:
                boxes = detector.detect([frame.picture])[0].vehicles
                sides = (boxes.xyxy[:, 2:] - boxes.xyxy[:, :2]).min(axis=1)
                found += [
                    frame.picture.crop(*box.tolist()).copy() for box in boxes.xyxy[sides >= NEAR_PX]
                ]
            if frame.index >= LAST:
                break
    return found


def test_plates_of_the_clip_are_guessed_and_none_is_told_that_is_not_there(
    reader: SlotReader, crops: list[Image]
) -> None:
    truth = json.loads(CLIP.with_suffix(".truth.json").read_text(encoding="utf-8"))["truth"]
    real = {plate["text"] for plate in truth["plates"]}

    readings = [reading for reading in reader.read(crops) if reading is not None]
    guessed = {reading.candidates[0].text for reading in readings}
    sure = [reading.text for reading in readings if reading.text is not None]

    assert len(guessed & real) >= 3
    assert sure
    assert sum(text not in real for text in sure) <= len(sure) / 10


def test_a_reading_says_where_the_plate_is_and_how_high_its_lines_are(
    reader: SlotReader, crops: list[Image]
) -> None:
    readings = [reading for reading in reader.read(crops[:12]) if reading is not None]

    assert readings
    for reading in readings:
        left, top, right, bottom = reading.box
        assert right > left and bottom > top
        assert 2 < reading.height_px < 40
        assert reading.colour in ("white", "yellow", "blue", "unknown")


def test_where_there_is_no_plate_none_is_told(reader: SlotReader) -> None:
    grey = np.full((300, 200, 3), 120, np.uint8)

    assert reader.read([grey, np.empty((0, 0, 3), np.uint8)]) == [None, None]


def test_a_detector_of_real_streets_gets_the_reader_of_real_plates() -> None:
    from dataclasses import replace

    street = replace(resolve("ioc-sim-v1-int8"), plates=None)

    assert isinstance(reader_for(street), PlateReader)


def test_a_model_that_reads_nothing_is_refused() -> None:
    with pytest.raises(ConfigError, match="reads no plates"):
        SlotReader(resolve("ioc-sim-v1-int8"), resolve("ioc-sim-heads-v1"))
