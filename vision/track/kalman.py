"""Constant-velocity filter of many boxes at once, in seconds.

Centre and sides are four axes that do not depend on each other, so the 8x8 covariance of the
usual filter falls into four 2x2 blocks, and each step is plain arithmetic on arrays: no matrix is
inverted and nothing is looped over. All noise is stated as a share of the box's size (the root of
its area), so one setting serves near and far vehicles, and per second, so it serves any rate.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vision.detect.detections import BoolArray, FloatArray, IntArray

Array = NDArray[np.float64]

# Order of the axes: centre x, centre y, width, height. Units: sizes, sizes a second.
MEASURED = np.array([0.05, 0.05, 0.1, 0.1])  # a detector's jitter from frame to frame
ACCELERATION = np.array([2.0, 2.0, 1.0, 1.0])  # braking at 4 m/s2 is 1.3 sizes of a car (3 m)
FIRST_SPEED = np.array([4.0, 4.0, 0.5, 0.5])  # 50 km/h is 4.6 sizes a second

# Layers of the state.
MEAN, SPEED, VAR, COV, VAR_SPEED = range(5)


class Boxes:
    """Filtered boxes, all in one array, so that a step is a few calls on it whatever their number.

    Attributes:
        state: Five layers of [N, 4], each with a column an axis: the mean in pixels, its change in
            pixels a second, the variance of the mean, its covariance with the change, and the
            variance of the change. Float64 [5, N, 4].
    """

    __slots__ = ("state",)

    def __init__(self, state: Array) -> None:
        self.state = state

    @staticmethod
    def first(xyxy: FloatArray) -> Boxes:
        """Boxes seen for the first time, of unknown speed."""
        mean = centred(xyxy)
        size = np.sqrt(_area(mean))
        state = np.zeros((5, len(mean), 4))
        state[MEAN] = mean
        state[VAR] = (MEASURED * size) ** 2
        state[VAR_SPEED] = (FIRST_SPEED * size) ** 2
        return Boxes(state)

    def __len__(self) -> int:
        return len(self.state[MEAN])

    @property
    def mean(self) -> Array:
        """Centre x, centre y, width, height in pixels, [N, 4]; a view."""
        return np.asarray(self.state[MEAN])

    @property
    def speed(self) -> Array:
        """Their change, pixels a second, [N, 4]; a view."""
        return np.asarray(self.state[SPEED])

    def select(self, which: BoolArray | IntArray) -> Boxes:
        """The boxes of a mask or of indices."""
        return Boxes(self.state[:, which])

    def join(self, other: Boxes) -> Boxes:
        """These boxes and then the others."""
        return Boxes(np.concatenate((self.state, other.state), axis=1))

    def predict(self, dt: float) -> None:
        """Move all boxes ``dt`` seconds ahead, in place."""
        if dt == 0:
            return
        mean, speed, var, cov, var_speed = self.state
        noise = _area(mean) * (ACCELERATION * dt) ** 2
        mean += speed * dt
        # A shrinking box must not turn inside out while nothing is seen of it.
        np.maximum(mean[:, 2:], 1.0, out=mean[:, 2:])
        grown = var_speed * dt
        var += (2 * cov + grown) * dt + noise * (dt * dt / 4)
        cov += grown + noise * (dt / 2)
        var_speed += noise

    def update(self, which: IntArray, xyxy: FloatArray) -> None:
        """Take in a measured box for some of the boxes, in place.

        Args:
            which: Index of each measured box, none twice.
            xyxy: The measurement, [len(which), 4].
        """
        measured = centred(xyxy)
        chosen = self.state[:, which]
        mean, speed, var, cov, var_speed = chosen
        base = var + _area(measured) * MEASURED**2
        gain, gain_speed = var / base, cov / base
        off = measured - mean
        var_speed -= gain_speed * cov
        # cov and var are neighbours, and both shrink by the share that the measurement explains.
        chosen[VAR : COV + 1] *= 1 - gain
        mean += gain * off
        speed += gain_speed * off
        np.maximum(mean[:, 2:], 1.0, out=mean[:, 2:])
        self.state[:, which] = chosen

    def xyxy(self) -> FloatArray:
        """Left, top, right, bottom, float32 [N, 4]."""
        mean = self.state[MEAN]
        half = mean[:, 2:] * 0.5
        corners = np.empty((len(mean), 4), np.float32)
        corners[:, :2] = mean[:, :2] - half
        corners[:, 2:] = mean[:, :2] + half
        return corners

    def doubt(self) -> FloatArray:
        """Standard deviation of the centre, pixels in x and y, float32 [N, 2]."""
        return np.sqrt(self.state[VAR, :, :2]).astype(np.float32)

    def size(self) -> FloatArray:
        """Root of each box's area, pixels, float32 [N, 1]."""
        return np.sqrt(_area(self.state[MEAN])).astype(np.float32)


def centred(xyxy: FloatArray) -> Array:
    """Corners → centre x, centre y, width, height, float64 [N, 4]."""
    low, high = xyxy[:, :2], xyxy[:, 2:]
    mean = np.empty((len(xyxy), 4))
    np.subtract(high, low, out=mean[:, 2:])
    np.multiply(mean[:, 2:], 0.5, out=mean[:, :2])
    mean[:, :2] += low
    return mean


def _area(mean: Array) -> Array:
    return np.maximum(mean[:, 2:3] * mean[:, 3:4], 1.0)
