"""All that a detector found in one frame."""

from __future__ import annotations

from dataclasses import dataclass, field

from vision.detect.detections import Detections
from vision.detect.parts import Parts


@dataclass(frozen=True, slots=True)
class Detected:
    """What a detector found in one frame.

    Attributes:
        vehicles: Road users, without doubles.
        parts: Heads and marks on them, for a model that has such classes.
    """

    vehicles: Detections
    parts: Parts = field(default_factory=Parts.empty)
