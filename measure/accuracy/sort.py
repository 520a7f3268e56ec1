"""SORT (Bewley et al. 2016, arXiv 1602.00763), written from the paper, to check the scoring.

Its scores on the sequences are published; if this one's come out the same, the reading of the
files and the scoring are right. It is a yardstick and no part of the product.
"""

from __future__ import annotations

from dataclasses import dataclass

import lap
import numpy as np
from numpy.typing import NDArray

from measure.accuracy.mot import MotFrame
from vision.detect.detections import FloatArray, IntArray, iou

Array = NDArray[np.float64]

MAX_AGE = 1
MIN_HITS = 3
LEAST_IOU = 0.3

# State: centre x, centre y, area, aspect, and the change a frame of the first three. The noise is
# that of the published results.
MOVE = np.eye(7) + np.eye(7, k=4)
SHOW = np.eye(4, 7)
DRIFT = np.diag([1, 1, 1, 1, 1e-2, 1e-2, 1e-4])
JITTER = np.diag([1.0, 1.0, 10.0, 10.0])
DOUBT = np.diag([10, 10, 10, 10, 1e4, 1e4, 1e4])


@dataclass(slots=True)
class _Track:
    number: int
    mean: Array
    doubt: Array
    unseen: int = 0
    streak: int = 0


def run(frames: tuple[MotFrame, ...]) -> list[tuple[IntArray, FloatArray]]:
    """Track a sequence; identities and boxes that are given out in each frame."""
    tracks: list[_Track] = []
    born = 0
    out = []
    for count, frame in enumerate(frames, start=1):
        for track in tracks:
            _predict(track)
        boxes = frame.found.xyxy
        expected = np.array([_corners(track.mean) for track in tracks], np.float32).reshape(-1, 4)
        overlap = iou(boxes, expected)
        free = set(range(len(boxes)))
        for box, index in _paired(overlap):
            if overlap[box, index] >= LEAST_IOU:
                free.discard(box)
                _update(tracks[index], boxes[box])
        for box in sorted(free):
            born += 1
            mean = np.zeros(7)
            mean[:4] = _measured(boxes[box])
            tracks.append(_Track(born, mean, DOUBT.copy()))
        given = [
            track
            for track in tracks
            if track.unseen == 0 and (track.streak >= MIN_HITS or count <= MIN_HITS)
        ]
        tracks = [track for track in tracks if track.unseen <= MAX_AGE]
        out.append(
            (
                np.array([track.number for track in given], np.int64),
                np.array([_corners(track.mean) for track in given], np.float32).reshape(-1, 4),
            )
        )
    return out


def _paired(overlap: FloatArray) -> list[tuple[int, int]]:
    """Boxes and tracks of greatest total overlap; as many pairs as the shorter side allows."""
    if not overlap.size:
        return []
    of_box = lap.lapjv(1.0 - overlap.astype(np.float64), extend_cost=True)[1]
    return [(box, int(index)) for box, index in enumerate(of_box) if index >= 0]


def _predict(track: _Track) -> None:
    if track.mean[2] + track.mean[6] <= 0:
        track.mean[6] = 0
    track.mean = MOVE @ track.mean
    track.doubt = MOVE @ track.doubt @ MOVE.T + DRIFT
    if track.unseen > 0:
        track.streak = 0
    track.unseen += 1


def _update(track: _Track, box: FloatArray) -> None:
    gain = track.doubt @ SHOW.T @ np.linalg.inv(SHOW @ track.doubt @ SHOW.T + JITTER)
    track.mean = track.mean + gain @ (_measured(box) - SHOW @ track.mean)
    track.doubt = (np.eye(7) - gain @ SHOW) @ track.doubt
    track.unseen = 0
    track.streak += 1


def _measured(box: FloatArray) -> Array:
    left, top, right, bottom = (float(edge) for edge in box)
    width, height = right - left, bottom - top
    return np.array([left + width / 2, top + height / 2, width * height, width / height])


def _corners(mean: Array) -> tuple[float, float, float, float]:
    width = float(np.sqrt(max(mean[2] * mean[3], 0.0)))
    height = float(mean[2]) / width if width > 0 else 0.0
    x, y = float(mean[0]), float(mean[1])
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2
