"""What the signal heads showed, and when: asked for at the interpolated instant of an act."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from ioc.events import Phase

KEEP_S: Final = 300.0
"""Phases older than this are forgotten; no act is judged later than its evidence window. A phase
that nobody changed for so long is not believed either: no light of a working junction stands still
for five minutes, but a dead controller's last word does."""

MOST_HEADS: Final = 64
MOST_PHASES: Final = 1024
"""Bounds for a lamp that flickers: at 25 changes a second this is 40 s, each with three phases."""

Origin = Literal["controller", "image"]


@dataclass(frozen=True, slots=True)
class SignalState:
    """What one head showed from an instant on.

    Attributes:
        phase: The light.
        since_s: When it began, in the source's clock, seconds.
        origin: Who says so: the controller's own events, or the lamps in the picture.
    """

    phase: Phase
    since_s: float
    origin: Origin


class SignalHistory:
    """The phases of all heads of one camera, by time. What nobody said is unknown, not a guess.

    The controller's word wins; where it says nothing or "unknown", the lamps in the picture count.
    """

    def __init__(self, keep_s: float = KEEP_S) -> None:
        self._keep = keep_s
        self._phases: dict[str, dict[Origin, deque[SignalState]]] = {}

    def record(self, head: str, state: SignalState) -> None:
        """Take in a change. One out of order or a repeat of the present phase changes nothing.

        Args:
            head: The signal head; more than ``MOST_HEADS`` of them are not taken in.
            state: What it shows now.
        """
        if head not in self._phases and len(self._phases) >= MOST_HEADS:
            return
        phases = self._phases.setdefault(head, {}).setdefault(
            state.origin, deque(maxlen=MOST_PHASES)
        )
        if phases and (state.since_s < phases[-1].since_s or state.phase == phases[-1].phase):
            return
        phases.append(state)
        while len(phases) > 1 and phases[1].since_s < state.since_s - self._keep:
            phases.popleft()

    def at(self, head: str, time_s: float) -> SignalState | None:
        """What a head showed at an instant, or None when nothing is known of it."""
        told: SignalState | None = None
        for origin in ("controller", "image"):
            state = self._of(head, origin, time_s)
            if state is not None and state.phase != "unknown":
                return state
            told = told or state
        return told

    def steady(self, head: str, start_s: float, end_s: float) -> SignalState | None:
        """The one state that a head kept from ``start_s`` to ``end_s``, else None."""
        first = self.at(head, start_s)
        if first is None or self.at(head, end_s) != first:
            return None
        between = [
            state
            for phases in self._phases[head].values()
            for state in phases
            if start_s < state.since_s <= end_s
        ]
        kept = all(self.at(head, state.since_s) == first for state in between)
        return first if kept else None

    def all(self) -> Iterator[tuple[str, tuple[SignalState, ...]]]:
        """Every head with what is remembered of it, each origin in the order of time."""
        for head, origins in self._phases.items():
            for phases in origins.values():
                yield head, tuple(phases)

    def _of(self, head: str, origin: Origin, time_s: float) -> SignalState | None:
        phases = self._phases.get(head, {}).get(origin)
        if not phases:
            return None
        place = bisect_right(phases, time_s, key=lambda state: state.since_s)
        if not place or time_s - phases[place - 1].since_s > self._keep:
            return None
        return phases[place - 1]
