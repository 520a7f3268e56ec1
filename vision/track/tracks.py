"""Vehicles with an identity, as a struct of arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vision.detect.detections import BoolArray, FloatArray, IntArray

GROUND_SHARE = 0.25
"""How far up its box a vehicle's point on the road lies. A camera that looks down at 30 degrees
sees half of a car's box as its footprint; the middle of that is a quarter up."""


@dataclass(frozen=True, slots=True)
class Tracks:
    """All vehicles that the tracker holds at one instant.

    Attributes:
        id: Identity, counted from 1, int64 [N].
        xyxy: Filtered box in pixels of the frame, float32 [N, 4].
        speed: Velocity of the box's centre, pixels a second, float32 [N, 2].
        score: Confidence of the box last seen, float32 [N].
        class_id: Class by vote over all boxes seen, int64 [N].
        age_s: Seconds since it was first seen, float32 [N].
        hits: Boxes seen of it, int64 [N].
        seen: Whether it was seen in this very frame; the others are only expected there, bool [N].
        first_xyxy: Box of its first sighting, before it was confirmed, float32 [N, 4]; none where
            no such sighting is known.
        found_xyxy: The box as it was found last, before the filter, float32 [N, 4]; None where that
            is not known.
        road: Where each vehicle's last wheels stand, pixels, float32 [N, 2]; None where that was
            not worked out, and its box has to do.
        first_road: The same of its first sighting.
        bulk: How large each box is, as a share of what the class usually fills there, float32 [N];
            it changes when something hides a part. None where ``road`` is.
    """

    id: IntArray
    xyxy: FloatArray
    speed: FloatArray
    score: FloatArray
    class_id: IntArray
    age_s: FloatArray
    hits: IntArray
    seen: BoolArray
    first_xyxy: FloatArray | None = None
    found_xyxy: FloatArray | None = None
    road: FloatArray | None = None
    first_road: FloatArray | None = None
    bulk: FloatArray | None = None

    def __len__(self) -> int:
        return len(self.id)

    def ground(self) -> NDArray[np.float64]:
        """Where each vehicle stands on the road, pixels, [N, 2]."""
        if self.road is not None:
            return self.road.astype(np.float64)
        return ground_of(self.xyxy)

    def first_ground(self) -> NDArray[np.float64]:
        """Where each vehicle stood at its first sighting, ``age_s`` ago, pixels, [N, 2]."""
        if self.first_road is not None:
            return self.first_road.astype(np.float64)
        return ground_of(self.xyxy if self.first_xyxy is None else self.first_xyxy)

    def size(self) -> NDArray[np.float64]:
        """Root of each box's area, pixels, [N]: the yardstick for jitter and distances."""
        return size_of(self.xyxy)

    def first_size(self) -> NDArray[np.float64]:
        """The same of each vehicle's first box."""
        return size_of(self.xyxy if self.first_xyxy is None else self.first_xyxy)


def size_of(xyxy: FloatArray) -> NDArray[np.float64]:
    """Root of the area of boxes [N, 4], pixels, [N]."""
    sides = np.maximum(xyxy[:, 2:] - xyxy[:, :2], 1.0)
    return np.asarray(np.sqrt(sides[:, 0] * sides[:, 1]), dtype=np.float64)


def ground_of(xyxy: FloatArray) -> NDArray[np.float64]:
    """Points on the road of boxes [N, 4], pixels, [N, 2]."""
    ground = np.empty((len(xyxy), 2))
    ground[:, 0] = (xyxy[:, 0] + xyxy[:, 2]) / 2
    ground[:, 1] = xyxy[:, 3] - GROUND_SHARE * (xyxy[:, 3] - xyxy[:, 1])
    return ground
