from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ioc.errors import ConfigError
from ioc.site import load_site
from simulator.place import Place
from simulator.places import PLACES
from simulator.places.nga_bay import NGA_BAY
from simulator.places.vi_thanh import VI_THANH
from simulator.truth.outline import polygon_seen, segment_seen
from simulator.truth.site_file import site_of, site_yaml
from vision.scene import build_scene, faults

BOTH = pytest.mark.parametrize("place", PLACES.values(), ids=lambda place: place.city)


@BOTH
def test_the_file_loads_as_it_was_made_and_has_no_faults(place: Place, tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    path.write_text(site_yaml(place, {"cam-1": "clip.mp4"}), encoding="utf-8")
    site = load_site(path)
    assert site == site_of(place, {"cam-1": "clip.mp4"})
    (camera,) = site.cameras
    assert camera.source == "clip.mp4"
    assert faults(camera) == []
    assert {settings.rule for settings in camera.rules} == {
        watch.rule for watch in place.mounts[0].watches
    }


@BOTH
def test_every_point_is_inside_the_frame_and_every_outline_is_large_enough(place: Place) -> None:
    (camera,) = site_of(place).cameras
    shapes = [lane.polygon for lane in camera.lanes] + [zone.polygon for zone in camera.zones]
    shapes += [line.ends for line in camera.lines] + [lamp.box for lamp in camera.lamps]
    shapes += [tuple(point.image for point in camera.calibration.points)]  # type: ignore[union-attr]
    for shape in shapes:
        points = np.array(shape)
        assert (points >= 0).all()
        assert (points <= [camera.frame.width, camera.frame.height]).all()
        assert np.ptp(points, axis=0).max() > 20


@BOTH
def test_the_calibration_finds_the_road_where_it_is(place: Place) -> None:
    (camera,) = site_of(place).cameras
    scene = build_scene(camera, camera.frame.width, camera.frame.height)
    assert scene.ground is not None and camera.calibration is not None
    assert len(camera.calibration.points) >= 9
    # The lens bends more than a plane can follow; what is left is far below a box's own error.
    assert scene.ground.error_m < 0.1
    lens = place.mounts[0].lens
    middle = np.array([[lens.width / 2, lens.height / 2]])
    found = scene.ground.to_ground(middle)[0]
    assert np.hypot(*(found - lens.ground(middle[0]))) < 0.2


def test_lamps_lines_and_lanes_are_where_the_place_has_them() -> None:
    (camera,) = site_of(VI_THANH).cameras
    lens = VI_THANH.mounts[0].lens
    (lamp,) = camera.lamps
    assert lamp.order == ("red", "yellow", "green")
    middle, _ = lens.project(np.array([12.3, -12.6, 2.3]))
    assert np.abs(np.mean(lamp.box, axis=0) - middle).max() < 3
    stop = next(line for line in camera.lines if line.id == "stop-2")
    assert (stop.head, stop.lane) == ("head-s", "s-in-2")
    ends = lens.ground(np.array(stop.ends))
    assert ends == pytest.approx(np.array([[3.3, -14.0], [6.6, -14.0]]), abs=0.05)
    scene = build_scene(camera, 1920, 1080)
    line = next(one for one in scene.stops if one.id == "stop-2")
    north, _ = lens.project(np.array([[5.0, -13.0, 0.0]]))
    assert (line.side(north) * line.only > 0).all()


def test_a_lane_goes_on_across_a_side_street_to_where_it_goes_on() -> None:
    (camera,) = site_of(NGA_BAY).cameras
    lens = NGA_BAY.mounts[0].lens
    lane = next(lane for lane in camera.lanes if lane.id == "eb-2")
    ground = lens.ground(np.array(lane.polygon))
    assert ground[:, 0].max() == pytest.approx(7.0, abs=0.1)


def test_signals_are_there_where_the_place_has_some() -> None:
    assert site_of(VI_THANH).signals[0].heads == ("head-s", "head-n", "head-w", "head-e")
    assert site_of(NGA_BAY).signals == ()


def test_what_a_camera_does_not_see_is_told() -> None:
    blind = replace(VI_THANH.mounts[0], lanes=("n-in-1",))
    with pytest.raises(ConfigError, match=r"cam-1: 'n-in-1' is not in its picture"):
        site_of(replace(VI_THANH, mounts=(blind,)))
    with pytest.raises(ConfigError, match="cam-9"):
        site_of(VI_THANH, {"cam-9": "x.mp4"})


def test_shapes_behind_or_beside_the_camera_are_not_in_its_picture() -> None:
    lens = VI_THANH.mounts[0].lens
    assert polygon_seen(lens, ((0, -40), (4, -40), (4, -36), (0, -36))) is None
    assert polygon_seen(lens, ((60, -20), (70, -20), (70, -10), (60, -10))) is None
    assert segment_seen(lens, ((60, -20), (60, -10))) is None
    # One that begins behind the camera is cut at the picture's lower edge.
    cut = polygon_seen(lens, ((3.3, -200), (6.6, -200), (6.6, -14), (3.3, -14)))
    assert cut is not None and cut[:, 1].max() == lens.height
