"""Making a turn that is not allowed (rẽ, quay đầu nơi cấm).

A vehicle that drove long enough in one lane leaves the junction over an exit line, and a forbidden
turn of the site file joins the two. Only its last lane counts. It is the one rule whose proof
spans the whole junction, so an identity in doubt on the way ends it: a jump, a long time out of
sight, or a meeting with a vehicle from another lane so close that the tracker may have swapped
the two.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import numpy as np

from ioc.camera import ForbiddenTurn, RuleSettings
from vision.detect.detections import BODY, CLASSES, BoolArray, iou
from vision.rules.guards import Guard, concerns, in_force, need, reason
from vision.rules.memory import SAME_PLACE, FlaggedVehicles
from vision.rules.rule import Finding, View
from vision.rules.sight import Crossing, Sight, see
from vision.scene import Scene, inside

OUT_OF_SIGHT_S: Final = 1.0
"""After so long out of sight in the junction it may be another vehicle: a whole queue passes any
spot of a junction in 2 s, one vehicle in 1 s."""

STALE_S: Final = 60.0
"""A lane left longer ago says nothing of where a vehicle comes from: no green is longer."""

NAMES: Final = {
    "left": ("rẽ trái", "left turn"),
    "right": ("rẽ phải", "right turn"),
    "straight": ("đi thẳng", "straight on"),
    "u_turn": ("quay đầu", "U-turn"),
}


@dataclass(slots=True)
class _Origin:
    """The lane that a vehicle came in by."""

    lane: int
    since_s: float
    since_frame: int
    last_s: float
    last: tuple[float, float]
    sightings: int = 1
    score_sum: float = 0.0


class IllegalTurn:
    """Flags each vehicle that makes a forbidden turn, once in the cool-down."""

    def __init__(self, scene: Scene, settings: RuleSettings) -> None:
        """Watch the forbidden turns of a scene.

        Raises:
            ConfigError: There is none.
        """
        need("illegal_turn", scene.turns, "forbidden turn")
        self._scene = scene
        self._settings = settings
        self._least = settings.min_travel_px * scene.scale
        self._guard = Guard(settings)
        self._turns: dict[tuple[int, str], list[tuple[ForbiddenTurn, BoolArray]]] = {}
        lanes = [lane.id for lane in scene.lanes]
        for turn in scene.turns:
            key = (lanes.index(turn.lane), turn.exit)
            self._turns.setdefault(key, []).append((turn, concerns(turn.vehicles)))
        # A lane that an exit line lies across leads out of the junction: nobody comes by it.
        middles = np.array([line.start + line.span / 2 for line in scene.exits]).reshape(-1, 2)
        ways_out = {line.lane for line in scene.exits}
        self._ways_in = np.array(
            [
                lane.id not in ways_out and not inside(middles, lane.polygon).any()
                for lane in scene.lanes
            ]
        )
        self._origins: dict[int, _Origin] = {}
        self._entering: dict[int, _Origin] = {}
        self._flagged = FlaggedVehicles(settings.cooldown_s)
        self._sight: Sight | None = None

    def observe(self, view: View) -> list[Finding]:
        """What this frame proves."""
        sight = self._sight = see(self._scene, view, self._sight)
        self._flagged.follow(sight)
        self._forget(sight)
        lanes = sight.lanes() & sight.moving & self._ways_in[:, None]
        found = []
        for crossing in sight.crossings:
            line = sight.lines[crossing.line]
            if line.kind == "exit" and (crossing.forward or not line.only):
                found += self._judge(sight, crossing, line.id)
        for lane, row in np.argwhere(lanes).tolist():
            self._drive_in(sight, lanes, lane, row)
        self._doubt(sight, lanes)
        return found

    def _forget(self, sight: Sight) -> None:
        """Drop the origin of vehicles that are gone, have jumped, or were long out of sight."""
        held = set(sight.ids)
        for known in (self._origins, self._entering):
            for track in [track for track in known if track not in held]:
                del known[track]
        late = sight.moving & (sight.view.time_s - sight.last_s > OUT_OF_SIGHT_S)
        for row in np.flatnonzero(sight.fresh | late).tolist():
            self._origins.pop(sight.ids[row], None)
            self._entering.pop(sight.ids[row], None)

    def _drive_in(self, sight: Sight, lanes: BoolArray, lane: int, row: int) -> None:
        """One more sighting of a vehicle in a lane; once it was there long enough, it is from it.

        Where lanes overlap the one it came by first stays.
        """
        track, now = sight.ids[row], sight.view.time_s
        x, y = sight.ground[row].tolist()
        score = float(sight.view.tracks.score[row])
        entering = self._entering.get(track)
        if entering is None or not (entering.lane == lane or lanes[entering.lane, row]):
            fresh = _Origin(lane, now, sight.view.frame, now, (x, y), 1, score)
            self._entering[track] = fresh
            return
        if entering.lane != lane:
            return
        entering.last_s, entering.last = now, (x, y)
        entering.sightings += 1
        entering.score_sum += score
        if now - entering.since_s >= self._settings.min_duration_s and entering.sightings >= 2:
            self._origins[track] = entering

    def _doubt(self, sight: Sight, lanes: BoolArray) -> None:
        """Drop the origins of vehicles that meet one of another origin box in box."""
        if not self._origins:
            return
        outside = [
            row
            for row in np.flatnonzero(sight.moving & ~lanes.any(axis=0)).tolist()
            if sight.ids[row] in self._origins
        ]
        if not outside:
            return
        tracks = sight.view.tracks
        others = np.flatnonzero(tracks.seen)
        body = BODY[tracks.class_id]
        near = iou(tracks.xyxy[outside], tracks.xyxy[others]) >= SAME_PLACE
        near &= body[outside][:, None] == body[others][None, :]
        doubted = set()
        for place, column in np.argwhere(near).tolist():
            one, other = sight.ids[outside[place]], sight.ids[int(others[column])]
            first, second = self._origins[one], self._origins.get(other)
            if one != other and (second is None or second.lane != first.lane):
                doubted |= {one, other}
        for track in doubted:
            self._origins.pop(track, None)
            self._entering.pop(track, None)

    def _judge(self, sight: Sight, crossing: Crossing, exit_line: str) -> list[Finding]:
        row, view = crossing.row, sight.view
        track, class_id = sight.ids[row], int(view.tracks.class_id[row])
        origin = self._origins.get(track)
        if origin is None or not bool(self._guard.concerned(sight)[row]):
            return []
        travel = float(np.hypot(*(sight.ground[row] - origin.last)))
        if crossing.at_s - origin.last_s > STALE_S or travel < self._least:
            return []
        if not self._guard.sure(int(sight.sightings[row]), float(sight.score_sum[row])):
            return []
        wall = view.wall - timedelta(seconds=view.time_s - crossing.at_s)
        for turn, classes in self._turns.get((origin.lane, exit_line), ()):
            if not classes[class_id] or not in_force(turn.hours, wall):
                continue
            born = float(sight.born_s[row]), sight.born_box[row]
            if self._flagged.known(track, turn.id, *born, any_key=False):
                return []
            self._flagged.add(
                track, turn.id, view.time_s, view.tracks.xyxy[row], view.tracks.speed[row]
            )
            return [self._finding(turn, origin, sight, crossing, travel)]
        return []

    def _finding(
        self,
        turn: ForbiddenTurn,
        origin: _Origin,
        sight: Sight,
        crossing: Crossing,
        travel: float,
    ) -> Finding:
        row, view = crossing.row, sight.view
        mean = sight.mean_score(row)
        vi, en = NAMES[turn.kind]
        lane_s, way_s = origin.last_s - origin.since_s, crossing.at_s - origin.last_s
        reasons = [
            reason(
                f"Cấm {vi} ({turn.id}): từ làn {turn.lane} ra vạch {turn.exit}",
                f"forbidden {en} from lane {turn.lane} over {turn.exit}",
            ),
            reason(
                f"Ở làn {turn.lane} {lane_s:.1f} s, qua nút {travel:.0f} px trong {way_s:.1f} s",
                f"{lane_s:.1f} s in the lane, {way_s:.1f} s through the junction",
            ),
            reason(
                f"Thấy {int(sight.sightings[row])} lần, độ tin cậy trung bình {mean:.2f}",
                f"seen {int(sight.sightings[row])} times without a break",
            ),
        ]
        if turn.hours:
            spans = ", ".join(f"{part.start:%H:%M}-{part.end:%H:%M}" for part in turn.hours)
            reasons.append(reason(f"Giờ cấm {spans}", f"forbidden {spans}"))
        return Finding(
            rule="illegal_turn",
            track=sight.ids[row],
            vehicle=CLASSES[int(view.tracks.class_id[row])],
            lane=turn.lane,
            act_s=crossing.at_s,
            first_frame=min(origin.since_frame, view.frame),
            last_frame=view.frame,
            confidence=round(min(1.0, mean), 4),
            reasons=tuple(reasons),
        )
