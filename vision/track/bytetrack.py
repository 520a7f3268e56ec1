"""Tracking by association of every box (ByteTrack, Zhang et al. 2022, arXiv 2110.06864).

Sure boxes are paired first with all vehicles, then faint ones with the vehicles that are still
missing, so that a half-hidden vehicle keeps its identity.

Three things differ from the paper. Time is in seconds: a camera of 6 frames a second and one that
drops frames are the normal case. A faint box may start a vehicle too, but on trial until the
scores of its boxes add up: five faint sightings in a row on one path are a vehicle, one is not.
And a box is compared with a prediction that is widened by what the filter does not know (after
C-BIoU, Yang et al. 2023, arXiv 2211.14317): at 6 frames a second a motorbike moves a whole length
between two frames and plain overlap is nil.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vision.detect.detections import (
    BODY,
    CLASSES,
    BoolArray,
    Detections,
    FloatArray,
    IntArray,
    area,
    iou,
)
from vision.track.assignment import assign
from vision.track.kalman import Boxes
from vision.track.tracks import Tracks


@dataclass(frozen=True, slots=True)
class TrackerSettings:
    """How vehicles are followed.

    Attributes:
        sure_score: Boxes from here on are paired first.
        start_score: Boxes from here on may start a vehicle, on trial.
        sure_likeness: Least widened overlap of a sure pair.
        faint_likeness: The same of a faint box, or of a vehicle on trial.
        confirm_hits: Boxes until a vehicle counts as one.
        confirm_score: Sum of their scores until it does.
        lost_s: A vehicle unseen for this long is given up, seconds.
        tentative_s: The same before it is confirmed.
        widest: Most that a box is widened on each side, in box sizes.
        growth: Most that a box's area may change between two sightings, as a factor.
    """

    sure_score: float = 0.3
    start_score: float = 0.15
    sure_likeness: float = 0.1
    faint_likeness: float = 0.3
    confirm_hits: int = 2
    confirm_score: float = 0.8
    lost_s: float = 1.5
    tentative_s: float = 0.4
    widest: float = 0.8
    growth: float = 4.0


class Tracker:
    """Follows the vehicles of one camera."""

    def __init__(self, settings: TrackerSettings | None = None) -> None:
        self._set = settings or TrackerSettings()
        self._boxes = Boxes.first(np.empty((0, 4), np.float32))
        self._id = np.empty(0, np.int64)
        self._votes = np.empty((0, len(CLASSES)), np.float32)
        self._score = np.empty(0, np.float32)
        self._hits = np.empty(0, np.int64)
        self._born = np.empty(0, np.float64)
        self._last = np.empty(0, np.float64)
        self._next_id = 1
        self._time: float | None = None

    def step(self, found: Detections, at_s: float) -> Tracks:
        """Take in the boxes of one frame.

        Args:
            found: Its boxes, without doubles.
            at_s: Its time in seconds, on any clock that only goes forward; a frame that does not
                come after the last one is treated as if no time had passed.

        Returns:
            All confirmed vehicles, those not seen in this frame included until they are given up.
        """
        dt = 0.0 if self._time is None else max(0.0, at_s - self._time)
        now = at_s if self._time is None else self._time + dt
        self._time = now
        self._forget(now)
        if len(self._boxes):
            self._boxes.predict(dt)
        likeness = self._likeness(found)
        confirmed = self._id > 0
        seen = np.zeros(len(self._id), np.bool_)
        free = np.arange(len(found))
        sure = found.score >= self._set.sure_score
        # Confirmed vehicles choose first, so that a flicker cannot take a vehicle's box.
        for vehicles, boxes, least in (
            (confirmed, sure, self._set.sure_likeness),
            (confirmed, ~sure, self._set.faint_likeness),
            (~confirmed, np.ones_like(sure), self._set.faint_likeness),
        ):
            rows, columns = np.flatnonzero(vehicles & ~seen), free[boxes[free]]
            first, second = assign(likeness[np.ix_(rows, columns)], least)
            self._take(rows[first], found.select(columns[second]), now)
            seen[rows[first]] = True
            free = np.setdiff1d(free, columns[second], assume_unique=True)

        started = self._start(found.select(free), seen, now)
        return self._tracks(now, np.concatenate((seen, np.ones(started, np.bool_))))

    def _likeness(self, found: Detections) -> FloatArray:
        """Overlap of every prediction with every box, widened by the prediction's doubt."""
        if not len(self._id) or not len(found):
            return np.zeros((len(self._id), len(found)), np.float32)
        expected = self._boxes.xyxy()
        size = np.sqrt(np.maximum(self._boxes.mean[:, 2] * self._boxes.mean[:, 3], 1))
        margin = np.minimum(self._boxes.doubt(), self._set.widest * size[:, None])
        margin = np.concatenate((-margin, margin), axis=1).astype(np.float32)
        wide_found = found.xyxy[None, :, :] + margin[:, None, :]
        likeness = _paired_iou(expected + margin, wide_found)
        # A widened box hides how different two sizes are: without this a box round half the scene,
        # which detectors sometimes give at a low score, hands its identity to a car inside it.
        areas = self._boxes.mean[:, 2] * self._boxes.mean[:, 3]
        ratio = areas[:, None] / np.maximum(area(found.xyxy), 1)[None, :]
        same = (ratio < self._set.growth) & (ratio > 1 / self._set.growth)
        same &= BODY[self._votes.argmax(axis=1)][:, None] == BODY[found.class_id][None, :]
        return np.where(same, likeness, np.float32(0))

    def _take(self, rows: IntArray, found: Detections, now: float) -> None:
        if not len(rows):
            return
        self._boxes.update(rows, found.xyxy)
        self._votes[rows, found.class_id] += found.score
        self._score[rows] = found.score
        self._hits[rows] += 1
        self._last[rows] = now

    def _start(self, found: Detections, seen: BoolArray, now: float) -> int:
        """Begin a vehicle for each strong box that is not one more view of a known one."""
        found = found.select(np.flatnonzero(found.score >= self._set.start_score))
        if len(found) and seen.any():
            double = iou(found.xyxy, self._boxes.xyxy()[seen]) > 0.6
            known = BODY[self._votes[seen].argmax(axis=1)]
            double &= BODY[found.class_id][:, None] == known[None, :]
            found = found.select(np.flatnonzero(~double.any(axis=1)))
        count = len(found)
        if not count:
            return 0
        votes = np.zeros((count, len(CLASSES)), np.float32)
        votes[np.arange(count), found.class_id] = found.score
        self._boxes = self._boxes.join(Boxes.first(found.xyxy))
        self._id = np.concatenate((self._id, np.zeros(count, np.int64)))
        self._votes = np.concatenate((self._votes, votes))
        self._score = np.concatenate((self._score, found.score))
        self._hits = np.concatenate((self._hits, np.ones(count, np.int64)))
        self._born = np.concatenate((self._born, np.full(count, now)))
        self._last = np.concatenate((self._last, np.full(count, now)))
        return count

    def _forget(self, now: float) -> None:
        patience = np.where(self._id > 0, self._set.lost_s, self._set.tentative_s)
        keep = now - self._last <= patience
        if keep.all():
            return
        self._boxes = self._boxes.select(keep)
        for name in ("_id", "_votes", "_score", "_hits", "_born", "_last"):
            setattr(self, name, getattr(self, name)[keep])

    def _tracks(self, now: float, seen: BoolArray) -> Tracks:
        # An identity is given on confirmation, so that flickers leave no holes in the numbering.
        proven = self._hits >= self._set.confirm_hits
        proven &= self._votes.sum(axis=1) >= self._set.confirm_score
        unnamed = np.flatnonzero((self._id == 0) & proven)
        self._id[unnamed] = np.arange(self._next_id, self._next_id + len(unnamed))
        self._next_id += len(unnamed)
        named = self._id > 0
        return Tracks(
            id=self._id[named],
            xyxy=self._boxes.xyxy()[named],
            speed=self._boxes.speed[named, :2].astype(np.float32),
            score=self._score[named],
            class_id=self._votes[named].argmax(axis=1),
            age_s=(now - self._born[named]).astype(np.float32),
            hits=self._hits[named],
            seen=seen[named],
        )


def _paired_iou(boxes: FloatArray, others: FloatArray) -> FloatArray:
    """Intersection over union of box i [N, 4] with its own version of box j [N, M, 4]."""
    low = np.maximum(boxes[:, None, :2], others[..., :2])
    high = np.minimum(boxes[:, None, 2:], others[..., 2:])
    sides = np.maximum(high - low, 0)
    shared = sides[..., 0] * sides[..., 1]
    area: NDArray[np.float32] = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    wide = others[..., 2:] - others[..., :2]
    union = area[:, None] + wide[..., 0] * wide[..., 1] - shared
    return np.asarray(shared / np.maximum(union, 1e-9), dtype=np.float32)
