"""A clip: packets of the camera in a container, copied and never encoded again, then looked at.

MP4 is fragmented, so that a file that was cut off still plays up to there. The bytes depend on
the packets alone: FFmpeg's ``bitexact`` leaves out the time of making, its version and random
ids, and times are counted in ticks of 1/90000 s, the clock of RTP.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from statistics import median
from typing import Any, Final, cast

import av
import av.error
import numpy as np
from av.container import InputContainer

from vision.evidence.parameter_sets import with_extradata
from vision.evidence.ring import ClipPackets, Gap
from vision.source.encoded import EncodedPacket, StreamInfo
from vision.source.picture import Image

TICKS: Final = 90_000
_TICK: Final = Fraction(1, TICKS)

MP4_CODECS: Final = frozenset({"h264", "hevc", "av1", "mpeg4", "vp9", "mjpeg"})
"""What browsers and players expect inside MP4; anything else goes into Matroska."""

_FOURCC_OF: Final = {"hevc": (b"H264", b"HEVC")}


class ClipError(Exception):
    """No clip can be made of these packets; the message says why."""


@dataclass(frozen=True, slots=True)
class Clip:
    """A recording in a container.

    Attributes:
        data: The file.
        media_type: ``video/mp4`` or ``video/x-matroska``.
        suffix: Of its file name: ``.mp4`` or ``.mkv``.
        origin_s: The source's time that is 0 in the file, seconds.
        stream: How its pictures are encoded.
        times_s: When each packet's picture is shown, in the source's clock, rising, seconds.
        start_s: Begin of the time asked for, seconds.
        end_s: End of it, seconds.
        gaps: What of that time has no picture.
    """

    data: bytes
    media_type: str
    suffix: str
    origin_s: float
    stream: StreamInfo
    times_s: tuple[float, ...]
    start_s: float
    end_s: float
    gaps: tuple[Gap, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """What a player sees in a clip.

    Attributes:
        times_s: When each decoded picture is shown, in the source's clock, rising, seconds.
        width: Columns.
        height: Rows.
        damaged: Pictures that the decoder could show only in part.
        pictures: For each wanted time the nearest picture, BGR, uint8 [h, w, 3].
        indices: Which ones these are, counted from 0 in ``times_s``.
    """

    times_s: tuple[float, ...]
    width: int
    height: int
    damaged: int
    pictures: tuple[Image, ...]
    indices: tuple[int, ...]


def canonical_codec(name: str) -> str:
    """The name of a codec, whichever decoder reads it: ``libdav1d`` → ``av1``."""
    try:
        return av.Codec(name, "r").canonical_name
    except ValueError:
        return name


def make_clip(packets: ClipPackets) -> Clip:
    """Put packets into a container.

    Raises:
        ClipError: The codec is unknown, or the packets are not what it says.
    """
    codec = canonical_codec(packets.stream.codec)
    stream = with_extradata(packets.stream, codec, packets.packets[0].data)
    mp4 = codec in MP4_CODECS
    try:
        data = _mux(codec, stream, packets.packets, "mp4" if mp4 else "matroska")
    except (av.error.FFmpegError, ValueError) as error:
        raise ClipError(f"{codec} cannot be put into a container: {error}") from None
    return Clip(
        data=data,
        media_type="video/mp4" if mp4 else "video/x-matroska",
        suffix=".mp4" if mp4 else ".mkv",
        origin_s=packets.packets[0].dts_s,
        stream=stream,
        times_s=tuple(sorted(packet.pts_s for packet in packets.packets)),
        start_s=packets.start_s,
        end_s=packets.end_s,
        gaps=packets.gaps,
    )


def read_clip(clip: Clip, wanted_s: Sequence[float] = ()) -> Reading:
    """Open a clip again and decode every picture of it.

    One pass, about 5 ms a 1080p picture, on one thread: the detector needs the other cores.

    Args:
        clip: The clip.
        wanted_s: Times of the source whose nearest pictures are wanted, seconds.

    Raises:
        ClipError: It cannot be opened, lacks packets, or shows no picture.
    """
    nearest: list[tuple[float, int, Any] | None] = [None] * len(wanted_s)
    times: list[float] = []
    damaged = found = 0
    try:
        with av.open(io.BytesIO(clip.data), "r") as container:
            stream = container.streams.video[0]
            stream.codec_context.thread_count = 1
            base = stream.time_base or _TICK
            for packet in container.demux(stream):
                found += packet.size > 0
                for frame in _decode(packet):
                    if frame.pts is None:
                        continue
                    damaged += frame.is_corrupt
                    at = clip.origin_s + float(frame.pts * base)
                    for place, want in enumerate(wanted_s):
                        best = nearest[place]
                        if best is None or abs(at - want) < best[0]:
                            nearest[place] = (abs(at - want), len(times), frame)
                    times.append(at)
            width, height = stream.width, stream.height
    except (av.error.FFmpegError, IndexError, ValueError) as error:
        raise ClipError(f"the clip cannot be opened again: {error}") from None
    if found != len(clip.times_s):
        raise ClipError(f"the clip holds {found} packets, {len(clip.times_s)} went in")
    if not times:
        raise ClipError("no picture of the clip can be decoded")
    chosen = [best for best in nearest if best is not None]
    return Reading(
        times_s=tuple(_as_asked(times, clip.times_s)),
        width=width,
        height=height,
        damaged=damaged,
        pictures=tuple(_bgr(frame) for _, _, frame in chosen),
        indices=tuple(index for _, index, _ in chosen),
    )


def _mux(codec: str, stream: StreamInfo, packets: Sequence[EncodedPacket], container: str) -> bytes:
    out = io.BytesIO()
    options = {"fflags": "+bitexact"}
    if container == "mp4":
        options["movflags"] = "frag_keyframe+empty_moov+default_base_moof"
    with (
        _template(codec, stream) as template,
        av.open(out, "w", format=container, options=options) as file,
    ):
        # "opaque": the template's decoder describes the stream. Nothing is opened that encodes.
        target = file.add_stream_from_template(template.streams.video[0], opaque=True)
        context = target.codec_context
        context.width, context.height = stream.width, stream.height
        if stream.extradata:
            context.extradata = stream.extradata
        if stream.pixel_format:
            context.pix_fmt = stream.pixel_format
        target.time_base = _TICK
        for data, pts, dts, duration, keyframe in _ticks(packets):
            packet = av.Packet(data)
            packet.pts, packet.dts, packet.duration = pts, dts, duration
            packet.time_base = _TICK
            packet.is_keyframe = keyframe
            packet.stream = target
            file.mux_one(packet)
    return out.getvalue()


def _template(codec: str, stream: StreamInfo) -> InputContainer:
    """A stream to copy from: PyAV makes none from parameters alone, but reads one from a file.

    An AVI without a single picture is such a file. It cannot hold HEVC, but it can say it does.
    """
    buffer = io.BytesIO()
    said, meant = _FOURCC_OF.get(codec, (b"", b""))
    with av.open(buffer, "w", format="avi") as file:
        file.add_mux_stream(
            "h264" if said else codec, width=stream.width, height=stream.height, time_base=_TICK
        )
        file.start_encoding()
    data = buffer.getvalue()
    return av.open(io.BytesIO(data.replace(said, meant) if said else data), "r", format="avi")


def _ticks(packets: Sequence[EncodedPacket]) -> list[tuple[bytes, int, int, int, bool]]:
    """Packets with pts, dts and duration in ticks from the first dts, as containers want them."""
    origin = packets[0].dts_s
    dts: list[int] = []
    for packet in packets:
        at = round((packet.dts_s - origin) * TICKS)
        dts.append(max(at, dts[-1] + 1) if dts else at)  # two at one tick are refused
    steps = [after - before for before, after in pairwise(dts)]
    steps.append(max(1, round(median(steps))) if steps else TICKS // 25)
    return [
        (packet.data, max(at, round((packet.pts_s - origin) * TICKS)), at, step, packet.keyframe)
        for packet, at, step in zip(packets, dts, steps, strict=True)
    ]


def _decode(packet: Any) -> list[Any]:
    try:
        return list(packet.decode())
    except av.error.FFmpegError:
        return []  # a packet that was damaged on its way; the pictures that are missing are counted


def _as_asked(shown: Sequence[float], asked: Sequence[float]) -> list[float]:
    """Times of the pictures as the source gave them, without the rounding of the container."""
    known = np.asarray(asked)
    right = np.clip(np.searchsorted(known, shown), 1, max(1, len(known) - 1))
    if len(known) == 1:
        return [float(known[0])] * len(shown)
    before, after = known[right - 1], known[right]
    nearest = np.where(np.abs(np.asarray(shown) - before) <= np.abs(after - shown), before, after)
    return [float(at) for at in nearest]


def _bgr(frame: Any) -> Image:
    return cast("Image", frame.to_ndarray(format="bgr24"))
