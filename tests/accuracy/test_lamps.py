"""The lamp reader on real signal heads, by day, against labels made by eye.

``lamps.json`` gives for a frame and the row of a box in its label file what the head shows: only
boxes that hold one head of three lamps, such as a site file would name. Boxes too blurred for an
eye, several heads in one box and countdowns are not in it. Round lamps and arrows that are the
only light of their head are. Heads that the shutter caught nearly dark carry their colour, so
"dark" is no error for them.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

from vision.lamps import read_lamp
from vision.source.picture import Picture

ORDER = ("red", "yellow", "green")
LABELS = json.loads(Path(__file__).with_name("lamps.json").read_text(encoding="utf-8"))


def read_all(data_folder: Path, shift: tuple[float, float] = (0, 0)) -> Counter[tuple[str, str]]:
    """What was read for each label; boxes moved by a share of one lamp, to the right and down."""
    folder = data_folder / "junction_images"
    counts: Counter[tuple[str, str]] = Counter()
    for name, labels in LABELS.items():
        image = cv2.imread(str(folder / "images" / name))
        assert image is not None, name
        picture = Picture(bgr=np.asarray(image, np.uint8))
        rows = (folder / "labels" / name).with_suffix(".txt").read_text().splitlines()
        for row, shown in labels.items():
            x, y, width, height = (float(part) * 640 for part in rows[int(row)].split()[1:5])
            lamp = max(width, height) / 3
            x, y = x + shift[0] * lamp, y + shift[1] * lamp
            box = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
            corners = [round(edge) for edge in box]
            counts[shown, read_lamp(picture.crop(*corners), ORDER)] += 1
    return counts


def wrong(counts: Counter[tuple[str, str]]) -> int:
    return sum(
        count for (shown, read), count in counts.items() if read not in (shown, "dark", "unclear")
    )


def test_real_heads_are_read_and_none_wrongly(
    data_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    counts = read_all(data_folder)
    with capsys.disabled():
        print(f"\nlamps: {dict(sorted(counts.items()))}")
    total = sum(n for (shown, _), n in counts.items() if shown != "dark")
    right = sum(n for (shown, read), n in counts.items() if shown == read != "dark")
    assert total >= 230
    assert wrong(counts) == 0
    assert right >= 0.9 * total
    assert counts["dark", "dark"] == sum(n for (shown, _), n in counts.items() if shown == "dark")


@pytest.mark.parametrize("shift", [(0.3, 0), (-0.3, 0), (0, 0.3), (0, -0.3)])
def test_a_box_that_has_slipped_gives_no_wrong_colour(
    data_folder: Path, shift: tuple[float, float]
) -> None:
    assert wrong(read_all(data_folder, shift)) == 0
