"""One camera of a node while it runs: its pipeline, its evidence, its way out."""

from __future__ import annotations

import statistics
import time
from collections import deque
from collections.abc import Callable, Collection
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from ioc.camera import Camera
from ioc.clock import Clock, utc_now
from ioc.events import ClockRef, HealthData, ModelRef, ViolationData
from ioc.telemetry import logger
from models.contract import Part
from vision.boxes import BoxHistory, FrameBoxes
from vision.detect.detected import Detected
from vision.journal import Journal
from vision.lamps import LampReader
from vision.metrics import FRAMES, VIOLATIONS, WITHOUT_EVIDENCE, StageTimes
from vision.outlet import Outlet
from vision.pipeline import Output, Pipeline
from vision.rules.rule import Finding
from vision.signal_feed import PhaseChange
from vision.signals import SignalState
from vision.source.frame import Frame, SourceState

if TYPE_CHECKING:
    from edge.publisher import Publisher

MOST_PENDING: Final = 64
"""Violations that wait for their evidence; at the act rate of a whole junction, some minutes."""


@dataclass(frozen=True, slots=True)
class Case:
    """A violation whose evidence window has closed.

    Attributes:
        data: What was flagged, without files.
        finding: What it rests on.
        centre_s: Middle of the evidence window in the source's clock, seconds: the act, or the
            instant of the decision when the act lies further back than recordings reach.
        start_s: Begin of the window.
        end_s: End of it.
        boxes: All vehicles in the window, frame by frame.
        wall_of: Instant of the source's clock → UTC.
        size: Columns and rows of the frames.
    """

    data: ViolationData
    finding: Finding
    centre_s: float
    start_s: float
    end_s: float
    boxes: tuple[FrameBoxes, ...]
    wall_of: Callable[[float], datetime]
    size: tuple[int, int]


class Evidence(Protocol):
    """Makes the files of a violation, off the camera's own thread."""

    pre_s: float
    post_s: float

    def submit(self, case: Case) -> Future[ViolationData]:
        """The violation with its evidence, some time later; never raises from the future."""
        ...

    def unrecorded(self, data: ViolationData, reason: str) -> ViolationData:
        """A violation of which no recording was made, signed, with the reason why."""
        ...


class Unit:
    """Runs one camera: takes its frames with what was found in them, sends what they prove.

    Not for several threads at once: the node's loop calls it.
    """

    def __init__(
        self,
        camera: Camera,
        width: int,
        height: int,
        model: ModelRef,
        outlet: Outlet,
        *,
        parts: Collection[Part] = (),
        evidence: Evidence | None = None,
        publisher: Publisher | None = None,
        signals: deque[PhaseChange] | None = None,
        node_clock: ClockRef | None = None,
        in_order: bool = False,
        journal: Journal | None = None,
        clock: Clock = utc_now,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Set up a camera.

        Args:
            camera: What the site file says.
            width: Columns of its first frame.
            height: Rows of its first frame.
            model: What the detector is.
            outlet: Where the events go.
            parts: What the model marks on vehicles.
            evidence: Makes the files of violations; without it they are sent without.
            publisher: For the figures of health messages.
            signals: Changes of light as the controller tells them.
            node_clock: How far the node's clock is off.
            in_order: Events leave in the order of the source's clock, also when evidence takes
                its time: so that two runs over a file give the same.
            journal: Where violations stand while they wait for their evidence; what an earlier
                run left there is sent now.
            clock: Time of health messages.
            monotonic: Clock of latencies, seconds.

        Raises:
            ConfigError: The calibration has no meaning.
        """
        self.camera = camera
        self.pipeline = Pipeline(camera, width, height, model, node_clock, parts=parts)
        self._outlet = outlet
        self._evidence = evidence
        self._publisher = publisher
        self._signals = signals if signals is not None else deque()
        self._in_order = in_order
        self._clock = clock
        self._monotonic = monotonic
        self._lamps = LampReader(self.pipeline.scene.lamps)
        reach = 0.0 if evidence is None else evidence.pre_s + evidence.post_s + 2
        self._boxes = BoxHistory(reach)
        self._journal = journal
        self._written: dict[int, Path | None] = {}
        self._open: deque[tuple[float, Output]] = deque()
        self._leaving: deque[Output | Future[Output]] = deque()
        self._times = StageTimes(camera.id)
        self._latencies: deque[float] = deque(maxlen=1000)
        self._started = self._health_at = monotonic()
        self._health_frames = 0
        self.frames = 0
        self._log = logger("vision.unit").bind(camera=camera.id)
        if journal is not None and evidence is not None:
            self._send_left_over(journal, evidence)

    def process(self, frame: Frame, found: Detected) -> None:
        """Take in a frame: follow, judge, send."""
        begun = self._monotonic()
        picture = frame.picture
        scene = self.pipeline.scene
        if (picture.width, picture.height) != (scene.width, scene.height):
            size = f"{picture.width}x{picture.height}"
            self._log.warning("frames changed their size", size=size)
            self._adopt(self.camera, picture.width, picture.height)
        self._read_signals(frame)
        tracks = self.pipeline.track(frame, found)
        tracked = self._monotonic()
        if self._evidence is not None:
            self._boxes.add(tracks, frame.pts_s, frame.index)
        outputs = self.pipeline.judge(frame, found, tracks)
        judged = self._monotonic()
        for output in outputs:
            self._accept(output, frame.pts_s)
        self._close_windows(frame.pts_s)
        self._send()
        done = self._monotonic()
        self._times.observe["decode"](frame.decode_s)
        self._times.observe["track"](tracked - begun)
        self._times.observe["rules"](judged - tracked)
        self._times.observe["end_to_end"](done - frame.arrival_s)
        self._latencies.append(done - frame.arrival_s)
        FRAMES.labels(self.camera.id).inc()
        self.frames += 1

    def reconfigure(self, camera: Camera) -> None:
        """Take in a changed site file; vehicles keep their identities.

        Raises:
            ConfigError: The new geometry has no meaning; the camera goes on as it was.
        """
        scene = self.pipeline.scene
        self._adopt(camera, scene.width, scene.height)
        self.camera = camera

    def health(self, source: SourceState, now_s: float) -> None:
        """Send how the camera is: what happened since the last time this was called."""
        span = now_s - self._health_at
        fps = (self.frames - self._health_frames) / span if span > 0 else 0.0
        self._health_at, self._health_frames = now_s, self.frames
        stats = None if self._publisher is None else self._publisher.stats()
        data = HealthData(
            uptime_s=round(now_s - self._started, 3),
            fps=round(min(fps, 1000.0), 3),
            dropped_frames=source.dropped,
            stalls=source.stalls,
            latency_ms=round(statistics.median(self._latencies) * 1000, 3)
            if self._latencies
            else None,
            spool_depth=None if stats is None else stats.depth,
            spool_bytes=None if stats is None else stats.bytes,
            dropped_events=None if stats is None else sum(stats.dropped.values()),
            clock=self.pipeline.clock,
        )
        self._latencies.clear()
        self._outlet.put(data, self._clock())

    def finish(self) -> None:
        """Send what had not ended when the frames did, and wait for evidence under way."""
        for output in self.pipeline.finish():
            self._leaving.append(output)
        self._close_windows(float("inf"))
        self._send(wait=True)

    def _adopt(self, camera: Camera, width: int, height: int) -> None:
        self._leaving += self.pipeline.reconfigure(camera, width, height)
        self._lamps = LampReader(self.pipeline.scene.lamps)

    def _read_signals(self, frame: Frame) -> None:
        signals = self.pipeline.signals
        anchor_s = frame.wall.timestamp() - frame.pts_s
        while self._signals and (
            not self._in_order or self._signals[0].since.timestamp() - anchor_s <= frame.pts_s
        ):
            change = self._signals.popleft()
            since_s = change.since.timestamp() - anchor_s
            signals.record(change.head, SignalState(change.phase, since_s, "controller"))
        for head, state in self._lamps.read(frame.picture, frame.pts_s):
            signals.record(head, state)

    def _accept(self, output: Output, now_s: float) -> None:
        if output.finding is None:
            self._leaving.append(output)
            return
        VIOLATIONS.labels(self.camera.id, output.finding.rule).inc()
        if self._evidence is None:
            self._leaving.append(output)
            return
        if len(self._open) >= MOST_PENDING:
            WITHOUT_EVIDENCE.labels(self.camera.id, "too_many").inc()
            self._log.error("violation without evidence: too many at once", most=MOST_PENDING)
            self._leaving.append(output)
            return
        if self._journal is not None and isinstance(output.data, ViolationData):
            self._written[id(output.finding)] = self._journal.open(output.data, output.time)
        self._open.append((now_s, output))

    def _send_left_over(self, journal: Journal, evidence: Evidence) -> None:
        for path, open_ in journal.left_over():
            reason = "mất bản ghi: nút khởi động lại / recording lost: the node was restarted"
            self._outlet.put(evidence.unrecorded(open_.data, reason), open_.time)
            WITHOUT_EVIDENCE.labels(self.camera.id, "restart").inc()
            journal.close(path)

    def _close_windows(self, now_s: float) -> None:
        """Hand on the violations whose time after the act has been recorded."""
        if self._evidence is None:
            return
        still_open: deque[tuple[float, Output]] = deque()
        for decided_s, output in self._open:
            finding = output.finding
            assert finding is not None
            recent = decided_s - finding.act_s <= self._evidence.pre_s
            centre = finding.act_s if recent else decided_s
            if now_s < max(centre + self._evidence.post_s, decided_s):
                still_open.append((decided_s, output))
                continue
            self._leaving.append(self._submit(output, centre))
        self._open = still_open

    def _submit(self, output: Output, centre_s: float) -> Future[Output]:
        assert self._evidence is not None and output.finding is not None
        assert isinstance(output.data, ViolationData)
        start, end = centre_s - self._evidence.pre_s, centre_s + self._evidence.post_s
        boxes = tuple(self._boxes.between(start, end))
        scene = self.pipeline.scene
        case = Case(
            *(output.data, output.finding, centre_s, start, end, boxes),
            *(self.pipeline.wall(), (scene.width, scene.height)),
        )
        made = self._evidence.submit(case)
        leaving: Future[Output] = Future()
        made.add_done_callback(
            lambda ready: leaving.set_result(Output(ready.result(), output.time, output.finding))
        )
        return leaving

    def _send(self, wait: bool = False) -> None:
        """Put out what is ready; in order, or whatever comes first."""
        kept: deque[Output | Future[Output]] = deque()
        while self._leaving:
            output = self._leaving.popleft()
            if isinstance(output, Future):
                if not wait and not output.done():
                    kept.append(output)
                    if self._in_order:
                        break
                    continue
                output = output.result()
            self._outlet.put(output.data, output.time)
            if self._journal is not None and output.finding is not None:
                self._journal.close(self._written.pop(id(output.finding), None))
        self._leaving = kept + self._leaving
