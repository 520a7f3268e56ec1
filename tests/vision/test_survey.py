"""What an installer is told of his points, and what is written into the site file."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ioc.camera import Calibration, Camera
from ioc.errors import ConfigError
from ioc.site import load_site
from tests.vision.commands import ioc
from tests.vision.surveyed import Points, calibration, seen_at
from vision.survey import read_points, survey, with_calibration

INNER = np.array([(-7.0, 11), (7, 11), (8, 40), (-8, 40), (0, 16), (-3, 25), (4, 30)])
CORNERS = seen_at(np.array([(-4.0, 11.0), (4, 11), (4, 39), (-4, 39)])).tolist()
CAMERA: dict[str, Any] = {
    "id": "cam-1", "name": {"vi": "Máy quay", "en": "Camera"}, "source": "sim://x",
    "frame": {"width": 1280, "height": 720},
    "lanes": [{"id": "in-1", "polygon": CORNERS, "direction": [[640, 300], [640, 600]]}],
    "lines": [{"id": "stop-1", "kind": "stop", "ends": [[400, 500], [900, 500]], "lane": "in-1"}],
}  # fmt: skip
TODAY = date(2026, 11, 22)

SITE = """\
# Ngã Bảy
city: ngabay
site: test
name: {vi: Ngã Bảy, en: Seven-way}
city_name: {vi: Ngã Bảy, en: Ngã Bảy}
position: {latitude: 9.8, longitude: 105.8}
cameras:
  - id: cam-1   # towards the bridge
    name: {vi: Máy quay, en: Camera}
    source: sim://x
    frame: {width: 1280, height: 720}
    rules:
      - {rule: wrong_way}   # the last of cam-1

  # the other one
  - id: cam-2
    name: {vi: Máy quay 2, en: Camera 2}
    source: sim://y
    frame: {width: 1280, height: 720}
"""


def told(spots: Points = INNER, pixels: Points | None = None, **changes: Any) -> tuple[str, ...]:
    expires = changes.pop("expires", date(2026, 12, 31))
    made = Calibration.model_validate(calibration(spots, expires, pixels))
    return survey(Camera.model_validate({**CAMERA, **changes}), made, TODAY).warnings


def table(folder: Path, name: str = "points.csv", separator: str = ",", comma: str = ".") -> Path:
    rows = [["note", "image_x", "image_y", "east_m", "north_m"]]
    for (x, y), (east, north) in zip(seen_at(INNER).tolist(), INNER.tolist(), strict=True):
        cells = [f"{value:.1f}".replace(".", comma) for value in (x, y, east, north)]
        rows.append(["kerb", *cells])
    path = folder / name
    path.write_text("".join(separator.join(row) + "\n" for row in rows), encoding="utf-8-sig")
    return path


def test_a_good_survey_has_no_warning_and_tells_its_scale() -> None:
    made = survey(
        Camera.model_validate(CAMERA), Calibration.model_validate(calibration(INNER)), TODAY
    )

    assert made.warnings == ()
    assert 0.01 < made.scales["stop-1"] < 0.2
    assert made.cover == pytest.approx(1.0, abs=0.02)


def test_what_is_wrong_is_told() -> None:
    off = INNER.copy()
    off[5] += (0.0, 2.5)
    assert any("point 6 is off by" in text for text in told(off, seen_at(INNER)))
    assert any("four points fit any plane" in text for text in told(INNER[:4]))
    row = np.array([(0.0, 12), (0.6, 18), (-0.6, 25), (0.5, 32), (0, 40), (6, 30)])
    assert any("nearly on one line on the ground" in text for text in told(row))
    assert any("mirrored" in text for text in told(INNER[:, ::-1].copy(), seen_at(INNER)))
    far = np.array([(-8.0, 30), (-6, 30), (-6, 40), (-8, 40), (-7, 35)])
    assert any("% of the lanes" in text for text in told(far))
    assert any("expired on 2026-11-21" in text for text in told(expires=date(2026, 11, 21)))
    sky = {"id": "high", "kind": "stop", "ends": [[400, 5], [900, 5]]}
    assert any("lines.high: lies above" in text for text in told(lines=[sky]))


@pytest.mark.parametrize(("separator", "comma"), [(",", "."), (";", ","), ("\t", ".")])
def test_tables_as_spreadsheets_write_them(tmp_path: Path, separator: str, comma: str) -> None:
    points = read_points(table(tmp_path, separator=separator, comma=comma))

    assert [point.ground for point in points] == [tuple(spot) for spot in INNER.tolist()]


def test_lists_and_what_is_no_list(tmp_path: Path) -> None:
    path = tmp_path / "points.yaml"
    path.write_text("- {image: [1, 2], ground: [3, 4]}\n- [5, 6, 7, 8]\n", encoding="utf-8")
    assert [point.image for point in read_points(path)] == [(1, 2), (5, 6)]

    for text, error in (("a: 1", "expected a list"), ("- [1, 2]", "point"), ("[", "not YAML")):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(ConfigError, match=error):
            read_points(path)
    bad = tmp_path / "bad.csv"
    bad.write_text("image_x,image_y,east_m,north_m\n1,2,3,4\n1,2,x,4\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="line 3: expected four numbers, got 1, 2, x, 4"):
        read_points(bad)
    bad.write_text("x,y\n1,2\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="no column image_x, image_y, east_m, north_m"):
        read_points(bad)
    with pytest.raises(ConfigError, match="No such file"):
        read_points(tmp_path / "gone.csv")


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_only_the_calibration_of_that_camera_changes(tmp_path: Path, ending: str) -> None:
    text = SITE.replace("\n", ending)
    first = Calibration.model_validate(calibration(INNER))
    second = Calibration.model_validate({**calibration(INNER[:5]), "id": 'KĐ "2"'})
    path = tmp_path / "site.yaml"

    once = with_calibration(text, "cam-1", first)
    path.write_bytes(once.encode())
    assert load_site(path).cameras[0].calibration == first
    kept = [line for line in once.splitlines() if line in text.splitlines()]
    assert kept == text.splitlines()
    assert "# the last of cam-1" + ending + "    calibration:" in once

    again = with_calibration(once, "cam-1", second)
    path.write_bytes(again.encode())
    assert load_site(path).cameras[0].calibration == second
    assert again.count("calibration:") == 1

    last = with_calibration(again.rstrip(), "cam-2", first)
    path.write_bytes(last.encode())
    assert [camera.calibration for camera in load_site(path).cameras] == [second, first]
    assert [line for line in last.splitlines() if line in text.splitlines()] == text.splitlines()


def test_a_calibration_behind_the_dash_of_the_list(tmp_path: Path) -> None:
    made = Calibration.model_validate(calibration(INNER))
    text = with_calibration(SITE, "cam-2", made)
    old = "  - calibration: {id: old, expires: 2026-01-01, points: []}\n    id: cam-2\n"
    moved = text.replace("  - id: cam-2\n", old).split("    calibration:")[0]
    path = tmp_path / "site.yaml"
    path.write_text(with_calibration(moved, "cam-2", made), encoding="utf-8")

    assert load_site(path).cameras[1].calibration == made


def test_the_command_writes_keeps_a_copy_and_tells(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    site, points = tmp_path / "site.yaml", table(tmp_path)
    site.write_text(SITE, encoding="utf-8")
    words = ["edge", "calibrate", site, "--camera", "cam-1"]

    assert ioc(monkeypatch, *words) == 2
    assert "give --points" in capsys.readouterr().err
    assert ioc(monkeypatch, *words, "--points", points) == 2
    assert "give --id" in capsys.readouterr().err
    words += ["--points", points, "--id", "KĐ-7", "--expires", "2099-06-30"]
    assert ioc(monkeypatch, *words) == 0
    shown = capsys.readouterr().out
    assert "calibration:\n      id: \"KĐ-7\"\n" in shown  # fmt: skip
    assert site.read_text(encoding="utf-8") == SITE

    assert ioc(monkeypatch, *words, "--write", "--json") == 0
    whole = json.loads(capsys.readouterr().out)
    assert whole["figures"][0]["name"] == "calibration.rms"
    assert whole["figures"][0]["value"] < 0.2
    assert load_site(site).cameras[0].calibration is not None
    assert (tmp_path / "site.yaml.bak").read_text(encoding="utf-8") == SITE
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "points.csv", "site.yaml", "site.yaml.bak"
    ]  # fmt: skip

    assert ioc(monkeypatch, "edge", "calibrate", site) == 0
    assert "KĐ-7" in capsys.readouterr().out


def test_a_file_that_cannot_be_edited_stays_as_it_was(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    flow = SITE[: SITE.index("  - id: cam-1")] + (
        "  - {id: cam-1, name: {vi: M, en: M}, source: 'sim://x', "
        "frame: {width: 1280, height: 720}}\n"
    )
    site = tmp_path / "site.yaml"
    site.write_text(flow, encoding="utf-8")
    words = ["edge", "calibrate", site, "--points", table(tmp_path), "--id", "K"]

    assert ioc(monkeypatch, *words, "--expires", "2099-06-30", "--write") == 2
    assert "paste the calibration by hand" in capsys.readouterr().err
    assert site.read_text(encoding="utf-8") == flow
    assert ioc(monkeypatch, *words, "--expires", "soon") == 2
    assert "give a day such as" in capsys.readouterr().err
