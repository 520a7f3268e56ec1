"""The bar under a clip: what the signal showed, where the act and the stills are. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

from store.case_file import Phase

WIDTH: Final = 1000
"""Units of the drawing's width; the page scales it."""

USUAL: Final = timedelta(seconds=6)
"""Of a clip whose manifest has not arrived: what cameras record before and after an act."""


LEAST_US: Final = 10_000
"""A clip shorter than this is a single picture, and has no bar of its own."""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of the bar.

    Attributes:
        left: Begin, units.
        width: Units.
        phase: What the signal showed.
        seconds: How long, within the clip.
    """

    left: float
    width: float
    phase: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Mark:
    """A point of the bar.

    Attributes:
        at: Where, units.
        kind: ``act``, or the role of a still.
        second: Seconds after the begin of the clip.
    """

    at: float
    kind: str
    second: float


@dataclass(frozen=True, slots=True)
class Timeline:
    """The bar.

    Attributes:
        seconds: Length of the clip.
        spans: Phases in order; empty when nothing is known of the signal.
        marks: The act and the stills.
        step_s: Seconds from one picture to the next.
    """

    seconds: float
    spans: tuple[Span, ...]
    marks: tuple[Mark, ...]
    step_s: float

    @property
    def act_s(self) -> float:
        """Seconds from the clip's begin to the act."""
        return next(mark.second for mark in self.marks if mark.kind == "act")


def timeline(
    act: datetime,
    pictures_us: Sequence[int],
    stills: Sequence[tuple[str, int]],
    phases: Sequence[Phase],
) -> Timeline:
    """Lay out a clip.

    Args:
        act: When it happened.
        pictures_us: Time of every picture after the act, microseconds, in order; empty when it is
            not known.
        stills: Role and time after the act, microseconds.
        phases: Changes of the signal that governed it, the one before the clip's begin first.
    """
    usual = round(USUAL / timedelta(microseconds=1))
    times = sorted(pictures_us)
    if not times or times[-1] - times[0] < LEAST_US:
        times = [-usual, usual]
    first, last = times[0], times[-1]
    whole = (last - first) / 1e6

    def place(us: float) -> float:
        return round(min(max((us - first) / (last - first), 0), 1) * WIDTH, 2)

    def after_act(at: datetime) -> float:
        return (at - act) / timedelta(microseconds=1)

    spans = []
    for number, phase in enumerate(phases):
        begin = max(after_act(phase.since), first)
        following = number + 1 < len(phases)
        end = min(after_act(phases[number + 1].since), last) if following else last
        if end > begin:
            left, right = place(begin), place(end)
            seconds = round((end - begin) / 1e6, 1)
            spans.append(Span(left, round(right - left, 2), phase.phase, seconds))
    marks = [Mark(place(0), "act", round(-first / 1e6, 3))]
    marks += [Mark(place(us), role, round((us - first) / 1e6, 3)) for role, us in stills]
    gaps = sorted(b - a for a, b in pairwise(times))
    step = gaps[len(gaps) // 2] / 1e6 if len(gaps) > 1 else 0.04
    return Timeline(round(whole, 3), tuple(spans), tuple(marks), round(min(max(step, 0.01), 1), 4))
