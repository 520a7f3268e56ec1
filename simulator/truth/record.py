"""What the ground truth of a clip holds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, get_args

import numpy as np
from numpy.typing import NDArray

from ioc.events import Phase, VehicleClass
from simulator.conditions import Conditions
from simulator.truth.act import Act
from simulator.truth.seen import PartKind
from simulator.world import Intent

Points = NDArray[np.float64]
Numbers = NDArray[np.int64]

START: Final = datetime(2026, 7, 1, 5, 0, tzinfo=UTC)
"""When the first frame of every clip was taken, for the times of recorded signals: noon in
Vietnam."""

PART_KINDS: Final[tuple[PartKind, ...]] = get_args(PartKind)
PHASE_NAMES: Final[tuple[Phase, ...]] = get_args(Phase)


@dataclass(frozen=True, slots=True)
class Vehicle:
    """A road user of the clip.

    Attributes:
        id: Its number.
        kind: Its class.
        colour: Paint as blue, green, red.
        plate: Registration; None without one.
        plate_lines: As painted.
        plate_colour: Background of the plate.
        helmets: For each rider, driver first, whether the head wears a helmet.
    """

    id: int
    kind: VehicleClass
    colour: tuple[int, int, int]
    plate: str | None
    plate_lines: tuple[str, ...]
    plate_colour: str | None
    helmets: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class Passage:
    """A vehicle crossed a count or stop line along its way.

    Attributes:
        line: The line.
        lane: The lane that it lies across.
        body: The vehicle.
        kind: Its class.
        at_s: When, seconds from the clip's start.
    """

    line: str
    lane: str | None
    body: int
    kind: VehicleClass
    at_s: float


@dataclass(frozen=True, slots=True)
class Count:
    """How many vehicles of a class crossed a line."""

    line: str
    lane: str | None
    kind: VehicleClass
    count: int


@dataclass(frozen=True, slots=True)
class TruePlate:
    """A plate at its best: the step at which it is highest and hardly hidden.

    Attributes:
        body: The vehicle.
        text: The registration.
        lines: As painted.
        height_px: Height, pixels.
        step: When, counted from 0.
    """

    body: int
    text: str
    lines: tuple[str, ...]
    height_px: float
    step: int


@dataclass(frozen=True, slots=True)
class Change:
    """A signal head changed its light at an instant, seconds from the clip's start."""

    head: str
    at_s: float
    phase: Phase


@dataclass(frozen=True)
class Record:
    """All of a clip's truth that is not one row a frame.

    Attributes:
        place: City and site.
        camera: The camera.
        seed: What the world was made from.
        conditions: Light, weather, traffic.
        rate: Frames a second.
        frames: How many.
        width: Columns of a frame.
        height: Rows of a frame.
        start: When the first frame was taken.
        heads: The place's signal heads.
        changes: Changes of their lights.
        vehicles: All road users that are in the picture some time.
        acts: Violations, in the order of time.
        intents: Violations that were planned; for who builds worlds.
        passages: Crossings of the count and stop lines, in the order of time.
        counts: The same summed up.
        plates: Each plate at its best.
    """

    place: str
    camera: str
    seed: int
    conditions: Conditions
    rate: float
    frames: int
    width: int
    height: int
    start: datetime
    heads: tuple[str, ...]
    changes: tuple[Change, ...]
    vehicles: tuple[Vehicle, ...]
    acts: tuple[Act, ...]
    intents: tuple[Intent, ...]
    passages: tuple[Passage, ...]
    counts: tuple[Count, ...]
    plates: tuple[TruePlate, ...]


@dataclass(frozen=True, slots=True)
class BoxTable:
    """The boxes of all frames, in the order of frames, then of road users.

    Attributes:
        step: Frame, counted from 0, int64 [K].
        body: Number of the road user, int64 [K].
        xyxy: Box cut at the picture's edge, pixels, float64 [K, 4].
        visible: Share that no other road user hides, float64 [K].
        inside: Share of the whole box that is in the picture, float64 [K].
    """

    step: Numbers
    body: Numbers
    xyxy: Points
    visible: Points
    inside: Points

    def __len__(self) -> int:
        return len(self.step)

    def rows(self, step: int) -> slice:
        """The rows of a frame."""
        first, last = np.searchsorted(self.step, [step, step + 1]).tolist()
        return slice(first, last)


@dataclass(frozen=True, slots=True)
class PartTable:
    """The parts of all frames, in the order of frames.

    Attributes:
        step: Frame, counted from 0, int64 [K].
        body: Number of the road user, -1 for signal heads, int64 [K].
        kind: Place in ``PART_KINDS``, int64 [K].
        xyxy: Box, pixels, float64 [K, 4].
        visible: Share that nothing hides, float64 [K].
        height_px: Height of plates along their edges, of others of the box, pixels, [K].
        quad: Corners of plates as one reads them: left top, right top, right bottom, left bottom;
            NaN for others, float64 [K, 8].
        phase: Place in ``PHASE_NAMES`` of what a signal head shows, -1 for others, int64 [K].
        text: Registration of plates, name of signal heads.
    """

    step: Numbers
    body: Numbers
    kind: Numbers
    xyxy: Points
    visible: Points
    height_px: Points
    quad: Points
    phase: Numbers
    text: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.step)

    def rows(self, step: int) -> slice:
        """The rows of a frame."""
        first, last = np.searchsorted(self.step, [step, step + 1]).tolist()
        return slice(first, last)


@dataclass(frozen=True)
class Truth(Record):
    """The ground truth of a clip: the record, and one row for each box and part in each frame."""

    boxes: BoxTable
    parts: PartTable
