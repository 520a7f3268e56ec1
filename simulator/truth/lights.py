"""What the signal heads of a world show at an exact instant."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from math import inf

from ioc.events import Phase
from simulator.world import World


@dataclass(frozen=True, slots=True)
class Light:
    """What a head shows.

    Attributes:
        phase: The light.
        since_s: When it came on, seconds from the clip's start.
        until_s: When it goes; infinite when the world ends before.
    """

    phase: Phase
    since_s: float
    until_s: float


class Lights:
    """The lights of a world by their exact changes, not by its steps."""

    def __init__(self, world: World) -> None:
        self._changes: dict[str, list[tuple[float, Phase]]] = {}
        for head, at_s, phase in sorted(world.changes, key=lambda change: change[1]):
            row = self._changes.setdefault(head, [])
            if not row or row[-1][1] != phase:
                row.append((at_s, phase))

    def at(self, head: str, at_s: float) -> Light:
        """What a head shows; ``unknown`` before its first change."""
        row = self._changes.get(head, [])
        place = bisect_right([change[0] for change in row], at_s) - 1
        until_s = row[place + 1][0] if place + 1 < len(row) else inf
        if place < 0:
            return Light("unknown", -inf, until_s)
        return Light(row[place][1], row[place][0], until_s)
