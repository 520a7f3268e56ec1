"""Driving faster than the lane allows (chạy quá tốc độ quy định).

Speed is the slope of a line through a vehicle's positions on the surveyed road. What is compared
and told is the lower bound of its 95 % interval, in which everything counts that may be wrong: the
scatter of the boxes, their slow drift, and the calibration. Outside the surveyed area, on an
expired calibration, and where the picture's edge cuts boxes off nothing is measured.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ioc.camera import RuleSettings
from ioc.errors import ConfigError
from vision.calibrate import Ground
from vision.detect.detections import CLASSES, BoolArray
from vision.rules.guards import LOCAL, Guard, need, reason
from vision.rules.memory import FlaggedVehicles
from vision.rules.rule import Finding, View
from vision.rules.sight import HIDDEN_S, Sight, see
from vision.scene import Scene

Numbers = NDArray[np.float64]

WINDOW_S: Final = 1.5
"""A speed is that of so long: at 50 km/h a drive of 21 m, while braking hard changes it by a
third."""

LEAST_S: Final = 0.5
LEAST_SIGHTINGS: Final = 4
"""A speed is that of at least so long and so many sightings: four are half a second at 6 fps."""

LEAST_SPEEDS: Final = 2
"""So many speeds running must be too fast where a vehicle leaves before the least time is up."""

EVERY_S: Final = 0.08
"""A vehicle's speed is worked out no oftener, at 0.2 ms a time: in every second frame at 25 a
second, in each at 12 and below."""

NEAR: Final = 0.93
"""Whose ends alone are slower than this share of what is let pass is surely not flagged."""

MOST_SIGHTINGS: Final = 60
"""Positions that are kept of a vehicle: 1.5 s at 40 fps; of a faster camera the latest ones."""

BOX_ERROR: Final = 0.03
"""The lower edge of a box drifts by this share of it over a second: what the tracker's filter
leaves."""

STEP: Final = 0.3
"""A position so many box sizes off the line through the others is another vehicle's or a box that
something hides in part; what was measured before it ends there."""

SWELL: Final = 1.25
"""The size of a vehicle in metres, as its box shows it, changes by less than this in the window:
1.2 for a car that comes from 40 m to 15 m before a camera 8 m up. More, and something hides a part
of it, so that its lower edge is not the road.

After such a break nothing is measured of a vehicle for as long as a window lasts."""

AT_EDGE_PX: Final = 2.0
"""A box that comes so near to the picture's edge is cut off, so its lower edge is not the road."""

KMH: Final = 3.6
_Z: Final = 1.959964


@dataclass(frozen=True, slots=True)
class Speed:
    """A vehicle's speed over some time.

    Attributes:
        fitted: The best estimate, km/h.
        lower: Lower bound of its 95 % interval, km/h.
        span_s: Over how long.
        span_m: Over which distance, metres.
        steady: Whether all positions lie on the way of one vehicle.
    """

    fitted: float
    lower: float
    span_s: float
    span_m: float
    steady: bool


def measure(times: Numbers, metres: Numbers, boxes_m: Numbers, plane_m: float) -> Speed:
    """The speed of one vehicle.

    A line through its positions over time by least squares with Huber's weights (k = 1.345 times
    the median deviation), which outliers hardly move. Errors of neighbouring positions are alike,
    because the tracker smooths them; so the count of positions is taken down by their correlation
    r from one to the next as n (1 - r) / (1 + r). To the error of the slope comes what no fit
    shows: both ends may be off by the plane's error and by the boxes' drift.

    Args:
        times: Seconds, [N], N at least 3, growing.
        metres: Positions, [N, 2].
        boxes_m: What each box's size is worth on the road along the line of sight, metres [N].
        plane_m: Standard error of positions that the calibration gives, metres.
    """
    span_s = float(times[-1] - times[0])
    weights = np.ones(len(times))
    for _ in range(4):
        total = weights.sum()
        centre = weights @ times / total
        off = times - centre
        spread = float(weights @ (off * off))
        slope = (weights * off) @ metres / spread
        rest = metres - weights @ metres / total - off[:, None] * slope
        away = np.hypot(rest[:, 0], rest[:, 1])
        scale = max(1.4826 * float(np.median(away)), 1e-3)
        weights = np.minimum(1.0, 1.345 * scale / np.maximum(away, 1e-9))
    pace = float(np.hypot(slope[0], slope[1]))
    along = rest @ slope / max(pace, 1e-9)
    freedom = len(times) - 2
    variance = float(weights @ (along * along)) / freedom
    alike = float(along[1:] @ along[:-1]) / max(float(along @ along), 1e-12)
    alike = min(0.9, max(0.0, alike))
    variance *= (1 + alike) / (1 - alike)
    drift_m = BOX_ERROR * float(np.median(boxes_m))
    ends = 2 * (plane_m * plane_m + drift_m * drift_m) / (span_s * span_s)
    fit = _t95(freedom) ** 2 * variance / spread
    error = float(np.sqrt(fit + _Z * _Z * ends))
    steady = bool((away <= STEP * boxes_m + 2 * plane_m).all())
    return Speed(KMH * pace, KMH * max(0.0, pace - error), span_s, pace * span_s, steady)


def _t95(freedom: int) -> float:
    """Student's t at 97.5 % (Abramowitz and Stegun 26.7.5; 3 % low at two degrees of freedom)."""
    z, n = _Z, freedom
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / n + second / n**2 + third / n**3


def _halves(known: Numbers) -> tuple[Numbers, Numbers]:
    """The rows of the first and of the second half of the time, with the middle one in both."""
    middle = int(np.argmin(np.abs(known[:, 0] - (known[0, 0] + known[-1, 0]) / 2)))
    middle = min(max(middle, 1), len(known) - 2)
    return known[: middle + 1], known[middle:]


def _pace(known: Numbers) -> float:
    """Speed by plain least squares, km/h."""
    off = known[:, 0] - known[:, 0].mean()
    slope = off @ known[:, 2:4] / float(off @ off)
    return KMH * float(np.hypot(slope[0], slope[1]))


@dataclass(slots=True)
class _Run:
    """What is known of one vehicle.

    Attributes:
        seen: Its last positions: time, frame, east, north, box in metres along and across the
            line of sight (or its bulk instead of the latter), limit, confidence.
        over_s: Since when it has surely been too fast.
        last_s: When that was looked at last.
        last_excess: By how much it was above the limit then, km/h.
        quiet_s: Until when nothing is measured of it.
        told: Whether it was flagged.
        over_speeds: How many speeds running were too high.
        latest: Its speed then.
        lane: Place of the lane that it was in then.
    """

    seen: deque[tuple[float, ...]] = field(default_factory=lambda: deque(maxlen=MOST_SIGHTINGS))
    over_s: float | None = None
    last_s: float = 0.0
    last_excess: float = 0.0
    quiet_s: float = float("-inf")
    told: bool = False
    over_speeds: int = 0
    latest: Speed | None = None
    lane: int = 0

    def restart(self) -> None:
        self.seen.clear()
        self.over_s = self.latest = None
        self.over_speeds = 0
        self.last_s = self.last_excess = 0.0


class Speeding:
    """Flags each vehicle that is surely faster than its lane allows, once in the cool-down."""

    def __init__(self, scene: Scene, settings: RuleSettings) -> None:
        """Watch the lanes with a speed limit.

        Raises:
            ConfigError: The camera has no calibration, or no lane has a limit.
        """
        limited = [lane for lane in scene.lanes if lane.limit_kmh or lane.limits_kmh]
        need("speeding", limited, "lane with a speed limit")
        if scene.ground is None:
            raise ConfigError(
                "rules.speeding: the camera has no calibration; add one, or remove the rule"
            )
        self._scene = scene
        self._ground: Ground = scene.ground
        self._plane_m = scene.ground.error_m
        self._settings = settings
        self._guard = Guard(settings)
        # No limit counts as none at all; where lanes overlap the higher one holds.
        self._limits = np.array(
            [
                [lane.limits_kmh.get(name, lane.limit_kmh or np.inf) for name in CLASSES]
                for lane in scene.lanes
            ]
        )
        self._runs: dict[int, _Run] = {}
        self._flagged = FlaggedVehicles(settings.cooldown_s)
        self._sight: Sight | None = None

    def observe(self, view: View) -> list[Finding]:
        """What this frame proves."""
        sight = self._sight = see(self._scene, view, self._sight)
        self._flagged.follow(sight)
        self._forget(sight)
        if self._ground.expired(view.wall.astimezone(LOCAL).date()):
            self._runs.clear()
            return []
        lanes = sight.lanes()
        limits = np.where(lanes, self._limits[:, view.tracks.class_id], 0.0)
        highest = limits.max(axis=0)
        concerned = self._guard.concerned(sight)
        whole = concerned & (highest > 0) & np.isfinite(highest)
        rows = np.flatnonzero(whole & ~self._cut_off(sight))
        metres = self._ground.to_ground(sight.ground[rows])
        covered = self._ground.covers_ground(metres)
        worth = self._ground.scales(sight.ground[rows]) * sight.size[rows, None]
        if view.tracks.bulk is not None:
            # Its size across the line of sight changes by a third when a vehicle passes close by
            # and is seen from the side first, then from behind; this does not.
            worth[:, 1] = view.tracks.bulk[rows]
        found = []
        measured = set()
        for row, at, box, inside in zip(
            rows.tolist(), metres.tolist(), worth.tolist(), covered.tolist(), strict=True
        ):
            if not inside:
                continue
            measured.add(row)
            lane = int(np.argmax(limits[:, row]))
            run = self._runs.setdefault(sight.ids[row], _Run())
            speed = self._advance(run, sight, row, (*at, *box, float(highest[row])))
            if speed is not None:
                run.latest, run.lane = speed, lane
                if self._proven(run, sight.view.time_s):
                    found += self._tell(run, sight, row)
        for row in np.flatnonzero(sight.moving).tolist():
            if row not in measured and sight.ids[row] in self._runs:
                run = self._runs[sight.ids[row]]
                if concerned[row] and self._proven_by_way(run):
                    found += self._tell(run, sight, row)
                run.restart()
        return found

    def _cut_off(self, sight: Sight) -> BoolArray:
        """Which boxes the picture's edge cuts off, [N]."""
        boxes = sight.view.tracks.xyxy
        far = np.array([self._scene.width, self._scene.height]) - AT_EDGE_PX
        near = (boxes[:, :2] < AT_EDGE_PX).any(axis=1)
        return np.asarray(near | (boxes[:, 2:] > far).any(axis=1))

    def _forget(self, sight: Sight) -> None:
        for gone in self._runs.keys() - set(sight.ids):
            del self._runs[gone]
        for row in np.flatnonzero(sight.fresh).tolist():
            self._runs.pop(sight.ids[row], None)

    def _advance(self, run: _Run, sight: Sight, row: int, at: tuple[float, ...]) -> Speed | None:
        """Take in a position; the speed when it is surely above the limit, else None."""
        now = sight.view.time_s
        if run.told or now < run.quiet_s:
            return None
        if run.seen and now - run.seen[-1][0] > HIDDEN_S:
            run.restart()
        score = float(sight.view.tracks.score[row])
        run.seen.append((now, sight.view.frame, *at, score))
        while now - run.seen[0][0] > WINDOW_S:
            run.seen.popleft()
        first = run.seen[0]
        span_s = now - first[0]
        if len(run.seen) < LEAST_SIGHTINGS or span_s < LEAST_S - 1e-6:
            return None
        threshold = max(seen[6] for seen in run.seen) + self._settings.tolerance_kmh
        # Most vehicles keep to the limit; ends that are not even near it spare them the fit.
        if run.last_s and now - run.last_s < EVERY_S:
            return None
        chord = KMH * float(np.hypot(at[0] - first[2], at[1] - first[3])) / span_s
        speed = None
        if chord > NEAR * threshold:
            known = np.array(run.seen)
            speed = measure(known[:, 0], known[:, 2:4], known[:, 4], self._plane_m)
            swell = float(known[:, 5].max() / known[:, 5].min())
            if not speed.steady or swell > SWELL:
                run.restart()
                run.quiet_s = now + WINDOW_S
                return None
            if min(_pace(half) for half in _halves(known)) <= threshold:
                speed = None  # a step between two positions makes one half fast, not both
        excess = -threshold if speed is None else speed.lower - threshold
        if excess <= 0:
            run.over_s = run.latest = None
            run.over_speeds = 0
        elif run.over_s is None:
            part = -run.last_excess / max(excess - run.last_excess, 1e-9)
            run.over_s = now - (1 - part) * (now - run.last_s) if run.last_excess < 0 else now
        run.over_speeds += excess > 0
        run.last_s, run.last_excess = now, excess
        return speed if excess > 0 else None

    def _proven(self, run: _Run, now: float) -> bool:
        """Whether a vehicle that is still measured has been too fast for long enough."""
        assert run.over_s is not None
        return now - run.over_s >= self._settings.min_duration_s and self._sure(run)

    def _proven_by_way(self, run: _Run) -> bool:
        """The same of one that leaves what was surveyed, from the way over which it was measured.

        Each half of that way was too fast. A motorcycle at 80 km/h is measured for 0.9 s, of which
        half a second goes by before there is a first speed. One speed alone proves nothing.
        """
        if run.told or run.over_speeds < LEAST_SPEEDS:
            return False
        lasted = run.seen[-1][0] - run.seen[0][0]
        return lasted >= self._settings.min_duration_s and self._sure(run)

    def _sure(self, run: _Run) -> bool:
        return self._guard.sure(len(run.seen), sum(seen[7] for seen in run.seen))

    def _tell(self, run: _Run, sight: Sight, row: int) -> list[Finding]:
        run.told = True
        speed, number = run.latest, run.lane
        assert speed is not None
        view, track = sight.view, sight.ids[row]
        key = "speed"
        if self._flagged.known(track, key, float(sight.born_s[row]), sight.born_box[row]):
            return []
        self._flagged.add(track, key, view.time_s, view.tracks.xyxy[row], view.tracks.speed[row])
        assert run.over_s is not None
        lane = self._scene.lanes[number]
        limit = max(seen[6] for seen in run.seen)
        mean = sum(seen[7] for seen in run.seen) / len(run.seen)
        told = float(np.floor(speed.lower * 10) / 10)
        return [
            Finding(
                rule="speeding",
                track=track,
                vehicle=CLASSES[int(view.tracks.class_id[row])],
                lane=lane.id,
                act_s=run.over_s,
                first_frame=int(run.seen[0][1]),
                last_frame=view.frame,
                confidence=round(min(1.0, mean), 4),
                reasons=(
                    reason(
                        f"Tốc độ ít nhất {told:.1f} km/h, giới hạn {limit:g} km/h",
                        f"at least {told:.1f} km/h where {limit:g} is allowed",
                    ),
                    reason(
                        f"Đo {speed.fitted:.1f} km/h, đã trừ sai số "
                        f"{speed.fitted - speed.lower:.1f} km/h (tin cậy 95 %)",
                        f"measured {speed.fitted:.1f} km/h, less its error at 95 %",
                    ),
                    reason(
                        f"Đo trên {speed.span_m:.1f} m trong {speed.span_s:.2f} s, "
                        f"{len(run.seen)} vị trí",
                        f"over {speed.span_m:.1f} m in {speed.span_s:.2f} s",
                    ),
                    reason(
                        f"Hiệu chuẩn {self._ground.id[:30]}, sai số vị trí {self._plane_m:.2f} m, "
                        f"hạn {self._ground.expires:%d/%m/%Y}",
                        f"calibration error {self._plane_m:.2f} m",
                    ),
                ),
                speed_kmh=told,
                limit_kmh=limit,
                calibration=self._ground.id,
            )
        ]
