"""The planes of samples of a picture: emptied, and mixed over the background, tile by tile."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simulator.render.compiled import compiled
from simulator.render.raster import TILE

Singles = NDArray[np.float32]
Ints = NDArray[np.int32]


@compiled
def clear(dirty: NDArray[np.bool_], nearness: Singles) -> None:
    """Empty all planes [S, H, W] where tiles [H / 16, W / 16] were drawn on.

    Tags stay: one without nearness means nothing.
    """
    planes, height, width = nearness.shape
    for tile_y in range(dirty.shape[0]):
        for tile_x in range(dirty.shape[1]):
            if dirty[tile_y, tile_x]:
                for s in range(planes):
                    for y in range(tile_y * TILE, min(tile_y * TILE + TILE, height)):
                        for x in range(tile_x * TILE, min(tile_x * TILE + TILE, width)):
                            nearness[s, y, x] = 0.0


@compiled
def restore(dirty: NDArray[np.bool_], background: Singles, picture: Singles) -> None:
    """Put the background [H, W, 3] back where tiles were drawn on."""
    height, width, _ = picture.shape
    for tile_y in range(dirty.shape[0]):
        for tile_x in range(dirty.shape[1]):
            if dirty[tile_y, tile_x]:
                for y in range(tile_y * TILE, min(tile_y * TILE + TILE, height)):
                    for x in range(tile_x * TILE, min(tile_x * TILE + TILE, width)):
                        picture[y, x, 0] = background[y, x, 0]
                        picture[y, x, 1] = background[y, x, 1]
                        picture[y, x, 2] = background[y, x, 2]


@compiled
def resolve(
    dirty: NDArray[np.bool_],
    nearness: Singles,
    tags: Ints,
    shade: Singles,
    picture: Singles,
    bright: Singles,
) -> None:
    """Mix the samples of all planes over the background.

    Args:
        dirty: Tiles that were drawn on.
        nearness: Planes [S, H, W].
        tags: Planes [S, H, W].
        shade: Light that each triangle sends to the camera, [F, 3].
        picture: Changed in place, [H, W, 3].
        bright: Light above white is added here, [H / 4, W / 4, 3].
    """
    planes, height, width = tags.shape
    part = np.float32(1.0 / planes)
    for tile_y in range(dirty.shape[0]):
        for tile_x in range(dirty.shape[1]):
            if not dirty[tile_y, tile_x]:
                continue
            for y in range(tile_y * TILE, min(tile_y * TILE + TILE, height)):
                for x in range(tile_x * TILE, min(tile_x * TILE + TILE, width)):
                    b = g = r = np.float32(0.0)
                    seen = 0
                    for s in range(planes):
                        if nearness[s, y, x] > 0.0:
                            tag = tags[s, y, x]
                            seen += 1
                            b += shade[tag - 1, 0]
                            g += shade[tag - 1, 1]
                            r += shade[tag - 1, 2]
                    if seen == 0:
                        continue
                    rest = np.float32(1.0) - seen * part
                    b, g, r = b * part, g * part, r * part
                    over = max(b, g, r) - np.float32(1.0)
                    if over > 0.0:
                        share = over / (over + np.float32(1.0))
                        bright[y >> 2, x >> 2, 0] += b * share
                        bright[y >> 2, x >> 2, 1] += g * share
                        bright[y >> 2, x >> 2, 2] += r * share
                    picture[y, x, 0] = picture[y, x, 0] * rest + b
                    picture[y, x, 1] = picture[y, x, 1] * rest + g
                    picture[y, x, 2] = picture[y, x, 2] * rest + r
