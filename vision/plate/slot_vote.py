"""One text from many looks at one vehicle's plate, character by character.

Looks at a small plate are each unsure of other characters, so that no two tell the same text; their
characters are pooled before a text is made of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ioc.events import Plate
from models.plate_slots import decode
from vision.detect.detections import FloatArray
from vision.plate.grammar import Meaning, understand
from vision.plate.reading import PlateReading
from vision.plate.vote import colour_of


@dataclass(frozen=True, slots=True)
class SlotVoteSettings:
    """When a vote stands.

    Attributes:
        least_confidence: Probability of the winner after the vote, at least: of 46 plates 30 were
            told right and one wrong at 0.95, 32 and two at 0.85.
        least_looks: Looks that must not contradict it.
        floor: Probability of a character that a look does not see: it may be hidden in it.
        foreign: A look that holds the winner for this much less probable than its own best text
            is of another plate, and does not count.
    """

    least_confidence: float = 0.95
    least_looks: int = 2
    floor: float = 0.003
    foreign: float = 1e-4


def vote_slots(
    readings: Sequence[PlateReading | None], settings: SlotVoteSettings | None = None
) -> Plate | None:
    """The plate of a vehicle from its looks; honestly none where they do not agree.

    Log probabilities of each character are summed over the looks and divided by √n: looks share
    light, angle and dirt, so n of them count as √n (as ``vision.plate.pool``). Looks at another
    vehicle's plate fall out one at a time, the most foreign first.

    Args:
        readings: Looks at one vehicle, in any order; None where a frame showed no plate.
        settings: When the vote stands.
    """
    limits = settings or SlotVoteSettings()
    looks = [
        look
        for look in readings
        if look is not None
        and look.slots is not None
        and look.reason not in ("colour", "too_small")
    ]
    while len(looks) >= limits.least_looks:
        slots = np.stack([look.slots for look in looks if look.slots is not None])
        seen = np.log(np.maximum(slots, limits.floor))
        pooled = seen.sum(axis=0) / np.sqrt(len(looks))
        shares = np.exp(pooled - pooled.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        best = shares.argmax(axis=1)
        # How much less each look makes of the winner than of its own best text.
        behind = (np.take_along_axis(seen, best[None, :, None], 2)[..., 0] - seen.max(axis=2)).sum(
            axis=1
        )
        worst = int(behind.argmin())
        if behind[worst] >= np.log(limits.foreign):
            return _told(shares, looks, limits)
        del looks[worst]
    return None


def _told(
    shares: FloatArray, looks: Sequence[PlateReading], limits: SlotVoteSettings
) -> Plate | None:
    told: list[tuple[Meaning, float]] = []
    for lines, share in decode(shares):
        meaning = understand(lines)
        if meaning is not None:
            told.append((meaning, share))
    if not told or told[0][1] < limits.least_confidence:
        return None
    meaning, share = told[0]
    return Plate(text=meaning.text, confidence=round(min(share, 1.0), 4), colour=colour_of(looks))
