"""What a run of a node did, and how far it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ioc.events import VehicleClass


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is.

    Attributes:
        frame: Frames done, of all cameras.
        frames: Frames that the files state, 0 if one does not or a camera is live.
        fps: Frames a second of processing over the last ten seconds.
        events: Events minted so far.
    """

    frame: int
    frames: int
    fps: float
    events: int


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run did.

    Attributes:
        frames: Frames processed.
        seconds: Processing time.
        crossings: (line, class) → vehicles. With several cameras a line is ``camera.line``.
        lane_of: Line → the lane whose flow it measures.
        events: Event type → events minted.
        failed: Events that could not be stored.
    """

    frames: int
    seconds: float
    crossings: Mapping[tuple[str, VehicleClass], int]
    lane_of: Mapping[str, str | None]
    events: Mapping[str, int]
    failed: int

    @property
    def fps(self) -> float:
        """Frames processed a second."""
        return self.frames / self.seconds if self.seconds > 0 else 0.0
