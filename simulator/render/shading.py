"""How much light a triangle sends to the camera."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from simulator.render.atmosphere import Atmosphere
from simulator.render.compiled import compiled

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]

LAMP_HEIGHT_M = 8.0
"""Street lamps hang so high."""


def light_values(air: Atmosphere) -> Floats:
    """An atmosphere as the numbers that ``shade`` takes, [14]."""
    return np.concatenate([air.sun, air.sunlight, air.ambient, air.horizon, [air.fog, air.wet]])


@compiled
def lamp_share(dx: float, dy: float, dz: float) -> float:
    """Light of a street lamp at a point, as a share of that on the road right below it.

    Args:
        dx: From the point to the lamp, metres.
        dy: The same.
        dz: The same, up.

    Returns:
        Inverse square of the distance and a lantern that shines down: cosine of its angle.
    """
    square = dx * dx + dy * dy + dz * dz
    return 64.0 / square * max(dz, 0.0) / math.sqrt(square)


@compiled
def shade(
    normals: Singles,
    albedo: Singles,
    glow: Singles,
    shown: NDArray[np.bool_],
    pose: Floats,
    distance: float,
    light: Floats,
    lamps: Floats,
    out: Singles,
) -> None:
    """Light of a body's triangles that reaches the camera.

    Args:
        normals: Body frame, of unit length [F, 3].
        albedo: Share of light given back, [F, 3].
        glow: Own light, [F, 3].
        shown: Which are seen.
        pose: x, y, cosine and sine of its heading, height of its origin.
        distance: From the lens, metres.
        light: From ``light_values``.
        lamps: Lamps that shine on it: unit vector towards each, then its colour [L, 6].
        out: Filled, [F, 3].
    """
    c, s = pose[2], pose[3]
    clear = math.exp(-light[12] * distance)
    for f in range(len(normals)):
        if not shown[f]:
            continue
        nx = c * normals[f, 0] - s * normals[f, 1]
        ny = s * normals[f, 0] + c * normals[f, 1]
        nz = normals[f, 2]
        sun = max(nx * light[0] + ny * light[1] + nz * light[2], 0.0)
        # The sky lights from above, the road gives some of it back from below.
        sky = 0.62 + 0.38 * nz
        for k in range(3):
            value = sun * light[3 + k] + sky * light[6 + k]
            for lamp in range(lamps.shape[0]):
                value += lamps[lamp, 3 + k] * max(
                    nx * lamps[lamp, 0] + ny * lamps[lamp, 1] + nz * lamps[lamp, 2], 0.0
                )
            # A little of the sky is seen in whatever is smooth and faces up.
            gloss = 0.04 + 0.06 * max(nz, 0.0)
            sent = albedo[f, k] * value + gloss * light[9 + k] * light[6 + k] + glow[f, k]
            out[f, k] = sent * clear + light[9 + k] * (1.0 - clear)
