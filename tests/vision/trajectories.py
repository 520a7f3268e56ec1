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

from ioc.events import Phase, VehicleClass
from models.contract import Part
from vision.detect.detections import CLASS_ID
from vision.detect.parts import PART_ID, Parts
from vision.rules.rule import Finding, View, Watcher
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

    def at(self, time_s: float) -> tuple[float, float] | None:
        """Where its point on the road is, or None when it is not held."""
        times = [point[0] for point in self.points]
        if not times[0] <= time_s <= times[-1] or _within(self.gone, time_s):
            return None
        x = float(np.interp(time_s, times, [point[1] for point in self.points]))
        y = float(np.interp(time_s, times, [point[2] for point in self.points]))
        return x, y

    def speed(self, time_s: float) -> tuple[float, float]:
        """Pixels a second, over the tenth of a second before."""
        first = self.points[0][0]
        ends = [
            replace(self, gone=()).at(min(max(t, first), self.points[-1][0]))
            for t in (time_s - 0.1, time_s)
        ]
        (ax, ay), (bx, by) = (end or (0.0, 0.0) for end in ends)
        return (bx - ax) / 0.1, (by - ay) / 0.1

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
    for frame in range(int(end * rate) + 1):
        time_s = frame / rate
        while coming and coming[0][1].since_s + late_s <= time_s:
            known.record(*coming.pop(0))
        if rng.random() < dropped:
            continue
        tracks, parts = _frame(paths, time_s, jitter, rng)
        wall = start + timedelta(seconds=time_s)
        yield View(tracks, time_s, frame, wall, parts, known)


def watch(watcher: Watcher, seen: Iterable[View]) -> list[Finding]:
    """All that a rule finds."""
    return [finding for view in seen for finding in watcher.observe(view)]


def lights(*phases: tuple[float, Phase], head: str = "head-1") -> SignalHistory:
    """The phases of one head: (since, phase)."""
    history = SignalHistory()
    for since, phase in phases:
        history.record(head, SignalState(phase, since, "controller"))
    return history


def _frame(
    paths: Sequence[Path], time_s: float, jitter: float, rng: np.random.Generator
) -> tuple[Tracks, Parts]:
    held = [(path, spot) for path in paths if (spot := path.at(time_s)) is not None]
    boxes = np.array([_box(path.side, *spot) for path, spot in held], np.float32).reshape(-1, 4)
    noise = rng.normal(0, jitter, (len(held), 2)).astype(np.float32) if jitter else 0.0
    boxes += np.tile(noise, 2) if jitter else np.float32(0)
    marks = [(row, part) for row, (path, _) in enumerate(held) for part in path.parts]
    middle = [(boxes[row, :2] * 2 + boxes[row, 2:]) / 3 for row, _ in marks]
    far = [(boxes[row, :2] + boxes[row, 2:] * 2) / 3 for row, _ in marks]
    parts = Parts(
        np.concatenate(
            (np.reshape(middle, (-1, 2)), np.reshape(far, (-1, 2))), axis=1, dtype=np.float32
        ),
        np.full(len(marks), 0.8, np.float32),
        np.array([PART_ID[part] for _, part in marks], np.int64),
    )
    born = [path.points[0][0] for path, _ in held]
    tracks = Tracks(
        id=np.array([path.identity(time_s) for path, _ in held], np.int64),
        xyxy=boxes,
        speed=np.array([path.speed(time_s) for path, _ in held], np.float32).reshape(-1, 2),
        score=np.array([path.score for path, _ in held], np.float32),
        class_id=np.array([CLASS_ID[path.vehicle] for path, _ in held], np.int64),
        age_s=np.array([time_s - since for since in born], np.float32),
        hits=np.full(len(held), 9, np.int64),
        seen=np.array([not _within(path.hidden, time_s) for path, _ in held], np.bool_),
    )
    return tracks, parts


def _box(side: float, x: float, y: float) -> tuple[float, float, float, float]:
    top = y - (1 - GROUND_SHARE) * side
    return x - side / 2, top, x + side / 2, top + side


def _within(spans: Sequence[tuple[float, float]], time_s: float) -> bool:
    return any(start <= time_s < end for start, end in spans)
