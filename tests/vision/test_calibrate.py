"""A camera 8 m above the road, tilted: positions are known exactly, so errors can be told."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ioc.camera import Calibration, Camera, FrameSize
from ioc.errors import ConfigError
from tests.vision.surveyed import LAST_DAY, SPOTS, calibration, seen_at
from vision.calibrate import Ground, fit_ground, ground_of, near_line
from vision.scene import build_scene, faults

GRID = np.array([(x, y) for x in (-6.0, -2, 2, 6) for y in (12.0, 18, 26, 38)])


def plane(pixels_off: float = 0.0, seed: int = 0, spots: np.ndarray = SPOTS) -> Ground:
    off = np.random.default_rng(seed).normal(0, pixels_off, spots.shape) if pixels_off else 0.0
    return fit_ground(seen_at(spots) + off, spots, "KĐ-1", LAST_DAY)


def test_exact_points_give_exact_metres() -> None:
    ground = plane()

    assert ground.to_ground(seen_at(GRID)) == pytest.approx(GRID, abs=1e-4)
    assert ground.to_image(GRID) == pytest.approx(seen_at(GRID), abs=1e-4)
    assert ground.residuals.rms_m < 1e-4
    assert ground.covers(seen_at(GRID)).all()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_the_stated_error_is_the_real_one(seed: int) -> None:
    """Points marked 1 px off: three times the stated error holds all over the area."""
    ground = plane(1.0, seed)
    real = np.hypot(*(ground.to_ground(seen_at(GRID)) - GRID).T)

    assert np.sqrt(np.mean(real**2)) < 3 * ground.error_m
    assert ground.residuals.left_out_rms_m is not None
    assert ground.residuals.left_out_rms_m > ground.residuals.rms_m


def test_four_points_always_fit_so_their_error_is_what_a_click_is_worth() -> None:
    ground = plane(1.5, spots=SPOTS[:4])

    assert ground.residuals.rms_m < 1e-4
    assert ground.residuals.left_out_m is None
    assert ground.error_m == pytest.approx(np.median(ground.metres_per_pixel(ground.image)))


def test_a_point_mixed_up_in_the_survey_is_the_worst_one() -> None:
    spots = SPOTS.copy()
    spots[3] += (0.0, 1.5)
    ground = fit_ground(seen_at(SPOTS), spots, "KĐ-1", LAST_DAY)

    assert ground.residuals.worst == 3
    assert ground.residuals.metres[3] > 0.3
    assert ground.error_m > 0.3


def test_a_pixel_is_worth_more_far_away() -> None:
    ground = plane()
    near, far = seen_at(np.array([(0.0, 12.0), (0.0, 38.0)]))
    step = np.array([0.0, 0.01])

    worth = ground.metres_per_pixel(np.array([near, far]))

    walked = ground.to_ground(np.array([near, far]) + step) - ground.to_ground(
        np.array([near, far])
    )
    assert worth == pytest.approx(np.hypot(*walked.T) / 0.01, rel=1e-3)
    assert worth[1] > 4 * worth[0]


def test_the_sky_is_nowhere() -> None:
    ground = plane()
    sky = np.array([[640.0, 0.0], [640.0, -500.0], [0.0, 10.0]])

    assert np.isnan(ground.to_ground(sky)).all()
    assert np.isnan(ground.metres_per_pixel(sky)).all()
    assert not ground.covers(sky).any()
    assert np.isnan(ground.to_image(np.array([[0.0, -50.0]]))).all()


def test_only_the_surveyed_area_and_its_margin_count() -> None:
    ground = plane()
    beyond = np.array([(0.0, 41.0), (0.0, 43.0), (-9.0, 20.0), (-10.5, 20.0)])

    assert ground.margin_m == pytest.approx(0.05 * np.sqrt(16 * 30))
    assert ground.covers(seen_at(beyond)).tolist() == [True, False, True, False]


def test_it_ends_with_its_last_day() -> None:
    ground = plane()

    assert not ground.expired(LAST_DAY)
    assert ground.expired(date(2027, 1, 1))


def test_frames_of_another_size_give_the_same_metres() -> None:
    made = Calibration.model_validate(calibration())
    stated = FrameSize(width=1280, height=720)
    half = ground_of(made, stated, 640, 360)

    assert half.to_ground(seen_at(GRID) / 2) == pytest.approx(GRID, abs=0.01)


def test_east_and_north_swapped_is_seen() -> None:
    assert not plane().mirrored()
    assert fit_ground(seen_at(SPOTS), SPOTS[:, ::-1].copy(), "KĐ-1", LAST_DAY).mirrored()


@pytest.mark.parametrize(
    ("spots", "told"),
    [
        (np.array([(-6.0, 10), (0, 10), (6, 10), (0, 30)]), "points 1 .*, 2 .*, 3 .* on one line"),
        (np.array([(-6.0, 10), (6, 10), (6, 10), (0, 30)]), "points 2 .*, 3 .* same place"),
        (np.array([(-6.0, 10), (6, 10), (0, 30)]), "3 points; at least 4"),
    ],
)
def test_points_that_fix_no_plane_are_named(spots: np.ndarray, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        fit_ground(seen_at(spots), spots, "KĐ-1", LAST_DAY)


def test_two_points_that_changed_places_give_no_plane_or_a_bad_one() -> None:
    mixed = SPOTS[[1, 0, 2, 3]]
    with pytest.raises(ConfigError, match=r"calibration\.points: points "):
        fit_ground(seen_at(SPOTS[:4]), mixed, "KĐ-1", LAST_DAY)


def test_a_row_of_points_with_one_beside_it_is_nearly_a_line() -> None:
    row = np.array([(0.0, 0.0), (10, 0.2), (20, 0), (30, 0.1), (15, 8)])

    assert near_line(row).tolist() == [0, 1, 2, 3]
    assert near_line(SPOTS).tolist() == []


def test_a_scene_knows_its_ground_and_a_bad_one_is_a_fault() -> None:
    whole = {"id": "cam-1", "name": {"vi": "Máy quay", "en": "Camera"}, "source": "sim://x",
             "frame": {"width": 1280, "height": 720}, "calibration": calibration()}  # fmt: skip
    camera = Camera.model_validate(whole)
    ground = build_scene(camera, 1280, 720).ground
    assert ground is not None
    assert ground.id == "KĐ-1"
    assert faults(camera) == []

    flat = calibration(np.array([(-6.0, 10), (0, 10), (6, 10), (0, 30)]))
    wrong = Camera.model_validate({**whole, "calibration": flat})
    (fault,) = faults(wrong)
    assert fault.startswith("calibration.points: points 1")
    assert build_scene(camera.model_copy(update={"calibration": None}), 640, 360).ground is None
