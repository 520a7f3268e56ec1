"""The heads of riders: where they are, which wear a helmet, which hide behind others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from simulator.camera import NEAREST_M, Lens
from simulator.shapes.mesh import heads
from simulator.truth.figure import Figures, drawn
from simulator.world import World

Points = NDArray[np.float64]


class Heads:
    """The heads on B road users with at most H riders.

    Args:
        world: The world.
        bodies: Numbers of the road users.

    Attributes:
        bodies: The same, int64 [B].
        there: Which rider there is, bool [B, H].
        bare: Which of them wear no helmet, bool [B, H].
    """

    def __init__(self, world: World, bodies: Sequence[int]) -> None:
        each = [tuple(heads(world.bodies[body])) for body in bodies]
        worn = [world.bodies[body].helmets for body in bodies]
        counts = [min(len(one), len(helmets)) for one, helmets in zip(each, worn, strict=True)]
        most = max([1, *counts])
        self.bodies = np.array(bodies, np.int64)
        middles = np.zeros((len(each), most, 3))
        self._radius = np.zeros((len(each), most))
        self.there = np.zeros((len(each), most), np.bool_)
        self.bare = np.zeros((len(each), most), np.bool_)
        for row, count in enumerate(counts):
            if count:
                balls = np.array(each[row][:count], np.float64)
                middles[row, :count], self._radius[row, :count] = balls[:, :3], balls[:, 3]
                self.there[row, :count] = True
                self.bare[row, :count] = ~np.array(worn[row][:count])
        self._figures = Figures(world, list(zip(bodies, middles, strict=True)))

    def at(self, step: int, rows: NDArray[np.int64] | None = None) -> tuple[Points, Points]:
        """Middles [B, H, 3] and radii [B, H], metres; a rider that there is not has radius 0.

        Args:
            step: The step.
            rows: Places of the road users that are asked for; left out, all.
        """
        return self._figures.at(step, rows), self._radius if rows is None else self._radius[rows]

    @staticmethod
    def drawn(lens: Lens, middles: Points, radius: Points) -> tuple[Points, Points, Points]:
        """Middles in pixels [B, H, 2], distances along the axis [B, H], radii in pixels [B, H]."""
        pixels, depth = drawn(lens, middles)
        return pixels, depth, radius * lens.focal_px / np.maximum(depth, NEAREST_M)

    @staticmethod
    def free(pixels: Points, depth: Points, around: Points) -> Points:
        """The share of each head that no nearer head on the same vehicle hides, [B, H].

        Heads are circles; the part of one that another covers is taken across their middles.

        Args:
            pixels: Middles, [B, H, 2].
            depth: Distances along the axis, metres, [B, H].
            around: Radii, pixels, [B, H]; 0 where there is no head.
        """
        apart = np.hypot(*np.moveaxis(pixels[:, :, None] - pixels[:, None], -1, 0))
        reach = around[:, :, None] + around[:, None]
        over = np.clip((reach - apart) / np.maximum(2 * around[:, :, None], 1e-9), 0, 1)
        nearer = (depth[:, None] < depth[:, :, None]) & (around[:, None] > 0)
        return np.asarray(1 - np.where(nearer, over, 0.0).max(axis=2))
