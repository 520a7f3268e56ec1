"""Where every vehicle was in the last seconds: what stills, proxies and plates are cut with."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vision.detect.detections import FloatArray, IntArray
from vision.track.tracks import Tracks


@dataclass(frozen=True, slots=True)
class FrameBoxes:
    """The vehicles of one frame.

    Attributes:
        pts_s: Its time in the source's clock, seconds.
        frame: Its number in the source.
        id: Identities, int64 [N].
        xyxy: Boxes in pixels of the frame, float32 [N, 4].
        class_id: Place in ``vision.detect.detections.CLASSES``, int64 [N].
    """

    pts_s: float
    frame: int
    id: IntArray
    xyxy: FloatArray
    class_id: IntArray

    def box(self, track: int) -> FloatArray | None:
        """Box of one vehicle [4], or None when it was not there."""
        place = np.flatnonzero(self.id == track)
        return self.xyxy[place[0]] if len(place) else None


class BoxHistory:
    """Keeps the boxes of the last seconds of one camera. Its arrays are the tracker's own."""

    def __init__(self, keep_s: float) -> None:
        """Begin empty.

        Args:
            keep_s: How far back it reaches, seconds. At 30 vehicles a frame takes 1.2 kB, so
                20 s at 25 fps are 0.6 MB.
        """
        self._keep = keep_s
        self._frames: deque[FrameBoxes] = deque()

    def add(self, tracks: Tracks, pts_s: float, frame: int) -> None:
        """Take in a frame and forget what is too old."""
        seen = tracks.seen
        boxes = FrameBoxes(pts_s, frame, tracks.id[seen], tracks.xyxy[seen], tracks.class_id[seen])
        self._frames.append(boxes)
        while self._frames[0].pts_s < pts_s - self._keep:
            self._frames.popleft()

    def between(self, start_s: float, end_s: float) -> Sequence[FrameBoxes]:
        """The frames of a span, both ends included, oldest first."""
        return tuple(boxes for boxes in self._frames if start_s <= boxes.pts_s <= end_s)
