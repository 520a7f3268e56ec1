from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import yaml

from ioc.camera import Camera
from ioc.events import FlowData, ModelRef, ViolationData
from tests.vision.clips import SITE
from vision.detect.detected import Detected
from vision.detect.detections import Detections
from vision.pipeline import Output, Pipeline
from vision.scene import build_scene, inside
from vision.setup import warnings_of
from vision.source.frame import Frame
from vision.source.picture import Picture

START = datetime(2026, 11, 22, 1, 0, tzinfo=UTC)


def camera(**changes: object) -> Camera:
    given = yaml.safe_load(SITE)["cameras"][0]
    return Camera.model_validate(given | changes)


class Passing:
    """Finds one car that drives through, from left to right or back."""

    def __init__(self, first: float, step: float) -> None:
        self._x, self._step = first, step

    def detect(self) -> Detected:
        x = self._x
        self._x += self._step
        box = np.array([[x - 16, 40, x + 16, 72]], np.float32)
        return Detected(Detections(box, np.array([0.8], np.float32), np.array([1])))


def run(finder: Passing, site: Camera, frames: int = 60) -> list[Output]:
    pipeline = Pipeline(site, 192, 128, ModelRef(name="m", sha256="0" * 64))
    out: list[Output] = []
    for number in range(frames):
        at = number / 25
        picture = Picture(bgr=np.zeros((128, 192, 3), np.uint8))
        frame = Frame(picture, number, at, START + timedelta(seconds=at), at)
        found = finder.detect()
        out += pipeline.judge(frame, found, pipeline.track(frame, found))
    return out + pipeline.finish()


def test_a_car_that_drives_through_is_counted_in_its_lane() -> None:
    out = run(Passing(10, 3), camera(rules=[{"rule": "wrong_way"}]))

    flows = [each.data for each in out if isinstance(each.data, FlowData)]
    assert [flow.counts for flow in flows] == [{}, {"car": 1}, {}]
    assert [each.time - START for each in out] == [
        timedelta(seconds=1),
        timedelta(seconds=2),
        timedelta(seconds=2.36),
    ]


def test_a_car_against_the_way_becomes_one_violation_with_its_act_time() -> None:
    out = run(Passing(180, -3), camera(rules=[{"rule": "wrong_way", "min_travel_px": 20}]))

    (found,) = [each for each in out if isinstance(each.data, ViolationData)]
    assert isinstance(found.data, ViolationData)
    assert (found.data.rule, found.data.lane, found.data.vehicle) == ("wrong_way", "a", "car")
    assert found.time == found.data.act_time
    # seen from frame 1 on; frames are twice as large as the site file: 40 px at 75 px/s
    assert abs((found.time - START).total_seconds() - (1 / 25 + 40 / 75)) < 0.06
    assert found.data.model.sha256 == "0" * 64


def test_geometry_is_scaled_to_the_frames_that_come() -> None:
    scene = build_scene(camera(), 192, 128)

    assert scene.scale == 2
    assert scene.lines[0].start.tolist() == [96, 0]
    assert inside(np.array([[190.0, 120.0], [193.0, 60.0]]), scene.lanes[0].polygon).tolist() == [
        True,
        False,
    ]


def test_a_rule_that_cannot_be_watched_and_a_lane_without_a_line_are_told() -> None:
    told = warnings_of(camera(rules=[{"rule": "no_helmet"}], lines=[]))

    assert any("rules.no_helmet: is not watched" in line for line in told)
    assert any("lanes.a: no line lies across it" in line for line in told)
