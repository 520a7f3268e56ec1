"""What the signal heads showed, and when: asked for at the interpolated instant of an act."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from dataclasses import dataclass
from typing import Final, Literal

from ioc.events import Phase

KEEP_S: Final = 300.0
"""Phases older than this are forgotten; no act is judged later than its evidence window."""


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
    origin: Literal["controller", "image"]


class SignalHistory:
    """The phases of all heads of one camera, by time. What nobody said is unknown, not a guess."""

    def __init__(self, keep_s: float = KEEP_S) -> None:
        self._keep = keep_s
        self._phases: dict[str, deque[SignalState]] = {}

    def record(self, head: str, state: SignalState) -> None:
        """Take in a change. One out of order or a repeat of the present phase changes nothing."""
        phases = self._phases.setdefault(head, deque())
        if phases:
            last = phases[-1]
            if state.since_s < last.since_s or (
                state.phase == last.phase and state.origin == last.origin
            ):
                return
        phases.append(state)
        while len(phases) > 1 and phases[1].since_s < state.since_s - self._keep:
            phases.popleft()

    def at(self, head: str, time_s: float) -> SignalState | None:
        """What a head showed at an instant, or None when nothing is known of it."""
        phases = self._phases.get(head)
        if not phases:
            return None
        place = bisect_right(phases, time_s, key=lambda state: state.since_s)
        return phases[place - 1] if place else None
