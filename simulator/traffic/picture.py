"""Whether a camera has a place on the road in its picture."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from simulator.camera import Lens
from simulator.traffic.motion import Floats

EYE_M: Final = 0.6
"""A road user is in the picture where the point so high above its middle is."""
BORDER_PX: Final = 30.0


def in_picture(lens: Lens, x: Floats, y: Floats) -> NDArray[np.bool_]:
    """Whether points on the road are in a camera's picture."""
    pixels, _ = lens.project(np.stack([x, y, np.full_like(x, EYE_M)], axis=-1))
    across, down = pixels[..., 0], pixels[..., 1]
    return np.asarray(
        (across > BORDER_PX) & (across < lens.width - BORDER_PX)
        & (down > BORDER_PX) & (down < lens.height - BORDER_PX)
    )  # fmt: skip
