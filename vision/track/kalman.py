"""Constant-velocity filter of many boxes at once, in seconds.

Centre and sides are four axes that do not depend on each other, so the 8x8 covariance of the
usual filter falls into four 2x2 blocks, and each step is plain arithmetic on arrays: no matrix is
inverted and nothing is looped over. All noise is stated as a share of the box's size (the root of
its area), so one setting serves near and far vehicles, and per second, so it serves any rate.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from vision.detect.detections import BoolArray, FloatArray, IntArray

Array = NDArray[np.float64]

# Order of the axes: centre x, centre y, width, height. Units: sizes, sizes a second.
MEASURED = np.array([0.05, 0.05, 0.1, 0.1])  # a detector's jitter from frame to frame
ACCELERATION = np.array([2.0, 2.0, 1.0, 1.0])  # braking at 4 m/s2 is 1.3 sizes of a car (3 m)
FIRST_SPEED = np.array([4.0, 4.0, 0.5, 0.5])  # 50 km/h is 4.6 sizes a second


@dataclass(slots=True)
class Boxes:
    """Filtered boxes.

    Attributes:
        mean: Centre x, centre y, width, height in pixels, [N, 4].
        speed: Their change, pixels a second, [N, 4].
        var: Variance of ``mean``, [N, 4].
        cov: Covariance of ``mean`` and ``speed``, [N, 4].
        var_speed: Variance of ``speed``, [N, 4].
    """

    mean: Array
    speed: Array
    var: Array
    cov: Array
    var_speed: Array

    @staticmethod
    def first(xyxy: FloatArray) -> Boxes:
        """Boxes seen for the first time, of unknown speed."""
        mean = centred(xyxy)
        size = _size(mean)
        return Boxes(
            mean,
            np.zeros_like(mean),
            (MEASURED * size) ** 2,
            np.zeros_like(mean),
            (FIRST_SPEED * size) ** 2,
        )

    def __len__(self) -> int:
        return len(self.mean)

    def select(self, which: BoolArray | IntArray) -> Boxes:
        """The boxes of a mask or of indices."""
        return Boxes(*(getattr(self, field.name)[which] for field in fields(self)))

    def join(self, other: Boxes) -> Boxes:
        """These boxes and then the others."""
        return Boxes(
            *(
                np.concatenate((getattr(self, field.name), getattr(other, field.name)))
                for field in fields(self)
            )
        )

    def predict(self, dt: float) -> None:
        """Move all boxes ``dt`` seconds ahead, in place."""
        noise = (ACCELERATION * _size(self.mean)) ** 2
        self.mean += self.speed * dt
        # A shrinking box must not turn inside out while nothing is seen of it.
        np.maximum(self.mean[:, 2:], 1.0, out=self.mean[:, 2:])
        self.var += 2 * dt * self.cov + dt**2 * self.var_speed + noise * dt**4 / 4
        self.cov += dt * self.var_speed + noise * dt**3 / 2
        self.var_speed += noise * dt**2

    def update(self, which: IntArray, xyxy: FloatArray) -> None:
        """Take in a measured box for some of the boxes, in place.

        Args:
            which: Index of each measured box.
            xyxy: The measurement, [len(which), 4].
        """
        measured = centred(xyxy)
        gain_base = self.var[which] + (MEASURED * _size(measured)) ** 2
        gain, gain_speed = self.var[which] / gain_base, self.cov[which] / gain_base
        off = measured - self.mean[which]
        self.var_speed[which] -= gain_speed * self.cov[which]
        self.cov[which] *= 1 - gain
        self.var[which] *= 1 - gain
        self.mean[which] += gain * off
        self.speed[which] += gain_speed * off
        np.maximum(self.mean[:, 2:], 1.0, out=self.mean[:, 2:])

    def xyxy(self) -> FloatArray:
        """Left, top, right, bottom, float32 [N, 4]."""
        half = self.mean[:, 2:] / 2
        return np.concatenate((self.mean[:, :2] - half, self.mean[:, :2] + half), axis=1).astype(
            np.float32
        )

    def doubt(self) -> FloatArray:
        """Standard deviation of the centre, pixels in x and y, float32 [N, 2]."""
        return np.sqrt(self.var[:, :2]).astype(np.float32)


def centred(xyxy: FloatArray) -> Array:
    """Corners → centre x, centre y, width, height, float64 [N, 4]."""
    low, high = xyxy[:, :2].astype(np.float64), xyxy[:, 2:].astype(np.float64)
    return np.concatenate(((low + high) / 2, high - low), axis=1)


def _size(mean: Array) -> Array:
    return np.sqrt(np.maximum(mean[:, 2] * mean[:, 3], 1.0))[:, None]
