"""A pin-hole camera over a road, known exactly: 8 m up, tilted down, 1280 x 720 pixels."""

from __future__ import annotations

from datetime import date
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]

HEIGHT_M: Final = 8.0
TILT: Final = np.radians(18.0)
FOCAL_PX: Final = 1000.0
LAST_DAY: Final = date(2026, 12, 31)

SPOTS: Final = np.array(
    [(-8.0, 10.0), (8.0, 10.0), (8.0, 40.0), (-8.0, 40.0), (0.0, 16.0), (-3.0, 25.0), (4.0, 30.0)]
)
"""Surveyed spots, metres to the right of and ahead of the camera."""


def seen_at(spots: Points) -> Points:
    """Where spots on the road [N, 2] are seen, pixels [N, 2]."""
    right, ahead = spots[:, 0], spots[:, 1]
    depth = ahead * np.cos(TILT) + HEIGHT_M * np.sin(TILT)
    down = HEIGHT_M * np.cos(TILT) - ahead * np.sin(TILT)
    return np.stack((640 + FOCAL_PX * right / depth, 360 + FOCAL_PX * down / depth), axis=1)


def calibration(
    spots: Points = SPOTS, expires: date = LAST_DAY, pixels: Points | None = None
) -> dict[str, Any]:
    """The calibration as a site file gives it; pixels to a tenth, or others than the real ones."""
    marked = np.round(seen_at(spots) if pixels is None else pixels, 1).tolist()
    points = [{"image": at, "ground": m} for at, m in zip(marked, spots.tolist(), strict=True)]
    return {"id": "KĐ-1", "expires": expires, "points": points}
