"""Encoded streams made for tests: a white square that moves one step a picture."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from functools import lru_cache
from typing import cast

import av
import numpy as np
from av.video.stream import VideoStream

from ioc.events import ClockRef, FrameWindow, ModelRef, ViolationData
from vision.evidence.ring import PacketRing
from vision.source.encoded import EncodedPacket, StreamInfo

FPS = 10
WIDTH, HEIGHT = 160, 96
STEP = 2


@lru_cache
def encoded(
    codec: str = "libx264", pictures: int = 60, gop: int = 10, *, annexb: bool = False
) -> tuple[StreamInfo, tuple[EncodedPacket, ...]]:
    """A stream of ``FPS`` pictures a second, times from 0; x264 with B-frames."""
    options = {"g": str(gop)}
    if codec == "libx264":
        options |= {"bf": "2", "sc_threshold": "0", "x264-params": "scenecut=0:b-adapt=0"}
    if codec == "libx265":
        options = {"x265-params": f"log-level=none:keyint={gop}:bframes=2:scenecut=0:open-gop=1"}
    buffer = io.BytesIO()
    container = "mpegts" if annexb else "matroska"
    with av.open(buffer, "w", format=container) as out:
        stream = cast("VideoStream", out.add_stream(codec, rate=FPS, options=options))
        stream.width, stream.height = WIDTH, HEIGHT
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        for number in range(pictures):
            image = np.full((HEIGHT, WIDTH, 3), 30, np.uint8)
            image[30:50, number * STEP : number * STEP + 20] = 230
            out.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        out.mux(stream.encode(None))
    buffer.seek(0)
    with av.open(buffer, "r") as source:
        video = source.streams.video[0]
        context, base = video.codec_context, video.time_base
        assert base is not None
        coded = [packet for packet in source.demux(video) if packet.size]
        first = min(packet.pts for packet in coded if packet.pts is not None)
        packets = []
        for packet in coded:
            assert packet.pts is not None
            pts = float((packet.pts - first) * base)
            dts = pts if packet.dts is None else float((packet.dts - first) * base)
            packets.append(EncodedPacket(bytes(packet), pts, dts, packet.is_keyframe))
        extradata = b"" if annexb else (context.extradata or b"")
        info = StreamInfo(context.name, WIDTH, HEIGHT, extradata, context.pix_fmt or "")
    return info, tuple(packets)


def ring_of(info: StreamInfo, packets: tuple[EncodedPacket, ...], **more: float) -> PacketRing:
    """A ring that has taken a whole stream."""
    ring = PacketRing(**more)  # type: ignore[arg-type]
    ring.opened(info)
    for packet in packets:
        ring.packet(packet)
    return ring


def violation(**changes: object) -> ViolationData:
    """A violation as a rule leaves it."""
    values: dict[str, object] = {
        "rule": "red_light",
        "track": 7,
        "vehicle": "motorcycle",
        "act_time": datetime(2026, 11, 22, 1, 2, 3, 456000, tzinfo=UTC),
        "confidence": 0.75,
        "model": ModelRef(name="m", sha256="a" * 64),
        "clock": ClockRef(source="ntp", offset_ms=-1.25),
        "frames": FrameWindow(first=20, last=40),
        **changes,
    }
    return ViolationData(**values)  # type: ignore[arg-type]
