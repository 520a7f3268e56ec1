"""What an installer sees: every thing of the site file, names that can be read, nothing hidden."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from ioc.camera import Camera
from tests.vision.clips import write_clip, write_site
from tests.vision.commands import ioc
from tests.vision.surveyed import calibration
from vision.draw import paint
from vision.label import Labels, put

Image = NDArray[np.uint8]

WHOLE: dict[str, Any] = {
    "id": "cam-1",
    "name": {"vi": "Camera đường Hùng Vương", "en": "Hùng Vương camera"},
    "source": "sim://x",
    "frame": {"width": 1280, "height": 720},
    "lanes": [{"id": "in-1", "polygon": [[450, 250], [620, 250], [640, 700], [160, 700]],
               "direction": [[535, 260], [400, 690]]}],
    "lines": [
        {"id": "stop-1", "kind": "stop", "ends": [[212, 620], [636, 620]], "lane": "in-1"},
        {"id": "count-1", "ends": [[302, 480], [630, 480]], "lane": "in-1"},
        {"id": "west", "kind": "exit", "ends": [[60, 600], [60, 710]]},
    ],
    "zones": [
        {"id": "kerb", "kind": "no_parking",
         "polygon": [[1020, 400], [1160, 400], [1275, 700], [1160, 700]]},
        {"id": "bus", "kind": "no_entry", "polygon": [[700, 400], [900, 400], [900, 600]]},
        {"id": "house", "kind": "privacy", "polygon": [[20, 40], [300, 40], [300, 200], [20, 200]]},
        {"id": "mid", "kind": "junction", "polygon": [[10, 650], [200, 650], [200, 715]]},
    ],
    "forbidden_turns": [{"id": "no-right", "lane": "in-1", "exit": "west", "kind": "right"}],
    "lamps": [{"head": "head-2", "box": [[900, 60], [930, 150]]}],
    "tiles": [{"box": [[400, 240], [816, 656]]}],
    "calibration": calibration(),
}  # fmt: skip


def painted(picture: Image | None = None, **changes: Any) -> Image:
    camera = Camera.model_validate({**WHOLE, **changes})
    return paint(noise() if picture is None else picture, camera, "Ngã Bảy")


def noise(width: int = 1280, height: int = 720) -> Image:
    rng = np.random.default_rng(0)
    return rng.integers(60, 120, (height, width, 3)).astype(np.uint8)


def written(text: str) -> Image:
    canvas = np.zeros((40, 300, 3), np.uint8)
    put(canvas, text, (10, 30), 24, (255, 255, 255))
    return canvas


@pytest.mark.parametrize(
    ("part", "empty"),
    [("lanes", []), ("lines", []), ("zones", []), ("forbidden_turns", []), ("lamps", []),
     ("tiles", []), ("calibration", None)],
)  # fmt: skip
def test_each_part_of_the_site_file_is_seen(part: str, empty: object) -> None:
    without: dict[str, Any] = {part: empty}
    if part in ("lanes", "lines"):
        without["forbidden_turns"] = []
    if part == "lanes":
        without["lines"] = [{**line, "lane": None} for line in WHOLE["lines"]]
    bar = 70
    whole, less = painted()[bar : bar + 700], painted(**without)[bar : bar + 700]

    assert (whole != less).any(axis=2).sum() > 1000


def test_what_is_private_is_not_in_the_picture() -> None:
    bright = noise()
    bright[45:195, 25:295] = 255
    dark = noise()
    dark[45:195, 25:295] = 0

    assert np.array_equal(painted(bright), painted(dark))


@pytest.mark.parametrize(("width", "height"), [(320, 180), (640, 360), (1280, 720), (1920, 1080)])
def test_small_pictures_are_enlarged_and_the_shape_stays(width: int, height: int) -> None:
    picture = noise(width, height)
    kept = picture.copy()
    out = painted(picture)

    assert out.shape[1] == max(1280, width)
    assert out.shape[0] > out.shape[1] * 9 / 16 + 100  # header and legend
    assert np.array_equal(picture, kept)


def test_every_vietnamese_letter_differs_from_every_other() -> None:
    letters = "aàáảãạăằắẳẵặâầấẩẫậeèéẻẽẹêềếểễệiìíỉĩịoòóỏõọôồốổỗộơờớởỡợuùúủũụưừứửữựyỳýỷỹỵdđ"
    shapes = {letter: written(letter).tobytes() for letter in letters + letters.upper()}

    assert len(set(shapes.values())) == len(shapes)
    assert not np.array_equal(written("đường"), written("đướng"))


def test_names_do_not_cover_each_other_and_stay_inside() -> None:
    labels = Labels(640, 360, 16)
    for number in range(40):
        at = np.array([300.0 + number, 350.0])
        labels.add(f"Làn đường {number}", at, (255, 255, 255))
    boxes = labels.place(np.zeros((360, 640, 3), np.uint8))

    assert len(boxes) >= 20
    for first, second in combinations(boxes, 2):
        beside = first[2] <= second[0] or second[2] <= first[0]
        assert beside or first[3] <= second[1] or second[3] <= first[1]
    assert all(b[0] >= 0 and b[1] >= 0 and b[2] <= 640 and b[3] <= 360 for b in boxes)


def test_a_huge_calibrated_area_is_drawn_in_bounded_time() -> None:
    wide = {**calibration(), "points": [
        {**point, "ground": [c * 100 for c in point["ground"]]}
        for point in calibration()["points"]
    ]}  # fmt: skip

    assert painted(calibration=wide).shape[1] == 1280


def test_the_command_draws_a_frame_of_a_film_or_a_picture(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    site, out = write_site(tmp_path), tmp_path / "out.jpg"
    write_clip(tmp_path / "clip.avi")
    still = tmp_path / "still.png"
    cv2.imwrite(str(still), noise(640, 360))

    for words in (["--frame", 3], ["--source", still]):
        assert ioc(monkeypatch, "edge", "draw", site, "--out", out, *words) == 0
        drawn = cv2.imread(str(out))
        assert drawn is not None
        assert drawn.shape[1] >= 128
        out.unlink()

    for words, told in (
        (["--frame", 9999], "ends with frame"),
        (["--out", tmp_path / "x.gif"], ".jpg or .png"),
        (["--out", tmp_path / "no" / "x.png"], "cannot be written"),
        (["--source", tmp_path / "gone.png"], "gone.png"),
    ):
        capsys.readouterr()
        assert ioc(monkeypatch, "edge", "draw", site, "--out", out, *words) == 2
        assert told in capsys.readouterr().err
