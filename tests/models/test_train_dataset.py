from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ioc.errors import ConfigError
from models.train.dataset import read_dataset
from tests.models.rectangles import make


def folder_of(tmp_path: Path) -> Path:
    return make(tmp_path / "data", train=3, val=1, size=(72, 128))


def test_a_dataset_is_read_whole_and_known_by_its_digest(tmp_path: Path) -> None:
    folder = folder_of(tmp_path)

    first, again = read_dataset(folder), read_dataset(folder)
    with (folder / "labels" / "p0000.txt").open("a") as file:
        file.write("0 0.5 0.5 0.1 0.1 1\n")
    changed = read_dataset(folder)

    assert (len(first.train), len(first.val), first.seeds) == (3, 1, (1,))
    assert len(first.train[0].class_id) == 6
    assert len(changed.train[0].class_id) == 7
    assert first.digest == again.digest != changed.digest


def test_a_box_over_the_edge_is_cut_there_and_one_beyond_it_falls(tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    path = folder / "labels" / "p0000.txt"
    path.write_text("0 0.0 0.5 0.2 0.2 0.9\n1 -0.5 0.5 0.2 0.2 0.3\n\n")

    sample = read_dataset(folder).train[0]

    assert sample.class_id.tolist() == [0]
    np.testing.assert_allclose(sample.xyxy, [[0, 0.4, 0.1, 0.6]], atol=1e-6)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("0 0.5 0.5 0.1 0.1", "p0000.txt:1: .* is not six numbers"),
        ("car 0.5 0.5 0.1 0.1 1", "p0000.txt:1: .* is not six numbers"),
        ("12 0.5 0.5 0.1 0.1 1", "object 1: .*class is 0 to 11"),
        ("0.5 0.5 0.5 0.1 0.1 1", "object 1: .*class is 0 to 11"),
        ("0 0.5 0.5 0 0.1 1", "its sides above 0"),
        ("0 nan 0.5 0.1 0.1 1", "object 1"),
        ("0 960 540 40 40 1", "shares of the picture"),
        ("0 0.5 0.5 0.1 0.1 7", "visible is 0 to 1"),
    ],
)
def test_a_line_that_makes_no_sense_is_named(tmp_path: Path, line: str, said: str) -> None:
    folder = folder_of(tmp_path)
    (folder / "labels" / "p0000.txt").write_text(line + "\n")

    with pytest.raises(ConfigError, match=said):
        read_dataset(folder)


def test_a_picture_that_is_learned_from_cannot_judge(tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    path = folder / "dataset.json"
    told = json.loads(path.read_text())
    told["split"]["val"] = ["p0000"]
    path.write_text(json.dumps(told))

    with pytest.raises(ConfigError, match="p0000 stand twice"):
        read_dataset(folder)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("classes", ["car", "bus"], "classes: car, bus; this trainer wants motorcycle, car"),
        ("split", {"train": [], "val": ["p0003"]}, "split.train"),
        ("split", {"train": ["../p0000"], "val": ["p0003"]}, "no plain file name"),
        ("split", {"train": ["p0009"], "val": ["p0003"]}, "p0009.jpg: No such file"),
        ("seeds", "one", "seeds"),
    ],
)
def test_a_description_that_makes_no_sense_is_named(
    tmp_path: Path, key: str, value: object, said: str
) -> None:
    folder = folder_of(tmp_path)
    path = folder / "dataset.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}))

    with pytest.raises(ConfigError, match=said):
        read_dataset(folder)


def test_an_empty_folder_is_told_what_a_dataset_is(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"dataset.json: .*images/ and labels/"):
        read_dataset(tmp_path)


def test_a_file_that_is_no_jpeg_is_named(tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    (folder / "images" / "p0001.jpg").write_bytes(b"\x89PNG")

    with pytest.raises(ConfigError, match=r"p0001.jpg: no JPEG"):
        read_dataset(folder)
