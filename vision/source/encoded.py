"""The camera's own encoded stream beside its pictures: what original evidence is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import av


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """How a source's video is encoded, from each time that it is opened.

    Attributes:
        codec: FFmpeg's name of the codec, such as ``h264``.
        width: Columns.
        height: Rows.
        extradata: Parameter sets that a container needs (SPS, PPS); may be empty.
        pixel_format: FFmpeg's name, such as ``yuv420p``; may be empty when unknown.
    """

    codec: str
    width: int
    height: int
    extradata: bytes
    pixel_format: str


@dataclass(frozen=True, slots=True)
class EncodedPacket:
    """One coded picture, in decoding order.

    Attributes:
        data: The coded bytes, as they came.
        pts_s: Time at which it is shown, in the clock of ``Frame.pts_s``, seconds.
        dts_s: Time at which it is decoded, in the same clock, seconds; never falls.
        keyframe: Whether decoding can begin here.
    """

    data: bytes
    pts_s: float
    dts_s: float
    keyframe: bool


def describe(stream: av.VideoStream) -> StreamInfo:
    """What the container, or the camera's session description, says of a stream."""
    codec = stream.codec_context
    return StreamInfo(
        codec=codec.name,
        width=codec.width,
        height=codec.height,
        extradata=bytes(codec.extradata or b""),
        pixel_format=codec.pix_fmt or "",
    )


class Tap(Protocol):
    """Receives the encoded stream of a source, on the source's own thread; must not block."""

    def opened(self, stream: StreamInfo) -> None:
        """The source was opened, or opened again; packets before belong to another stream."""
        ...

    def packet(self, packet: EncodedPacket) -> None:
        """The next packet, before the frame that it holds is handed on."""
        ...
