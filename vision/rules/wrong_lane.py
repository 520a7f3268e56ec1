"""Driving in a lane that is closed to the class (đi sai làn đường quy định).

The vehicle's point on the road must be well inside the lane, and it must drive along it for long
enough, in seconds and in pixels. Clipping the edge is nothing, standing there adds nothing, and in
a jam (``congestion_vehicles``) nobody chooses a lane.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from ioc.camera import RuleSettings
from vision.detect.detections import CLASSES, BoolArray, FloatArray, IntArray
from vision.footing import SOLIDS
from vision.rules.guards import Guard, concerns, need, reason
from vision.rules.memory import FlaggedVehicles
from vision.rules.rule import Finding, View
from vision.rules.sight import Sight, see
from vision.scene import Areas, LaneArea, Scene

WELL_INSIDE: Final = 0.25
"""So many box sizes to every side of its point on the road the lane must still go on: the point
itself is off by a tenth of the box, and edges are drawn by hand. A long vehicle's box is larger
than its width and height, so on a surveyed road it is these that count: 0.6 m for a bus."""

_FRONTS: Final = np.array([np.sqrt(SOLIDS[name].width * SOLIDS[name].height) for name in CLASSES])

HELD_S: Final = 1.5
"""A run ends when the vehicle was not seen well inside the lane for so long."""


@dataclass(slots=True)
class _Run:
    """One vehicle's drive in one lane that is closed to it."""

    start_s: float
    start_frame: int
    start: float
    last_s: float
    travel: float = 0.0
    far_s: float | None = None
    sightings: int = 0
    score_sum: float = 0.0
    told: bool = False


class WrongLane:
    """Flags each vehicle that drives in a lane closed to its class, once in the cool-down."""

    def __init__(self, scene: Scene, settings: RuleSettings) -> None:
        """Watch the lanes that name the classes permitted in them.

        Raises:
            ConfigError: No lane does.
        """
        closed = [lane for lane in scene.lanes if lane.vehicles]
        need("wrong_lane", closed, "lane that names its permitted vehicles")
        self._scene = scene
        self._settings = settings
        self._least = settings.min_travel_px * scene.scale
        self._guard = Guard(settings)
        self._permitted = np.stack([concerns(lane.vehicles) for lane in scene.lanes])
        self._areas = Areas([lane.polygon for lane in scene.lanes])
        self._across = np.stack([(-lane.along[1], lane.along[0]) for lane in scene.lanes])
        self._runs: dict[tuple[int, int], _Run] = {}
        self._flagged = FlaggedVehicles(settings.cooldown_s)
        self._sight: Sight | None = None

    def observe(self, view: View) -> list[Finding]:
        """What this frame proves."""
        sight = self._sight = see(self._scene, view, self._sight)
        self._flagged.follow(sight)
        lanes = sight.lanes()
        permitted = self._permitted[:, view.tracks.class_id]
        # Where lanes overlap, one that permits the class is enough.
        wrong = lanes & ~permitted & ~(lanes & permitted).any(axis=0) & self._guard.concerned(sight)
        self._forget(sight, lanes)
        if not wrong.any():
            return []
        found = []
        for number, row in np.argwhere(wrong & self._well_inside(sight, wrong)).tolist():
            key = (sight.ids[row], number)
            lane = self._scene.lanes[number]
            if self._guard.congested(sight, lanes[number], row):
                self._runs.pop(key, None)
                continue
            run = self._advance(key, lane, sight, row)
            if self._proven(run, sight, row):
                run.told = True
                if not self._flagged.known(
                    key[0], "lane", float(sight.born_s[row]), sight.born_box[row]
                ):
                    found.append(self._finding(run, lane, sight, row))
                    tracks = view.tracks
                    self._flagged.add(
                        key[0], "lane", view.time_s, tracks.xyxy[row], tracks.speed[row]
                    )
        return found

    def _forget(self, sight: Sight, lanes: BoolArray) -> None:
        """End the runs of vehicles that are gone, have jumped, or have left the lane."""
        if not self._runs:
            return
        rows = {track: row for row, track in enumerate(sight.ids)}
        now = sight.view.time_s
        for (track, number), run in list(self._runs.items()):
            row = rows.get(track)
            if (
                row is None
                or sight.fresh[row]
                or now - run.last_s > HELD_S
                or (sight.moving[row] and not lanes[number, row])
            ):
                del self._runs[track, number]

    def _well_inside(self, sight: Sight, wrong: BoolArray) -> BoolArray:
        """Which vehicles are so far inside that they do not just clip the edge, [lanes, N]."""
        rows = np.flatnonzero(wrong.any(axis=0))
        lanes = len(wrong)
        # To both sides only: at a lane's end, the stop line, who drives on is still well inside.
        aside = self._across[:, None] * (WELL_INSIDE * self._front(sight, rows))[None, :, None]
        points = sight.ground[rows] + np.stack([aside, -aside], axis=1)
        within = self._areas.within(points.reshape(-1, 2)).reshape(lanes, lanes, 2, len(rows))
        own = np.arange(lanes)
        well = np.zeros_like(wrong)
        well[:, rows] = within[own, own].all(axis=1)
        return well

    def _front(self, sight: Sight, rows: IntArray) -> FloatArray:
        """How large each vehicle is from ahead, pixels [N]: never more than its box."""
        ground, boxes = self._scene.ground, np.asarray(sight.size[rows], np.float32)
        if ground is None:
            return boxes
        metres = _FRONTS[sight.view.tracks.class_id[rows]]
        worth = ground.scales(sight.ground[rows])[:, 1]
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(np.fmin(metres / worth, boxes), np.float32)

    def _advance(self, key: tuple[int, int], lane: LaneArea, sight: Sight, row: int) -> _Run:
        """Move a run on by one sighting, or begin one."""
        now = sight.view.time_s
        x, y = sight.ground[row].tolist()
        progress = x * float(lane.along[0]) + y * float(lane.along[1])
        run = self._runs.get(key)
        if run is None:
            run = self._runs[key] = _Run(now, sight.view.frame, progress, now)
        travel = progress - run.start
        if run.far_s is None and travel >= self._least:
            part = (self._least - run.travel) / max(travel - run.travel, 1e-9)
            run.far_s = run.last_s + min(1.0, max(0.0, part)) * (now - run.last_s)
        run.last_s, run.travel = now, travel
        run.sightings += 1
        run.score_sum += float(sight.view.tracks.score[row])
        return run

    def _proven(self, run: _Run, sight: Sight, row: int) -> bool:
        if run.told or run.far_s is None:
            return False
        # Half of what it measures from ahead: a bus's box covers ten metres of road.
        far = float(self._front(sight, np.array([row]))[0]) / 2
        return (
            run.travel >= max(self._least, far)
            and sight.view.time_s - run.start_s >= self._settings.min_duration_s
            and self._guard.sure(run.sightings, run.score_sum)
        )

    def _finding(self, run: _Run, lane: LaneArea, sight: Sight, row: int) -> Finding:
        assert run.far_s is not None
        now = sight.view
        vehicle = CLASSES[int(now.tracks.class_id[row])]
        lasted = now.time_s - run.start_s
        mean = run.score_sum / run.sightings
        return Finding(
            rule="wrong_lane",
            track=sight.ids[row],
            vehicle=vehicle,
            lane=lane.id,
            act_s=max(run.far_s, run.start_s + self._settings.min_duration_s),
            first_frame=run.start_frame,
            last_frame=now.frame,
            confidence=round(min(1.0, mean), 4),
            reasons=(
                reason(
                    f"Đi {run.travel:.0f} px trong làn {lane.id} trong {lasted:.1f} s",
                    f"drove {run.travel:.0f} px in lane {lane.id} in {lasted:.1f} s",
                ),
                reason(
                    f"Làn chỉ dành cho {', '.join(lane.vehicles)}; xe này là {vehicle}",
                    f"the lane is for these classes only, not for {vehicle}",
                ),
                reason(
                    f"Thấy {run.sightings} lần trong làn, độ tin cậy trung bình {mean:.2f}",
                    f"seen {run.sightings} times in the lane",
                ),
            ),
        )
