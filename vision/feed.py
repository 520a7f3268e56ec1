"""Frames on their way from a source's thread to the node's loop."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Final, Protocol

from ioc.clock import utc_now
from ioc.errors import ConfigError
from ioc.telemetry import logger
from vision.source.file import FileSource
from vision.source.frame import Frame, SourceState
from vision.source.live import LiveSource

AHEAD: Final = 3
"""Frames of a file that are decoded before they are asked for: enough that the decoder never
waits for the detector, and 9 MB at 1080p."""


class Feed(Protocol):
    """Where the loop takes a camera's frames from. Never blocks."""

    @property
    def ended(self) -> bool:
        """No frame will ever come again."""

    @property
    def state(self) -> SourceState:
        """For health messages."""

    def take(self) -> Frame | None:
        """The frame to process next, or None while there is none."""

    def close(self) -> None:
        """Let the source go."""


class FileFeed:
    """A file, decoded on its own thread while the loop is busy; every frame is handed on.

    Attributes:
        error: Why the file ended early, if it did.
    """

    def __init__(
        self, source: FileSource, news: threading.Event, *, real_time: bool = False
    ) -> None:
        """Start to decode.

        Args:
            source: The file.
            news: Set whenever there is something new to take, or the end.
            real_time: Hand no frame on before its time by the file's own clock, as a camera would;
                if the first one's event time is yet to come, wait for it.
        """
        self._real_time = real_time
        self.error: ConfigError | None = None
        self._source = source
        self._news = news
        self._ready: deque[Frame] = deque()
        self._room = threading.Semaphore(AHEAD)
        self._done = False
        self._closed = threading.Event()
        self._thread = threading.Thread(
            target=self._decode, name=f"file {source.path.name}", daemon=True
        )
        self._thread.start()

    @property
    def ended(self) -> bool:
        """Whether every frame was taken."""
        return self._done and not self._ready

    @property
    def state(self) -> SourceState:
        """Frames that could not be used."""
        return SourceState(dropped=self._source.unusable, stalls=0)

    def take(self) -> Frame | None:
        """The next frame, or None while it is being decoded."""
        try:
            frame = self._ready.popleft()
        except IndexError:
            return None
        self._room.release()
        return frame

    def close(self) -> None:
        """Stop decoding and close the file."""
        self._closed.set()
        self._room.release()
        self._thread.join()
        self._source.close()

    def _decode(self) -> None:
        try:
            begun: float | None = None
            for frame in self._source:
                if self._real_time:
                    now = time.monotonic()
                    if begun is None:
                        early_s = (frame.wall - utc_now()).total_seconds()
                        begun = now - frame.pts_s + max(0.0, early_s)
                    self._closed.wait(max(0.0, begun + frame.pts_s - now))
                    frame = replace(frame, arrival_s=time.monotonic())
                self._room.acquire()
                if self._closed.is_set():
                    return
                self._ready.append(frame)
                self._news.set()
        except ConfigError as error:
            self.error = error
        except Exception:  # a broken file must not leave the loop waiting for ever
            logger("vision.feed").exception("decoding failed", file=str(self._source.path))
            self.error = ConfigError(f"{self._source.path}: decoding failed; see the log")
        finally:
            self._done = True
            self._news.set()


class LiveFeed:
    """A camera: its newest frame, whenever there is one that was not taken yet."""

    ended = False

    def __init__(self, source: LiveSource) -> None:
        """Wrap a source whose ``wake`` sets the loop's event."""
        self._source = source

    @property
    def state(self) -> SourceState:
        """Frames that were replaced or damaged, and how often it broke off."""
        stats = self._source.stats()
        return SourceState(dropped=stats.dropped + stats.corrupt, stalls=stats.stalls)

    def take(self) -> Frame | None:
        """The newest frame that was not taken yet."""
        return self._source.latest(0)

    def close(self) -> None:
        """Hang up."""
        self._source.close()


class Collector:
    """Gathers the frames of one round over all cameras.

    Files go in step, one frame of each a round, so that a run gives the same whatever the speed.
    Live cameras give their newest frame; those that come within a deadline share a batch.
    """

    def __init__(
        self,
        feeds: dict[str, Feed],
        news: threading.Event,
        within_s: float,
        monotonic: Callable[[], float],
    ) -> None:
        """Begin.

        Args:
            feeds: Camera → its feed; may change between rounds.
            news: Set by the feeds.
            within_s: How long a round waits for further cameras once it has one, seconds.
            monotonic: Clock, seconds.
        """
        self.feeds = feeds
        self._news = news
        self._within = within_s
        self._monotonic = monotonic
        self._held: dict[str, Frame] = {}

    def leave(self, camera: str) -> None:
        """A camera is no longer part of the node."""
        self.feeds.pop(camera, None)
        self._held.pop(camera, None)

    def round(self, timeout_s: float) -> list[tuple[str, Frame]]:
        """The frames of the next round; empty when none came in time.

        Args:
            timeout_s: Longest wait, seconds.
        """
        begun = self._monotonic()
        deadline = begun + timeout_s
        while True:
            self._news.clear()
            for camera, feed in self.feeds.items():
                held = self._held.get(camera)
                if held is not None and isinstance(feed, FileFeed):
                    continue
                frame = feed.take()
                if frame is not None:
                    if not self._held:
                        deadline = min(deadline, self._monotonic() + self._within)
                    self._held[camera] = frame
            waiting = [
                c for c, feed in self.feeds.items() if c not in self._held and not feed.ended
            ]
            in_step = any(isinstance(self.feeds[camera], FileFeed) for camera in waiting)
            left = (begun + timeout_s if in_step else deadline) - self._monotonic()
            if not waiting or left <= 0:
                break
            self._news.wait(left)
        if any(isinstance(self.feeds[camera], FileFeed) for camera in waiting):
            return []
        found = [(camera, self._held.pop(camera)) for camera in self.feeds if camera in self._held]
        self._held.clear()
        return found
