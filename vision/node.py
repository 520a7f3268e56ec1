"""The camera node: all cameras of a site through one detector, until it is told to stop."""

from __future__ import annotations

import signal
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Final

from ioc.camera import Camera
from ioc.errors import ConfigError
from ioc.events import ModelRef
from ioc.site import Site
from ioc.systemd import Notifier
from ioc.telemetry import logger
from vision.detect.detected import Detected
from vision.detect.session import Detector
from vision.feed import Collector, Feed, FileFeed
from vision.metrics import STAGES
from vision.seat import Seat, Seats
from vision.setup import open_cameras
from vision.source.frame import Frame
from vision.summary import Progress, Summary

HEALTH_S: Final = 10.0
TICK_S: Final = 0.5
"""Longest wait for frames before signals, health and the watchdog are looked at again."""


@dataclass(frozen=True, slots=True)
class NodeOptions:
    """What a node runs.

    Attributes:
        site_file: The site file; read again on SIGHUP.
        cameras: Ids of the cameras; all of the site when empty.
        source: Read instead of the only camera's own source.
        batch_within_s: How long a batch waits for further live cameras, seconds.
    """

    site_file: Path
    cameras: tuple[str, ...] = ()
    source: str | None = None
    batch_within_s: float = 0.0


class Node:
    """Runs the cameras of a site."""

    def __init__(
        self,
        options: NodeOptions,
        detector: Detector,
        seats: Seats,
        notifier: Notifier | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        reload: threading.Event | None = None,
    ) -> None:
        """Open the cameras.

        Args:
            options: What to run.
            detector: A detector that is warm.
            seats: Makes what each camera needs.
            notifier: Tells the service manager.
            monotonic: Clock, seconds.
            reload: Set when the site file was to be read again before the node ran.

        Raises:
            ConfigError: The site file is wrong, or a file cannot be read.
        """
        self._options = options
        self._detector = detector
        self._seats = seats
        self._notifier = notifier or Notifier()
        self._monotonic = monotonic
        self._stop = threading.Event()
        self._reload = reload or threading.Event()
        self._log = logger("vision.node")
        self._gone: list[Seat] = []
        self._here: dict[str, Seat] = {}
        site, cameras = self._read()
        try:
            for camera in cameras:
                self._here[camera.id] = seats.open(site, camera, options.source)
        except BaseException:
            self.close()
            raise
        feeds: dict[str, Feed] = {name: seat.feed for name, seat in self._here.items()}
        self._collector = Collector(feeds, seats.news, options.batch_within_s, monotonic)

    def run(self, show: Callable[[Progress], None] | None = None) -> Summary:
        """Process frames until all files have ended or a signal stops the node.

        SIGTERM and SIGINT end it after the current frames, so that the last period is sent; SIGHUP
        reads the site file again.

        Args:
            show: Called after every round.

        Raises:
            ConfigError: A file is cut off; what it proved until then has been sent.
        """
        started = health_at = self._monotonic()
        recent: deque[tuple[float, int]] = deque(maxlen=250)
        frames = 0
        with self._signals():
            self._notifier.ready(f"{len(self._here)} cameras")
            while not self._stop.is_set():
                if self._reload.is_set():
                    self._reload.clear()
                    self._read_again()
                done = self._round()
                frames += done
                now = self._monotonic()
                self._notifier.alive()
                recent.append((now, frames))
                if now - health_at >= HEALTH_S:
                    health_at = now
                    self._tell_health(now)
                if show is not None and done:
                    show(self._progress(frames, recent))
                if not done and all(seat.feed.ended for seat in self._here.values()):
                    break
            if self._stop.is_set():
                self._log.warning("stopped by a signal", frames=frames)
        self._notifier.stopping()
        for seat in self._here.values():
            seat.finish()
        summary = self._summary(frames, self._monotonic() - started)
        errors = [
            seat.feed.error
            for seat in self._here.values()
            if isinstance(seat.feed, FileFeed) and seat.feed.error is not None
        ]
        if errors:
            raise ConfigError("\n".join(str(error) for error in errors))
        return summary

    def close(self) -> None:
        """Let every source and publisher go."""
        for seat in self._here.values():
            seat.close()

    def stop(self) -> None:
        """End after the current frames; from any thread."""
        self._stop.set()
        self._seats.news.set()

    def _round(self) -> int:
        """Process one frame of each camera that has one; how many there were."""
        batch = self._collector.round(TICK_S)
        if not batch:
            return 0
        begun = self._monotonic()
        found = self._detector.detect(
            [frame.picture for _, frame in batch],
            [self._here[camera].regions(frame) for camera, frame in batch],
            [self._here[camera].camera.flatten for camera, _ in batch],
        )
        spent = (self._monotonic() - begun) / len(batch)
        for (camera, frame), detected in zip(batch, found, strict=True):
            STAGES.labels(camera, "infer").observe(spent)
            self._process(self._here[camera], frame, detected)
        return len(batch)

    def _process(self, seat: Seat, frame: Frame, found: Detected) -> None:
        """One camera's frame; a fault of one camera must not stop the others."""
        try:
            seat.process(frame, found)
        except ConfigError:
            raise
        except Exception:
            seat.faults += 1
            self._log.exception("frame not processed", camera=seat.camera.id, frame=frame.index)

    def _read(self) -> tuple[Site, tuple[Camera, ...]]:
        return open_cameras(self._options.site_file, self._options.cameras)

    def _read_again(self) -> None:
        """Take in a changed site file; a wrong one changes nothing."""
        self._notifier.reloading()
        try:
            site, cameras = self._read()
        except ConfigError as error:
            self._log.error("site file not taken in; the old one stays", error=str(error))
            self._notifier.ready("the changed site file is wrong; see the log")
            return
        wanted = {camera.id: camera for camera in cameras}
        for name in [name for name in self._here if name not in wanted]:
            self._leave(name)
        for name, camera in wanted.items():
            seat = self._here.get(name)
            try:
                if seat is not None and seat.camera.source != camera.source:
                    self._leave(name)
                    seat = None
                if seat is None:
                    self._here[name] = self._seats.open(site, camera, self._options.source)
                    self._collector.feeds[name] = self._here[name].feed
                elif seat.camera != camera:
                    seat.reconfigure(camera)
            except ConfigError as error:
                self._log.error("camera not taken in", camera=name, error=str(error))
        self._log.info("site file read again", cameras=sorted(self._here))
        self._notifier.ready(f"{len(self._here)} cameras")

    def _leave(self, name: str) -> None:
        seat = self._here.pop(name)
        self._collector.leave(name)
        seat.finish()
        seat.close()
        self._gone.append(seat)

    def _tell_health(self, now_s: float) -> None:
        for seat in self._here.values():
            seat.health(now_s)

    def _progress(self, frames: int, recent: deque[tuple[float, int]]) -> Progress:
        (first_s, first), (last_s, last) = recent[0], recent[-1]
        fps = (last - first) / (last_s - first_s) if last_s > first_s else 0.0
        stated = [seat.stated_frames for seat in self._here.values()]
        minted = sum(seat.outlet.minted.total() for seat in self._all())
        return Progress(frames, sum(stated) if all(stated) else 0, fps, minted)

    def _all(self) -> list[Seat]:
        return [*self._gone, *self._here.values()]

    def _summary(self, frames: int, seconds: float) -> Summary:
        crossings: Counter[tuple[str, str]] = Counter()
        lanes: dict[str, str | None] = {}
        events: Counter[str] = Counter()
        several = len(self._all()) > 1
        for seat in self._all():
            events.update(seat.outlet.minted)
            if seat.unit is None:
                continue
            pipeline = seat.unit.pipeline
            prefix = f"{seat.camera.id}." if several else ""
            lanes |= {prefix + line.id: line.lane for line in pipeline.scene.lines}
            for (line, vehicle), count in pipeline.totals.items():
                crossings[prefix + line, vehicle] += count
        failed = sum(seat.outlet.failed for seat in self._all())
        return Summary(frames, seconds, crossings, lanes, events, failed)  # type: ignore[arg-type]

    @contextmanager
    def _signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def on_signal(number: int, _frame: FrameType | None) -> None:
            if number == signal.SIGHUP:
                self._reload.set()
                self._seats.news.set()
            else:
                self.stop()

        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        before = {number: signal.signal(number, on_signal) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def model_ref(detector: Detector) -> ModelRef:
    """What a detector is, for violations."""
    return ModelRef(name=detector.model.name, sha256=detector.model.sha256)
