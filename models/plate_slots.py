"""How the small plate reader tells a plate: some slots, each with one character or none.

The first slot says of how many lines the plate is, five are of the series (``95V6``), five of the
number (``52821``); marks are not told, for the law says where they stand.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

SYMBOLS: Final = " 0123456789ABCDEFGHKLMNPQRSTUVXYZ"
"""What a slot may say; a space is nothing."""

SERIES: Final = 5
NUMBER: Final = 5
SLOTS: Final = 1 + SERIES + NUMBER
_LONGEST: Final = (SERIES, NUMBER)

WIDTH: Final = 24
"""Readings that are followed at once."""

LEAST: Final = 0.004
"""Probability of a symbol that is not followed."""


def encode(lines: Sequence[str]) -> NDArray[np.int64]:
    """The slots of a plate, as places in ``SYMBOLS``, int64 [SLOTS].

    Args:
        lines: As painted: ``("95-V6", "528.21")`` or ``("95A-413.69",)``.

    Raises:
        ValueError: It has another layout.
    """
    parts = "".join(lines).rsplit("-", 1) if len(lines) == 1 else list(lines)
    if len(parts) != 2 or any(
        len(_bare(part)) > most for part, most in zip(parts, _LONGEST, strict=True)
    ):
        raise ValueError(f"{lines}: no plate that the slots can hold")
    series, number = (_bare(part) for part in parts)
    text = f"{len(lines)}{series:<{SERIES}}{number:<{NUMBER}}"
    return np.array([SYMBOLS.index(character) for character in text], np.int64)


def decode(told: NDArray[np.float32]) -> list[tuple[tuple[str, ...], float]]:
    """What the slots may say: lines without marks, with the probability, best first.

    Args:
        told: Probabilities, [SLOTS, symbols].
    """
    beams = [("", 1.0)]
    for slot in told:
        likely = np.flatnonzero(slot >= LEAST)
        grown = [
            (text + SYMBOLS[symbol], share * float(slot[symbol]))
            for text, share in beams
            for symbol in likely.tolist()
        ]
        beams = sorted(grown, key=lambda beam: -beam[1])[:WIDTH]
    found: list[tuple[tuple[str, ...], float]] = []
    for text, share in beams:
        series, number = text[1 : 1 + SERIES].rstrip(), text[1 + SERIES :].rstrip()
        if " " in series or " " in number or text[0] not in "12":
            continue
        found.append(((series, number) if text[0] == "2" else (series + number,), share))
    return found


def _bare(line: str) -> str:
    return "".join(character for character in line if character not in "-. ")
