"""What the detector finds on a real Vietnamese junction, through the command line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from measure.accuracy.junction import at_night, load_junction


@pytest.mark.slow
def test_tiles_find_the_motorbikes_that_a_whole_frame_misses(data_folder: Path) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "ioc.cli", "accuracy", "detection", "--json"),
            *("--every", "7", "--data", str(data_folder)),
        ],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    value = {one["name"]: one["value"] for one in json.loads(done.stdout)["figures"]}
    for name in sorted(value):
        print(f"{name} {value[name]:.3f}")
    assert value["detection.motorbike.recall"] >= 0.65
    assert value["detection.motorbike.precision"] >= 0.75
    assert value["detection.four_wheeler.recall"] >= 0.80
    # The whole frame, as it was measured when the data was gathered: 0.40 and 0.81.
    assert value["detection.whole.motorbike.recall"] < 0.5
    assert value["detection.cost"] > value["detection.whole.cost"] > 0


def test_all_frames_and_polygons_are_read(data_folder: Path) -> None:
    frames = load_junction(data_folder)

    assert len(frames) == 200
    names = [name for frame in frames for name in frame.label]
    assert {name: names.count(name) for name in sorted(set(names))} == {
        "BUS": 217,
        "CAR": 1052,
        "MOTORBIKE": 4982,
        "TRAFFIC_LIGHT": 653,
        "TRUCK": 58,
    }


def test_day_and_night_are_told_apart_without_a_doubtful_frame(data_folder: Path) -> None:
    frames = load_junction(data_folder, every=5)
    nights = sum(at_night(frame.image()) for frame in frames)

    assert 0 < nights < len(frames)
