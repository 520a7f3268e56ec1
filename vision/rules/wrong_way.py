"""Driving against the permitted way of a lane (đi ngược chiều)."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np

from ioc.events import VehicleClass
from ioc.site import RuleSettings
from vision.detect.detections import CLASS_ID, CLASSES, FloatArray, iou
from vision.rules.rule import Finding, View
from vision.scene import LaneArea, Points, Scene, inside
from vision.track.tracks import Tracks

MOST_OFF = -0.7
"""Cosine to the permitted way that motion must stay below: within 45 degrees of straight against,
so that crossing the lane or turning out of it is not driving against it."""

STALL_S = 2.0
"""A run that gains nothing for this long has ended: the drift of a box on a standing vehicle adds
up to any distance in an hour, but not within two seconds."""

SLACK = 0.25
"""Share of the least travel by which a run may fall back, or must advance, to be motion at all."""

REVERSING = 2.0
"""A vehicle that drove the permitted way before must come back this many times the least travel
and its own length and a half: manoeuvring is not driving against the way."""

TRAIL_S = 2.0
"""How long after it was lost a flagged vehicle may come back under a new identity."""

SAME_PLACE = 0.3
"""Overlap of two boxes at one time from which they are one vehicle: riders abreast stay below."""

MOST_REMEMBERED = 256


@dataclass(slots=True)
class _Run:
    """One vehicle's motion against one lane's way, from where it began."""

    start_s: float
    start_frame: int
    start: Points
    box: FloatArray
    reach: float = 0.0
    gain: float = 0.0
    gain_s: float = 0.0
    act_s: float | None = None
    last: tuple[float, float] = (0.0, 0.0)
    scores: list[float] = field(default_factory=list)
    told: bool = False


@dataclass(slots=True)
class _Flagged:
    """A vehicle that was flagged: the identities it went by, and where it has just been."""

    at_s: float
    tracks: set[int]
    lane: str
    trail: deque[tuple[float, FloatArray, FloatArray]]


class WrongWay:
    """Flags each vehicle that drives against its lane's way, once.

    A run begins where a vehicle has come furthest along the permitted way and grows as it comes
    back. It counts when it is long enough in pixels and in seconds, seen often enough, straight
    against the way, and not in a second lane that permits it. The act is the instant at which
    the least travel was reached, interpolated between two frames.
    """

    def __init__(self, scene: Scene, settings: RuleSettings) -> None:
        """Watch the lanes of a scene.

        Args:
            scene: Lanes with their permitted way, in frame pixels.
            settings: Thresholds; pixels are those of the site file.
        """
        self._lanes = scene.lanes
        self._settings = settings
        self._least = settings.min_travel_px * scene.scale
        self._runs: dict[tuple[int, str], _Run] = {}
        self._lowest: dict[tuple[int, str], float] = {}
        self._went_right: set[tuple[int, str]] = set()
        self._flagged: list[_Flagged] = []

    def observe(self, view: View) -> list[Finding]:
        """What this frame proves. Vehicles that are no longer held are forgotten."""
        tracks, now = view.tracks, view
        held = {int(track) for track in tracks.id}
        self._runs = {key: run for key, run in self._runs.items() if key[0] in held}
        self._lowest = {key: low for key, low in self._lowest.items() if key[0] in held}
        self._went_right = {key for key in self._went_right if key[0] in held}
        self._follow_flagged(tracks, now.time_s)
        points, sizes = tracks.ground(), tracks.size()
        moving = tracks.seen & (tracks.class_id != CLASS_ID["pedestrian"])
        within = [inside(points, lane.polygon) for lane in self._lanes]
        found: list[Finding] = []
        for lane, in_lane in zip(self._lanes, within, strict=True):
            for index in np.flatnonzero(in_lane & moving):
                speed = tracks.speed[index].astype(np.float64)
                permitted = any(
                    other is not lane
                    and there[index]
                    and float(speed @ other.along) > 0.5 * float(np.hypot(*speed))
                    for other, there in zip(self._lanes, within, strict=True)
                )
                key = (int(tracks.id[index]), lane.id)
                if permitted:
                    self._runs.pop(key, None)
                    continue
                box = tracks.xyxy[index]
                run = self._advance(key, lane, points[index], box, float(tracks.score[index]), now)
                proof = self._judge(key, lane, run, points[index], float(sizes[index]), now)
                if proof is None or run.told:
                    continue
                run.told = True
                if self._known(run, key):
                    continue
                vehicle = CLASSES[int(tracks.class_id[index])]
                found.append(self._finding(proof, key, lane, run, vehicle, now))
                trail = deque([(now.time_s, box, tracks.speed[index])], maxlen=MOST_REMEMBERED)
                self._flagged.append(_Flagged(now.time_s, {key[0]}, lane.id, trail))
                del self._flagged[:-MOST_REMEMBERED]
        return found

    def _advance(
        self,
        key: tuple[int, str],
        lane: LaneArea,
        point: Points,
        box: FloatArray,
        score: float,
        now: View,
    ) -> _Run:
        """Move a vehicle's run on by one sighting, or begin a new one."""
        run = self._runs.get(key)
        against = 0.0 if run is None else -float((point - run.start) @ lane.along)
        slack = SLACK * self._least
        progress = float(point @ lane.along)
        self._lowest[key] = min(progress, self._lowest.get(key, progress))
        if progress - self._lowest[key] > self._least / 2:
            self._went_right.add(key)
        ended = (
            run is None
            or against <= 0
            or against < run.reach - slack
            or now.time_s - run.gain_s > STALL_S
        )
        if run is None or ended:
            run = _Run(now.time_s, now.frame, point, box, gain_s=now.time_s)
            run.last = (now.time_s, 0.0)
            run.scores.append(score)
            self._runs[key] = run
            return run
        if run.act_s is None and against >= self._least:
            before_s, before = run.last
            part = (self._least - before) / max(against - before, 1e-9)
            run.act_s = before_s + part * (now.time_s - before_s)
        run.reach = max(run.reach, against)
        if run.reach >= run.gain + slack:
            run.gain, run.gain_s = run.reach, now.time_s
        run.last = (now.time_s, against)
        if len(run.scores) < 1000:
            run.scores.append(score)
        return run

    def _judge(
        self,
        key: tuple[int, str],
        lane: LaneArea,
        run: _Run,
        point: Points,
        size: float,
        now: View,
    ) -> tuple[float, float] | None:
        """Travel and cosine of a run that is proof enough, else None."""
        travel = float(np.hypot(*(point - run.start)))
        needed = self._least
        if key in self._went_right:
            needed = max(REVERSING * self._least, 1.5 * size)
        if (
            run.act_s is None
            or run.reach < max(needed, size / 2)
            or now.time_s - run.start_s < self._settings.min_duration_s
            or len(run.scores) < self._settings.confirmations
        ):
            return None
        cosine = float((point - run.start) @ lane.along) / max(travel, 1e-9)
        return (run.reach, cosine) if cosine <= MOST_OFF else None

    def _finding(
        self,
        proof: tuple[float, float],
        key: tuple[int, str],
        lane: LaneArea,
        run: _Run,
        vehicle: VehicleClass,
        now: View,
    ) -> Finding:
        travel, cosine = proof
        assert run.act_s is not None
        angle = float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))
        reasons = [
            f"{travel:.0f} px against the way of lane {lane.id}",
            f"for {now.time_s - run.start_s:.2f} s, seen {len(run.scores)} times",
            f"heading {angle:.0f} degrees off the permitted way",
        ]
        if key in self._went_right:
            reasons.append("drove the permitted way before")
        confidence = float(np.mean(run.scores)) * min(1.0, -cosine)
        return Finding(
            rule="wrong_way",
            track=key[0],
            vehicle=vehicle,
            lane=lane.id,
            act_s=run.act_s,
            first_frame=run.start_frame,
            last_frame=now.frame,
            confidence=round(min(1.0, max(0.0, confidence)), 4),
            reasons=tuple(reasons),
        )

    def _follow_flagged(self, tracks: Tracks, now_s: float) -> None:
        """Keep the recent path of every flagged vehicle, and forget those long gone."""
        cooldown = max(self._settings.cooldown_s, TRAIL_S)
        self._flagged = [flag for flag in self._flagged if now_s - flag.at_s <= cooldown]
        for flag in self._flagged:
            for index in np.flatnonzero(tracks.seen & np.isin(tracks.id, list(flag.tracks))):
                flag.trail.append((now_s, tracks.xyxy[index], tracks.speed[index]))

    def _known(self, run: _Run, key: tuple[int, str]) -> bool:
        """Whether this run is of a vehicle that was flagged already.

        By its identity. Or the tracker lost a flagged vehicle and took it up again: the run began
        after the last sighting, where the vehicle would have come to. Or the tracker mistook it
        for its neighbour: a vehicle that drove the permitted way turned round at the very place
        and time of a flagged one. Any other run beside a flagged vehicle is a second vehicle.
        """
        track, lane = key
        if any(track in flag.tracks for flag in self._flagged):
            return True
        for flag in self._flagged:
            if flag.lane != lane:
                continue
            seen_s, box, speed = min(flag.trail, key=lambda seen: abs(seen[0] - run.start_s))
            gap = run.start_s - seen_s
            lost = seen_s == flag.trail[-1][0] and 0 < gap <= TRAIL_S
            swapped = key in self._went_right and abs(gap) <= 0.5
            if not (lost or swapped):
                continue
            expected = box + np.tile(speed, 2) * np.float32(gap)
            if float(iou(expected[None], run.box[None])[0, 0]) >= SAME_PLACE:
                flag.tracks.add(track)
                return True
        return False
