from __future__ import annotations

import math
from dataclasses import fields
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ioc.errors import ConfigError
from ioc.site import load_site
from simulator.camera import Lens
from simulator.places.nga_bay import NGA_BAY
from simulator.places.vi_thanh import VI_THANH
from simulator.truth.figure import boxes, cut
from simulator.truth.heads import Heads
from simulator.truth.lights import Lights
from simulator.truth.paths import border_share, reached_at, within
from simulator.truth.seen import observe
from simulator.truth.truth import (
    PART_KINDS,
    START,
    BoxTable,
    Record,
    Truth,
    read_truth,
    truth_of,
    write_truth,
)
from simulator.world import World
from tests.simulator.worlds import Ride, east, north, world
from vision.signal_feed import read_signals

UP = math.pi / 2
MOUNT = VI_THANH.mounts[0]
CHANGES = (("head-s", -5.0, "green"), ("head-s", 2.0625, "yellow"), ("head-s", 5.0625, "red"))


def made() -> World:
    rides = [
        Ride("car", north(5.0, -60.0, (0.0, 8.0)), UP),
        Ride("motorcycle", north(8.0, -50.0, (0.0, 8.0)), UP, helmets=(True, False)),
        Ride("truck", north(1.6, -60.0, (0.0, 7.0)), UP),
        Ride("car", north(1.6, -90.0, (0.0, 7.0)), UP),
    ]
    return world(VI_THANH, rides, seconds=10.0, changes=CHANGES)  # type: ignore[arg-type]


def made_truth() -> Truth:
    one = made()
    return truth_of(one, VI_THANH, MOUNT, one.present.astype(np.float64))


@cache
def truth() -> Truth:
    return made_truth()


def same(one: Truth, other: Truth) -> None:
    for each in fields(Record):
        assert getattr(one, each.name) == getattr(other, each.name), each.name
    for table in ("boxes", "parts"):
        mine, its = getattr(one, table), getattr(other, table)
        for column in (each.name for each in fields(mine)):
            left, right = getattr(mine, column), getattr(its, column)
            if isinstance(left, tuple):
                assert left == right
            else:
                assert left.dtype == right.dtype
                np.testing.assert_array_equal(left, right)


def test_what_is_written_is_read_back_and_equal_truths_give_equal_bytes(tmp_path: Path) -> None:
    one = truth()
    files = write_truth(tmp_path, "clip", one, VI_THANH)
    same(read_truth(files.truth), one)
    again = tmp_path / "again"
    again.mkdir()
    write_truth(again, "clip", made_truth(), VI_THANH)
    names = sorted(path.name for path in tmp_path.glob("clip*"))
    assert names == [
        "clip.boxes.txt", "clip.parts.csv", "clip.signals.jsonl", "clip.site.yaml",
        "clip.truth.json",
    ]  # fmt: skip
    for name in names:
        assert (tmp_path / name).read_bytes() == (again / name).read_bytes()


def test_the_files_are_those_that_a_node_runs_a_clip_with(tmp_path: Path) -> None:
    files = write_truth(tmp_path, "clip", truth(), VI_THANH, "clip.mp4")
    site = load_site(files.site)
    assert site.cameras[0].source == "clip.mp4"
    assert files.signals is not None
    changes = read_signals(files.signals, site)
    assert [(change.head, change.phase) for change in changes] == [
        ("head-s", "green"), ("head-s", "yellow"), ("head-s", "red"),
    ]  # fmt: skip
    assert [(change.since - START).total_seconds() for change in changes] == [-5, 2.0625, 5.0625]


def test_a_place_without_signals_has_no_recording_of_them(tmp_path: Path) -> None:
    one = world(NGA_BAY, [Ride("car", east(-5.0, -60.0, (0.0, 12.0)), 0.0)], seconds=8.0)
    told = truth_of(one, NGA_BAY, NGA_BAY.mounts[0], one.present.astype(np.float64))
    files = write_truth(tmp_path, "clip", told, NGA_BAY)
    assert files.signals is None
    same(read_truth(files.truth), told)
    assert [(count.line, count.kind, count.count) for count in told.counts] == [
        ("count-eb-2", "car", 1)
    ]
    (passage,) = told.passages
    assert passage.at_s == pytest.approx((60 - 10 + 1.7) / 12, abs=1e-5)


def test_boxes_are_in_the_frame_and_as_motchallenge_has_them(tmp_path: Path) -> None:
    one = truth()
    table: BoxTable = one.boxes
    assert (table.xyxy >= 0).all() and (table.xyxy <= [1920, 1080, 1920, 1080]).all()
    assert (np.diff(table.step) >= 0).all()
    files = write_truth(tmp_path, "clip", one, VI_THANH)
    rows = np.loadtxt(files.boxes, delimiter=",")
    assert rows[:, 0].min() >= 1 and rows[:, 0].max() <= one.frames
    assert set(rows[:, 7].astype(int)) == {1, 2, 4}  # motorcycle, car, truck


def test_a_plates_best_sight_is_where_it_is_highest() -> None:
    one = truth()
    best = {plate.body: plate for plate in one.plates}
    assert best[0].text == "95A-123.00"
    rows = (one.parts.body == 0) & (one.parts.kind == PART_KINDS.index("plate"))
    assert best[0].height_px == one.parts.height_px[rows].max()
    # The plate is nearest, and highest, as the car has just come into the picture.
    assert best[0].step == one.parts.step[rows].min()


def test_parts_hidden_behind_a_lorry_are_told_to_be_hidden() -> None:
    rides = [
        Ride("truck", lambda _: (5.4, -17.0), UP),
        Ride("car", lambda _: (5.0, -10.0), UP),
        Ride("car", lambda _: (1.5, -14.0), UP),
    ]
    one = world(VI_THANH, rides, seconds=1.0, changes=CHANGES)  # type: ignore[arg-type]
    shares = np.array([1.0, 0.3, 0.9])
    seen = observe(one, VI_THANH, MOUNT, 3, shares)
    plates = {part.body: part.visible for part in seen.parts if part.kind == "plate"}
    assert plates[0] == 1.0
    assert plates[1] < 0.3
    assert plates[2] > 0.9
    (lamp,) = [part for part in seen.parts if part.kind == "lamp"]
    assert (lamp.text, lamp.phase, lamp.visible) == ("head-s", "green", 1.0)
    assert [kind for kind, _, _ in seen.labelled()][:3] == ["truck", "car", "car"]


def test_each_head_is_told_with_or_without_its_helmet() -> None:
    one = made()
    seen = observe(one, VI_THANH, MOUNT, 50, np.ones(4))
    assert [part.kind for part in seen.parts if part.body == 1 and "helmet" in part.kind] == [
        "helmet", "no_helmet",
    ]  # fmt: skip
    assert len([part for part in seen.parts if part.body == 1 and part.kind == "rider"]) == 2


@pytest.mark.parametrize(("ending", "spoil", "told"), [
    ("truth.json", lambda raw: raw.replace(b'"seed": 1', b'"seed": "one"'), r"seed"),
    ("truth.json", lambda raw: raw[:200], r"truth\.json: .*; render the clip again"),
    ("boxes.txt", lambda raw: raw + b"1,2,3\n", r"boxes\.txt"),
    ("boxes.txt", lambda raw: raw + b"9999,1,0,0,5,5,1,1,1,1\n", "different clips"),
    ("parts.csv", lambda raw: raw + b"1,2,spoon\n", r"parts\.csv: line \d+: not a part"),
    ("parts.csv", lambda raw: b"frame\n" + raw, r"parts\.csv: line 1: expected the columns"),
])  # fmt: skip
def test_a_spoilt_file_is_refused_with_its_name(
    tmp_path: Path, ending: str, spoil: object, told: str
) -> None:
    files = write_truth(tmp_path, "clip", truth(), VI_THANH)
    path = tmp_path / f"clip.{ending}"
    path.write_bytes(spoil(path.read_bytes()))  # type: ignore[operator]
    with pytest.raises(ConfigError, match=told):
        read_truth(files.truth)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    files = write_truth(tmp_path, "clip", truth(), VI_THANH)
    files.parts.unlink()
    with pytest.raises(ConfigError, match=r"parts\.csv: No such file"):
        read_truth(files.truth)
    with pytest.raises(ConfigError, match=r"NAME\.truth\.json"):
        read_truth(tmp_path / "clip.mp4")


@given(st.lists(st.floats(-5, 5), min_size=3, max_size=30), st.floats(-4, 4))
def test_a_target_is_reached_where_the_line_between_two_values_meets_it(
    values: list[float], target: float
) -> None:
    times = np.arange(len(values), dtype=np.float64) * 0.08
    found = reached_at(times, np.array(values), target)
    if found is None:
        assert max(values) < target
        return
    assert np.interp(found, times, values) >= target - 1e-6
    assert all(value < target for value, at in zip(values, times, strict=True) if at < found - 1e-9)


@given(st.tuples(st.floats(-6, 6), st.floats(-6, 6)), st.tuples(st.floats(-6, 6), st.floats(-6, 6)))
@settings(max_examples=200)
def test_a_way_into_a_square_comes_over_its_border(
    start: tuple[float, float], end: tuple[float, float]
) -> None:
    square = np.array([[-2.0, -2.0], [2.0, -2.0], [2.0, 2.0], [-2.0, 2.0]])
    first, last = np.array(start), np.array(end)
    share = border_share(first, last, square)
    if not within(first, square) and max(abs(last)) < 1.99 and max(abs(first)) > 2.01:
        assert share is not None
        assert np.abs(first + share * (last - first)).max() == pytest.approx(2.0, abs=1e-6)


def test_a_box_beside_or_behind_the_camera_is_not_in_the_picture() -> None:
    lens = Lens(0, 0, 6, 0, 0.4, 5, 5.37, 1920, 1080, -0.04)
    groups = np.array([
        [[20, -1, 0], [22, 1, 2]], [[-20, -1, 0], [-22, 1, 2]], [[5, 60, 0], [6, 62, 2]],
        [[-8, -1, 0], [12, 1, 3]],
    ], np.float64)  # fmt: skip
    found, inside = cut(lens, boxes(lens, groups))
    assert (inside > 0).tolist() == [True, False, False, True]
    # One that reaches behind the camera is cut at the picture's lower edge.
    assert found[3, 3] == lens.height


def test_a_nearer_head_hides_one_behind_it() -> None:
    pixels = np.array([[[100.0, 100.0], [100.0, 105.0], [300.0, 100.0]]])
    free = Heads.free(pixels, np.array([[10.0, 9.0, 9.0]]), np.array([[20.0, 20.0, 20.0]]))
    assert free[0, 0] == pytest.approx(5 / 40)
    assert free[0, 1:].tolist() == [1.0, 1.0]


def test_a_light_is_known_from_its_exact_change() -> None:
    lights = Lights(made())
    assert lights.at("head-s", 2.0624).phase == "green"
    yellow = lights.at("head-s", 2.0625)
    assert (yellow.phase, yellow.since_s, yellow.until_s) == ("yellow", 2.0625, 5.0625)
    assert lights.at("head-n", 3.0).phase == "unknown"
