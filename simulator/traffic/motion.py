"""From where fronts of vehicles are to how whole vehicles stand: pure, on arrays.

SUMO moves the front end of a vehicle and turns it at once when it changes lanes. A real vehicle's
rear wheels are drawn after its front ones on a line that always points at them (a tractrix), so the
heading here is that of the line from the rear axle to the front end: smooth, and right in curves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

BRAKES_MPS2: Final = 0.7
"""Brake lights burn from this deceleration; rolling out in gear gives half of it."""
HELD_MPS: Final = 0.4
"""Slower than this, a driver holds the vehicle with the brake."""
SMOOTH_STEPS: Final = 5
"""Accelerations are means over so many steps (0.4 s): SUMO's drivers vary theirs in every step."""


@dataclass(frozen=True, slots=True)
class Motion:
    """How N bodies move over T steps; NaN while one is not there.

    Attributes:
        x: Middle of the footprint, metres [T, N].
        y: The same.
        heading: Radians counter-clockwise from east, continuous over time.
        speed: Metres a second.
        braking: Whether brake lights burn.
    """

    x: Floats
    y: Floats
    heading: Floats
    speed: Floats
    braking: NDArray[np.bool_]


def follow(
    front: Floats, heading: Floats, length: Floats, rear_axle: Floats, rate: float
) -> Motion:
    """How vehicles move whose front ends go along paths.

    Args:
        front: Middle of the front ends, metres [T, N, 2]; NaN while one is not there.
        heading: Of a vehicle in the step in which it appears, radians [T, N].
        length: Metres [N].
        rear_axle: How far ahead of the rear end the last wheels stand, metres [N].
        rate: Steps a second.
    """
    steps = len(front)
    base = length - rear_axle
    turned = np.full(front.shape[:2], np.nan)
    rear = np.full((front.shape[1], 2), np.nan)
    for step in range(steps):
        here = front[step]
        new = np.isfinite(here[:, 0]) & ~np.isfinite(rear[:, 0])
        way = np.stack([np.cos(heading[step]), np.sin(heading[step])], axis=-1)
        rear[new] = (here - way * base[:, None])[new]
        line = here - rear
        far = np.hypot(line[:, 0], line[:, 1])
        unit = line / np.where(far > 0, far, 1.0)[:, None]
        # A vehicle that is pushed back by millimetres does not turn round.
        rear = np.where(np.isfinite(here), here - unit * base[:, None], np.nan)
        turned[step] = np.arctan2(unit[:, 1], unit[:, 0])
    turned = _continuous(turned)
    ahead = length / 2
    x = front[..., 0] - np.cos(turned) * ahead
    y = front[..., 1] - np.sin(turned) * ahead
    speed = speed_of(x, y, rate)
    return Motion(x, y, turned, speed, braking_of(speed, rate))


def speed_of(x: Floats, y: Floats, rate: float) -> Floats:
    """Speed from positions, metres a second [T, N]: central differences, one-sided at the ends."""
    return np.asarray(np.hypot(_slope(x, rate), _slope(y, rate)))


def braking_of(speed: Floats, rate: float) -> NDArray[np.bool_]:
    """When brake lights burn, from speeds [T, N]."""
    slope = _slope(speed, rate)
    known = np.isfinite(slope)
    ones = np.ones(SMOOTH_STEPS)
    total, count = np.where(known, slope, 0.0), known.astype(np.float64)
    for column in range(speed.shape[1]):
        total[:, column] = np.convolve(total[:, column], ones, "same")
        count[:, column] = np.convolve(count[:, column], ones, "same")
    mean = total / np.maximum(count, 1)
    return np.asarray(np.isfinite(speed) & ((mean < -BRAKES_MPS2) | (speed < HELD_MPS)))


def corners(x: Floats, y: Floats, heading: Floats, length: Floats, width: Floats) -> Floats:
    """Corners of footprints [..., 4, 2], metres: front left, front right, rear right, rear left."""
    c, s = np.cos(heading)[..., None], np.sin(heading)[..., None]
    along = (length / 2)[..., None] * np.array([1, 1, -1, -1])
    aside = (width / 2)[..., None] * np.array([1, -1, -1, 1])
    return np.stack(
        [x[..., None] + c * along - s * aside, y[..., None] + s * along + c * aside], -1
    )


def depth(
    one: tuple[Floats, Floats, Floats, Floats, Floats],
    other: tuple[Floats, Floats, Floats, Floats, Floats],
) -> Floats:
    """How deep footprints lie in each other, metres; negative is a gap, never more than the real.

    Separating axes (Gottschalk 1996) of two rectangles. Each is (x, y, heading, length, width),
    all broadcast against each other.
    """
    x, y = other[0] - one[0], other[1] - one[1]
    best = np.full(np.broadcast_shapes(x.shape, one[2].shape, other[2].shape), np.inf)
    for mine, theirs in ((one, other), (other, one)):
        for quarter, extent in ((0.0, mine[3]), (np.pi / 2, mine[4])):
            axis = mine[2] + quarter
            apart = np.abs(x * np.cos(axis) + y * np.sin(axis))
            turn = theirs[2] - axis
            reach = np.abs(np.cos(turn)) * theirs[3] / 2 + np.abs(np.sin(turn)) * theirs[4] / 2
            best = np.minimum(best, extent / 2 + reach - apart)
    return best


def _slope(values: Floats, rate: float) -> Floats:
    """Change a second, [T, N]."""
    step = np.diff(values, axis=0) * rate
    gap = np.full((1, *values.shape[1:]), np.nan)
    before, after = np.concatenate([gap, step]), np.concatenate([step, gap])
    both = (before + after) / 2
    one = np.where(np.isfinite(before), before, after)
    slope = np.where(np.isfinite(both), both, one)
    return np.where(np.isfinite(values), np.where(np.isfinite(slope), slope, 0.0), np.nan)


def _continuous(angles: Floats) -> Floats:
    """Angles without jumps of a full turn; gaps stay gaps."""
    known = np.isfinite(angles)
    step = np.diff(np.where(known, angles, 0.0), axis=0)
    both = known[1:] & known[:-1]
    jump = np.where(both, -2 * np.pi * np.round(step / (2 * np.pi)), 0.0)
    return np.asarray(
        angles + np.concatenate([np.zeros((1, angles.shape[1])), jump.cumsum(axis=0)])
    )
