"""What a signal head shows, read from the picture; unknown rather than a guess.

Used where no controller speaks. A lamp is lit when its part of the box is brighter than the box's
own dark parts and has the lamp's hue; night burns the core white and leaves the hue in the halo.
Arrows and countdowns stand in parts of their own and never count as the round light.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, Literal, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from ioc.events import Phase
from vision.scene import LampBox
from vision.signals import SignalState
from vision.source.picture import Image, Picture

Glow = Literal["red", "yellow", "green", "dark", "unclear"]

# Hues of OpenCV (0-179, two degrees each). Signal red is 620 nm and orange-red in cameras, signal
# green is bluish (EN 12368: 489-508 nm), so it reaches up to cyan.
HUES: Final[dict[str, tuple[tuple[int, int], ...]]] = {
    "red": ((0, 12), (165, 179)),
    "yellow": ((13, 36),),
    "green": ((40, 105),),
}
SATURATED: Final = 70
"""Least saturation (0-255) of a lit pixel that has a hue."""
CONTRAST: Final = 35
"""A lit pixel is so much brighter (0-255) than the median of the box, which is its dark housing."""
BRIGHT: Final = 90
"""Least brightness (0-255) of a lit pixel."""
LEAST_LIT: Final = 0.06
"""Least share of its part that is lit; a disc that fills its part is 0.79 of it."""
MARGIN: Final = 3.0
"""The lit part has so many times more lit pixels than any other."""
LEAST_SIDE: Final = 4
"""Pixels of a part's shorter side below which nothing is read."""

PHASE_OF: Final[dict[Glow, Phase]] = {
    "red": "red",
    "yellow": "yellow",
    "green": "green",
    "dark": "unknown",
    "unclear": "unknown",
}

CONFIRM_S: Final = 0.3
CONFIRM_FRAMES: Final = 3
DARK_S: Final = 1.0
"""A light that is dark for no longer stays lit: LEDs flicker against the shutter."""
BLINKS: Final = 3
"""So many times of yellow and dark by turns, each shorter than ``DARK_S``, are a flashing light."""


def read_lamp(box: Image, order: Sequence[str]) -> Glow:
    """Which round light of one head is lit in one picture.

    Args:
        box: The head, BGR, uint8 [h, w, 3].
        order: What it holds from its top, or from its left when it is wider than tall.

    Returns:
        The colour; ``dark`` when none is lit, ``unclear`` when it cannot be told.
    """
    rows, columns = box.shape[:2]
    upright = rows >= columns
    if min(columns if upright else rows, max(rows, columns) // len(order)) < LEAST_SIDE:
        return "unclear"
    hsv = np.asarray(cv2.cvtColor(box, cv2.COLOR_BGR2HSV), np.uint8)
    hue, saturation, value = hsv[..., 0], hsv[..., 1], hsv[..., 2]
    housing = float(np.median(value))
    bright = (value > max(BRIGHT, housing + CONTRAST)).astype(np.uint8)
    if float(bright.mean()) > 0.6:
        return "unclear"  # glare, or something that is no signal head
    coloured = (saturation >= SATURATED).astype(np.uint8)
    edges = np.linspace(0, rows if upright else columns, len(order) + 1).round().astype(int)
    lit: dict[str, float] = {}
    strange = 0.0
    for place, (start, end) in enumerate(pairwise(edges)):
        name = order[place]
        if name not in HUES:
            continue
        part = np.s_[start:end, :] if upright else np.s_[:, start:end]
        share, foreign = _lit(hue[part], bright[part], coloured[part], name)
        lit[name] = max(lit.get(name, 0.0), share)
        strange = max(strange, foreign)
    if not lit:
        return "unclear"
    ranked = sorted(lit, key=lambda name: -lit[name])
    best = lit[ranked[0]]
    if best < LEAST_LIT:
        return "unclear" if strange >= LEAST_LIT else "dark"
    if len(ranked) > 1 and lit[ranked[1]] * MARGIN > best:
        return "unclear"
    if strange > best:
        return "unclear"
    return cast("Glow", ranked[0])


def _lit(
    hue: NDArray[np.uint8], bright: NDArray[np.uint8], coloured: NDArray[np.uint8], name: str
) -> tuple[float, float]:
    """Share of a part that is lit in a colour, and share that is lit in any other one."""
    own = np.zeros(hue.shape, np.bool_)
    for low, high in HUES[name]:
        own |= (hue >= low) & (hue <= high)
    glowing = (bright & coloured).astype(np.bool_)
    right = float((glowing & own).mean())
    wrong = float((glowing & ~own).mean())
    # A burnt core has no hue: it counts for the colour of its halo.
    core = float((bright.astype(np.bool_) & ~coloured.astype(np.bool_)).mean())
    return (right + core, wrong) if right > wrong and right > 0.01 else (right, wrong + core)


@dataclass(slots=True)
class _Head:
    """What is remembered of one head."""

    shown: Phase = "unknown"
    run: Glow = "unclear"
    run_from_s: float = 0.0
    run_frames: int = 0
    last_s: float | None = None
    blinks: list[float] = field(default_factory=list)


class LampReader:
    """Follows the heads of one camera: phases with the instant at which they began."""

    def __init__(self, lamps: Sequence[LampBox]) -> None:
        """Watch some heads.

        Args:
            lamps: Where they are in the frame.
        """
        self._lamps = tuple(lamps)
        self._heads = {lamp.head: _Head() for lamp in lamps}

    def read(self, picture: Picture, time_s: float) -> list[tuple[str, SignalState]]:
        """The changes that this frame makes certain.

        Args:
            picture: The frame.
            time_s: Its time in the source's clock, seconds.
        """
        changes = []
        for lamp in self._lamps:
            glow = read_lamp(picture.crop(*lamp.box), lamp.order)
            state = self._step(self._heads[lamp.head], glow, time_s)
            if state is not None:
                changes.append((lamp.head, state))
        return changes

    def _step(self, head: _Head, glow: Glow, now_s: float) -> SignalState | None:
        before_s = now_s if head.last_s is None else head.last_s
        head.last_s = now_s
        if glow != head.run:
            if head.run == "yellow" and glow == "dark":
                head.blinks = [at for at in head.blinks if now_s - at <= 2 * BLINKS * DARK_S]
                head.blinks.append(now_s)
            head.run, head.run_frames = glow, 0
            # Somewhere between the two frames; the middle is off by half a frame at most.
            head.run_from_s = (before_s + now_s) / 2
        head.run_frames += 1
        lasted = now_s - head.run_from_s
        if len(head.blinks) >= BLINKS and now_s - head.blinks[-1] <= 2 * DARK_S:
            return self._change(head, "flashing", head.blinks[0])
        if glow in ("dark", "unclear"):
            if lasted > DARK_S:
                return self._change(head, "unknown", head.run_from_s)
            return None
        if head.run_frames >= CONFIRM_FRAMES or (lasted >= CONFIRM_S and head.run_frames >= 2):
            return self._change(head, PHASE_OF[glow], head.run_from_s)
        return None

    def _change(self, head: _Head, phase: Phase, since_s: float) -> SignalState | None:
        if head.shown == phase:
            return None
        head.shown = phase
        return SignalState(phase, since_s, "image")
