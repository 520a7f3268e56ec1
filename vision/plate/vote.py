"""One text from many looks at one vehicle's plate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from ioc.events import Plate, PlateColour
from vision.plate.reading import PlateReading

FLOOR: Final = 1e-3
"""Probability of a text that a look does not name. One look can so outweigh another by three
decades at most, and a single strange frame decides nothing."""
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

    least_confidence: float = 0.8
    least_support: float = 0.5


def vote(
    readings: Sequence[PlateReading | None], settings: VoteSettings | None = None
) -> Plate | None:
    """The plate of a vehicle from its looks; honestly none where they do not agree.

    Log probabilities of each text are summed with the looks' weights, beside the hypothesis that
    the plate says something else. Frames of one pass share light, angle and dirt, so n looks do
    not count as n independent ones but as √n.

    Args:
        readings: Looks at one vehicle, in any order; None where a frame showed no plate. Readings
            that do not stand alone count too.
        settings: When the vote stands.
    """
    limits = settings or VoteSettings()
    looks = [look for look in readings if look is not None and look.reason not in ("colour",)]
    if not looks or all(look.reason == "too_small" for look in looks):
        return None
    weights = np.array([min(1.0, look.height_px / FULL_HEIGHT_PX) for look in looks])
    texts = sorted({candidate.text for look in looks for candidate in look.candidates})
    place = {text: index for index, text in enumerate(texts)}
    chances = np.full((len(looks), len(texts) + 1), FLOOR)
    for row, look in zip(chances, looks, strict=True):
        for candidate in look.candidates:
            row[place[candidate.text]] = max(candidate.probability, FLOOR)
        row[-1] = max(1.0 - sum(candidate.probability for candidate in look.candidates), FLOOR)
    scores = (weights[:, None] * np.log(chances)).sum(axis=0) / np.sqrt(len(looks))
    odds = np.exp(scores - scores.max())
    shares = odds / odds.sum()
    winner = int(np.argmax(shares))
    if winner == len(texts):
        return None
    confidence = float(shares[winner])
    supporters = np.array([look.candidates[0].text == texts[winner] for look in looks])
    support = float(weights[supporters].sum() / weights.sum())
    if confidence < limits.least_confidence or support < limits.least_support:
        return None
    named = [look for look, agrees in zip(looks, supporters, strict=True) if agrees]
    return Plate(text=texts[winner], confidence=round(confidence, 4), colour=_colour(named))


def _colour(looks: Sequence[PlateReading]) -> PlateColour:
    """The colour that most looks name; unknown where no colour has more than half of those."""
    counts = Counter(look.colour for look in looks if look.colour != "unknown")
    if not counts:
        return "unknown"
    colour, most = counts.most_common(1)[0]
    return colour if most * 2 > counts.total() else "unknown"
