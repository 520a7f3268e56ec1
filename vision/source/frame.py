"""A picture with its three clocks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from vision.source.picture import Picture


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame of a source.

    Attributes:
        picture: Its pixels.
        index: Its number in the source, from 0; frames that could not be used keep theirs.
        pts_s: Time in the source's own clock, seconds from its first frame, never falling.
        wall: The instant that events of this frame carry, UTC.
        arrival_s: Monotonic time at which it was decoded, seconds.
        decode_s: How long decoding took, seconds.
    """

    picture: Picture
    index: int
    pts_s: float
    wall: datetime
    arrival_s: float
    decode_s: float = 0.0


@dataclass(frozen=True, slots=True)
class SourceState:
    """How a source is, for health messages.

    Attributes:
        dropped: Frames that a newer one replaced or that could not be used, since the start.
        stalls: Times it stood still or went away, since the start.
    """

    dropped: int
    stalls: int
