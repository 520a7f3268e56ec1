"""The signals of a place over time: pure, from its cycle and where in it the clip begins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ioc.events import Phase
from simulator.place import Place
from simulator.traffic.net_build import Link, links_of
from simulator.world import PHASES

_LETTERS: Final[dict[Phase, str]] = {"green": "G", "yellow": "y", "red": "r", "unknown": "O"}


class SignalPlan:
    """What every head shows at any time.

    Args:
        place: Its heads and cycle.
        offset_s: How far in the cycle the clip's first instant is, seconds.
    """

    def __init__(self, place: Place, offset_s: float) -> None:
        self._stages = place.cycle
        self._heads = tuple(head.id for head in place.heads)
        self._links = links_of(place)
        self._ends = np.cumsum([stage.seconds for stage in place.cycle]) if place.cycle else None
        self._offset = offset_s

    @property
    def period_s(self) -> float:
        """Length of the cycle; 0 where there are no signals."""
        return float(self._ends[-1]) if self._ends is not None else 0.0

    def phase(self, head: str, time_s: float) -> Phase:
        """What a head shows."""
        for name, phase in self._stages[self._stage(time_s)].phases:
            if name == head:
                return phase
        return "unknown"

    def state(self, time_s: float, order: Sequence[int]) -> str:
        """SUMO's state: a letter for each way over the junction.

        Args:
            time_s: When.
            order: For each letter the place of its way in ``links_of``.
        """
        return "".join(self._letter(self._links[number], time_s) for number in order)

    def phases(self, steps: int, rate: float) -> NDArray[np.int8]:
        """Places in ``PHASES`` at every step, int8 [T, H]."""
        rows = [
            [PHASES.index(self.phase(head, step / rate)) for head in self._heads]
            for step in range(steps)
        ]
        return np.array(rows, np.int8).reshape(steps, len(self._heads))

    def changes(self, seconds: float) -> tuple[tuple[str, float, Phase], ...]:
        """Every change of a light: head, exact time, what it shows from then.

        Begins with the change before the clip's first instant of each head.
        """
        found = [
            change
            for head in self._heads
            for change in self._of_head(head, seconds)
        ]  # fmt: skip
        return tuple(sorted(found, key=lambda change: (change[1], change[0])))

    def onsets(self, head: str, phase: Phase, seconds: float) -> list[float]:
        """When a head begins to show a phase, from one cycle before the clip to its end."""
        return [
            time_s
            for name, time_s, shown in self._of_head(head, seconds)
            if shown == phase and name == head
        ]

    def _of_head(self, head: str, seconds: float) -> list[tuple[str, float, Phase]]:
        if self._ends is None:
            return []
        found: list[tuple[str, float, Phase]] = []
        first = -int(np.ceil((self._offset + self.period_s) / self.period_s))
        last = int(np.ceil((seconds + self._offset) / self.period_s))
        shown: Phase | None = None
        for turn in range(first - 1, last + 1):
            start = turn * self.period_s - self._offset
            for stage in self._stages:
                phase = dict(stage.phases).get(head, "unknown")
                if phase != shown:
                    found.append((head, start, phase))
                shown = phase
                start += stage.seconds
        before = [change for change in found if change[1] <= 0]
        return before[-1:] + [change for change in found if 0 < change[1] <= seconds]

    def _stage(self, time_s: float) -> int:
        if self._ends is None:
            raise ValueError("the place has no signal cycle")
        # Stage borders are multiples of a second, steps of 0.08 s: the sum must not fall short.
        place = (time_s + self._offset + 1e-9) % self.period_s
        found = int(np.searchsorted(self._ends, place, side="right"))
        return min(found, len(self._stages) - 1)

    def _letter(self, link: Link, time_s: float) -> str:
        if link.origin.head is None:
            return "G"
        letter = _LETTERS[self.phase(link.origin.head, time_s)]
        # Left turns give way to those who come straight on.
        return letter.lower() if letter == "G" and link.turn == "left" else letter
