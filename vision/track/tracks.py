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
    """

    id: IntArray
    xyxy: FloatArray
    speed: FloatArray
    score: FloatArray
    class_id: IntArray
    age_s: FloatArray
    hits: IntArray
    seen: BoolArray

    def __len__(self) -> int:
        return len(self.id)

    def ground(self) -> NDArray[np.float64]:
        """Where each vehicle stands on the road, pixels, [N, 2]."""
        x = (self.xyxy[:, 0] + self.xyxy[:, 2]) / 2
        y = self.xyxy[:, 3] - GROUND_SHARE * (self.xyxy[:, 3] - self.xyxy[:, 1])
        return np.stack((x, y), axis=1).astype(np.float64)

    def size(self) -> NDArray[np.float64]:
        """Root of each box's area, pixels, [N]: the yardstick for jitter and distances."""
        sides = np.maximum(self.xyxy[:, 2:] - self.xyxy[:, :2], 1.0)
        return np.asarray(np.sqrt(sides[:, 0] * sides[:, 1]), dtype=np.float64)
