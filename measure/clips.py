"""Clips for measurements: a real one made larger, or longer."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Final, cast

import av
import av.error
import cv2
import numpy as np
from av.video.stream import VideoStream

from ioc.errors import ConfigError

BIT_RATE: Final = 4_000_000
"""Of a 1080p street camera, bit/s."""


def enlarge(source: Path, target: Path, width: int, height: int) -> int:
    """Encode a clip anew at another size, as H.264 where this FFmpeg can, else as MPEG-4.

    Args:
        source: A video file.
        target: The MP4 to write.
        width: Columns, even.
        height: Rows, even.

    Returns:
        How many frames it has.

    Raises:
        ConfigError: The source cannot be read.
    """
    frames = 0
    codec = "h264" if _encodes("h264") else "mpeg4"
    try:
        with av.open(str(source)) as have, av.open(str(target), "w") as made:
            stream = have.streams.video[0]
            rate = stream.average_rate or Fraction(25)
            out = cast("VideoStream", made.add_stream(codec, rate=rate))
            out.width, out.height, out.pix_fmt, out.bit_rate = width, height, "yuv420p", BIT_RATE
            out.gop_size = round(2 * rate)  # cameras send a keyframe every one to four seconds
            if codec == "h264":
                out.options = {"preset": "veryfast", "bf": "0"}
            for frame in have.decode(stream):
                small = frame.to_ndarray(format="bgr24")
                picture = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
                new = av.VideoFrame.from_ndarray(np.asarray(picture, np.uint8), format="bgr24")
                new.pts = frames
                new.time_base = 1 / rate
                made.mux(out.encode(new))
                frames += 1
            made.mux(out.encode(None))
    except (av.error.FFmpegError, IndexError) as error:
        raise ConfigError(f"{source}: not a video that can be decoded: {error}") from None
    return frames


def repeat(source: Path, target: Path, times: int) -> None:
    """A clip several times in a row, its packets copied.

    Raises:
        ConfigError: The source cannot be read.
    """
    try:
        with av.open(str(target), "w") as made:
            out = None
            offset = 0
            for _ in range(times):
                with av.open(str(source)) as have:
                    video = have.streams.video[0]
                    if out is None:
                        out = made.add_stream_from_template(video)
                    end = 0
                    for packet in have.demux(video):
                        if packet.dts is None or packet.pts is None:
                            continue
                        end = max(end, packet.pts + (packet.duration or 1))
                        packet.pts += offset
                        packet.dts += offset
                        packet.stream = out
                        made.mux(packet)
                    offset += end
    except (av.error.FFmpegError, IndexError) as error:
        raise ConfigError(f"{source}: cannot be copied: {error}") from None


def _encodes(codec: str) -> bool:
    try:
        av.Codec(codec, "w")
    except ValueError:
        return False
    return True
