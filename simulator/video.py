"""Encodes rendered pictures as a camera's recorder would: MP4 with VP9, a key frame every 2 s.

VP9 in MP4 plays in every browser and touches neither a GPL encoder nor a patent pool. Real-time
settings without look-ahead: one picture in, one picture out, as a camera does it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import av
import numpy as np
from av.video.stream import VideoStream
from numpy.typing import NDArray

Image = NDArray[np.uint8]

CODEC: Final = "libvpx-vp9"
KEYFRAME_S: Final = 2.0
BITRATE_KBPS: Final = 1800
"""What a 1080p street camera at 12.5 pictures a second is usually set to."""

Progress = Callable[[int, int], None]
"""Told how many of how many pictures are done."""


class VideoFile:
    """An MP4 file while it is written; it takes its name when it is whole.

    Args:
        path: The file.
        width: Columns.
        height: Rows.
        rate: Pictures a second.
        bitrate_kbps: Thousand bits a second.
        fast: Real-time speed; else some three times slower, for a better picture of the same size.
    """

    def __init__(
        self,
        path: Path,
        width: int,
        height: int,
        rate: float,
        bitrate_kbps: int = BITRATE_KBPS,
        *,
        fast: bool = True,
    ) -> None:
        self._path = path
        self._part = path.with_suffix(".part")
        # Bit-exact muxing leaves out the writing library and the time of writing.
        self._out = av.open(
            str(self._part),
            "w",
            format="mp4",
            options={"movflags": "+faststart", "fflags": "+bitexact"},
        )
        stepping = Fraction(rate).limit_denominator(1001)
        stream = self._out.add_stream(
            CODEC,
            rate=stepping,
            options={
                "deadline": "realtime" if fast else "good",
                "cpu-used": "8" if fast else "5",
                "auto-alt-ref": "0",
                "lag-in-frames": "0",
                # Recorders keep to their rate; left free, the encoder took 1.7 times as much.
                "minrate": str(bitrate_kbps * 1000),
                "maxrate": str(bitrate_kbps * 1000),
                "bufsize": str(bitrate_kbps * 2000),
                "row-mt": "1",
                "tile-columns": "1",
            },
        )
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.bit_rate = bitrate_kbps * 1000
        stream.gop_size = max(1, round(KEYFRAME_S * rate))
        stream.time_base = 1 / stepping
        stream.codec_context.thread_count = 1
        stream.codec_context.flags |= av.codec.context.Flags.bitexact
        self._stream = stream
        # Kept, for the container gives the stream another time base with its first packet.
        self._step = 1 / stepping
        self._written = 0

    def write(self, picture: Image) -> None:
        """Append a BGR picture [H, W, 3]."""
        frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
        frame.pts = self._written
        frame.time_base = self._step
        self._written += 1
        self._out.mux(self._stream.encode(frame))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self._out.mux(self._stream.encode(None))
        self._out.close()
        if kind is None:
            self._part.replace(self._path)
        else:
            self._part.unlink(missing_ok=True)


def write_video(
    path: Path,
    pictures: Iterator[Image],
    count: int,
    rate: float,
    progress: Progress | None = None,
    bitrate_kbps: int = BITRATE_KBPS,
    *,
    fast: bool = True,
) -> None:
    """Write pictures into an MP4 file.

    Args:
        path: The file; its folder exists.
        pictures: BGR, all of one size.
        count: How many there will be.
        rate: Pictures a second.
        progress: Told after each picture.
        bitrate_kbps: Thousand bits a second.
        fast: Real-time speed of the encoder.

    Raises:
        ValueError: There are no pictures.
    """
    first = next(pictures, None)
    if first is None:
        raise ValueError(f"{path}: no picture to write")
    height, width = first.shape[:2]
    with VideoFile(path, width, height, rate, bitrate_kbps, fast=fast) as video:
        video.write(first)
        done = 1
        if progress is not None:
            progress(done, count)
        for picture in pictures:
            video.write(picture)
            done += 1
            if progress is not None:
                progress(done, count)
