"""The camera node: reads a source to its end and sends what the pipeline finds."""

from __future__ import annotations

import signal
import statistics
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Final

from ioc.clock import Clock, utc_now
from ioc.errors import ConfigError
from ioc.events import ClockRef, HealthData, ModelRef, VehicleClass
from ioc.site import Camera, Site, load_site
from ioc.telemetry import logger
from models.registry import Model
from vision.detect.session import Detector, DetectorSettings
from vision.outlet import Outlet
from vision.pipeline import Pipeline
from vision.rules.catalogue import inactive
from vision.scene import faults
from vision.source.file import FileSource

if TYPE_CHECKING:
    from edge.publisher import Publisher

HEALTH_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is.

    Attributes:
        frame: Frames done.
        frames: Frames that the file states, 0 if it does not.
        fps: Frames a second of processing over the last ten seconds.
        events: Events minted so far.
    """

    frame: int
    frames: int
    fps: float
    events: int


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run did.

    Attributes:
        frames: Frames processed.
        seconds: Processing time.
        crossings: (line, class) → vehicles.
        lane_of: Line → the lane whose flow it measures.
        events: Event type → events minted.
        failed: Events that could not be stored.
    """

    frames: int
    seconds: float
    crossings: Mapping[tuple[str, VehicleClass], int]
    lane_of: Mapping[str, str | None]
    events: Mapping[str, int]
    failed: int

    @property
    def fps(self) -> float:
        """Frames processed a second."""
        return self.frames / self.seconds if self.seconds > 0 else 0.0


def open_camera(site_file: Path, camera_id: str | None) -> tuple[Site, Camera]:
    """A site and one of its cameras, with a geometry that means something.

    Raises:
        ConfigError: The file is wrong, has no such camera, or its geometry has no meaning.
    """
    site = load_site(site_file)
    try:
        camera = site.camera(camera_id)
    except ConfigError as error:
        raise ConfigError(f"{site_file}: {error}") from None
    wrong = faults(camera)
    if wrong:
        raise ConfigError("\n".join(f"{site_file}: cameras.{camera.id}.{fault}" for fault in wrong))
    return site, camera


def source_path(site_file: Path, camera: Camera, override: str | None) -> Path:
    """The video file to read: ``--source``, else the camera's own, beside the site file.

    Raises:
        ConfigError: The source is not a file.
    """
    source = camera.source if override is None else override
    where = f"{site_file}: cameras.{camera.id}.source" if override is None else "--source"
    if source.startswith("file://"):
        source = source.removeprefix("file://")
    if "://" in source or source.isdigit():
        raise ConfigError(f"{where}: {source}: only video files can be read; give --source FILE")
    return Path(source) if override is not None else site_file.parent / source


def warnings_of(camera: Camera, width: int | None = None, height: int | None = None) -> list[str]:
    """What an installer should know of a camera that is valid but may not do what was meant.

    Args:
        camera: The camera as the site file describes it.
        width: Columns of the frames that come, if one was seen.
        height: Rows of them.
    """
    found = []
    stated = camera.frame
    if width and height and (width, height) != (stated.width, stated.height):
        text = (
            f"frame: {stated.width}x{stated.height} in the site file, frames are {width}x{height};"
            " coordinates are scaled"
        )
        if abs(width / height - stated.width / stated.height) > 0.02 * width / height:
            text += ", but the shape differs too, so they will not fit: draw them again"
        found.append(text)
    measured = {line.lane for line in camera.lines}
    found += [
        f"lanes.{lane.id}: no line lies across it, so its flow is not counted; add one to lines"
        for lane in camera.lanes
        if lane.id not in measured
    ]
    found += [f"rules.{rule}: is not watched: {lack}" for rule, lack in inactive(camera)]
    if not camera.lanes and not camera.lines:
        found.append("neither lanes nor lines; there is nothing to measure")
    return found


class Node:
    """Runs one camera over one file."""

    def __init__(
        self,
        camera: Camera,
        source: FileSource,
        model: Model,
        outlet: Outlet,
        publisher: Publisher | None = None,
        detector: DetectorSettings | None = None,
        clock: Clock = utc_now,
    ) -> None:
        """Load the model and set up the camera.

        Raises:
            ConfigError: The model cannot run as configured.
        """
        self._source = source
        self._outlet = outlet
        self._publisher = publisher
        self._clock = clock
        self._detector = Detector(model, detector)
        self._pipeline = Pipeline(
            camera,
            source.width,
            source.height,
            ModelRef(name=model.name, sha256=model.sha256),
        )
        self._stop = threading.Event()
        self._log = logger("vision.node").bind(camera=camera.id)
        self._started = time.monotonic()
        self._frames = 0
        self._latencies: deque[float] = deque(maxlen=1000)

    def run(self, show: Callable[[Progress], None] | None = None) -> Summary:
        """Process the file to its end, or to the signal that stops the node.

        Args:
            show: Called after every frame.

        Raises:
            ConfigError: The file is cut off; what it proved until then has been sent.
        """
        self._started = health_at = time.monotonic()
        health_frames = 0
        window: deque[float] = deque(maxlen=250)
        broken: ConfigError | None = None
        with self._signals():
            try:
                for frame in self._source:
                    found = self._detector.detect(frame.picture)
                    tracks = self._pipeline.track(frame, found)
                    for output in self._pipeline.judge(frame, found, tracks):
                        self._outlet.put(output.data, output.time)
                    now = time.monotonic()
                    self._latencies.append(now - frame.arrival_s)
                    self._frames += 1
                    window.append(now)
                    if now - health_at >= HEALTH_S:
                        self._health((self._frames - health_frames) / (now - health_at))
                        health_at, health_frames = now, self._frames
                    if show is not None:
                        show(self._progress(window))
                    if self._stop.is_set():
                        self._log.warning("stopped by a signal", frame=frame.index)
                        break
            except ConfigError as error:
                broken = error
            for output in self._pipeline.finish():
                self._outlet.put(output.data, output.time)
        if broken is not None:
            raise broken
        return self._summary()

    def _progress(self, window: deque[float]) -> Progress:
        span = window[-1] - window[0]
        fps = (len(window) - 1) / span if span > 0 else 0.0
        return Progress(self._frames, self._source.frames, fps, self._outlet.minted.total())

    def _health(self, fps: float) -> None:
        stats = None if self._publisher is None else self._publisher.stats()
        data = HealthData(
            uptime_s=round(time.monotonic() - self._started, 3),
            fps=round(min(fps, 1000.0), 3),
            dropped_frames=self._source.unusable,
            latency_ms=round(statistics.median(self._latencies) * 1000, 3),
            spool_depth=None if stats is None else stats.depth,
            spool_bytes=None if stats is None else stats.bytes,
            dropped_events=None if stats is None else sum(stats.dropped.values()),
            clock=ClockRef(source="none"),
        )
        self._latencies.clear()
        self._outlet.put(data, self._clock())

    def _summary(self) -> Summary:
        return Summary(
            self._frames,
            time.monotonic() - self._started,
            Counter(self._pipeline.totals),
            {line.id: line.lane for line in self._pipeline.scene.lines},
            Counter(self._outlet.minted),
            self._outlet.failed,
        )

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """End after the current frame on SIGINT or SIGTERM, so that the last period is sent."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def stop(_number: int, _frame: FrameType | None) -> None:
            self._stop.set()

        before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
