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

from vision.detect.detections import (
    BODY,
    CLASSES,
    BoolArray,
    Detections,
    FloatArray,
    IntArray,
    area,
)
from vision.track.assignment import assign
from vision.track.kalman import Boxes
from vision.track.tracks import Tracks

SAME = 0.6
"""A box that overlaps a vehicle seen in the same frame by more is that vehicle once more."""

WITHIN = 0.7
"""A faint box of which so much lies in a vehicle's box, or the other way round, is the same."""


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
        most: Vehicles held at once, those on trial included; the best boxes come first.
    """

    sure_score: float = 0.25
    start_score: float = 0.15
    sure_likeness: float = 0.1
    faint_likeness: float = 0.3
    confirm_hits: int = 3
    confirm_score: float = 0.8
    lost_s: float = 1.5
    tentative_s: float = 0.4
    widest: float = 0.8
    growth: float = 4.0
    most: int = 400


class Tracker:
    """Follows the vehicles of one camera."""

    def __init__(self, settings: TrackerSettings | None = None) -> None:
        self._set = settings or TrackerSettings()
        self._boxes = Boxes.first(np.empty((0, 4), np.float32))
        self._id = np.empty(0, np.int64)
        self._votes = np.empty((0, len(CLASSES)), np.float32)
        self._class_id = np.empty(0, np.int64)
        self._score = np.empty(0, np.float32)
        self._hits = np.empty(0, np.int64)
        self._born = np.empty(0, np.float64)
        self._last = np.empty(0, np.float64)
        self._first = np.empty((0, 4), np.float32)
        self._found = np.empty((0, 4), np.float32)
        self._next_id = 1
        self._time: float | None = None

    def step(self, found: Detections, at_s: float) -> Tracks:
        """Take in the boxes of one frame.

        Args:
            found: Its boxes, without doubles, in any order: the result does not depend on it.
            at_s: Its time in seconds, on any clock that only goes forward; a frame that does not
                come after the last one is treated as if no time had passed.

        Returns:
            All confirmed vehicles, those not seen in this frame included until they are given up.
        """
        dt = 0.0 if self._time is None else max(0.0, at_s - self._time)
        now = at_s if self._time is None else self._time + dt
        self._time = now
        self._forget(now)
        if len(found) > 1:
            found = found.select(_best_first(found))
        count = len(self._id)
        seen = np.zeros(count, np.bool_)
        free = np.ones(len(found), np.bool_)
        if count:
            self._boxes.predict(dt)
            if len(found):
                self._pair(found, seen, free, now)
        started = self._start(found, free, seen, now)
        if started:
            seen = np.concatenate((seen, np.ones(started, np.bool_)))
        return self._tracks(now, seen)

    def _pair(self, found: Detections, seen: BoolArray, free: BoolArray, now: float) -> None:
        """Give boxes to vehicles; marks both in place."""
        likeness = self._likeness(found)
        confirmed = self._id > 0
        sure = found.score >= self._set.sure_score
        rows_taken, columns_taken = [], []
        # Confirmed vehicles choose first, so that a flicker cannot take a vehicle's box.
        for vehicles, boxes, least in (
            (confirmed, sure, self._set.sure_likeness),
            (confirmed, ~sure, self._set.faint_likeness),
            (~confirmed, None, self._set.faint_likeness),
        ):
            rows = (vehicles & ~seen).nonzero()[0]
            columns = (free if boxes is None else free & boxes).nonzero()[0]
            if not len(rows) or not len(columns):
                continue
            first, second = assign(likeness[rows[:, None], columns], least)
            rows, columns = rows[first], columns[second]
            seen[rows] = True
            free[columns] = False
            rows_taken.append(rows)
            columns_taken.append(columns)
        if rows_taken:
            # No later choice looks at an earlier one's new box, so all are taken in at once.
            self._take(np.concatenate(rows_taken), found.select(np.concatenate(columns_taken)), now)

    def _likeness(self, found: Detections) -> FloatArray:
        """Overlap of every prediction with every box, widened by the prediction's doubt."""
        expected, box = self._boxes.xyxy(), found.xyxy
        margin = np.minimum(self._boxes.doubt(), np.float32(self._set.widest) * self._boxes.size())
        # Both are widened on both sides, so what they share and what they span grow alike.
        wider = margin + margin
        low = np.maximum(expected[:, None, :2], box[None, :, :2])
        shared = np.minimum(expected[:, None, 2:], box[None, :, 2:])
        shared -= low
        shared += wider[:, None, :]
        np.maximum(shared, 0, out=shared)
        overlap = shared[..., 0] * shared[..., 1]
        sides, others = expected[:, 2:] - expected[:, :2], box[:, 2:] - box[:, :2]
        wide = sides + wider
        union = (others[None, :, 0] + wider[:, None, 0]) * (others[None, :, 1] + wider[:, None, 1])
        union += (wide[:, 0] * wide[:, 1])[:, None]
        union -= overlap
        overlap /= np.maximum(union, 1e-9)
        # A widened box hides how different two sizes are: without this a box round half the scene,
        # which detectors sometimes give at a low score, hands its identity to a car inside it.
        ratio = (sides[:, 0] * sides[:, 1])[:, None] / np.maximum(others[:, 0] * others[:, 1], 1)
        same = (ratio < self._set.growth) & (ratio > 1 / self._set.growth)
        same &= BODY[self._class_id][:, None] == BODY[found.class_id]
        overlap *= same
        return overlap

    def _take(self, rows: IntArray, found: Detections, now: float) -> None:
        self._boxes.update(rows, found.xyxy)
        self._found[rows] = found.xyxy
        self._votes[rows, found.class_id] += found.score
        self._class_id[rows] = self._votes[rows].argmax(axis=1)
        self._score[rows] = found.score
        self._hits[rows] += 1
        self._last[rows] = now

    def _start(self, found: Detections, free: BoolArray, seen: BoolArray, now: float) -> int:
        """Begin a vehicle for each strong box that is not one more view of a known one."""
        chosen = (free & (found.score >= self._set.start_score)).nonzero()[0]
        if not len(chosen):
            return 0
        found = found.select(chosen)
        if seen.any():
            double = self._double(found, seen)
            found = found.select(np.flatnonzero(~double))
        count = min(len(found), self._set.most - len(self._id))
        if count <= 0:
            return 0
        found = found.select(np.arange(count))
        votes = np.zeros((count, len(CLASSES)), np.float32)
        votes[np.arange(count), found.class_id] = found.score
        self._boxes = self._boxes.join(Boxes.first(found.xyxy))
        self._id = np.concatenate((self._id, np.zeros(count, np.int64)))
        self._votes = np.concatenate((self._votes, votes))
        self._class_id = np.concatenate((self._class_id, found.class_id))
        self._score = np.concatenate((self._score, found.score))
        self._hits = np.concatenate((self._hits, np.ones(count, np.int64)))
        self._born = np.concatenate((self._born, np.full(count, now)))
        self._last = np.concatenate((self._last, np.full(count, now)))
        self._first = np.concatenate((self._first, found.xyxy))
        self._found = np.concatenate((self._found, found.xyxy))
        return count

    def _double(self, found: Detections, seen: BoolArray) -> BoolArray:
        """Which boxes are one more view of a vehicle seen in this frame.

        A faint box that lies in a vehicle's box, or round it, is a part of it or a guess at the
        same one: on the motorway clip such boxes, shadow or load included, added up to a second
        vehicle and counted a van twice. A sure one may be a car in front of a bus.
        """
        known, box = self._boxes.xyxy()[seen], found.xyxy
        low = np.maximum(box[:, None, :2], known[None, :, :2])
        sides = np.maximum(np.minimum(box[:, None, 2:], known[None, :, 2:]) - low, 0)
        shared = sides[..., 0] * sides[..., 1]
        own, other = area(box)[:, None], area(known)[None, :]
        double = shared > SAME * (own + other - shared)
        faint = (found.score < self._set.sure_score)[:, None]
        double |= faint & (shared > WITHIN * np.minimum(own, other))
        double &= BODY[found.class_id][:, None] == BODY[self._class_id[seen]]
        return np.asarray(double.any(axis=1))

    def _forget(self, now: float) -> None:
        patience = np.where(self._id > 0, self._set.lost_s, self._set.tentative_s)
        keep = now - self._last <= patience
        if keep.all():
            return
        self._boxes = self._boxes.select(keep)
        for name in _PER_VEHICLE:
            setattr(self, name, getattr(self, name)[keep])

    def _tracks(self, now: float, seen: BoolArray) -> Tracks:
        # An identity is given on confirmation, so that flickers leave no holes in the numbering.
        named = self._id > 0
        proven = ~named & (self._hits >= self._set.confirm_hits)
        if proven.any():
            proven &= self._votes.sum(axis=1) >= self._set.confirm_score
            count = int(np.count_nonzero(proven))
            self._id[proven] = np.arange(self._next_id, self._next_id + count)
            self._next_id += count
            named |= proven
        return Tracks(
            id=self._id[named],
            xyxy=self._boxes.xyxy()[named],
            speed=self._boxes.speed[named, :2].astype(np.float32),
            score=self._score[named],
            class_id=self._class_id[named],
            age_s=(now - self._born[named]).astype(np.float32),
            hits=self._hits[named],
            seen=seen[named],
            first_xyxy=self._first[named],
            found_xyxy=self._found[named],
        )


_PER_VEHICLE = ("_id", "_votes", "_class_id", "_score", "_hits", "_born", "_last", "_first",
                "_found")  # fmt: skip


def _best_first(found: Detections) -> IntArray:
    """An order of boxes that is the same however they were handed in."""
    left, top, right, bottom = found.xyxy.T
    return np.lexsort((found.class_id, bottom, right, top, left, -found.score))
