"""What a camera's clip truly showed, and what the vision path made of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from ioc.events import Rule, VehicleClass
from measure.accuracy.simulated.boxes import ClipBoxes, owners
from simulator.conditions import Conditions
from vision.detect.detections import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Clip:
    """One camera's minute.

    Attributes:
        place: City and site.
        camera: The camera.
        seed: What the world was made from.
        conditions: Light, weather, traffic.
        rate: Frames a second.
        frames: How many.
        rules: The rules that the camera watches.
        size: Columns and rows of a frame.
    """

    place: str
    camera: str
    seed: int
    conditions: Conditions
    rate: float
    frames: int
    rules: tuple[Rule, ...]
    size: tuple[int, int] = (1920, 1080)

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.frames / self.rate

    @property
    def name(self) -> str:
        """As people read it, and unique in a run."""
        return f"{self.place}/{self.camera}, seed {self.seed}"


@dataclass(frozen=True, slots=True)
class TrueAct:
    """A violation that truly happened.

    Attributes:
        rule: Which rule was broken.
        body: By which road user.
        vehicle: Its class.
        at_s: When, seconds from the clip's start.
        from_s: Earliest instant that is right for it.
        until_s: Latest one.
        lane: Where.
        head: The signal head that governed it.
        doubtful: Too near a threshold to be held for or against anybody.
        why: What makes it doubtful, or a violation.
    """

    rule: Rule
    body: int
    vehicle: VehicleClass
    at_s: float
    from_s: float
    until_s: float
    lane: str | None = None
    head: str | None = None
    doubtful: bool = False
    why: str = ""

    def off(self, time_s: float) -> float:
        """Seconds from the act: later is positive, 0 within a range that is all right."""
        if self.until_s - self.from_s > 0:
            return min(0.0, time_s - self.from_s) + max(0.0, time_s - self.until_s)
        return time_s - self.at_s


@dataclass(frozen=True, slots=True)
class Flagged:
    """A violation that the system reported.

    Attributes:
        rule: Which rule.
        track: The vehicle as the tracker knows it.
        vehicle: Its class as the tracker knows it.
        act_s: When, seconds from the clip's start.
        frame: Frame in which it was decided.
        lane: Where.
        confidence: 0-1.
        reasons: What was told to the reviewer.
    """

    rule: Rule
    track: int
    vehicle: VehicleClass
    act_s: float
    frame: int
    lane: str | None
    confidence: float
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Passed:
    """A vehicle crossed a line: line, class, when."""

    line: str
    vehicle: VehicleClass
    time_s: float
    track: int


@dataclass(frozen=True)
class Watched:
    """One clip with truth and result.

    Attributes:
        clip: The clip.
        acts: What truly happened.
        flagged: What was reported.
        truth: All road users, frame by frame.
        inside: How much of each true box the picture's edge leaves, 0-1, [K].
        found: The detector's boxes of road users.
        tracks: The tracker's boxes, in the frames in which it saw them.
        heads: Head → what the system took it for, in each frame.
        bare: Boxes of heads without a helmet that the detector marked.
        passed: Crossings of lines as the system counted them.
        true_counts: (line, class) → crossings that truly happened.
    """

    clip: Clip
    acts: tuple[TrueAct, ...]
    flagged: tuple[Flagged, ...]
    truth: ClipBoxes
    inside: FloatArray
    found: ClipBoxes
    tracks: ClipBoxes
    heads: dict[str, tuple[str, ...]]
    bare: ClipBoxes
    passed: tuple[Passed, ...]
    true_counts: dict[tuple[str, VehicleClass], int]

    @cached_property
    def owner(self) -> IntArray:
        """The road user under each row of ``tracks``, -1 for none."""
        return owners(self.truth, self.tracks)
