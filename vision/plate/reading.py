"""What was read from one picture of a plate, with how sure that is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ioc.events import PlateColour
from vision.plate.find import Quad
from vision.plate.grammar import Meaning

Reason = Literal["", "too_small", "unsure", "colour"]
"""Why a reading does not stand: letters too low, no text probable enough, or a ground that such a
plate never has. Empty where it stands."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A text that the plate may bear.

    Attributes:
        meaning: The text, what carries such a plate and of what colour it may be.
        probability: Of exactly this text, 0-1.
    """

    meaning: Meaning
    probability: float

    @property
    def text(self) -> str:
        """As printed, ``51H-040.73`` or ``78-H1 046.52``."""
        return self.meaning.text


def why_not(
    best: Candidate,
    height_px: float,
    colour: PlateColour,
    *,
    least_height_px: float,
    least_confidence: float,
) -> Reason:
    """Why a reading does not stand; empty where it does.

    Args:
        best: The likeliest text.
        height_px: Height of a line in the picture, pixels.
        colour: Colour of the ground.
        least_height_px: The reader's limits.
        least_confidence: The same.
    """
    if height_px < least_height_px:
        return "too_small"
    if best.probability < least_confidence:
        return "unsure"
    if colour != "unknown" and colour not in best.meaning.colours:
        return "colour"
    return ""


@dataclass(frozen=True, slots=True)
class PlateReading:
    """One look at one plate.

    Attributes:
        candidates: What it may say, best first; never empty.
        rows: Its lines in the picture, one or two, corners in pixels.
        height_px: Height of its lower line in the picture, pixels; letters are about 0.75 of it.
        colour: Colour of its ground.
        reason: Why it does not stand; empty where it does.
        slots: Probabilities of each character, [SLOTS, symbols], from a reader that has them.
    """

    candidates: tuple[Candidate, ...]
    rows: tuple[Quad, ...]
    height_px: float
    colour: PlateColour
    reason: Reason
    slots: NDArray[np.float32] | None = None

    @property
    def text(self) -> str | None:
        """What it says; None where that is not sure enough to be told to anybody."""
        return None if self.reason else self.candidates[0].text

    @property
    def confidence(self) -> float:
        """Probability of the best text, whether it stands or not."""
        return self.candidates[0].probability

    @property
    def lines(self) -> int:
        """Lines of text on it, 1 or 2."""
        return len(self.rows)

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Left, top, right, bottom of its text, pixels."""
        lefts, tops = zip(*(row.min(axis=0).tolist() for row in self.rows), strict=True)
        rights, bottoms = zip(*(row.max(axis=0).tolist() for row in self.rows), strict=True)
        return round(min(lefts)), round(min(tops)), round(max(rights)), round(max(bottoms))
