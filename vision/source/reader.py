"""One connection to a camera, read and decoded on a thread of its own until it breaks."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final, Protocol

import av
import av.error
from av.container import InputContainer

from vision.source.address import Address
from vision.source.child import Child
from vision.source.encoded import EncodedPacket, StreamInfo, describe
from vision.source.timeline import Timeline

KEYFRAME_S: Final = 2.5
"""So long a keyframe is awaited, at the start and after damage. Cameras send one every 1 to 4 s,
but some refresh their picture in stripes and never send a whole one."""


class RefusedError(Exception):
    """The camera does not let us in; asking again at once may lock the account."""


class Sink(Protocol):
    """Where a reader's findings go; called on its thread."""

    def opened(self, reader: Reader, stream: StreamInfo) -> None:
        """The stream is open, or has another size from now on."""
        ...

    def packet(self, reader: Reader, packet: EncodedPacket) -> None:
        """A coded picture, before its frame."""
        ...

    def frame(self, reader: Reader, frame: av.VideoFrame, pts_s: float) -> None:
        """A decoded picture without known damage."""
        ...

    def corrupt(self, reader: Reader) -> None:
        """A picture that was damaged and skipped."""
        ...

    def clock(self, reader: Reader, camera_s: float) -> None:
        """When the camera says that the picture just handed on was taken, Unix seconds."""
        ...


class Reader(threading.Thread):
    """Reads one connection.

    FFmpeg asks every 0.1 s whether its time is up (its interrupt callback, which PyAV's
    ``timeout`` sets), while opening and while reading. Name look-up and drivers do not ask, so
    whoever started the reader watches ``heard_s`` and abandons one that hangs: a thread cannot be
    ended from outside.

    Attributes:
        address: What is read.
        heard_s: Monotonic time of the last packet, or of the start.
        started_s: Monotonic time of the start.
        decode_s: How long the last packet took to decode, seconds.
        timeline: Its clock.
        failure: Why it ended, once ``done``.
        refused: Whether it ended because the camera did not let us in.
        done: Set when it has ended and let go of the connection.
    """

    def __init__(
        self,
        address: Address,
        sink: Sink,
        timeline: Timeline,
        open_s: float,
        silence_s: float,
        threads: int = 1,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare a connection; ``start`` opens it.

        Args:
            address: What to read.
            sink: Where it goes.
            timeline: Its clock, which goes on from that of the connection before.
            open_s: Longest wait for the opening, and again for the stream's parameters.
            silence_s: Longest wait for a packet.
            threads: Of the decoder.
            monotonic: Gives arrival times.
        """
        super().__init__(name=f"camera {address}", daemon=True)
        self.address = address
        self.done = threading.Event()
        self.failure = ""
        self.refused = False
        self._sink = sink
        self.timeline = timeline
        self._open_s = open_s
        self._silence_s = silence_s
        self._threads = threads
        self._monotonic = monotonic
        self._leave = threading.Event()
        self._last_pts_s = self._last_dts_s = float("-inf")
        self.heard_s = self.started_s = monotonic()
        self.decode_s = 0.0

    def leave(self) -> None:
        """End after the packet that is awaited now."""
        self._leave.set()

    def run(self) -> None:
        """Read until the connection breaks."""
        child: Child | None = None
        try:
            if self.address.command:
                child = self._start_child()
            with self._open(child) as container:
                if child is not None:
                    child.limit_s = self._silence_s
                self._read(container)
        except RefusedError as error:
            self.refused, self.failure = True, str(error)
        except (av.error.FFmpegError, OSError, ValueError) as error:
            self.failure = self._say(error)
        except Exception as error:  # whatever a camera sends must not end the watch over it
            self.failure = f"{type(error).__name__} while reading"
        finally:
            if child is not None:
                self._end_child(child)
            self.done.set()

    def _start_child(self) -> Child:
        return Child(
            self.address.command,
            str(self.address),
            self.address.start_s + self._open_s,
            self._leave,
            self._monotonic,
        )

    def _end_child(self, child: Child) -> None:
        """Let go of it; where it ended by itself, that is why the connection broke."""
        ending = child.close()
        if child.silent:
            self.failure = f"{self.address}: no answer for {child.limit_s:g} s"
        elif ending is not None:
            self.refused = ending.wrong_use
            self.failure = f"{self.address}: {ending}"

    def _open(self, child: Child | None) -> InputContainer:
        tried: Exception | None = None
        for options in self.address.options:
            try:
                container = av.open(
                    self.address.url if child is None else child,
                    "r",
                    format=self.address.format,
                    options=dict(options),
                    timeout=(self.address.start_s + self._open_s, self._silence_s),
                    metadata_errors="replace",
                )
            except (av.error.HTTPUnauthorizedError, av.error.HTTPForbiddenError) as error:
                raise RefusedError(
                    f"{self.address}: the camera refuses the user name or password "
                    f"({error.strerror}); mend them in the camera's source"
                ) from None
            except (av.error.FFmpegError, OSError, ValueError) as error:
                tried = error
            else:
                return container
        assert tried is not None
        raise tried

    def _read(self, container: InputContainer) -> None:
        if not container.streams.video:
            raise ValueError("no video in the stream")
        stream = container.streams.video[0]
        stream.codec_context.thread_count = self._threads
        stream.codec_context.thread_type = "AUTO" if self._threads > 1 else "NONE"
        info = describe(stream)
        self._sink.opened(self, info)
        awaiting_since: float | None = self._monotonic()
        for packet in container.demux(stream):
            if self._leave.is_set():
                return
            if not packet.size:
                continue
            now = self.heard_s = self._monotonic()
            if packet.is_keyframe:
                awaiting_since = None
            if awaiting_since is not None:
                if now - awaiting_since < KEYFRAME_S:
                    continue
                awaiting_since = None
            self.timeline.step(_seconds(packet, packet.pts), _seconds(packet, packet.dts), now)
            begun_s = self._monotonic()
            try:
                frames = packet.decode()
            except av.error.FFmpegError:
                frames = []
                damaged = True
            else:
                damaged = packet.is_corrupt or any(frame.is_corrupt for frame in frames)
            self.decode_s = self._monotonic() - begun_s
            if damaged:
                self._sink.corrupt(self)
                awaiting_since = now
                frames = [frame for frame in frames if not frame.is_corrupt]
            codec = stream.codec_context
            if frames and (codec.width, codec.height) != (info.width, info.height):
                # The parameter sets of the session description fit no more; new ones are in band.
                info = StreamInfo(codec.name, codec.width, codec.height, b"", info.pixel_format)
                self._sink.opened(self, info)
            self._hand_on(packet)
            for frame in frames:
                self._show(frame, container.start_time_realtime)

    def _hand_on(self, packet: av.Packet[av.VideoStream]) -> None:
        dts_s = self.timeline.at(_seconds(packet, packet.dts))
        pts_s = self.timeline.at(_seconds(packet, packet.pts))
        self._last_dts_s = max(self._last_dts_s, dts_s)
        coded = EncodedPacket(bytes(packet), pts_s, self._last_dts_s, packet.is_keyframe)
        self._sink.packet(self, coded)

    def _show(self, frame: av.VideoFrame, began_us: int | None) -> None:
        self._last_pts_s = max(self._last_pts_s + 1e-6, self.timeline.at(frame.time))
        self._sink.frame(self, frame, self._last_pts_s)
        if began_us and frame.time is not None:
            self._sink.clock(self, began_us / 1e6 + frame.time)

    def _say(self, error: Exception) -> str:
        """Why it broke, without the address that FFmpeg puts into its own messages."""
        # An interrupted handshake is told as one with a senseless answer: its length gives it away.
        waited_s = self._monotonic() - self.heard_s
        if isinstance(error, av.error.ExitError) or waited_s >= min(self._open_s, self._silence_s):
            return f"{self.address}: no answer for {waited_s:.1f} s"
        if isinstance(error, av.error.EOFError):
            return f"{self.address}: the camera ended the stream"
        if isinstance(error, av.error.HTTPNotFoundError):
            return f"{self.address}: the camera does not know this path (404)"
        if isinstance(error, av.error.InvalidDataError):
            return f"{self.address}: what comes is no video"
        text = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return f"{self.address}: {text}"


def _seconds(packet: av.Packet[av.VideoStream], stamp: int | None) -> float | None:
    if stamp is None or packet.time_base is None:
        return None
    return float(stamp * packet.time_base)
