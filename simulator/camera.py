"""A camera on its pole: where it hangs, its lens, and which pixel shows which point.

Pinhole with radial distortion (Brown 1971): a ray at distance r from the axis on the plane at unit
distance is seen at r (1 + k1 r²). Pixels have their origin at the top left corner of the picture.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]

NEAREST_M = 0.5
"""Nothing nearer to the lens than this is seen."""


@dataclass(frozen=True)
class Lens:
    """Lens, sensor and where the camera hangs.

    Attributes:
        x: Metres east of the site's origin.
        y: Metres north.
        z: Height above the road, metres.
        heading: Where it looks, radians counter-clockwise from east.
        tilt: How far it looks down, radians.
        focal_mm: Focal length.
        sensor_mm: Width of the sensor.
        width: Columns of a picture.
        height: Rows of a picture.
        k1: Radial distortion; negative is barrel.
    """

    x: float
    y: float
    z: float
    heading: float
    tilt: float
    focal_mm: float
    sensor_mm: float
    width: int
    height: int
    k1: float = 0.0

    @property
    def focal_px(self) -> float:
        """Focal length in pixels."""
        return self.focal_mm / self.sensor_mm * self.width

    @cached_property
    def position(self) -> Points:
        """Where the lens is, [3]."""
        return np.array([self.x, self.y, self.z])

    @cached_property
    def rotation(self) -> Points:
        """World → camera, [3, 3]: rows point right, down and ahead."""
        c, s = math.cos(self.heading), math.sin(self.heading)
        ct, st = math.cos(self.tilt), math.sin(self.tilt)
        ahead = [c * ct, s * ct, -st]
        right = [s, -c, 0.0]
        down = [-c * st, -s * st, -ct]
        return np.array([right, down, ahead])

    def project(self, points: Points) -> tuple[Points, Points]:
        """Where points are seen.

        Args:
            points: World points [..., 3], metres.

        Returns:
            Pixels [..., 2] (NaN behind the lens) and distance along the axis [...], metres.
        """
        seen = (np.asarray(points, np.float64) - self.position) @ self.rotation.T
        depth = seen[..., 2]
        ahead = np.where(depth > NEAREST_M, depth, np.nan)
        plane = seen[..., :2] / ahead[..., None]
        square = np.square(plane).sum(axis=-1, keepdims=True)
        bent = plane * (1 + self.k1 * square)
        return bent * self.focal_px + self._middle, depth

    def rays(self, pixels: Points) -> Points:
        """World directions [..., 3] through pixels [..., 2]; not of unit length.

        The distortion is undone by fixed-point iteration: five rounds leave under 0.01 pixel for
        |k1| r² < 0.1.
        """
        bent = (np.asarray(pixels, np.float64) - self._middle) / self.focal_px
        plane = bent
        for _ in range(5):
            plane = bent / (1 + self.k1 * np.square(plane).sum(axis=-1, keepdims=True))
        ahead = np.concatenate([plane, np.ones_like(plane[..., :1])], axis=-1)
        return np.asarray(ahead @ self.rotation)

    def ground(self, pixels: Points) -> Points:
        """Where on the road (z = 0) pixels [..., 2] look: [..., 2] metres; NaN for the sky."""
        ray = self.rays(pixels)
        down = np.where(ray[..., 2] < -1e-6, -ray[..., 2], np.nan)
        return np.asarray(self.position[:2] + ray[..., :2] * (self.z / down)[..., None])

    @property
    def _middle(self) -> Points:
        return np.array([self.width / 2, self.height / 2])
