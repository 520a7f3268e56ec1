"""Which pictures of a vehicle its plate is read off."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vision.evidence.stills import TimedBox

MOST_LOOKS: Final = 7
"""Pictures that a plate is read off: a vote needs three, and each costs some 50 ms."""

APART_S: Final = (0.5, 0.2)
"""Looks lie so far apart, so that who hides a plate does not hide it in all of them; where there
are not enough, the second: nearer neighbours are blurred alike."""

EDGE: Final = 0.006
"""A box that comes so near to the picture's edge, as a share of the picture, is cut off by it: the
tracker's boxes are off by some pixels of 1080."""

LEAST_LOOK_PX: Final = 48
"""Shorter side of a vehicle's box below which its plate is under 9 pixels high."""

SHUTTER_S: Final = 1 / 250
"""How long a camera's shutter is open, between that of noon and that of night."""

SOFT_PX: Final = 1.5
"""How far a lens and a coder smear a still picture."""


def best_looks(track: Sequence[TimedBox], size: tuple[int, int]) -> tuple[TimedBox, ...]:
    """The pictures in which a vehicle's plate can be read best, in the order of time.

    Large is good and fast is bad: a motorcycle that leaves the picture is seen largest, and its
    plate is a smear. A vehicle that the picture's edge cuts off comes last: its plate is the part
    that is missing.

    Args:
        track: Its boxes, in the order of time.
        size: Columns and rows of a picture.
    """
    if not track:
        return ()
    time = np.array([box.time_s for box in track])
    xyxy = np.array([(box.left, box.top, box.right, box.bottom) for box in track])
    side = (xyxy[:, 2:] - xyxy[:, :2]).min(axis=1)
    clear = side / np.hypot(1.0, _speed(time, xyxy) * SHUTTER_S / SOFT_PX)
    cut = _cut_off(xyxy, size)
    order = np.argsort(-clear, kind="stable")
    order = order[side[order] >= LEAST_LOOK_PX]
    chosen: list[int] = []
    for rows, apart in product((order[~cut[order]], order[cut[order]]), APART_S):
        for row in rows.tolist():
            if len(chosen) < MOST_LOOKS and (np.abs(time[chosen] - time[row]) >= apart).all():
                chosen.append(row)
    return tuple(track[row] for row in sorted(chosen))


def _speed(time: NDArray[np.float64], xyxy: NDArray[np.float64]) -> NDArray[np.float64]:
    """How fast the middle of each box moves, pixels a second: to the box before or after it."""
    if len(time) < 2:
        return np.zeros(len(time))
    steps = np.diff((xyxy[:, :2] + xyxy[:, 2:]) / 2, axis=0)
    each = np.hypot(*steps.T) / np.maximum(np.diff(time), 1e-3)
    return np.asarray((np.append(each, each[-1]) + np.insert(each, 0, each[0])) / 2)


def _cut_off(xyxy: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.bool_]:
    edge, far = EDGE * np.array(size), (1 - EDGE) * np.array(size)
    return np.asarray((xyxy[:, :2] < edge).any(axis=1) | (xyxy[:, 2:] > far).any(axis=1))
