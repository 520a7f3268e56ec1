"""What a signal head shows, read from the picture; unknown rather than a guess.

Used where no controller speaks. Place and hue must agree: a part of the box is lit in red only if
it is the part of the red lamp. So a box that has slipped gives "unknown", not another colour.
Arrows and countdowns stand in parts of their own and never count as the round light.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from ioc.events import Phase
from vision.scene import LampBox
from vision.signals import SignalState
from vision.source.picture import Image, Picture

Colour = Literal["red", "yellow", "green"]
Glow = Literal["red", "yellow", "green", "dark", "unclear"]

COLOURS: Final[tuple[Colour, ...]] = ("red", "yellow", "green")

# Hues of OpenCV (0-179, two degrees each). On 228 lit heads of a Vietnamese junction red lies at
# 165-8, yellow at 6-23 (orange LEDs) and green at 54-93. Red and yellow share 5-8: there the
# place decides.
_RED, _YELLOW, _EITHER, _GREEN, _BURNT, _NO_LAMP = (np.uint8(kind) for kind in range(1, 7))
_KINDS: Final = np.full(256, _NO_LAMP)
_KINDS[:5] = _KINDS[165:180] = _RED
_KINDS[5:9] = _EITHER
_KINDS[9:37] = _YELLOW
_KINDS[40:106] = _GREEN
SATURATED: Final = 70
"""Least saturation (0-255) of a lit pixel that has a hue."""
CONTRAST: Final = 35
"""A lit pixel is so much brighter (0-255) than the median of the box, which is its dark housing."""
BRIGHT: Final = 90
"""Least brightness (0-255) of a lit pixel."""
BURNT: Final = 225
"""A lamp at night burns its core white, without hue; it is at least so bright."""
LEAST_LIT: Final = 0.06
"""Least share of its part that is lit; a disc that fills its part is 0.79 of it."""
LEAST_HUED: Final = 0.02
"""Least share of its part that has the lamp's hue; at night that is only the halo."""
RED_SHARE: Final = 0.2
"""Least share of red in a red lamp that is burnt to orange: a red LED arrow has 0.35 to 0.6."""
MARGIN: Final = 3.0
"""The lit part has so many times more lit pixels than any other."""
FOREIGN: Final = 1.5
"""The lit part has so many times more lit pixels than any part has of a hue not its own."""
ASTRAY: Final = 0.25
"""Share of a part's side that the middle of the light may lie off the part's: a sign or a tree at
the edge of a box that has slipped is no lamp."""
GLARE: Final = 0.6
"""Share of bright pixels above which the box shows glare, or is no signal head."""
DARK_HOUSING: Final = 180
"""Median brightness (0-255) above which the box has no dark housing: glare, or a wall."""
MOST_COLUMNS: Final = 16
"""Of a larger head only every second, third ... pixel is looked at: 0.1 ms a head is the budget."""
LEAST_SIDE: Final = 4
"""Pixels of a part's shorter side below which nothing is read."""

CONFIRM_S: Final = 0.3
"""A light counts once it was seen for so long: two frames at 6 a second, eight at 25."""
DARK_S: Final = 1.0
"""A light that is dark for no longer stays lit: LEDs flicker against the shutter. On real frames
every third one shows a lit head dark or nearly so."""
BLINKS: Final = 3
"""So many times of yellow and dark by turns, each shorter than ``DARK_S``, are a flashing light."""
BLINK_S: Final = 0.2
"""Least time of yellow, and of dark, in a flashing light; a flicker is shorter."""
JUMP_S: Final = 1.0
"""Two changes of colour within this time are no signal program: the shortest yellow takes 3 s."""
SHIFT: Final = 30.0
"""An unlit part whose mean brightness (0-255) changes so much in one frame shows another view."""


class _Look(NamedTuple):
    """What a head shows, and the mean brightness of each of its parts, [P]."""

    glow: Glow
    level: NDArray[np.float64] | None


def read_lamp(box: Image, order: Sequence[str]) -> Glow:
    """Which round light of one head is lit in one picture.

    Args:
        box: The head, BGR, uint8 [h, w, 3].
        order: What it holds from its top, or from its left when it is wider than tall.

    Returns:
        The colour; ``dark`` when none is lit, ``unclear`` when it cannot be told.
    """
    return _look(box, order).glow


def _look(box: Image, order: Sequence[str]) -> _Look:
    if box.shape[0] < box.shape[1]:
        box = box.transpose(1, 0, 2)
    rows, columns = box.shape[:2]
    parts = len(order)
    if min(columns, rows // parts) < LEAST_SIDE:
        return _Look("unclear", None)
    step = max(1, columns // MOST_COLUMNS)
    hsv = cv2.cvtColor(np.ascontiguousarray(box[::step, ::step]), cv2.COLOR_BGR2HSV)
    hue, saturation, value = hsv[..., 0], hsv[..., 1], hsv[..., 2]
    rows, columns = value.shape
    edges = np.arange(parts) * rows // parts
    heights = np.diff(edges, append=rows)
    sizes = heights * float(columns)
    level = np.add.reduceat(value.sum(axis=1, dtype=np.int64), edges) / sizes
    middle = value.size // 2
    housing = int(np.partition(value, middle, axis=None)[middle])
    bright = value > max(BRIGHT, housing + CONTRAST)
    if housing > DARK_HOUSING or np.count_nonzero(bright) > GLARE * value.size:
        return _Look("unclear", level)
    kind = np.where(saturation >= SATURATED, _KINDS[hue], _BURNT * (value >= BURNT)) * bright
    kind += np.repeat(np.arange(parts, dtype=np.uint8) * 8, heights)[:, None]
    found = np.bincount(kind.ravel(), minlength=8 * parts).reshape(parts, 8) / sizes[:, None]
    glow = _decide(order, found)
    if glow in COLOURS:
        place = order.index(glow)
        part = kind[edges[place] : edges[place] + heights[place]]
        if not _centred(part % 8 != 0):
            glow = "unclear"
    return _Look(glow, level)


def _centred(lit: NDArray[np.bool_]) -> bool:
    """Whether what is lit of a part has its middle in the middle of the part, as a lamp has."""
    rows, columns = lit.shape
    count = np.count_nonzero(lit)
    down = np.count_nonzero(lit, axis=1) @ (np.arange(rows) + 0.5) / count / rows
    across = np.count_nonzero(lit, axis=0) @ (np.arange(columns) + 0.5) / count / columns
    return bool(abs(down - 0.5) <= ASTRAY and abs(across - 0.5) <= ASTRAY)


def _decide(order: Sequence[str], found: NDArray[np.float64]) -> Glow:
    """Which lamp is lit.

    Args:
        order: The parts.
        found: Share of each part that is lit, by kind, [P, 8].
    """
    lit: dict[str, float] = dict.fromkeys(COLOURS, 0.0)
    strange = 0.0
    for name, shares in zip(order, found.tolist(), strict=True):
        _, red, yellow, either, green, burnt, no_lamp, _ = shares
        warm = red + yellow + either
        # The hot core of a red LED looks orange; without any red it is another lamp.
        is_red = red + either >= RED_SHARE * warm
        if name == "red":
            own = warm if is_red else red + either
        elif name == "yellow":
            own = 0.0 if red >= RED_SHARE * warm else yellow + either
        elif name == "green":
            own = green
        else:
            continue
        other = warm + green - own
        other += no_lamp
        if own >= LEAST_HUED and own > other:
            own += burnt
        lit[name] = max(lit[name], own)
        strange = max(strange, other)
    best: Colour = max(COLOURS, key=lambda colour: lit[colour])
    rival = max(lit[colour] for colour in COLOURS if colour != best)
    if lit[best] < LEAST_LIT:
        return "unclear" if strange >= LEAST_LIT else "dark"
    return "unclear" if max(rival * MARGIN, strange * FOREIGN) > lit[best] else best


def _shifted(order: Sequence[str], before: _Look | None, now: _Look) -> bool:
    """Whether the parts that are lit neither before nor now look different all at once."""
    if before is None or before.level is None or now.level is None:
        return False
    lamps = (before.glow, now.glow)
    unlit = [name not in lamps for name in order]
    changes = np.abs(now.level - before.level)[unlit]
    return len(changes) > 0 and float(changes.min()) >= SHIFT


@dataclass(slots=True)
class _Head:
    """What is remembered of one head."""

    shown: Phase = "unknown"
    shown_s: float = float("-inf")
    colour: Colour | None = None  # the colour last seen, dark moments passed over
    from_s: float = 0.0
    lit_s: float = 0.0
    frames: int = 0
    dark_s: float | None = None  # since when it has not been seen, if it is not
    relit_s: float = 0.0
    last_s: float | None = None
    look: _Look | None = None
    blinks: deque[float] = field(default_factory=lambda: deque(maxlen=BLINKS))
    jumps: deque[float] = field(default_factory=lambda: deque(maxlen=2))


class LampReader:
    """Follows the heads of one camera: phases with the instant at which they began.

    Attributes:
        shifts: How often the whole of a box changed between two frames, as when the camera is
            moved; whatever a head showed before is then forgotten.
        jumps: How often a head changed its colour twice within ``JUMP_S``.
    """

    def __init__(self, lamps: Sequence[LampBox]) -> None:
        """Watch some heads.

        Args:
            lamps: Where they are in the frame.
        """
        self._lamps = tuple(lamps)
        self._heads = {lamp.head: _Head() for lamp in lamps}
        self.shifts = 0
        self.jumps = 0

    def read(self, picture: Picture, time_s: float) -> list[tuple[str, SignalState]]:
        """The changes that this frame makes certain.

        A change is told up to ``CONFIRM_S`` after it was seen (``unknown`` up to ``DARK_S``), with
        the instant half way between the last frame of the old light and the first of the new one.

        Args:
            picture: The frame.
            time_s: Its time in the source's clock, seconds.
        """
        changes = []
        for lamp in self._lamps:
            head = self._heads[lamp.head]
            look = _look(picture.crop(*lamp.box), lamp.order)
            shifted = _shifted(lamp.order, head.look, look)
            self.shifts += shifted
            state = self._step(head, look.glow, shifted, time_s)
            head.last_s, head.look = time_s, look
            if state is not None:
                changes.append((lamp.head, state))
        return changes

    def _step(self, head: _Head, glow: Glow, shifted: bool, now_s: float) -> SignalState | None:
        before_s = now_s if head.last_s is None else head.last_s
        # Somewhere between the two frames; the middle is off by half a frame at most.
        between_s = (before_s + now_s) / 2 if now_s - before_s <= DARK_S else now_s
        lost = shifted or now_s - before_s > DARK_S
        if lost:
            head.colour = None
            head.blinks.clear()
            head.dark_s = before_s
        if glow == "red" or glow == "yellow" or glow == "green":
            self._lit(head, glow, between_s, now_s)
        elif head.dark_s is None:
            head.dark_s = between_s
            if head.colour == "yellow" and between_s - head.relit_s >= BLINK_S:
                head.blinks.append(between_s)
        if lost:
            return self._change(head, "unknown", between_s)
        return self._judge(head, now_s)

    def _lit(self, head: _Head, colour: Colour, between_s: float, now_s: float) -> None:
        if head.dark_s is not None:
            if head.blinks and between_s - head.dark_s < BLINK_S:
                head.blinks.pop()  # that was a flicker
            if now_s - head.dark_s > DARK_S:
                head.colour = None
            head.relit_s = between_s
        if colour != head.colour:
            if head.colour is not None:
                head.jumps.append(now_s)
                if len(head.jumps) == 2 and head.jumps[1] - head.jumps[0] <= JUMP_S:
                    self.jumps += 1
            head.colour, head.from_s, head.lit_s, head.frames = colour, between_s, now_s, 0
            head.relit_s = between_s
        head.frames += 1
        head.dark_s = None

    def _judge(self, head: _Head, now_s: float) -> SignalState | None:
        blinked = len(head.blinks) == BLINKS
        if blinked and head.blinks[-1] - head.blinks[0] <= 2 * BLINKS * DARK_S:
            if head.colour == "yellow" and now_s - head.blinks[-1] <= 2 * DARK_S:
                return self._change(head, "flashing", head.blinks[0])
            head.blinks.clear()
        if head.dark_s is not None:
            if now_s - head.dark_s > DARK_S:
                return self._change(head, "unknown", head.dark_s)
            return None
        if len(head.jumps) == 2 and head.jumps[1] - head.jumps[0] <= JUMP_S:
            if now_s - head.jumps[1] < JUMP_S:
                return self._change(head, "unknown", head.jumps[1])
            head.jumps.clear()
        if head.colour is None or head.frames < 2 or now_s - head.lit_s < CONFIRM_S - 1e-6:
            return None
        return self._change(head, head.colour, head.from_s)

    def _change(self, head: _Head, phase: Phase, since_s: float) -> SignalState | None:
        if head.shown == phase:
            return None
        head.shown, head.shown_s = phase, max(since_s, head.shown_s)
        return SignalState(phase, head.shown_s, "image")
