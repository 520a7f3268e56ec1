"""Boxes of a whole clip, as a struct of arrays in the order of its frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from vision.detect.detections import FloatArray, IntArray, iou
from vision.track.assignment import assign

SAME: Final = 0.3
"""Least overlap of a track with the road user that it lies on. Half of the 0.5 that counts as
found: a track that lags behind a turning lorry is still that lorry's."""

SEEN: Final = 0.1
"""A road user that hides nearly whole behind another owns no track."""


@dataclass(frozen=True, slots=True)
class ClipBoxes:
    """Boxes of all frames, sorted by frame.

    Attributes:
        frame: Number of the frame, int64 [K].
        id: Road user, track, or 0 for a detector's boxes, int64 [K].
        xyxy: Left, top, right, bottom, pixels, float32 [K, 4].
        class_id: Place in ``vision.detect.detections.CLASSES``, int64 [K].
        share: Of the truth how much nothing hides, of others the confidence, 0-1, float32 [K].
        frames: How many frames the clip has.
    """

    frame: IntArray
    id: IntArray
    xyxy: FloatArray
    class_id: IntArray
    share: FloatArray
    frames: int

    def __len__(self) -> int:
        return len(self.frame)

    def span(self, first: int, last: int) -> slice:
        """The rows of some frames, both ends included."""
        begin, end = np.searchsorted(self.frame, (first, last + 1))
        return slice(int(begin), int(end))

    def rows_of(self, owner: int, first: int, last: int) -> IntArray:
        """Rows of one road user or track in some frames, both ends included."""
        part = self.span(first, last)
        return np.asarray(part.start + np.flatnonzero(self.id[part] == owner), np.int64)

    def select(self, which: IntArray) -> ClipBoxes:
        """Some rows, given in their order."""
        return ClipBoxes(
            self.frame[which],
            self.id[which],
            self.xyxy[which],
            self.class_id[which],
            self.share[which],
            self.frames,
        )


@dataclass(slots=True)
class BoxRecorder:
    """Collects boxes frame by frame."""

    parts: list[tuple[int, IntArray, FloatArray, IntArray, FloatArray]]

    @staticmethod
    def empty() -> BoxRecorder:
        """One without boxes."""
        return BoxRecorder([])

    def add(
        self, frame: int, ids: IntArray, xyxy: FloatArray, class_id: IntArray, share: FloatArray
    ) -> None:
        """Take in a frame's boxes; frames come in order."""
        if len(ids):
            self.parts.append((frame, ids, xyxy, class_id, share))

    def boxes(self, frames: int) -> ClipBoxes:
        """All of them."""
        return join(self.parts, frames)


def join(
    parts: Sequence[tuple[int, IntArray, FloatArray, IntArray, FloatArray]], frames: int
) -> ClipBoxes:
    """Boxes of single frames, in order, as those of a clip."""
    if not parts:
        none = np.empty(0, np.int64)
        return ClipBoxes(
            none, none, np.empty((0, 4), np.float32), none, np.empty(0, np.float32), frames
        )
    number = np.concatenate([np.full(len(part[1]), part[0], np.int64) for part in parts])
    return ClipBoxes(
        number,
        np.concatenate([part[1] for part in parts]).astype(np.int64),
        np.concatenate([part[2] for part in parts]).astype(np.float32),
        np.concatenate([part[3] for part in parts]).astype(np.int64),
        np.concatenate([part[4] for part in parts]).astype(np.float32),
        frames,
    )


def owners(truth: ClipBoxes, boxes: ClipBoxes, least: float = SAME) -> IntArray:
    """The road user that each box lies on, one to one in each frame; -1 for none, [K].

    The pairing of a frame is the one with the greatest sum of overlaps (Hungarian method).

    Args:
        truth: What is there; what hides nearly whole owns nothing.
        boxes: Boxes of tracks or of a detector.
        least: Least overlap (intersection over union).
    """
    found = np.full(len(boxes), -1, np.int64)
    for frame in np.unique(boxes.frame).tolist():
        mine, true = boxes.span(frame, frame), truth.span(frame, frame)
        real = true.start + np.flatnonzero(truth.share[true] >= SEEN)
        rows, columns = assign(iou(boxes.xyxy[mine], truth.xyxy[real]), least)
        found[mine.start + rows] = truth.id[real[columns]]
    return found
