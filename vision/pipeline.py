"""From one frame to the events that it proves: pure but for the detector that is handed in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from ioc.events import ClockRef, FlowData, FrameWindow, ModelRef, Rule, VehicleClass, ViolationData
from ioc.site import Camera, RuleSettings
from vision.counts import LaneFlow, LineCounter
from vision.detect.detected import Detected
from vision.rules.rule import Finding, View, Watcher
from vision.rules.wrong_way import WrongWay
from vision.scene import Scene, build_scene
from vision.source.frame import Frame
from vision.track.bytetrack import Tracker, TrackerSettings

RULES: Final[Mapping[Rule, Callable[[Scene, RuleSettings], Watcher]]] = {
    "wrong_way": WrongWay,
}
"""The rules that this camera node can watch."""


@dataclass(frozen=True, slots=True)
class Output:
    """A payload and its event time."""

    data: FlowData | ViolationData
    time: datetime


def unwatched(camera: Camera) -> tuple[Rule, ...]:
    """Rules of a camera that this node cannot watch."""
    return tuple(settings.rule for settings in camera.rules if settings.rule not in RULES)


class Pipeline:
    """One camera's way from frames to payloads. Holds state, does no input or output."""

    def __init__(
        self,
        camera: Camera,
        width: int,
        height: int,
        model: ModelRef,
        clock: ClockRef | None = None,
        tracker: TrackerSettings | None = None,
    ) -> None:
        """Set up a camera.

        Args:
            camera: What the site file says of it.
            width: Columns of the frames that come.
            height: Rows of the frames that come.
            model: What the detector is, for the violations.
            clock: How far the device's clock is known to be off.
            tracker: How vehicles are followed.
        """
        self.scene = build_scene(camera, width, height)
        self.totals: Counter[tuple[str, VehicleClass]] = Counter()
        self._model = model
        self._clock = clock or ClockRef(source="none")
        self._tracker = Tracker(tracker)
        self._lines = LineCounter(self.scene.lines)
        self._flow = LaneFlow(self.scene.lanes, self.scene.lines, camera.flow_period_s)
        self._watchers = [
            RULES[settings.rule](self.scene, settings)
            for settings in camera.rules
            if settings.rule in RULES
        ]
        self._anchor: datetime | None = None

    def process(self, frame: Frame, found: Detected) -> list[Output]:
        """The payloads that this frame completes, flows before violations."""
        # Wall time of any instant of the source: rules and counts interpolate in source time.
        self._anchor = frame.wall - timedelta(seconds=frame.pts_s)
        tracks = self._tracker.step(found.vehicles, frame.pts_s)
        crossings = self._lines.observe(tracks, frame.pts_s)
        for crossing in crossings:
            self.totals[crossing.line, crossing.vehicle] += 1
        outputs = self._flows(self._flow.observe(tracks, crossings, frame.pts_s))
        view = View(tracks, frame.pts_s, frame.index, frame.wall, found.parts)
        for watcher in self._watchers:
            outputs += [self._violation(finding) for finding in watcher.observe(view)]
        return outputs

    def finish(self) -> list[Output]:
        """The payloads of what had not ended when the frames did."""
        return self._flows(self._flow.finish())

    def _at(self, time_s: float) -> datetime:
        assert self._anchor is not None
        at = self._anchor + timedelta(seconds=time_s)
        return at.replace(microsecond=at.microsecond // 1000 * 1000)

    def _flows(self, ended: list[tuple[float, FlowData]]) -> list[Output]:
        return [Output(flow, self._at(end)) for end, flow in ended]

    def _violation(self, finding: Finding) -> Output:
        act_time = self._at(finding.act_s)
        data = ViolationData(
            rule=finding.rule,
            track=finding.track,
            vehicle=finding.vehicle,
            act_time=act_time,
            confidence=finding.confidence,
            model=self._model,
            clock=self._clock,
            frames=FrameWindow(first=finding.first_frame, last=finding.last_frame),
            lane=finding.lane,
            reasons=finding.reasons,
        )
        return Output(data, act_time)
