"""From what was found in a frame to the payloads that it proves: pure, one camera's state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from ioc.camera import Camera
from ioc.events import (
    ClockRef,
    FlowData,
    FrameWindow,
    ModelRef,
    SignalRef,
    VehicleClass,
    ViolationData,
)
from models.contract import Part
from vision.counts import LaneFlow, LineCounter
from vision.detect.detected import Detected
from vision.footing import Footing
from vision.rules.catalogue import watchers_of
from vision.rules.rule import Finding, View
from vision.scene import build_scene
from vision.signals import SignalHistory
from vision.source.frame import Frame
from vision.track.bytetrack import Tracker, TrackerSettings
from vision.track.tracks import Tracks


@dataclass(frozen=True, slots=True)
class Output:
    """A payload and its event time.

    Attributes:
        data: The payload.
        time: The instant that its event carries, UTC.
        finding: What a violation rests on.
    """

    data: FlowData | ViolationData
    time: datetime
    finding: Finding | None = None


@dataclass(frozen=True, slots=True)
class SourceClock:
    """Instants of a source's clock as UTC, whole milliseconds.

    Attributes:
        anchor: Its zero.
    """

    anchor: datetime

    def __call__(self, time_s: float) -> datetime:
        """An instant, seconds of the source's clock."""
        at = self.anchor + timedelta(seconds=time_s)
        return at.replace(microsecond=at.microsecond // 1000 * 1000)


class Pipeline:
    """One camera's way from boxes to payloads. Holds state, does no input or output."""

    def __init__(
        self,
        camera: Camera,
        width: int,
        height: int,
        model: ModelRef,
        clock: ClockRef | None = None,
        tracker: TrackerSettings | None = None,
        parts: Collection[Part] = (),
    ) -> None:
        """Set up a camera.

        Args:
            camera: What the site file says of it.
            width: Columns of the frames that come.
            height: Rows of the frames that come.
            model: What the detector is, for the violations.
            clock: How far the device's clock is known to be off.
            tracker: How vehicles are followed.
            parts: What the model marks on vehicles; rules that need more stay inactive.

        Raises:
            ConfigError: The calibration has no meaning.
        """
        self.totals: Counter[tuple[str, VehicleClass]] = Counter()
        self.signals = SignalHistory()
        self.clock = clock or ClockRef(source="none")
        self._model = model
        self._parts = frozenset(parts)
        self._tracker_settings = tracker
        self._tracker = Tracker(tracker)
        self._anchor: datetime | None = None
        self._last_s = 0.0
        self._set_up(camera, width, height)

    def _set_up(self, camera: Camera, width: int, height: int) -> None:
        scene = build_scene(camera, width, height)
        watchers = watchers_of(camera, scene, self._parts)
        footing = None
        if camera.stand == "wheels" and scene.ground is not None:
            footing = Footing(scene.ground, width, height)
        self.camera, self.scene, self._watchers = camera, scene, watchers
        self._footing = footing
        self._lines = LineCounter(scene.lines)
        self._flow = LaneFlow(scene.lanes, scene.lines, camera.flow_period_s)

    def reconfigure(self, camera: Camera, width: int, height: int) -> list[Output]:
        """Take in a changed site file, or frames of another size. Vehicles keep their identities.

        Args:
            camera: What the site file says now.
            width: Columns of the frames that come.
            height: Rows; when the size changed, vehicles are taken up anew.

        Returns:
            What the old lanes had counted until now.

        Raises:
            ConfigError: The calibration has no meaning; the camera goes on as it was.
        """
        before = (self.scene.width, self.scene.height)
        flow = self._flow
        self._set_up(camera, width, height)
        if (width, height) != before:
            self._tracker = Tracker(self._tracker_settings)
        return self._flows(flow.finish())

    def track(self, frame: Frame, found: Detected) -> Tracks:
        """Follow the vehicles into a frame."""
        # Wall time of any instant of the source: rules and counts interpolate in source time.
        self._anchor = frame.wall - timedelta(seconds=frame.pts_s)
        self._last_s = frame.pts_s
        tracks = self._tracker.step(found.vehicles, frame.pts_s)
        return tracks if self._footing is None else self._footing.place(tracks)

    def judge(self, frame: Frame, found: Detected, tracks: Tracks) -> list[Output]:
        """The payloads that a tracked frame completes, flows before violations."""
        crossings = self._lines.observe(tracks, frame.pts_s)
        for crossing in crossings:
            self.totals[crossing.line, crossing.vehicle] += 1
        outputs = self._flows(self._flow.observe(tracks, crossings, frame.pts_s))
        view = View(tracks, frame.pts_s, frame.index, frame.wall, found.parts, self.signals)
        for watcher in self._watchers:
            outputs += [self._violation(finding) for finding in watcher.observe(view)]
        return outputs

    def finish(self) -> list[Output]:
        """The payloads of what had not ended when the frames did."""
        return self._flows(self._flow.finish())

    def source_time(self, at: datetime) -> float:
        """An instant in the source's clock, seconds; 0 before the first frame."""
        return 0.0 if self._anchor is None else (at - self._anchor).total_seconds()

    def wall(self) -> SourceClock:
        """The source's clock as the last frame has it."""
        assert self._anchor is not None
        return SourceClock(self._anchor)

    def _flows(self, ended: list[tuple[float, FlowData]]) -> list[Output]:
        return [Output(flow, self.wall()(end)) for end, flow in ended]

    def _violation(self, finding: Finding) -> Output:
        act_time = self.wall()(finding.act_s)
        signal = None
        if finding.head is not None and finding.signal is not None:
            since = self.wall()(finding.signal.since_s)
            signal = SignalRef(head=finding.head, phase=finding.signal.phase, since=since)
        data = ViolationData(
            rule=finding.rule,
            track=finding.track,
            vehicle=finding.vehicle,
            act_time=act_time,
            confidence=finding.confidence,
            model=self._model,
            clock=self.clock,
            frames=FrameWindow(first=finding.first_frame, last=finding.last_frame),
            lane=finding.lane,
            speed_kmh=finding.speed_kmh,
            limit_kmh=finding.limit_kmh,
            calibration=finding.calibration,
            signal=signal,
            reasons=finding.reasons,
        )
        return Output(data, act_time, finding)
