"""What of a picture other people must not be known by: which parts, and how they are hidden.

Pure. Heads and plates are hidden by where they must be on a vehicle, whether or not anything was
found there: a missed face costs more than a blurred roof.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.boxes import FrameBoxes
from vision.detect.detections import BODY, CLASS_ID, BoolArray, IntArray
from vision.source.picture import Image

Boxes = NDArray[np.float64]

HOLD_S: Final = 0.5
"""A vehicle is taken to be there so long before and after the boxes that show it."""
BRIDGE_S: Final = 1.5
"""A vehicle that was lost for no longer is hidden on a straight way in between."""

HEAD_SHARE: Final = 0.25
"""A person's head lies in the top quarter of the box: it is an eighth of a body that stands."""
RIDER_ABOVE: Final = 0.6
"""A box may hold the motorbike alone, as COCO's do: the rider's head is up to so far above it."""
RIDER_WITHIN: Final = 0.35
"""Or it holds the rider too, as in Vietnamese sets: the head is in so much of its top."""
PLATE_FROM: Final = 0.45
"""A plate lies in the part of a vehicle's box below this."""
LEAST_PLATE: Final = 40.0
"""Boxes narrower than this hold no plate that can be read: it takes a quarter of the width at
most, and eight letters need 16 pixels of it, even to an optimist."""

CELLS: Final = 5
"""What is hidden keeps so many grey tones across: eyes, nose and mouth share one. Being a share
of the face and not of the picture, it holds for near and far ones alike."""
LEAST_CELL: Final = 4.0
"""Pixels of a cell at least."""

_CARS, _BIKES, _PEOPLE = (BODY[CLASS_ID[name]] for name in ("car", "motorcycle", "pedestrian"))


@dataclass(frozen=True, slots=True)
class Paths:
    """Where all vehicles are at the times of a proxy's pictures.

    Attributes:
        id: Identities, int64 [N].
        class_id: Place in ``CLASSES``, int64 [N].
        xyxy: Boxes, float64 [T, N, 4].
        there: Whether the vehicle is there, bool [T, N].
    """

    id: IntArray
    class_id: IntArray
    xyxy: Boxes
    there: BoolArray


def paths(history: Sequence[FrameBoxes], times_s: Sequence[float]) -> Paths:
    """Boxes at any time from those of the frames, in between on a straight way.

    Args:
        history: Boxes frame by frame, in the order of time.
        times_s: Times of the pictures, in the same clock, seconds, [T].
    """
    at = np.asarray(times_s, np.float64)
    if not len(at) or not any(len(frame.id) for frame in history):
        none = np.empty(0, np.int64)
        return Paths(none, none, np.empty((len(at), 0, 4)), np.empty((len(at), 0), np.bool_))
    counts = [len(frame.id) for frame in history]
    time = np.repeat([frame.pts_s for frame in history], counts)
    track = np.concatenate([frame.id for frame in history])
    box = np.concatenate([frame.xyxy for frame in history]).astype(np.float64)
    kind = np.concatenate([frame.class_id for frame in history])
    order = np.argsort(track, kind="stable")
    ids, starts = np.unique(track[order], return_index=True)
    xyxy = np.zeros((len(at), len(ids), 4))
    there = np.zeros((len(at), len(ids)), np.bool_)
    classes = np.zeros(len(ids), np.int64)
    for place, rows in enumerate(np.split(order, starts[1:])):
        seen = time[rows]
        classes[place] = kind[rows[-1]]
        for edge in range(4):
            xyxy[:, place, edge] = np.interp(at, seen, box[rows, edge])
        after = np.searchsorted(seen, at)
        before_s = seen[np.clip(after - 1, 0, len(seen) - 1)]
        after_s = seen[np.clip(after, 0, len(seen) - 1)]
        near = np.minimum(np.abs(at - before_s), np.abs(after_s - at)) <= HOLD_S
        within = (before_s <= at) & (at <= after_s) & (after_s - before_s <= BRIDGE_S)
        there[:, place] = near | within
    return Paths(ids, classes, xyxy, there)


def riders_of(box: Boxes, class_id: IntArray, own: int) -> BoolArray:
    """Who sits on the vehicle at place ``own``, [N]: their heads are part of the act.

    Args:
        box: All vehicles and people of a picture, [N, 4].
        class_id: Their classes, [N].
        own: Place of the vehicle.
    """
    mine = box[own]
    if BODY[class_id[own]] != _BIKES:
        return np.zeros(len(box), np.bool_)
    rise = RIDER_ABOVE * (mine[3] - mine[1]) * 2
    width = np.minimum(box[:, 2], mine[2]) - np.maximum(box[:, 0], mine[0])
    height = np.minimum(box[:, 3], mine[3]) - np.maximum(box[:, 1], mine[1] - rise)
    shared = np.maximum(width, 0) * np.maximum(height, 0)
    whole = np.maximum((box[:, 2] - box[:, 0]) * (box[:, 3] - box[:, 1]), 1e-6)
    return np.asarray((BODY[class_id] == _PEOPLE) & (shared > 0.7 * whole))


def heads(box: Boxes, class_id: IntArray) -> Boxes:
    """Where the heads of riders and walkers must be, [K, 4].

    Args:
        box: Vehicles and people, [N, 4].
        class_id: Their classes, [N].
    """
    body = BODY[class_id]
    left, top, right, bottom = box.T
    height, aside = bottom - top, 0.1 * (right - left)
    rides = body == _BIKES
    upper = np.where(rides, top - RIDER_ABOVE * height, top - 0.05 * height)
    lower = top + np.where(rides, RIDER_WITHIN, HEAD_SHARE) * height
    side = np.where(rides, 0.0, aside)
    found = np.stack([left - side, upper, right + side, lower], axis=1)
    return np.asarray(found[rides | (body == _PEOPLE)])


def plates(box: Boxes, class_id: IntArray) -> Boxes:
    """Where the plates of vehicles must be, [K, 4]; none of those too small to be read."""
    left, top, right, bottom = box.T
    upper = top + PLATE_FROM * (bottom - top)
    found = np.stack([left, upper, right, bottom], axis=1)
    body = BODY[class_id]
    read = ((body == _CARS) | (body == _BIKES)) & (right - left >= LEAST_PLATE)
    return np.asarray(found[read])


def grown(box: Boxes, share: float | NDArray[np.float64]) -> Boxes:
    """Boxes made larger on every side by a share of their sides, [N, 4]."""
    more = (box[:, 2:] - box[:, :2]) * np.reshape(share, (-1, 1))
    return np.concatenate([box[:, :2] - more, box[:, 2:] + more], axis=1)


def hide(image: Image, regions: Boxes) -> None:
    """Hide parts of a picture, in place, beyond any way back.

    Each is averaged down to ``CELLS`` tones across and drawn large again, smoothly.

    Args:
        image: BGR, uint8 [h, w, 3].
        regions: Left, top, right, bottom, [N, 4]; may reach over its edges.
    """
    rows, columns = image.shape[:2]
    for left, top, right, bottom in regions.tolist():
        if not np.isfinite((left, top, right, bottom)).all():
            continue
        cell = max(LEAST_CELL, min(right - left, bottom - top) / CELLS)
        x0, y0 = max(0, int(left)), max(0, int(top))
        x1, y1 = min(columns, int(np.ceil(right))), min(rows, int(np.ceil(bottom)))
        if x1 <= x0 or y1 <= y0:
            continue
        part = image[y0:y1, x0:x1]
        few = (max(1, int((x1 - x0) / cell)), max(1, int((y1 - y0) / cell)))
        small = cv2.resize(part, few, interpolation=cv2.INTER_AREA)
        image[y0:y1, x0:x1] = cv2.resize(small, (x1 - x0, y1 - y0), interpolation=cv2.INTER_LINEAR)
