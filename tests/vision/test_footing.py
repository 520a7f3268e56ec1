"""A camera 6 m up that looks north at a road; solids of the usual size are put on it."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from pydantic import ValidationError

from ioc.camera import Camera, Label
from ioc.errors import ConfigError
from ioc.events import VehicleClass
from vision.calibrate import Ground, fit_ground
from vision.detect.detections import CLASS_ID
from vision.footing import SOLIDS, Footing
from vision.track.tracks import Tracks

WIDTH, HEIGHT, FOCAL = 1920, 1080, 1900.0
LENS = np.array([0.0, -15.0, 6.0])
TILT = np.radians(22)
TURN = np.array([[1, 0, 0], [0, -np.sin(TILT), -np.cos(TILT)], [0, np.cos(TILT), -np.sin(TILT)]])


def pixels(points: np.ndarray) -> np.ndarray:
    seen = (points - LENS) @ TURN.T
    middle = np.array([WIDTH / 2, HEIGHT / 2])
    return np.asarray(FOCAL * seen[..., :2] / seen[..., 2:] + middle)


def ground() -> Ground:
    places = np.array([(x, y) for x in (-5.0, 0.0, 5.0) for y in (0.0, 8.0, 20.0)])
    return fit_ground(
        pixels(np.column_stack([places, np.zeros(len(places))])), places, "T", date(2099, 1, 1)
    )


def solid(
    kind: VehicleClass, x: float, y: float, heading: float, longer: float = 1.0
) -> np.ndarray:
    points = SOLIDS[kind].points() * [longer, 1, 1]
    c, s = np.cos(heading), np.sin(heading)
    turned = points @ np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]])
    return np.asarray(turned + np.array([x, y, 0]))


def box(kind: VehicleClass, x: float, y: float, heading: float, longer: float = 1.0) -> np.ndarray:
    seen = pixels(solid(kind, x, y, heading, longer))
    return np.concatenate([seen.min(axis=0), seen.max(axis=0)])


def tracks(boxes: list[np.ndarray], kind: VehicleClass, first: list[np.ndarray]) -> Tracks:
    count = len(boxes)
    return Tracks(
        id=np.arange(1, count + 1),
        xyxy=np.array(boxes, np.float32),
        speed=np.zeros((count, 2), np.float32),
        score=np.ones(count, np.float32),
        class_id=np.full(count, CLASS_ID[kind]),
        age_s=np.zeros(count, np.float32),
        hits=np.full(count, 3),
        seen=np.ones(count, np.bool_),
        first_xyxy=np.array(first, np.float32),
    )


@pytest.mark.parametrize("kind", ["motorcycle", "car", "truck", "bus"])
@pytest.mark.parametrize("degrees", [90, 60, 150, 0, 180, 270])
@pytest.mark.parametrize("longer", [1.0, 1.2])
def test_the_last_wheels_are_found_from_every_side(
    kind: VehicleClass, degrees: float, longer: float
) -> None:
    heading = np.radians(degrees)
    along = np.array([np.cos(heading), np.sin(heading)])
    at, before = np.array([0.8, 6.0]), np.array([0.8, 6.0]) - 2 * along
    placed = Footing(ground(), WIDTH, HEIGHT).place(
        tracks(
            [box(kind, at[0], at[1], heading, longer)],
            kind,
            [box(kind, before[0], before[1], heading, longer)],
        )
    )
    size = SOLIDS[kind]
    rear = (-size.length / 2 + size.rear) * longer
    front = (size.length / 2 - size.front) * longer
    sight = at - LENS[:2]
    share = (1 - np.clip(2 * (sight @ along) / np.hypot(*sight), -1, 1)) / 2
    true = at + (rear + share * (front - rear)) * along
    found = ground().to_ground(placed.ground())[0]
    # What a length that is off by a fifth can do, and else a hand.
    assert np.hypot(*(found - true)) < (0.15 if longer == 1.0 else 0.13 * size.length)


def test_the_point_low_in_the_box_is_up_to_two_metres_off() -> None:
    far = tracks([box("bus", 0.8, 6.0, np.pi)], "bus", [box("bus", 2.8, 6.0, np.pi)])
    by_box = ground().to_ground(far.ground())[0]
    by_wheels = ground().to_ground(Footing(ground(), WIDTH, HEIGHT).place(far).ground())[0]
    assert np.hypot(*(by_box - by_wheels)) > 1.0


def test_who_stands_keeps_its_way() -> None:
    footing = Footing(ground(), WIDTH, HEIGHT)
    here, before = box("car", 0, 6, 0.0), box("car", -2, 6, 0.0)
    moved = footing.place(tracks([here], "car", [before])).ground()[0]
    for shift in (1.0, -1.0, 0.5):
        stood = footing.place(tracks([here + shift], "car", [before])).ground()[0]
        assert np.abs(stood - moved).max() < 4


def test_a_box_that_something_hides_in_part_is_smaller_than_usual() -> None:
    whole = box("motorcycle", 0, 6, np.pi / 2)
    cut = whole - [0, 0, 0, 0.4 * (whole[3] - whole[1])]
    before = box("motorcycle", 0, 4, np.pi / 2)
    footing = Footing(ground(), WIDTH, HEIGHT)
    placed = footing.place(tracks([whole, cut], "motorcycle", [before, before]))
    assert placed.bulk is not None
    assert placed.bulk[0] == pytest.approx(1.0, abs=0.05)
    assert placed.bulk[1] < 0.93


def test_no_vehicles_and_boxes_above_the_horizon_are_no_trouble() -> None:
    footing = Footing(ground(), WIDTH, HEIGHT)
    none = tracks([np.zeros(4)], "car", [np.zeros(4)])
    sky = np.array([10, 5, 60, 20.0])
    assert np.isfinite(footing.place(tracks([sky], "car", [sky])).ground()).all()
    assert footing.place(
        Tracks(*(getattr(none, name)[:0] for name in ("id", "xyxy", "speed", "score", "class_id",
                                                      "age_s", "hits", "seen")))
    ).road is None  # fmt: skip


def test_a_plane_that_no_camera_sees_is_refused() -> None:
    places = np.array([(x, y) for x in (0.0, 5.0, 10.0) for y in (0.0, 5.0, 10.0)])
    flat = fit_ground(places * 50 + 100, places, "T", date(2099, 1, 1))
    with pytest.raises(ConfigError, match="stand: box"):
        Footing(flat, WIDTH, HEIGHT)


def test_wheels_need_a_calibration() -> None:
    with pytest.raises(ValidationError, match="needs a calibration"):
        Camera.model_validate(
            {"id": "c", "name": Label(vi="a", en="a"), "source": "x.mp4",
             "frame": {"width": 640, "height": 360}, "stand": "wheels"}
        )  # fmt: skip
