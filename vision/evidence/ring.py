"""The last seconds of a camera's encoded stream, from which clips are cut.

Packets are kept as they came, in whole groups of pictures (GOPs), for decoding can only begin at
a keyframe. Real cameras send one every 1 to 10 seconds, so a clip begins up to a GOP before the
time that was asked for.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median
from typing import Final, Literal

from vision.source.encoded import EncodedPacket, StreamInfo

DEFAULT_BYTES: Final = 64 * 2**20
"""20 seconds of a 25 Mbit/s 4K camera; a 4 Mbit/s one needs 10 MB."""

PAUSE_S: Final = 1.0
"""A longer time without a picture is written down as a gap; 6 pictures a second are normal."""

GapReason = Literal["not_kept", "stream_began", "pause", "stream_ended", "not_received"]


@dataclass(frozen=True, slots=True)
class Gap:
    """A part of the time asked for that has no picture.

    Attributes:
        start_s: Last picture before it, or the time asked for, in the source's clock, seconds.
        end_s: First picture after it, or the time asked for.
        reason: Why: ``not_kept`` no longer in the ring, ``stream_began`` or ``stream_ended`` the
            camera was (re)connected there, ``pause`` none came, ``not_received`` not yet come.
    """

    start_s: float
    end_s: float
    reason: GapReason


@dataclass(frozen=True, slots=True)
class ClipPackets:
    """Packets of one stream that can be decoded from the first one on.

    Attributes:
        stream: How they are encoded.
        packets: In decoding order; the first is a keyframe, and none is shown before it.
        start_s: Begin of the time asked for, in the source's clock, seconds.
        end_s: End of it.
        gaps: What of that time has no picture.
    """

    stream: StreamInfo
    packets: tuple[EncodedPacket, ...]
    start_s: float
    end_s: float
    gaps: tuple[Gap, ...]


@dataclass(slots=True)
class _Gop:
    packets: list[EncodedPacket]
    size: int


@dataclass(slots=True)
class _Segment:
    """One stream between two openings of the source."""

    stream: StreamInfo
    gops: deque[_Gop] = field(default_factory=deque)
    complete: bool = True  # nothing of it was dropped at its beginning

    @property
    def first_s(self) -> float:
        return self.gops[0].packets[0].pts_s

    @property
    def last_s(self) -> float:
        return max(packet.pts_s for packet in self.gops[-1].packets)


class PacketRing:
    """Keeps a source's packets of the last seconds. A ``Tap``; safe to use from any thread.

    Attributes:
        overflows: GOPs that were dropped early because the bytes ran out.
        headless: Packets that came before the first keyframe of a stream, which nobody can decode.
    """

    def __init__(
        self,
        pre_s: float = 6.0,
        post_s: float = 6.0,
        slack_s: float = 8.0,
        max_bytes: int = DEFAULT_BYTES,
    ) -> None:
        """Set the bounds.

        Args:
            pre_s: Seconds wanted before an act.
            post_s: Seconds wanted after it.
            slack_s: Seconds that may pass beyond that until the clip is cut.
            max_bytes: Most bytes of packets.
        """
        self._keep_s = pre_s + post_s + slack_s
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._segments: deque[_Segment] = deque()
        self._stream: StreamInfo | None = None
        self._fresh = True  # the next keyframe begins a segment
        self._bytes = 0
        self._newest_s: float | None = None
        self._newest_dts = 0.0
        self.overflows = 0
        self.headless = 0

    def opened(self, stream: StreamInfo) -> None:
        """The source was opened, or opened again."""
        with self._lock:
            self._stream = stream
            self._fresh = True

    def packet(self, packet: EncodedPacket) -> None:
        """Take the next packet; never waits for more than a clip's list of packets."""
        with self._lock:
            if self._stream is None:
                self.headless += 1
                return
            # A clock that jumps back begins another recording, whatever the source calls it.
            if not self._fresh and packet.dts_s < self._newest_dts:
                self._fresh = True
            if packet.keyframe:
                if self._fresh:
                    self._segments.append(_Segment(self._stream))
                    self._fresh = False
                    self._newest_s = None
                self._segments[-1].gops.append(_Gop([], 0))
            elif self._fresh or not self._segments[-1].gops:
                self.headless += 1
                return
            gop = self._segments[-1].gops[-1]
            gop.packets.append(packet)
            gop.size += len(packet.data)
            self._bytes += len(packet.data)
            self._newest_dts = packet.dts_s
            newest = packet.pts_s if self._newest_s is None else max(self._newest_s, packet.pts_s)
            self._newest_s = newest
            self._trim(newest)

    @property
    def newest_s(self) -> float | None:
        """Time of the newest picture, in the source's clock, seconds."""
        with self._lock:
            return self._newest_s

    @property
    def bytes(self) -> int:
        """Bytes of the packets that are kept."""
        with self._lock:
            return self._bytes

    def cut(self, start_s: float, end_s: float, at_s: float | None = None) -> ClipPackets | None:
        """The packets of a time, of one stream only.

        Args:
            start_s: Begin, in the source's clock, seconds.
            end_s: End.
            at_s: The instant that matters most, for choosing between two streams; the middle when
                left out.

        Returns:
            Packets from the keyframe at or before the begin, or the first after it; None when
            nothing of that time is kept.
        """
        at = (start_s + end_s) / 2 if at_s is None else at_s
        with self._lock:
            segments = [s for s in self._segments if s.gops]
            inside = [s for s in segments if s.first_s <= end_s and s.last_s >= start_s]
            if not inside:
                return None
            chosen = min(reversed(inside), key=lambda s: max(s.first_s - at, at - s.last_s, 0.0))
            packets = _select(chosen, start_s, end_s)
            ended = chosen is not self._segments[-1] or self._fresh
            complete = chosen.complete
        gaps = _gaps(packets, start_s, end_s, complete=complete, ended=ended)
        return ClipPackets(chosen.stream, packets, start_s, end_s, gaps)

    def _trim(self, newest_s: float) -> None:
        """Drop whole GOPs that are too old or too many, the oldest first."""
        while len(self._segments) > 1 and (
            not self._segments[0].gops
            or self._bytes > self._max_bytes
            or self._segments[0].last_s < newest_s - self._keep_s
            or self._segments[0].first_s > newest_s  # of a clock that has jumped back since
        ):
            old = self._segments.popleft()
            self._bytes -= sum(gop.size for gop in old.gops)
            if old.gops and old.last_s >= newest_s - self._keep_s:
                self.overflows += len(old.gops)
        current = self._segments[-1]
        horizon = newest_s - self._keep_s
        while len(current.gops) > 1 and (
            current.gops[1].packets[0].pts_s <= horizon or self._bytes > self._max_bytes
        ):
            early = current.gops[1].packets[0].pts_s > horizon
            self._drop_first(current, early=early)
        if self._bytes > self._max_bytes:  # a single GOP that is larger than all that may be kept
            self._drop_first(current, early=True)

    def _drop_first(self, segment: _Segment, *, early: bool) -> None:
        self._bytes -= segment.gops.popleft().size
        segment.complete = False
        self.overflows += early


def _select(segment: _Segment, start_s: float, end_s: float) -> tuple[EncodedPacket, ...]:
    gops = list(segment.gops)
    first = 0
    for index, gop in enumerate(gops):
        if gop.packets[0].pts_s <= start_s:
            first = index
    packets = [packet for gop in gops[first:] for packet in gop.packets]
    # In decoding order, pictures of the wanted time may come after ones that are shown later.
    last = max((i for i, packet in enumerate(packets) if packet.pts_s <= end_s), default=0)
    # Pictures that follow a keyframe but are shown before it lean on the GOP before, which is not
    # here; no other picture leans on them.
    begin_s = packets[0].pts_s
    return tuple(packet for packet in packets[: last + 1] if packet.pts_s >= begin_s)


def _gaps(
    packets: tuple[EncodedPacket, ...],
    start_s: float,
    end_s: float,
    *,
    complete: bool,
    ended: bool,
) -> tuple[Gap, ...]:
    times = sorted(packet.pts_s for packet in packets)
    steps = [after - before for before, after in pairwise(times)]
    step = median(steps) if steps else 0.0
    longest = max(PAUSE_S, 3 * step)
    gaps = []
    if times[0] > start_s + step:
        gaps.append(Gap(start_s, times[0], "stream_began" if complete else "not_kept"))
    gaps += [Gap(a, b, "pause") for a, b in pairwise(times) if b - a > longest]
    if times[-1] < end_s - max(step, 1e-3) * 1.5:
        gaps.append(Gap(times[-1], end_s, "stream_ended" if ended else "not_received"))
    return tuple(gaps)
