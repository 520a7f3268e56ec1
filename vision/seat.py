"""A camera's place in a node: source, pipeline and way out, opened and closed together."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ioc.camera import Camera
from ioc.clock import Clock, utc_now
from ioc.errors import ConfigError
from ioc.events import ClockRef, ModelRef
from ioc.site import Site
from ioc.telemetry import logger
from ioc.topics import DevicePath
from models.contract import Part
from vision.detect.detected import Detected
from vision.feed import Feed, FileFeed, LiveFeed
from vision.journal import Journal
from vision.metrics import DROPPED, STALLS
from vision.outlet import EventFile, Outlet
from vision.scene import whole
from vision.setup import warnings_of
from vision.signal_feed import PhaseChange
from vision.source.encoded import Tap
from vision.source.file import FileSource, recorded_at
from vision.source.frame import Frame, SourceState
from vision.source.live import LiveSource
from vision.source.open import file_of, is_live
from vision.unit import Evidence, Unit

if TYPE_CHECKING:
    from edge.publisher import Publisher

Region = tuple[int, int, int, int]


@dataclass(slots=True)
class Means:
    """What the cameras of a node share.

    Attributes:
        site_file: Where relative sources begin.
        model: What the detector is.
        parts: What it marks on vehicles.
        out: File that events are written to, too.
        publisher_of: Starts a camera's publisher; None without a broker.
        journal_of: Opens a camera's journal of violations that wait for their evidence.
        recorder_of: Makes a camera's recording and evidence, given whether its source is a file,
            which waits for evidence; None without evidence.
        signals_of: Gives a camera the changes of light; None without any.
        node_clock: How far the node's clock is off, now.
        start: Event time of a file's first frame; when None, the instant at which the run begins.
        own_time: Use the file's own time of recording instead, unless ``start`` is given.
        real_time: Play a file no faster than it was recorded.
        clock: Time of ids and health messages.
    """

    site_file: Path
    model: ModelRef
    parts: frozenset[Part] = frozenset()
    out: EventFile | None = None
    publisher_of: Callable[[DevicePath], Publisher] | None = None
    recorder_of: Callable[[Site, Camera, bool], tuple[Tap, Evidence]] | None = None
    journal_of: Callable[[DevicePath], Journal] | None = None
    signals_of: Callable[[], deque[PhaseChange]] | None = None
    node_clock: Callable[[], ClockRef] = field(default=lambda: ClockRef(source="none"))
    start: datetime | None = None
    own_time: bool = False
    real_time: bool = False
    clock: Clock = utc_now


class Seat:
    """One camera while it is part of the node.

    Attributes:
        camera: What the site file says of it.
        feed: Where its frames come from.
        outlet: Where its events go.
        unit: Its pipeline, from its first frame on.
        faults: Frames that could not be processed.
        stated_frames: Frames that its file states, 0 for a live camera.
    """

    def __init__(
        self,
        camera: Camera,
        feed: Feed,
        outlet: Outlet,
        means: Means,
        publisher: Publisher | None,
        evidence: Evidence | None,
        journal: Journal | None,
        stated_frames: int,
    ) -> None:
        self.camera = camera
        self.feed = feed
        self.outlet = outlet
        self.unit: Unit | None = None
        self.faults = 0
        self.stated_frames = stated_frames
        self._means = means
        self._publisher = publisher
        self._evidence = evidence
        self._journal = journal
        self._signals = None if means.signals_of is None else means.signals_of()
        self._told = SourceState(0, 0)
        self._log = logger("vision.node").bind(camera=camera.id)
        self._frames = 0

    def regions(self, frame: Frame) -> Sequence[Region]:
        """The tiles that the detector looks at beside the whole of this frame."""
        if not self.camera.tiles:
            return ()
        stated, picture = self.camera.frame, frame.picture
        factor = np.array([picture.width / stated.width, picture.height / stated.height])
        return [
            whole(tile.box, factor) for tile in self.camera.tiles if self._frames % tile.every == 0
        ]

    def process(self, frame: Frame, found: Detected) -> None:
        """Take in a frame with what was found in it.

        Raises:
            ConfigError: The camera's geometry has no meaning for its first frame.
        """
        if self.unit is None:
            self.unit = self._begin(frame)
        self._frames += 1
        self.unit.process(frame, found)

    def reconfigure(self, camera: Camera) -> None:
        """Take in a changed site file.

        Raises:
            ConfigError: The new geometry has no meaning; the camera goes on as it was.
        """
        if self.unit is not None:
            self.unit.reconfigure(camera)
        self.camera = camera

    def health(self, now_s: float) -> None:
        """Send how the camera is. A file that nobody watches has no health to tell."""
        state = self.feed.state
        DROPPED.labels(self.camera.id).inc(max(0, state.dropped - self._told.dropped))
        STALLS.labels(self.camera.id).inc(max(0, state.stalls - self._told.stalls))
        self._told = state
        if self.unit is not None and self._publisher is not None:
            self.unit.pipeline.clock = self._means.node_clock()
            self.unit.health(state, now_s)
        elif self._publisher is not None:
            self._log.warning("no frame yet", stalls=state.stalls)

    def finish(self) -> None:
        """Send what had not ended."""
        if self.unit is not None:
            self.unit.finish()

    def close(self) -> None:
        """Let the source go."""
        self.feed.close()

    def _begin(self, frame: Frame) -> Unit:
        picture = frame.picture
        for warning in warnings_of(self.camera, picture.width, picture.height, self._means.parts):
            self._log.warning(warning, file=str(self._means.site_file))
        return Unit(
            self.camera,
            picture.width,
            picture.height,
            self._means.model,
            self.outlet,
            parts=self._means.parts,
            evidence=self._evidence,
            publisher=self._publisher,
            signals=self._signals,
            node_clock=self._means.node_clock(),
            in_order=isinstance(self.feed, FileFeed),
            journal=self._journal,
            clock=self._means.clock,
        )


class Seats:
    """Opens cameras.

    Attributes:
        news: Set whenever a feed has something new.
    """

    def __init__(self, means: Means) -> None:
        self.news = threading.Event()
        self._means = means

    def open(self, site: Site, camera: Camera, source: str | None = None) -> Seat:
        """Open a camera's source and its way out.

        Args:
            site: Its site.
            camera: What the site file says of it.
            source: Read instead of its own source.

        Raises:
            ConfigError: The file cannot be read, or the address is none that can be.
        """
        means = self._means
        path = site.path(camera.id)
        tap: Tap | None = None
        evidence: Evidence | None = None
        if means.recorder_of is not None:
            live = _is_live(camera, source, self._where(source, camera))
            tap, evidence = means.recorder_of(site, camera, not live)
        feed, stated = self._feed(camera, source, tap)
        try:
            publisher = None if means.publisher_of is None else means.publisher_of(path)
        except BaseException:
            feed.close()
            raise
        outlet = Outlet(path, means.out, publisher, means.clock)
        journal = None if means.journal_of is None else means.journal_of(path)
        return Seat(camera, feed, outlet, means, publisher, evidence, journal, stated)

    def _feed(self, camera: Camera, source: str | None, tap: Tap | None) -> tuple[Feed, int]:
        """A feed, and how many frames it states."""
        means = self._means
        where = self._where(source, camera)
        wanted = camera.source if source is None else source
        folder = means.site_file.parent if source is None else Path()
        if _is_live(camera, source, where):
            return LiveFeed(LiveSource(wanted, tap, wake=self.news.set)), 0
        file = file_of(wanted, folder)
        if source is None and not file.is_file():
            raise ConfigError(f"{where}: {file}: no such file; correct it or give --source")
        start = means.start
        if start is None and means.own_time and file.is_file():
            start = recorded_at(file)
        video = FileSource(file, means.clock, tap=tap, anchor=start)
        return FileFeed(video, self.news, real_time=means.real_time), video.frames

    def _where(self, source: str | None, camera: Camera) -> str:
        own = f"{self._means.site_file}: cameras.{camera.id}.source"
        return own if source is None else "--source"


def _is_live(camera: Camera, source: str | None, where: str) -> bool:
    try:
        return is_live(camera.source if source is None else source)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from None
