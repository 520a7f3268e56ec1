"""H.264 clips for tests of sources."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

RATE = 25


def _pictures(count: int, size: tuple[int, int]) -> list[av.VideoFrame]:
    """Stripes that wander to the right."""
    columns, rows = size
    stripes = np.tile((np.arange(columns) * 8 % 256).astype(np.uint8), (rows, 1))
    return [
        av.VideoFrame.from_ndarray(np.roll(stripes, 3 * n, 1), format="gray").reformat(
            format="yuv420p"
        )
        for n in range(count)
    ]


def write_stream(
    path: Path,
    seconds: float = 60,
    sizes: Sequence[tuple[int, int]] = ((160, 96),),
    spoil: Sequence[int] = (),
    tune: str = "zerolatency",
    made: str | None = None,
) -> Path:
    """A clip with a keyframe a second.

    Args:
        path: Its suffix says the container; more than one size needs ``.ts``.
        seconds: Length of each part.
        sizes: Of the parts, one after another.
        spoil: Numbers of the packets whose bytes are made senseless.
        tune: Of the encoder; other than ``zerolatency`` gives B-frames.
        made: The container's creation_time.
    """
    number = 0
    with av.open(str(path), "w") as out:
        if made is not None:
            out.metadata["creation_time"] = made
        stream = out.add_stream("libx264", rate=RATE)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height = sizes[0]
        stream.pix_fmt = "yuv420p"
        for part, size in enumerate(sizes):
            if part == 0:
                codec = stream.codec_context
            else:
                another = av.CodecContext.create("libx264", "w")
                assert isinstance(another, av.VideoCodecContext)
                codec = another
                codec.width, codec.height = size
                codec.pix_fmt = "yuv420p"
            codec.time_base = Fraction(1, RATE)
            codec.options = {"preset": "ultrafast", "tune": tune, "g": str(RATE), "bf": "2"}
            first = round(part * seconds * RATE)
            pictures: list[av.VideoFrame | None] = list(_pictures(round(seconds * RATE), size))
            for n, picture in enumerate([*pictures, None]):
                if picture is not None:
                    picture.pts = first + n
                    picture.time_base = Fraction(1, RATE)
                for packet in codec.encode(picture):
                    if number in spoil:
                        data = bytearray(bytes(packet))
                        data[8:] = bytes(len(data) - 8)
                        packet.update(bytes(data))
                    number += 1
                    packet.stream = stream
                    out.mux(packet)
    return path
