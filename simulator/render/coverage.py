"""How much of each road user a camera sees past the others and past what stands there."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Final

import numpy as np
from numpy.typing import NDArray

from simulator.camera import Lens
from simulator.place import Mount, Place
from simulator.render.cast import Cast
from simulator.render.compiled import compiled
from simulator.render.ground import solid_nearness
from simulator.render.raster import camera_values, facing, project, stamp
from simulator.world import World

SHRINK: Final = 4
"""Shares are counted in a picture this many times smaller each way."""
_KEPT: Final = 4


class Coverage:
    """Counts what is seen of the road users of a world by one camera.

    Args:
        world: The road users and their motion.
        place: Where.
        lens: What sees them.
    """

    def __init__(self, world: World, place: Place, lens: Lens) -> None:
        self._world, self._lens = world, lens
        self._cast = Cast(world)
        self._solid = solid_nearness(place, world.seed, lens, SHRINK)
        self._camera = camera_values(lens, SHRINK)
        shape = self._solid.shape
        self._nearness = np.zeros(shape, np.float32)
        self._touched = np.zeros(shape, np.int32)
        self._tags = np.zeros(shape, np.int32)
        self._lock = threading.Lock()

    def at(self, step: int) -> NDArray[np.float64]:
        """Share of each road user's silhouette in the picture that nothing hides, [N]."""
        with self._lock:
            return self._at(step)

    def _at(self, step: int) -> NDArray[np.float64]:
        self._nearness[:] = 0
        self._touched[:] = 0
        self._tags[:] = 0
        numbers = self._cast.seen(step, self._lens)
        poses = self._cast.poses(step, numbers)
        total = np.zeros(len(self._world.bodies))
        for number, pose in zip(numbers, poses, strict=True):
            actor = self._cast.actor(int(number))
            points = np.empty((len(actor.vertices), 3))
            project(actor.vertices, pose, self._camera, points)
            shown = np.empty(len(actor.triangles), np.bool_)
            facing(actor.vertices, actor.triangles, actor.normals, pose, self._camera, shown)
            total[number] = stamp(
                points, actor.triangles, shown, int(number) + 1, self._touched, self._nearness,
                self._tags,
            )  # fmt: skip
        free = np.zeros(len(total), np.int64)
        count_seen(self._tags, self._nearness, self._solid, free)
        share: NDArray[np.float64] = free / np.maximum(total, 1)
        return share


@compiled
def count_seen(
    tags: NDArray[np.int32],
    nearness: NDArray[np.float32],
    solid: NDArray[np.float32],
    out: NDArray[np.int64],
) -> None:
    """Count the pixels of each body that no solid thing hides.

    Args:
        tags: Number + 1 of the body seen [H, W].
        nearness: Of what is seen [H, W].
        solid: Nearness of the solid things [H, W].
        out: Filled, [N].
    """
    for y in range(tags.shape[0]):
        for x in range(tags.shape[1]):
            if tags[y, x] > 0 and nearness[y, x] > solid[y, x]:
                out[tags[y, x] - 1] += 1


_recent: OrderedDict[tuple[int, str, Lens], Coverage] = OrderedDict()
_guard = threading.Lock()


def coverage(world: World, place: Place, mount: Mount, step: int) -> NDArray[np.float64]:
    """Share of each road user's silhouette in the picture that nothing hides.

    Args:
        world: The road users and their motion.
        place: Where.
        mount: Which camera.
        step: Which step.

    Returns:
        Float64 [N]: 1 when it is free, 0 when it is hidden or outside of the picture.

    Raises:
        IndexError: The world has no such step.
    """
    if not 0 <= step < world.steps:
        raise IndexError(f"step {step}; the world has {world.steps}")
    key = (id(world), place.id, mount.lens)
    with _guard:
        found = _recent.get(key)
        # Another world may have got the number of one that is gone; ours holds its world.
        if found is None or found._world is not world:
            found = _recent[key] = Coverage(world, place, mount.lens)
        _recent.move_to_end(key)
        while len(_recent) > _KEPT:
            _recent.popitem(last=False)
    return found.at(step)
