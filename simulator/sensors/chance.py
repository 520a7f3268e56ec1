"""Chance without a state: a number that depends on a key and a place in time alone.

A sensor may be asked for any instant in any order, so its noise cannot come from a generator
that is used up. Here every draw is a hash of its key and its index: SplitMix64, the mixer of
Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014. The same on
every machine: whole numbers of 64 bits that wrap.
"""

from __future__ import annotations

import hashlib
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)
_MIX_1: Final = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2: Final = np.uint64(0x94D049BB133111EB)
_53_BITS: Final = float(1 << 53)


def key_of(*parts: object) -> int:
    """A key of 64 bits out of names and seeds; others of them give another key."""
    digest = hashlib.sha256("\x1f".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8], "big")


def uniform(key: int, index: ArrayLike) -> Floats:
    """Numbers in [0, 1), one for each index.

    Args:
        key: Of the series.
        index: Whole numbers, any shape.
    """
    numbers = np.asarray(index, np.int64).astype(np.uint64)
    with np.errstate(over="ignore"):
        z = numbers * _GOLDEN + np.uint64(key)
        z = (z ^ (z >> np.uint64(30))) * _MIX_1
        z = (z ^ (z >> np.uint64(27))) * _MIX_2
        z = z ^ (z >> np.uint64(31))
    return np.asarray((z >> np.uint64(11)).astype(np.float64) / _53_BITS)


def normal(key: int, index: ArrayLike) -> Floats:
    """Numbers with mean 0 and deviation 1 (Box and Muller, 1958), one for each index."""
    near_zero = 1 - uniform(key, index)
    angle = 2 * np.pi * uniform(key ^ 0x5851F42D4C957F2D, index)
    return np.asarray(np.sqrt(-2 * np.log(near_zero)) * np.cos(angle))


def smooth(key: int, time_s: Floats, knot_s: float) -> Floats:
    """A wave without a period: continuous, with mean 0 and a deviation of about 0.8.

    Args:
        key: Of the wave.
        time_s: Instants, seconds.
        knot_s: Its values this far apart do not depend on each other, seconds.
    """
    place = np.asarray(time_s, np.float64) / knot_s
    knot = np.floor(place)
    part = place - knot
    ease = part * part * (3 - 2 * part)  # without a kink at the knots
    before, after = normal(key, knot), normal(key, knot + 1)
    return np.asarray(before + (after - before) * ease)
