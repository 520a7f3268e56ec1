"""Driving against the permitted way of a lane (đi ngược chiều)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ioc.camera import RuleSettings
from vision.detect.detections import CLASSES, FloatArray
from vision.rules.guards import Guard, need, reason
from vision.rules.memory import FlaggedVehicles
from vision.rules.rule import Finding, View
from vision.rules.sight import Numbers, Sight, see
from vision.scene import LaneArea, Scene

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


@dataclass(slots=True)
class _Run:
    """One vehicle's motion against one lane's way, from where it began."""

    start_s: float
    start_frame: int
    start: tuple[float, float]
    progress: float
    box: FloatArray
    gain_s: float
    last_s: float
    last: float = 0.0
    reach: float = 0.0
    gain: float = 0.0
    act_s: float | None = None
    sightings: int = 1
    score_sum: float = 0.0
    told: bool = False


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

        Raises:
            ConfigError: There is no lane.
        """
        need("wrong_way", scene.lanes, "lane")
        self._scene = scene
        self._settings = settings
        self._least = settings.min_travel_px * scene.scale
        self._guard = Guard(settings)
        self._along = np.stack([lane.along for lane in scene.lanes])
        self._runs: dict[tuple[int, int], _Run] = {}
        self._lowest: dict[tuple[int, int], float] = {}
        self._went_right: set[tuple[int, int]] = set()
        self._flagged = FlaggedVehicles(settings.cooldown_s)
        self._sight: Sight | None = None

    def observe(self, view: View) -> list[Finding]:
        """What this frame proves. Vehicles that are no longer held are forgotten."""
        sight = self._sight = see(self._scene, view, self._sight)
        self._flagged.follow(sight)
        self._forget(sight)
        concerned = sight.lanes() & self._guard.concerned(sight)
        permitted = self._permitted(sight)
        progress = self._along @ sight.ground.T
        found: list[Finding] = []
        for number, row in np.argwhere(concerned).tolist():
            key = (sight.ids[row], number)
            if permitted[number, row]:
                self._runs.pop(key, None)
                continue
            run = self._advance(key, float(progress[number, row]), sight, row)
            if run.told or run.act_s is None:
                continue
            cosine = self._judge(key, run, sight, row)
            if cosine is None:
                continue
            run.told = True
            lane = self._scene.lanes[number]
            turned = key in self._went_right
            if self._flagged.known(key[0], lane.id, run.start_s, run.box, turned=turned):
                continue
            found.append(self._finding(cosine, key, lane, run, sight, row))
            tracks = view.tracks
            self._flagged.add(key[0], lane.id, view.time_s, tracks.xyxy[row], tracks.speed[row])
        return found

    def _forget(self, sight: Sight) -> None:
        held = set(sight.ids)
        for known in (self._runs, self._lowest):
            for key in [key for key in known if key[0] not in held]:
                del known[key]
        self._went_right = {key for key in self._went_right if key[0] in held}

    def _permitted(self, sight: Sight) -> Numbers:
        """How many other lanes each vehicle is in that permit its way, [lanes, N]."""
        speed = sight.view.tracks.speed
        along = self._along @ speed.T > 0.5 * np.hypot(speed[:, 0], speed[:, 1])
        fits = sight.lanes() & along
        return np.asarray(fits.sum(axis=0) - fits, dtype=np.float64)

    def _advance(self, key: tuple[int, int], progress: float, sight: Sight, row: int) -> _Run:
        """Move a vehicle's run on by one sighting, or begin a new one."""
        now = sight.view.time_s
        score = float(sight.view.tracks.score[row])
        run = self._runs.get(key)
        slack = SLACK * self._least
        lowest = self._lowest[key] = min(progress, self._lowest.get(key, progress))
        if progress - lowest > self._least / 2:
            self._went_right.add(key)
        against = 0.0 if run is None else run.progress - progress
        if run is None or against <= 0 or against < run.reach - slack or now - run.gain_s > STALL_S:
            x, y = sight.ground[row].tolist()
            box = sight.view.tracks.xyxy[row]
            run = _Run(now, sight.view.frame, (x, y), progress, box, now, now, score_sum=score)
            self._runs[key] = run
            return run
        if run.act_s is None and against >= self._least:
            part = (self._least - run.last) / max(against - run.last, 1e-9)
            run.act_s = run.last_s + part * (now - run.last_s)
        run.reach = max(run.reach, against)
        if run.reach >= run.gain + slack:
            run.gain, run.gain_s = run.reach, now
        run.last_s, run.last = now, against
        run.sightings += 1
        run.score_sum += score
        return run

    def _judge(self, key: tuple[int, int], run: _Run, sight: Sight, row: int) -> float | None:
        """Cosine to the permitted way of a run that is proof enough, else None."""
        size = float(sight.size[row])
        needed = self._least
        if key in self._went_right:
            needed = max(REVERSING * self._least, 1.5 * size)
        if (
            run.reach < max(needed, size / 2)
            or sight.view.time_s - run.start_s < self._settings.min_duration_s
            or not self._guard.sure(run.sightings, run.score_sum)
        ):
            return None
        x, y = sight.ground[row].tolist()
        travel = float(np.hypot(x - run.start[0], y - run.start[1]))
        cosine = -run.last / max(travel, 1e-9)
        return cosine if cosine <= MOST_OFF else None

    def _finding(
        self,
        cosine: float,
        key: tuple[int, int],
        lane: LaneArea,
        run: _Run,
        sight: Sight,
        row: int,
    ) -> Finding:
        assert run.act_s is not None
        now = sight.view
        angle = float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))
        lasted, mean = now.time_s - run.start_s, run.score_sum / run.sightings
        reasons = [
            reason(
                f"Đi ngược chiều làn {lane.id} {run.reach:.0f} px trong {lasted:.2f} s",
                f"{run.reach:.0f} px against the way of lane {lane.id}",
            ),
            reason(
                f"Hướng đi lệch {angle:.0f} độ so với chiều cho phép",
                f"heading {angle:.0f} degrees off the permitted way",
            ),
            reason(
                f"Thấy {run.sightings} lần, độ tin cậy trung bình {mean:.2f}",
                f"seen {run.sightings} times",
            ),
        ]
        if key in self._went_right:
            reasons.append(
                reason("Trước đó đã đi đúng chiều rồi quay lại", "drove the permitted way before")
            )
        return Finding(
            rule="wrong_way",
            track=key[0],
            vehicle=CLASSES[int(now.tracks.class_id[row])],
            lane=lane.id,
            act_s=run.act_s,
            first_frame=run.start_frame,
            last_frame=now.frame,
            confidence=round(min(1.0, max(0.0, mean * min(1.0, -cosine))), 4),
            reasons=tuple(reasons),
        )
