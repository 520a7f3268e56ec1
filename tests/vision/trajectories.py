"""Made-up traffic for the tests of the rules: way-points in, views of each frame out.

    bike = Path(1, ((0, 100, 0), (2, 100, 200), (5, 100, 200), (6, 100, 400)))
    found = watch(rule, views(bike, rate=6, signals=lights((0, "red"), (5, "green"))))

The point that moves along the way-points is the vehicle's point on the road (``Tracks.ground``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from ioc.camera import Camera, RuleSettings
from ioc.events import Phase, Rule, VehicleClass
from models.contract import Part
from vision.detect.detections import CLASS_ID
from vision.detect.parts import PART_ID, Parts
from vision.rules.rule import Finding, View, Watcher
from vision.scene import Scene, build_scene
from vision.signals import SignalHistory, SignalState
from vision.track.tracks import GROUND_SHARE, Tracks

NOON = datetime(2026, 11, 22, 5, tzinfo=UTC)
"""Twelve o'clock in Hậu Giang."""

Waypoint = tuple[float, float, float]
"""Seconds, x, y."""


@dataclass(frozen=True, slots=True)
class Path:
    """One vehicle that drives straight and evenly from way-point to way-point.

    Attributes:
        track: Its identity.
        points: Its way-points in the order of time; it exists from the first to the last.
        vehicle: Its class.
        side: Width and height of its box, pixels.
        score: Confidence of its boxes.
        hidden: Spans (from, to) in which it is held by the tracker but not seen.
        gone: Spans in which the tracker does not hold it at all.
        renamed: (from, identity): the tracker gives it another identity from then on.
        parts: What the model marks in the middle of its box, such as emergency or no_helmet.
    """

    track: int
    points: Sequence[Waypoint]
    vehicle: VehicleClass = "motorcycle"
    side: float = 40.0
    score: float = 0.6
    hidden: Sequence[tuple[float, float]] = ()
    gone: Sequence[tuple[float, float]] = ()
    renamed: Sequence[tuple[float, int]] = ()
    parts: Sequence[Part] = ()

    def held(self, time_s: float) -> bool:
        """Whether the tracker holds it."""
        there = self.points[0][0] <= time_s <= self.points[-1][0]
        return there and not _within(self.gone, time_s)

    def places(self, times: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Points [T, 2] and speeds over the tenth of a second before [T, 2], also while gone."""
        known = np.array(self.points, np.float64)

        def at(moments: NDArray[np.float64]) -> NDArray[np.float64]:
            axes = [np.interp(moments, known[:, 0], known[:, axis]) for axis in (1, 2)]
            return np.stack(axes, axis=1)

        return at(times), (at(times) - at(times - 0.1)) / 0.1

    def identity(self, time_s: float) -> int:
        """The identity that it goes by."""
        return [self.track, *(name for since, name in self.renamed if time_s >= since)][-1]

    def shifted(self, seconds: float = 0, x: float = 0, y: float = 0) -> Path:
        """The same drive later and elsewhere."""
        return replace(self, points=tuple((t + seconds, a + x, b + y) for t, a, b in self.points))


def views(
    *paths: Path,
    rate: float = 25.0,
    until: float | None = None,
    jitter: float = 0.0,
    seed: int = 0,
    dropped: float = 0.0,
    signals: SignalHistory | None = None,
    late_s: float = 0.0,
    start: datetime = NOON,
) -> Iterator[View]:
    """The views of a camera. Read them one by one: the signals are known only until then.

    Args:
        paths: The vehicles.
        rate: Frames a second.
        until: Time of the last frame; the last way-point when left out.
        jitter: Standard deviation of the noise on each box's place, pixels.
        seed: Of the noise and of the drops.
        dropped: Share of the frames that never come.
        signals: All phases of the drive; none when left out.
        late_s: How late a phase becomes known.
        start: Wall time of second 0.
    """
    rng = np.random.default_rng(seed)
    end = until if until is not None else max(path.points[-1][0] for path in paths)
    coming = [(head, state) for head, kept in (signals or SignalHistory()).all() for state in kept]
    coming.sort(key=lambda item: item[1].since_s)
    known = SignalHistory()
    moments = np.arange(int(end * rate) + 1) / rate
    places = [path.places(moments) for path in paths]
    for frame in range(int(end * rate) + 1):
        time_s = frame / rate
        while coming and coming[0][1].since_s + late_s <= time_s:
            known.record(*coming.pop(0))
        if rng.random() < dropped:
            continue
        held = [
            (path, points[frame], speeds[frame])
            for path, (points, speeds) in zip(paths, places, strict=True)
            if path.held(time_s)
        ]
        tracks, parts = _frame(held, time_s, jitter, rng)
        wall = start + timedelta(seconds=time_s)
        yield View(tracks, time_s, frame, wall, parts, known)


def watch(watcher: Watcher, seen: Iterable[View]) -> list[Finding]:
    """All that a rule finds."""
    return [finding for view in seen for finding in watcher.observe(view)]


def scene(**parts: object) -> Scene:
    """A scene of 1000 x 1000 pixels from the parts of a site file's camera."""
    camera = {
        "id": "cam-1",
        "name": {"vi": "Máy quay", "en": "Camera"},
        "source": "sim://made-up",
        "frame": {"width": 1000, "height": 1000},
        **parts,
    }
    return build_scene(Camera.model_validate(camera), 1000, 1000)


def rule_settings(rule: Rule, **changes: object) -> RuleSettings:
    """Settings of a rule as the site file gives them."""
    return RuleSettings.model_validate({"rule": rule, **changes})


def lights(*phases: tuple[float, Phase], head: str = "head-1") -> SignalHistory:
    """The phases of one head: (since, phase)."""
    history = SignalHistory()
    for since, phase in phases:
        history.record(head, SignalState(phase, since, "controller"))
    return history


Spot = NDArray[np.float64]


def _frame(
    held: Sequence[tuple[Path, Spot, Spot]], time_s: float, jitter: float, rng: np.random.Generator
) -> tuple[Tracks, Parts]:
    boxes = np.array([_box(path.side, *at) for path, at, _ in held], np.float32).reshape(-1, 4)
    noise = rng.normal(0, jitter, (len(held), 2)).astype(np.float32) if jitter else 0.0
    boxes += np.tile(noise, 2) if jitter else np.float32(0)
    marks = [(row, part) for row, (path, _, _) in enumerate(held) for part in path.parts]
    middle = [(boxes[row, :2] * 2 + boxes[row, 2:]) / 3 for row, _ in marks]
    far = [(boxes[row, :2] + boxes[row, 2:] * 2) / 3 for row, _ in marks]
    parts = Parts(
        np.concatenate(
            (np.reshape(middle, (-1, 2)), np.reshape(far, (-1, 2))), axis=1, dtype=np.float32
        ),
        np.full(len(marks), 0.8, np.float32),
        np.array([PART_ID[part] for _, part in marks], np.int64),
    )
    born = [path.points[0][0] for path, _, _ in held]
    tracks = Tracks(
        id=np.array([path.identity(time_s) for path, _, _ in held], np.int64),
        xyxy=boxes,
        speed=np.array([speed for _, _, speed in held], np.float32).reshape(-1, 2),
        score=np.array([path.score for path, _, _ in held], np.float32),
        class_id=np.array([CLASS_ID[path.vehicle] for path, _, _ in held], np.int64),
        age_s=np.array([time_s - since for since in born], np.float32),
        hits=np.full(len(held), 9, np.int64),
        seen=np.array([not _within(path.hidden, time_s) for path, _, _ in held], np.bool_),
    )
    return tracks, parts


def _box(side: float, x: float, y: float) -> tuple[float, float, float, float]:
    top = y - (1 - GROUND_SHARE) * side
    return x - side / 2, top, x + side / 2, top + side


def _within(spans: Sequence[tuple[float, float]], time_s: float) -> bool:
    return any(start <= time_s < end for start, end in spans)
