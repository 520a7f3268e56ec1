"""A live camera: its newest picture, however often it breaks off."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from edge.backoff import Random, reconnect_wait
from ioc.clock import Clock, utc_now
from ioc.errors import ConfigError
from ioc.events import ClockRef
from ioc.telemetry import logger
from vision.source.address import READABLE, live_address
from vision.source.clock import node_clock
from vision.source.encoded import Tap
from vision.source.frame import Frame
from vision.source.inbox import Inbox, LiveStats, State
from vision.source.reader import Reader
from vision.source.timeline import Timeline

WATCH_S: Final = 0.1
"""The watch looks so often."""
STEADY_S: Final = 10.0
"""After pictures for so long the first retry comes at once, without the waits from before."""
SLACK_S: Final = 0.5
"""FFmpeg's limit for a read lies so much after ours. When it gives up it hands over the picture
that its parser held back: that one would make a camera look alive that has been silent."""
LET_GO_S: Final = 1.0
"""A reader that is told to leave gets so long before it counts as hanging."""
REPEAT_S: Final = 60.0
"""A camera that is away is spoken of so often."""


@dataclass(frozen=True, slots=True)
class LiveSettings:
    """How patient a live source is.

    Attributes:
        stall_s: Age of the newest frame from which on the camera has stalled.
        open_s: Longest wait for a connection to open.
        first_frame_s: Longest wait for the first picture of a connection that gives packets.
        shortest_retry_s: Shortest wait before a new connection.
        longest_retry_s: Longest one. With ``open_s`` and the camera's first keyframe it must
            stay under the 10 s within which a camera that is back is to be seen.
        refused_retry_s: Wait after wrong credentials: cameras lock an account for half an hour
            after some five to seven tries.
        threads: Of the decoder.
        most_abandoned: So many readers that hang are left behind at most; then the source waits
            for one of them to end.
    """

    stall_s: float = 4.0
    open_s: float = 4.0
    first_frame_s: float = 20.0
    shortest_retry_s: float = 0.2
    longest_retry_s: float = 2.0
    refused_retry_s: float = 60.0
    threads: int = 1
    most_abandoned: int = 3


class LiveSource:
    """A camera over RTSP, HTTP or USB, or a virtual one in a process of its own.

    A reader thread decodes; the newest picture waits in a place for one. A second thread watches
    the age of what comes by the monotonic clock, trusts no library's time limit and connects
    anew. Nothing uses the rate that a camera states.

    A frame's ``wall`` is the node's clock at arrival: NTP keeps that one, while a camera's is set
    by hand. It is late by the camera's delay (exposure, coding, network: some 50 to 300 ms).
    """

    def __init__(
        self,
        source: str,
        tap: Tap | None = None,
        settings: LiveSettings | None = None,
        wake: Callable[[], None] | None = None,
        clock: Clock = utc_now,
        monotonic: Callable[[], float] = time.monotonic,
        chance: Random = random.random,
    ) -> None:
        """Begin to connect; returns at once.

        Args:
            source: rtsp://, rtsps://, http://, https://, sim://, a device number or
                /dev/videoN.
            tap: Receives the encoded stream, on the reader's thread.
            settings: How patient it is.
            wake: Called after every new picture, on the reader's thread; must not block.
            clock: The node's clock.
            monotonic: For arrival times and all waiting.
            chance: Jitter of the retries.

        Raises:
            ConfigError: The source is of a kind that cannot be read.
        """
        self.settings = settings or LiveSettings()
        address = live_address(source, self.settings.stall_s + SLACK_S)
        if address is None:
            raise ConfigError(f"{source}: not a live source; a source is {READABLE}")
        self.address = address
        self._monotonic = monotonic
        self._chance = chance
        self._log = logger("vision.source").bind(source=str(address))
        self._inbox = Inbox(tap, wake, clock, monotonic)
        self._closing = threading.Event()
        self._hanging: tuple[Reader, ...] = ()
        self._said_s = float("-inf")
        self._timeline = Timeline()
        self._watch = threading.Thread(target=self._run, name=f"watch {address}", daemon=True)
        self._watch.start()

    def latest(self, timeout_s: float = 0.0) -> Frame | None:
        """The newest frame that was not taken yet; None when none came in time.

        Args:
            timeout_s: How long to wait for one.
        """
        return self._inbox.take(timeout_s)

    def stats(self) -> LiveStats:
        """How it is now."""
        return self._inbox.stats(sum(not reader.done.is_set() for reader in self._hanging))

    def clock(self) -> ClockRef:
        """How far the clock of the frames' ``wall`` is off: the node's own."""
        return node_clock().reference()

    def close(self) -> None:
        """Stop reading. A reader that hangs is left to end by itself."""
        self._closing.set()
        self._watch.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()

    def _run(self) -> None:
        settings, attempt = self.settings, 0
        while not self._closing.is_set():
            if self._stuck():
                self._closing.wait(1.0)
                continue
            played_s, refused = self._connect()
            attempt = 0 if played_s > STEADY_S else attempt + 1
            wait_s = reconnect_wait(
                attempt, settings.shortest_retry_s, settings.longest_retry_s, self._chance
            )
            self._closing.wait(settings.refused_retry_s if refused else wait_s)
        self._inbox.broke("closed", "")

    def _connect(self) -> tuple[float, bool]:
        """One connection, to its end: how long it gave pictures, and whether it was refused."""
        settings = self.settings
        reader = Reader(
            self.address,
            self._inbox,
            self._timeline.successor(),
            settings.open_s,
            settings.stall_s + SLACK_S,
            settings.threads,
            self._monotonic,
        )
        self._timeline = reader.timeline
        self._inbox.listen(reader)
        reader.start()
        before = self._inbox.stats(0).frames
        silent = ""
        while not self._closing.is_set() and not reader.done.wait(WATCH_S):
            silent = self._silence(reader, before)
            if silent:
                break
        stats = self._inbox.stats(0)
        played_s = 0.0
        if stats.frames > before and stats.age_s is not None:
            played_s = self._monotonic() - stats.age_s - reader.started_s
        self._inbox.listen(None)
        reader.leave()
        if not self._closing.is_set():
            error = silent or reader.failure or f"{self.address}: the camera ended the stream"
            self._broke("refused" if reader.refused else "stalled", error)
        if not reader.done.wait(LET_GO_S):
            self._hanging = (*self._hanging, reader)
        return played_s, reader.refused

    def _silence(self, reader: Reader, before: int) -> str:
        """What is missing for too long, empty when nothing is."""
        settings, stats, now = self.settings, self._inbox.stats(0), self._monotonic()
        answer_s = 2 * settings.open_s + 1 + self.address.start_s
        first_s = settings.first_frame_s + self.address.start_s
        if stats.frames > before:
            if stats.age_s is not None and stats.age_s > settings.stall_s:
                return f"{self.address}: no picture for {settings.stall_s:g} s"
        # FFmpeg gets its limit for the opening and again for the parameters; then it hangs.
        elif now - reader.heard_s > answer_s:
            return f"{self.address}: no answer for {answer_s:g} s"
        elif now - reader.started_s > first_s:
            return f"{self.address}: data, but no picture for {first_s:g} s"
        return ""

    def _stuck(self) -> bool:
        """Whether too many readers hang for another one."""
        self._hanging = tuple(reader for reader in self._hanging if not reader.done.is_set())
        if len(self._hanging) < self.settings.most_abandoned:
            return False
        error = (
            f"{self.address}: {len(self._hanging)} readers hang in the driver or the name "
            "look-up; the next one starts when one of them ends, or restart the node"
        )
        self._broke("stuck", error)
        return True

    def _broke(self, state: State, error: str) -> None:
        """Say so: when it is news, and every minute after that."""
        now = self._monotonic()
        if self._inbox.broke(state, error) or now - self._said_s >= REPEAT_S:
            self._said_s = now
            stats = self.stats()
            self._log.warning(
                "camera gives no picture", state=stats.state, error=error, stalls=stats.stalls
            )
