"""One text from many looks at one vehicle's plate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ioc.events import Plate, PlateColour
from vision.plate.pool import pool
from vision.plate.reading import PlateReading

FULL_HEIGHT_PX: Final = 24.0
"""A line so high gives a look its full weight; half of it, half the weight."""


@dataclass(frozen=True, slots=True)
class VoteSettings:
    """When a vote stands.

    Attributes:
        least_confidence: Probability of the winner after the vote, at least.
        least_support: Share of the looks' weight whose own best text is the winner, at least. Two
            plates that take turns in a vehicle's crops fail here.
    """

    least_confidence: float = 0.85
    least_support: float = 0.5


def vote(
    readings: Sequence[PlateReading | None], settings: VoteSettings | None = None
) -> Plate | None:
    """The plate of a vehicle from its looks; honestly none where they do not agree.

    The looks are pooled (``pool``) with weights by the height of their letters.

    Args:
        readings: Looks at one vehicle, in any order; None where a frame showed no plate. Readings
            that do not stand alone count too.
        settings: When the vote stands.
    """
    limits = settings or VoteSettings()
    looks = [look for look in readings if look is not None and look.reason != "colour"]
    if not looks or all(look.reason == "too_small" for look in looks):
        return None
    weights = [min(1.0, look.height_px / FULL_HEIGHT_PX) for look in looks]
    pooled = pool(
        [{one.text: one.probability for one in look.candidates} for look in looks], weights
    )
    text, confidence = pooled[0]
    agrees = [look.candidates[0].text == text for look in looks]
    support = sum(w for w, yes in zip(weights, agrees, strict=True) if yes) / sum(weights)
    if confidence < limits.least_confidence or support < limits.least_support:
        return None
    return Plate(
        text=text,
        confidence=round(confidence, 4),
        colour=colour_of([look for look, yes in zip(looks, agrees, strict=True) if yes]),
    )


def colour_of(looks: Sequence[PlateReading]) -> PlateColour:
    """The colour that most looks name; unknown where no colour has more than half of those."""
    counts = Counter(look.colour for look in looks if look.colour != "unknown")
    if not counts:
        return "unknown"
    colour, most = counts.most_common(1)[0]
    return colour if most * 2 > counts.total() else "unknown"
