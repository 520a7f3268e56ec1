"""Runs a camera's clip through the vision path of the node, and keeps what each frame gave.

The unit is the one of ``ioc edge run``: tracker, rules, counts, signals, lamps. Only where its
boxes come from differs: from the detector on the decoded file, or from the truth.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import numpy as np

from ioc.camera import Camera
from ioc.clock import utc_now
from ioc.events import ModelRef, VehicleClass
from ioc.site import Site
from measure.accuracy.simulated.boxes import BoxRecorder, ClipBoxes
from measure.accuracy.simulated.watched import Flagged, Passed
from models.contract import Part
from vision.counts import LineCounter
from vision.detect.detected import Detected
from vision.detect.session import Detector
from vision.outlet import Outlet
from vision.pipeline import Output, Pipeline
from vision.scene import whole
from vision.signal_feed import PhaseChange
from vision.source.file import FileSource
from vision.source.frame import Frame
from vision.source.picture import Picture
from vision.track.tracks import Tracks
from vision.unit import Unit

START: Final = datetime(2026, 7, 1, 5, 0, tzinfo=UTC)
"""Event time of a clip's first frame: noon in Vietnam, so that bans by the hour hold alike."""

TRUE_SCORE: Final = 0.95
"""Confidence of a true box: a good detector's, for the guards that ask for one."""

TRUTH: Final = ModelRef(name="truth", sha256="0" * 64)
"""What stands in a violation as its model when the boxes are the true ones."""

TRUE_PARTS: Final[frozenset[Part]] = frozenset({"helmet", "no_helmet", "plate"})


@dataclass
class Seen:
    """What the vision path made of a clip.

    Attributes:
        frames: Frames taken in.
        flagged: Violations.
        passed: Crossings of lines.
        tracks: Boxes of the tracker, in the frames in which it saw them.
        found: Boxes of the detector.
        bare: Heads without a helmet that it marked.
        heads: Head → what the system took it for, in each frame.
    """

    frames: int = 0
    flagged: list[Flagged] = field(default_factory=list)
    passed: list[Passed] = field(default_factory=list)
    tracks: BoxRecorder = field(default_factory=BoxRecorder.empty)
    found: BoxRecorder = field(default_factory=BoxRecorder.empty)
    bare: BoxRecorder = field(default_factory=BoxRecorder.empty)
    heads: dict[str, list[str]] = field(default_factory=dict)

    def boxes(self, which: BoxRecorder) -> ClipBoxes:
        """The boxes of one kind."""
        return which.boxes(self.frames)


class RecordingPipeline(Pipeline):
    """The pipeline of every camera, which also writes down what it was given and what it said."""

    def __init__(
        self, camera: Camera, width: int, height: int, model: ModelRef, parts: frozenset[Part]
    ) -> None:
        super().__init__(camera, width, height, model, parts=parts)
        self.seen = Seen(heads={head: [] for head in _heads(camera)})
        self._counter = LineCounter(self.scene.lines)

    def judge(self, frame: Frame, found: Detected, tracks: Tracks) -> list[Output]:
        """The payloads that a tracked frame completes; all of it is written down."""
        outputs = super().judge(frame, found, tracks)
        seen, boxes = self.seen, found.vehicles
        seen.frames = frame.index + 1
        seen.found.add(
            frame.index, np.zeros(len(boxes), np.int64), boxes.xyxy, boxes.class_id, boxes.score
        )
        there = tracks.seen
        seen.tracks.add(
            frame.index,
            tracks.id[there],
            tracks.xyxy[there],
            tracks.class_id[there],
            tracks.score[there],
        )
        bare = found.parts.of("no_helmet")
        kinds = np.zeros(len(bare), np.int64)
        seen.bare.add(frame.index, kinds, bare.xyxy, kinds, bare.score)
        # A counter of its own, for the pipeline's keeps sums only; both see the same tracks.
        for crossing in self._counter.observe(tracks, frame.pts_s):
            seen.passed.append(
                Passed(crossing.line, crossing.vehicle, crossing.time_s, crossing.track)
            )
        for head, phases in seen.heads.items():
            state = self.signals.at(head, frame.pts_s)
            phases.append("unknown" if state is None else state.phase)
        seen.flagged += [_flagged(output, frame.index) for output in outputs if output.finding]
        return outputs


def watch_truth(
    site: Site,
    camera: Camera,
    frames: Iterator[Detected],
    rate: float,
    signals: deque[PhaseChange],
) -> Seen:
    """Judge a clip by its true boxes. No picture is made or looked at.

    Args:
        site: Its site.
        camera: The camera of the site file.
        frames: What is there in each frame.
        rate: Frames a second.
        signals: The changes of light, as the controller tells them.
    """
    unit, pipeline = _unit(site, camera, TRUTH, TRUE_PARTS, signals)
    stated = camera.frame
    picture = Picture(bgr=np.zeros((stated.height, stated.width, 3), np.uint8))
    for index, found in enumerate(frames):
        at_s = index / rate
        unit.process(Frame(picture, index, at_s, START + timedelta(seconds=at_s), 0.0), found)
    unit.finish()
    return pipeline.seen


def watch_video(
    site: Site, camera: Camera, video: Path, detector: Detector, signals: deque[PhaseChange]
) -> Seen:
    """Judge a clip by its pictures, as the node does.

    Args:
        site: Its site.
        camera: The camera of the site file.
        video: The file.
        detector: What looks at it.
        signals: The changes of light, as the controller tells them; empty to read the lamps.

    Raises:
        ConfigError: The file cannot be read.
    """
    model = ModelRef(name=detector.model.name, sha256=detector.model.sha256)
    unit, pipeline = _unit(site, camera, model, detector.parts, signals)
    with FileSource(video, anchor=START) as source:
        factor = np.array([source.width / camera.frame.width, source.height / camera.frame.height])
        tiles = [(whole(tile.box, factor), tile.every) for tile in camera.tiles]
        for number, frame in enumerate(source):
            due = [box for box, every in tiles if number % every == 0]
            found = detector.detect([frame.picture], [due], [camera.flatten])[0]
            unit.process(frame, found)
    unit.finish()
    return pipeline.seen


def _unit(
    site: Site,
    camera: Camera,
    model: ModelRef,
    parts: frozenset[Part],
    signals: deque[PhaseChange],
) -> tuple[Unit, RecordingPipeline]:
    stated = camera.frame
    outlet = Outlet(site.path(camera.id), clock=utc_now)
    unit = Unit(
        camera,
        stated.width,
        stated.height,
        model,
        outlet,
        parts=parts,
        signals=signals,
        in_order=True,
    )
    pipeline = RecordingPipeline(camera, stated.width, stated.height, model, parts)
    unit.pipeline = pipeline
    return unit, pipeline


def _heads(camera: Camera) -> set[str]:
    named = {line.head for line in camera.lines if line.head is not None}
    return named | {lamp.head for lamp in camera.lamps}


def _flagged(output: Output, frame: int) -> Flagged:
    finding = output.finding
    assert finding is not None
    vehicle: VehicleClass = finding.vehicle
    return Flagged(
        rule=finding.rule,
        track=finding.track,
        vehicle=vehicle,
        act_s=finding.act_s,
        frame=frame,
        lane=finding.lane,
        confidence=finding.confidence,
        reasons=finding.reasons,
    )
