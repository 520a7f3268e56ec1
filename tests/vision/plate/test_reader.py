"""The reader on drawn plates: another typeface than any photo's, so nothing here is learnt."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from ioc.cli import app
from ioc.errors import ConfigError
from tests.vision.plate.pictures import draw
from vision.plate import weights
from vision.plate.colour import ground_colour
from vision.plate.reader import PlateReader, ReaderSettings
from vision.plate.vote import vote


@pytest.fixture(scope="module")
def reader() -> PlateReader:
    return PlateReader(threads=1)


CASES = [
    (("51H-040.73",), "white", 0.0, "51H-040.73"),
    (("78-H1", "046.52"), "white", -7.0, "78-H1 046.52"),
    (("81-K5", "3579"), "white", 5.0, "81-K5 3579"),
    (("95-MĐ1", "123.45"), "white", 0.0, "95-MĐ1 123.45"),
    (("66-B8", "808.08"), "white", 3.0, "66-B8 808.08"),
    (("80A-123.45",), "blue", 0.0, "80A-123.45"),
    (("51A", "192.22"), "yellow", -6.0, "51A 192.22"),
    (("TM-12-34",), "red", 0.0, "TM-12-34"),
]


def test_plates_of_all_kinds_are_read_in_one_batch(reader: PlateReader) -> None:
    crops = [draw(*rows, colour=colour, turn=turn) for rows, colour, turn, _ in CASES]
    readings = reader.read(crops)
    assert [reading and reading.text for reading in readings] == [text for *_, text in CASES]
    assert [reading and reading.colour for reading in readings] == [case[1] for case in CASES]
    for reading, (rows, *_) in zip(readings, CASES, strict=True):
        assert reading is not None
        assert reading.lines == len(rows)
        left, top, right, bottom = reading.box
        assert left < 240 < right
        assert top < 180 < bottom


def test_a_batch_says_what_single_crops_say(reader: PlateReader) -> None:
    crops = [draw("51H-040.73"), np.empty((0, 0, 3), np.uint8), draw("78-H1", "046.52")]
    together = reader.read(crops)
    alone = [reader.read([crop])[0] for crop in crops]
    assert [one and one.text for one in together] == [one and one.text for one in alone]
    assert together[1] is None


def test_a_plate_too_small_to_read_is_never_told(reader: PlateReader) -> None:
    whole = draw("51H-040.73")
    for scale in (0.25, 0.15, 0.08):
        tiny = np.asarray(cv2.resize(whole, None, fx=scale, fy=scale), np.uint8)
        (reading,) = reader.read([tiny])
        assert reading is None or reading.text in (None, "51H-040.73")
    assert reading is None or reading.text is None


def test_letters_below_the_least_height_are_not_told_however_clear() -> None:
    strict = PlateReader(settings=ReaderSettings(least_height_px=200))
    (reading,) = strict.read([draw("51H-040.73")])
    assert reading is not None
    assert (reading.text, reading.reason) == (None, "too_small")
    assert reading.candidates[0].text == "51H-040.73"


@pytest.mark.parametrize("rows", [("SALE 50%",), ("51O-12I.45",), ("13A-123.45",), ("HONDA",)])
def test_what_is_no_plate_is_never_told(reader: PlateReader, rows: tuple[str, ...]) -> None:
    (reading,) = reader.read([draw(*rows)])
    assert reading is None or reading.text is None


def test_a_ground_that_such_a_plate_never_has_is_refused(reader: PlateReader) -> None:
    (reading,) = reader.read([draw("TM-12-34", colour="white")])
    assert reading is not None
    assert reading.text is None
    assert reading.reason == "colour"


def test_readings_of_blurred_frames_are_voted_into_a_plate(reader: PlateReader) -> None:
    whole = draw("78-H1", "046.52")
    frames = [
        np.asarray(cv2.GaussianBlur(cv2.resize(whole, None, fx=s, fy=s), (0, 0), 1.2), np.uint8)
        for s in (0.5, 0.55, 0.6)
    ]
    plate = vote(reader.read(frames))
    assert plate is not None
    assert plate.text == "78-H1 046.52"


def test_bad_light_has_no_colour() -> None:
    assert ground_colour([np.full((40, 200, 3), 30, np.uint8)]) == "unknown"
    assert ground_colour([]) == "unknown"
    assert ground_colour([np.empty((0, 0, 3), np.uint8)]) == "unknown"


def test_the_command_prints_one_object_for_all_pictures(tmp_path: Path) -> None:
    one, none = tmp_path / "a.png", tmp_path / "b.png"
    cv2.imwrite(str(one), draw("78-H1", "046.52"))
    cv2.imwrite(str(none), np.zeros((200, 300, 3), np.uint8))
    result = CliRunner().invoke(app, ["plates", "read", str(one), str(none), "--json"])
    assert result.exit_code == 0
    images = json.loads(result.stdout)["images"]
    assert [image["image"] for image in images] == [str(one), str(none)]
    assert [plate["text"] for plate in images[0]["plates"]] == ["78-H1 046.52"]
    assert images[1]["plates"] == []
    text = CliRunner().invoke(app, ["plates", "read", str(none)])
    assert "không thấy biển số" in text.stdout


def test_a_file_that_is_no_picture_is_named(tmp_path: Path) -> None:
    for name, content in (("text.jpg", b"no picture"), ("empty.jpg", b"")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ConfigError, match=name):
            CliRunner().invoke(
                app, ["plates", "read", str(tmp_path / name)], catch_exceptions=False
            )
    with pytest.raises(ConfigError, match="gone"):
        CliRunner().invoke(
            app, ["plates", "read", str(tmp_path / "gone.jpg")], catch_exceptions=False
        )


def test_a_missing_model_is_told_with_its_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "DETECTOR", "none.onnx")
    with pytest.raises(ConfigError, match=r"none\.onnx: missing.*pip install"):
        weights.weight_file(weights.DETECTOR)
    monkeypatch.setattr(weights, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="rapidocr is missing"):
        weights.weight_file("any")
