"""What every rule looks like to the pipeline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from ioc.events import Rule, VehicleClass
from vision.track.tracks import Tracks


@dataclass(frozen=True, slots=True)
class Moment:
    """When a frame was.

    Attributes:
        time_s: Its time in the source's clock, seconds.
        frame: Its number in the source.
    """

    time_s: float
    frame: int


@dataclass(frozen=True, slots=True)
class Finding:
    """A vehicle broke a rule, as far as its track shows.

    Attributes:
        rule: Which one.
        track: The vehicle.
        vehicle: Its class by vote.
        lane: Where, if it matters to the rule.
        act_s: When the act was done, interpolated between frames, seconds.
        first_frame: First frame that the decision rests on.
        last_frame: Last one.
        confidence: 0-1.
        reasons: What was seen, for the reviewer, in plain words with figures.
    """

    rule: Rule
    track: int
    vehicle: VehicleClass
    lane: str | None
    act_s: float
    first_frame: int
    last_frame: int
    confidence: float
    reasons: tuple[str, ...]


class Watcher(Protocol):
    """Watches one rule at one camera: pure, fed with every frame's tracks in order."""

    def observe(self, tracks: Tracks, now: Moment) -> list[Finding]:
        """What this frame proves."""
        ...
