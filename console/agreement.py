"""How well two reviewers agree. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Agreement:
    """Of cases that two people spoke about, each for itself.

    Attributes:
        pairs: How many.
        same: How many got the same verdict from both.
        kappa: Cohen's κ; None where it is not defined, because chance alone would agree on all.
    """

    pairs: int
    same: int
    kappa: float | None

    @property
    def share(self) -> float:
        """Share of the same verdicts, 0-1; 0 without pairs."""
        return self.same / self.pairs if self.pairs else 0.0


def agreement(verdicts: Iterable[tuple[str, str]]) -> Agreement:
    """Cohen's κ over first and second verdicts.

    κ = (p_o - p_e) / (1 - p_e), p_o the share that agrees, p_e what chance would give from how
    often each side uses each verdict (Cohen 1960, "A coefficient of agreement for nominal scales").
    """
    pairs = list(verdicts)
    if not pairs:
        return Agreement(0, 0, None)
    same = sum(one == other for one, other in pairs)
    first, second = Counter(one for one, _ in pairs), Counter(other for _, other in pairs)
    chance = sum(first[verdict] * second[verdict] for verdict in first) / len(pairs) ** 2
    kappa = None if math.isclose(chance, 1) else (same / len(pairs) - chance) / (1 - chance)
    return Agreement(len(pairs), same, kappa)
