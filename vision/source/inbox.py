"""What has come from a live camera: the newest picture, in a place for one, and the counts."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import av

from ioc.clock import Clock, utc_now
from vision.source.clock import CameraClock, CameraOffset
from vision.source.decoded import picture_of
from vision.source.encoded import EncodedPacket, StreamInfo, Tap
from vision.source.frame import Frame
from vision.source.reader import Reader

State = Literal["connecting", "playing", "stalled", "refused", "stuck", "closed"]

RATE_S: Final = 10.0
"""The rate of arrivals is taken over so long."""


@dataclass(frozen=True, slots=True)
class LiveStats:
    """How a live source is.

    Attributes:
        state: ``connecting`` until the first picture, ``stalled`` whenever pictures have stopped
            since, ``refused`` on wrong credentials, ``stuck`` when too many readers hang.
        frames: Pictures decoded.
        dropped: Of these, replaced by a newer one before anybody took them.
        corrupt: Pictures that were damaged and skipped.
        stalls: How often a playing camera broke off, with or without a word.
        reconnects: How often it played again after that.
        fps: Pictures a second, by arrival, over the last ten seconds.
        age_s: Age of the newest picture, None before the first.
        hanging: Readers left behind that have not ended.
        clock_rate: Seconds that go by in one second of the camera's stamps; not 1 when they lie.
        camera: How far the camera's own clock is from the node's, if it says its time.
        stream: How the stream is coded, None before the first.
        error: What broke last, without passwords; empty while it plays.
    """

    state: State
    frames: int
    dropped: int
    corrupt: int
    stalls: int
    reconnects: int
    fps: float
    age_s: float | None
    hanging: int
    clock_rate: float
    camera: CameraOffset | None
    stream: StreamInfo | None
    error: str


class Inbox:
    """Where the readers of one camera leave what they find; safe between threads.

    Only the present reader is listened to: one that was abandoned may wake up hours later.
    """

    def __init__(
        self,
        tap: Tap | None = None,
        wake: Callable[[], None] | None = None,
        clock: Clock = utc_now,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """An empty one; the arguments are those of ``LiveSource``."""
        self._tap = tap
        self._wake = wake
        self._clock = clock
        self._monotonic = monotonic
        self._changed = threading.Condition()
        self._tapping = threading.Lock()
        self._reader: Reader | None = None
        self._camera_clock = CameraClock()
        self._slot: Frame | None = None
        self._began_s = monotonic()
        self._newest_s: float | None = None
        self._arrivals: deque[float] = deque(maxlen=1024)
        self._stream: StreamInfo | None = None
        self._state: State = "connecting"
        self._error = ""
        self._rate = 1.0
        self._frames = self._dropped = self._corrupt = self._stalls = self._reconnects = 0

    def take(self, timeout_s: float) -> Frame | None:
        """The newest frame that was not taken yet; None when none came in time or it is closed."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._slot is not None or self._state == "closed", timeout_s
            )
            frame, self._slot = self._slot, None
            return frame

    def stats(self, hanging: int) -> LiveStats:
        """How the source is, with so many readers hanging."""
        with self._changed:
            now = self._monotonic()
            recent = [at for at in self._arrivals if now - at <= RATE_S]
            span = min(RATE_S, max(1.0, now - self._began_s))
            return LiveStats(
                state=self._state,
                frames=self._frames,
                dropped=self._dropped,
                corrupt=self._corrupt,
                stalls=self._stalls,
                reconnects=self._reconnects,
                fps=round(len(recent) / span, 3),
                age_s=None if self._newest_s is None else now - self._newest_s,
                hanging=hanging,
                clock_rate=round(self._rate, 4),
                camera=self._camera_clock.offset(),
                stream=self._stream,
                error=self._error,
            )

    def listen(self, reader: Reader | None) -> None:
        """From now on this reader is the present one."""
        with self._tapping, self._changed:
            self._reader = reader
            self._camera_clock.reset()

    def broke(self, state: State, error: str) -> bool:
        """The connection is no more; whether that is news.

        Args:
            state: What the source is now.
            error: Why.
        """
        with self._changed:
            if self._state == "playing":
                self._stalls += state != "closed"
            elif self._state == "connecting" and state == "stalled":
                state = "connecting"  # it has not played yet
            news = state != self._state
            self._state, self._error = state, error
            self._changed.notify_all()
            return news

    def opened(self, reader: Reader, stream: StreamInfo) -> None:
        """The stream is open, or has another size."""
        with self._tapping:
            if reader is self._reader:
                self._stream = stream
                if self._tap is not None:
                    self._tap.opened(stream)

    def packet(self, reader: Reader, packet: EncodedPacket) -> None:
        """A coded picture."""
        with self._tapping:
            if reader is self._reader and self._tap is not None:
                self._tap.packet(packet)

    def frame(self, reader: Reader, frame: av.VideoFrame, pts_s: float) -> None:
        """A picture: the newest wins."""
        picture = picture_of(frame)
        with self._changed:
            if reader is not self._reader:
                return
            now = self._newest_s = self._monotonic()
            self._dropped += self._slot is not None
            spent_s = reader.decode_s
            self._slot = Frame(picture, self._frames, pts_s, self._clock(), now, spent_s)
            self._frames += 1
            self._arrivals.append(now)
            self._rate = reader.timeline.rate
            if self._state != "playing":
                self._reconnects += self._stalls > self._reconnects
                self._state, self._error = "playing", ""
            self._changed.notify_all()
        if self._wake is not None:
            self._wake()

    def corrupt(self, reader: Reader) -> None:
        """A damaged picture."""
        with self._changed:
            self._corrupt += reader is self._reader

    def clock(self, reader: Reader, camera_s: float) -> None:
        """The camera's own time of the newest picture."""
        with self._changed:
            if reader is self._reader:
                self._camera_clock.observe(camera_s, self._clock().timestamp())
