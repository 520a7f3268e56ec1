"""Packets of a source that has none: some USB cameras send bare pixels.

Their pictures are coded here, once, each on its own as JPEG, before anything else sees them as
evidence. That is a first encoding and no re-encoding; the manifest says that the node did it.
"""

from __future__ import annotations

from typing import Final

from vision.evidence.stills import jpeg
from vision.source.encoded import EncodedPacket, StreamInfo, Tap
from vision.source.picture import Picture

CODEC: Final = "mjpeg"
PIXEL_FORMAT: Final = "yuvj420p"


class FirstEncoding:
    """Feeds a tap with pictures as Motion JPEG; 8 ms a 1080p picture, 1 ms at 640x480.

    Args:
        tap: What receives the packets.
    """

    def __init__(self, tap: Tap) -> None:
        self._tap = tap
        self._size: tuple[int, int] | None = None

    def opened(self) -> None:
        """The source was opened, or opened again."""
        self._size = None

    def frame(self, picture: Picture, pts_s: float) -> None:
        """Code a picture and hand it on.

        Args:
            picture: The picture.
            pts_s: Its time in the source's clock, seconds.
        """
        size = (picture.width, picture.height)
        if size != self._size:
            self._tap.opened(StreamInfo(CODEC, *size, b"", PIXEL_FORMAT))
            self._size = size
        self._tap.packet(EncodedPacket(jpeg(picture.bgr()), pts_s, pts_s, keyframe=True))
