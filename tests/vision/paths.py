"""Made-up vehicles for tests: a path in, the tracks of each frame out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vision.detect.detections import CLASS_ID
from vision.track.tracks import GROUND_SHARE, Tracks

SIDE = 40.0


def tracks(
    *vehicles: tuple[int, float, float],
    speed: Sequence[tuple[float, float]] | None = None,
    vehicle: str = "motorcycle",
    seen: bool = True,
) -> Tracks:
    """Tracks of (id, ground x, ground y), all of one class and 40 px large."""
    count = len(vehicles)
    half = SIDE / 2
    boxes = [
        (x - half, y - (1 - GROUND_SHARE) * SIDE, x + half, y + GROUND_SHARE * SIDE)
        for _, x, y in vehicles
    ]
    return Tracks(
        id=np.array([v[0] for v in vehicles], np.int64),
        xyxy=np.array(boxes, np.float32).reshape(-1, 4),
        speed=np.array(speed if speed is not None else [(0, 0)] * count, np.float32).reshape(-1, 2),
        score=np.full(count, 0.6, np.float32),
        class_id=np.full(count, CLASS_ID[vehicle], np.int64),  # type: ignore[index]
        age_s=np.ones(count, np.float32),
        hits=np.full(count, 9, np.int64),
        seen=np.full(count, seen),
    )
