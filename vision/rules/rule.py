"""What every rule looks like to the pipeline."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from ioc.events import Rule, VehicleClass
from vision.detect.parts import Parts
from vision.signals import SignalHistory, SignalState
from vision.track.tracks import Tracks


@dataclass(frozen=True, slots=True)
class View:
    """What is known at one frame; a rule sees nothing else.

    Attributes:
        tracks: All vehicles that are held.
        time_s: The frame's time in the source's clock, seconds.
        frame: Its number in the source.
        wall: The same instant, UTC, for bans by the hour and for expiry dates.
        parts: Heads and marks seen in this frame.
        signals: What the signal heads showed until now.
        shared: What one rule has worked out of this frame for all of them; see ``sight.py``.
    """

    tracks: Tracks
    time_s: float
    frame: int
    wall: datetime
    parts: Parts = field(default_factory=Parts.empty)
    signals: SignalHistory = field(default_factory=SignalHistory)
    shared: dict[str, object] = field(default_factory=dict, compare=False, repr=False)


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
        head: The signal head that governed the act.
        signal: What it showed at the act.
        speed_kmh: Speed at the act, from a valid calibration only.
        limit_kmh: What was allowed there, beside a speed.
        calibration: Which one.
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
    head: str | None = None
    signal: SignalState | None = None
    speed_kmh: float | None = None
    limit_kmh: float | None = None
    calibration: str | None = None


class Watcher(Protocol):
    """Watches one rule at one camera: pure, fed with every frame's tracks in order."""

    def observe(self, view: View) -> list[Finding]:
        """What this frame proves."""
        ...
