"""Who belongs to whom: the pairing with the greatest sum of likeness."""

from __future__ import annotations

import lap
import numpy as np
from numpy.typing import NDArray

from vision.detect.detections import FloatArray, IntArray


def assign(likeness: FloatArray, least: float) -> tuple[IntArray, IntArray]:
    """Pair rows with columns so that the sum of likeness is greatest.

    Args:
        likeness: 0-1 for each pair, float32 [N, M]; 0 means never.
        least: Pairs below are not made (a pair of likeness 0 never is).

    Returns:
        Row and column of each pair, two int64 arrays of one length, in the order of the rows.
    """
    rows, columns = likeness.shape
    if rows == 0 or columns == 0 or not (likeness >= max(least, 1e-6)).any():
        return np.empty(0, np.int64), np.empty(0, np.int64)
    least = max(least, 1e-6)
    # A pair that may not be made costs more than leaving both alone, so that it never displaces
    # one that may (Jonker and Volgenant 1987, with lap's extension to unequal sides).
    cost: NDArray[np.float64] = np.where(likeness >= least, 1.0 - likeness, 1e3).astype(np.float64)
    column_of = np.asarray(lap.lapjv(cost, extend_cost=True, cost_limit=1.0)[1], dtype=np.int64)
    paired = np.flatnonzero(column_of >= 0)
    return paired, column_of[paired]
