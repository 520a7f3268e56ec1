"""Frames of a video file: every one counts, none is dropped to keep up."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import av
import av.error
from av.container import InputContainer

from ioc.clock import Clock, from_unix_ms, utc_now
from ioc.errors import ConfigError
from vision.source.decoded import picture_of
from vision.source.encoded import EncodedPacket, Tap, describe
from vision.source.frame import Frame

AHEAD_S: Final = 240.0
"""Ingest sets events aside that lie over five minutes ahead; a file stays a minute inside that."""

MISSING_SHARE: Final = 0.02
"""Containers state their length from the rate, which may be a frame or two out."""

EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""Recorders whose clock was never set write 1904 or 1970 into a file."""


def recorded_at(path: Path) -> datetime:
    """When a file was recorded: what its container says if that can be, else its last change.

    Returns:
        UTC, whole milliseconds.

    Raises:
        ConfigError: There is no such file, or it is not a video.
    """
    changed = from_unix_ms(_stat_ms(path))
    container = _open(path)
    try:
        stated = container.metadata.get("creation_time", "")
    finally:
        container.close()
    try:
        made = datetime.fromisoformat(stated)
    except ValueError:
        return changed
    made = made.replace(tzinfo=UTC) if made.tzinfo is None else made.astimezone(UTC)
    # A copy changes the file's date, never to before the recording; a day is for zones mixed up.
    sane = EARLIEST <= made <= changed + timedelta(days=1)
    return made.replace(microsecond=made.microsecond // 1000 * 1000) if sane else changed


class FileSource:
    """A video file.

    The first frame is anchored at a given instant, or at the one at which the run begins, so that
    event time is that instant plus the frame's own time. Of a file longer than four minutes the
    run's anchor lies so much earlier that no event is more than four minutes ahead of the clock,
    however fast the file is read.

    Attributes:
        path: The file.
        width: Columns of its first frame.
        height: Rows of its first frame.
        fps: The rate that the container states, 25 if it states none that can be.
        frames: How many frames it states, 0 if it does not.
        anchor: Wall time of the first frame.
        unusable: Frames so far that could not be decoded or are of another size.
    """

    def __init__(
        self,
        path: Path,
        clock: Clock = utc_now,
        monotonic: Callable[[], float] = time.monotonic,
        anchor: datetime | None = None,
        tap: Tap | None = None,
        threads: int = 1,
    ) -> None:
        """Open a file and look at its first frame.

        Args:
            path: The file.
            clock: Gives the instant at which the run begins.
            monotonic: Gives the frames' arrival time.
            anchor: Wall time of the first frame; with a fixed one (``recorded_at``) two runs
                give the same events to the bit.
            tap: Receives the encoded stream.
            threads: Of the decoder. More than one make it faster while they take the cores that
                the detector would use.

        Raises:
            ConfigError: There is no such file, or it is not a video that can be decoded.
        """
        self.path = path
        self.unusable = 0
        self._monotonic = monotonic
        self._tap = tap
        self._last_dts_s = -math.inf
        self._container = _open(path)
        self._stream = self._container.streams.video[0]
        self._stream.codec_context.thread_count = threads
        self._stream.codec_context.thread_type = "AUTO" if threads > 1 else "NONE"
        rate = float(self._stream.guessed_rate or 0)
        self.fps = rate if 0.1 <= rate <= 1000 else 25.0
        self._start_s: float | None = None
        self._early: list[av.Packet[av.VideoStream]] = []
        self._decoded = self._decode()
        first = next((frame for frame in self._decoded if frame is not None), None)
        if first is None:
            self._container.close()
            raise _undecodable(path)
        self._first = first
        self.unusable = 0  # what came before the first picture has no number
        self._start_s = self._time_of(first)
        self._first_picture = picture_of(first)
        self.width, self.height = self._first_picture.width, self._first_picture.height
        self.frames = self._stream.frames or round(self._duration_s() * self.fps)
        duration = self.frames / self.fps
        ahead = timedelta(seconds=max(0.0, duration - AHEAD_S))
        self.anchor: datetime = clock() - ahead if anchor is None else anchor

    def __iter__(self) -> Iterator[Frame]:
        """Every frame once.

        Raises:
            ConfigError: The file ended long before the length that it states.
        """
        assert self._start_s is not None
        if self._tap is not None:
            self._tap.opened(describe(self._stream))
            for packet in self._early:
                self._give(packet)
        self._early.clear()
        frame: av.VideoFrame | None = self._first
        picture = self._first_picture
        last_s, index, spent_s = 0.0, 0, 0.0
        while True:
            if frame is not None:
                pts_s = self._time_of(frame) - self._start_s
                # Some containers carry no or falling times; the rate is then the only clock.
                if index and not last_s < pts_s < last_s + 3600:
                    pts_s = last_s + 1 / self.fps
                last_s = pts_s
                if index:
                    picture = picture_of(frame)
                if (picture.width, picture.height) == (self.width, self.height):
                    wall = self.anchor + timedelta(seconds=pts_s)
                    yield Frame(picture, index, pts_s, wall, self._monotonic(), spent_s)
                else:
                    self.unusable += 1
            index += 1
            begun_s = self._monotonic()
            try:
                frame = next(self._decoded)
            except StopIteration:
                break
            spent_s = self._monotonic() - begun_s
        if index < self.frames * (1 - MISSING_SHARE) - 2:
            raise ConfigError(
                f"{self.path}: ended at frame {index} of {self.frames}; it is cut off or damaged, "
                "copy it again (the events up to there are kept)"
            )

    def close(self) -> None:
        """Let the file go; pictures that are still held stay valid."""
        self._decoded.close()
        self._container.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()

    def _decode(self) -> Generator[av.VideoFrame | None]:
        """Decoded frames; None for one that is damaged."""
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except av.error.FFmpegError:
                return  # the disk or the container fails here; the length tells
            if packet.size:
                if self._start_s is None:
                    self._early.append(packet)
                else:
                    self._give(packet)
            try:
                frames = packet.decode()
            except av.error.FFmpegError:
                self.unusable += 1
                yield None
                continue
            for frame in frames:
                if frame.is_corrupt:
                    self.unusable += 1
                    yield None
                else:
                    yield frame

    def _give(self, packet: av.Packet[av.VideoStream]) -> None:
        if self._tap is None:
            return
        base = packet.time_base
        stamps = [s for s in (packet.pts, packet.dts) if s is not None]
        if not stamps or base is None:
            return  # without any time nobody could place it
        pts, dts = stamps[0], stamps[-1]
        assert self._start_s is not None
        self._last_dts_s = max(self._last_dts_s, float(dts * base) - self._start_s)
        pts_s = float(pts * base) - self._start_s
        self._tap.packet(EncodedPacket(bytes(packet), pts_s, self._last_dts_s, packet.is_keyframe))

    def _time_of(self, frame: av.VideoFrame) -> float:
        # An AVI stores no display times; those that FFmpeg makes up fall at every B-frame.
        first, second = frame.pts, frame.dts
        if self._container.format.name == "avi":
            first, second = second, first
        stamp = second if first is None else first
        if stamp is None or frame.time_base is None:
            return 0.0
        return float(stamp * frame.time_base)

    def _duration_s(self) -> float:
        if self._stream.duration is not None and self._stream.time_base is not None:
            return float(self._stream.duration * self._stream.time_base)
        return (self._container.duration or 0) / 1e6


def _stat_ms(path: Path) -> int:
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "no such file"
        raise ConfigError(f"{path}: {what}; --source (or the camera's source) must be a video")
    return path.stat().st_mtime_ns // 1_000_000


def _undecodable(path: Path) -> ConfigError:
    return ConfigError(f"{path}: not a video that can be decoded; check or copy it again")


def _open(path: Path) -> InputContainer:
    _stat_ms(path)
    try:
        # "file:" keeps a name with a colon from being taken for a protocol.
        container = av.open(f"file:{path}", metadata_errors="replace")
    except (av.error.FFmpegError, OSError, ValueError):
        raise _undecodable(path) from None
    if not container.streams.video:
        container.close()
        raise _undecodable(path)
    return container
