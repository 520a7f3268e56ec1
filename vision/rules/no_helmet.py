"""Riding without a helmet (không đội mũ bảo hiểm).

Needs a model that marks heads with and without a helmet. A head belongs to the motorcycle under it,
and only when no other motorcycle could claim it. Heads vote over the frames: a model takes a cap
for bare hair in one frame and not in the next. Who only stands beside a parked motorcycle does not
ride it, so it must have moved.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from ioc.camera import RuleSettings
from vision.detect.detections import CLASS_ID, BoolArray, FloatArray, IntArray, iou
from vision.detect.parts import PART_ID
from vision.rules.guards import Guard, reason
from vision.rules.memory import FlaggedVehicles
from vision.rules.rule import Finding, View
from vision.rules.sight import Sight, see
from vision.scene import Scene

SHARE: Final = 0.6
"""Of the frames in which heads are seen, a bare one must be in at least this share. By frames, not
by heads: of two riders one with a helmet does not clear the other."""

EACH: Final = 0.85
"""And of all the heads seen on it so many times one rider's share must be bare: a bare head in
somebody's background comes and goes, a rider's stays."""

FAINT: Final = 0.5
"""Bare heads must be marked with at least this confidence on average, and a head's vote weighs by
the square of its own: at night and in rain our model marks helmets as bare with 0.3 to 0.5, real
bare heads with 0.7."""

ABOVE: Final = 0.8
"""Heads are looked for up to this share of the box's height above it: a model that marks the
motorcycle alone ends its box at the rider's hip."""

BELOW: Final = 0.4
"""And down to this share of it below its top: a model that marks both begins at the head."""

USUAL: Final = (-0.65, 0.2)
"""Where between these two the head of a rider is: at such a share of the height below the top."""

HEAD: Final = (0.12, 0.9)
"""Width of a head as a share of the motorcycle's: from the side, and from ahead. Another size is
the head of someone much nearer or farther."""

ASIDE: Final = 0.25
"""And so far to its sides, as a share of its width: riders lean, passengers sit across."""

CLEAR: Final = 1.5
"""Another motorcycle must be so many times farther from a head, or the head is nobody's."""

CUT_PX: Final = 2.0
"""A motorcycle whose box comes so near to the picture's upper edge shows no heads, and a head so
near to any edge is cut off: whether there is a helmet on the rest of it nobody knows."""

TOGETHER: Final = 0.4
"""Heads of one motorcycle lie no farther apart than this share of its height, one above the other;
driver and passenger from behind are 0.2 apart. Farther, and one is somebody's whose own motorcycle
is hidden; nobody knows which, so neither counts."""

ONE_HEAD: Final = 0.4
"""Overlap from which two marks, one with a helmet and one without, are of one head; the surer one
counts."""


@dataclass(slots=True)
class _Votes:
    """The heads on one motorcycle.

    Attributes:
        x: Where it was when its first head was seen, pixels.
        y: The same.
        first_s: When a bare head was seen first.
        first_frame: Number of that frame.
        last_s: When one was seen last.
        frames: Frames with a bare head.
        bare: Bare heads.
        covered: Heads with a helmet.
        looks: Frames in which any head was seen.
        score_sum: Sum of the confidence of the bare heads.
        bare_weight: Sum of its squares.
        covered_weight: The same of the heads with a helmet.
        box_sum: Sum of the confidence of the motorcycle's boxes in these frames.
        travel: Farthest that it has been from where it was first, pixels.
        told: Whether it was flagged.
    """

    x: float
    y: float
    first_s: float = 0.0
    first_frame: int = 0
    last_s: float = 0.0
    frames: int = 0
    bare: int = 0
    covered: int = 0
    looks: int = 0
    score_sum: float = 0.0
    bare_weight: float = 0.0
    covered_weight: float = 0.0
    box_sum: float = 0.0
    travel: float = 0.0
    told: bool = False

    def least_share(self) -> float:
        """Of all heads seen so many must be bare, by how many riders there seem to be."""
        riders = max(1, round((self.bare + self.covered) / self.looks))
        return min(SHARE, EACH / riders)


class NoHelmet:
    """Flags each motorcycle with a bare head, once in the cool-down."""

    def __init__(self, scene: Scene, settings: RuleSettings) -> None:
        """Watch the motorcycles of a camera.

        Args:
            scene: What it looks at; without lanes all of the picture counts.
            settings: Thresholds; pixels are those of the site file.
        """
        self._scene = scene
        self._settings = settings
        self._least = settings.min_travel_px * scene.scale
        self._guard = Guard(settings)
        self._votes: dict[int, _Votes] = {}
        self._flagged = FlaggedVehicles(settings.cooldown_s)
        self._sight: Sight | None = None

    def observe(self, view: View) -> list[Finding]:
        """What this frame proves."""
        sight = self._sight = see(self._scene, view, self._sight)
        self._flagged.follow(sight)
        self._forget(sight)
        parts = view.parts
        helmets = (parts.part_id == PART_ID["helmet"]) | (parts.part_id == PART_ID["no_helmet"])
        if not self._votes and not helmets.any():
            return []
        whole = view.tracks.xyxy[:, 1] > CUT_PX
        motorcycles = view.tracks.class_id == CLASS_ID["motorcycle"]
        rows = np.flatnonzero(self._guard.concerned(sight) & motorcycles & whole)
        heads = _single(view, np.flatnonzero(helmets & self._uncut(parts.xyxy)))
        # Who rides a bicycle, or a motorcycle of which nothing is judged, has a head, too.
        ridden = motorcycles | (view.tracks.class_id == CLASS_ID["bicycle"])
        owners = _owners(view, np.flatnonzero(ridden), heads)
        owners[_apart(view, heads, owners)] = -1
        bare = parts.part_id[heads] == PART_ID["no_helmet"]
        found = []
        for row in rows.tolist():
            votes = self._votes.get(sight.ids[row])
            own = owners == row
            if votes is None and not own.any():
                continue
            votes = self._count(votes, sight, row, heads[own & bare], heads[own & ~bare])
            if self._proven(votes):
                votes.told = True
                found += self._tell(votes, sight, row)
        return found

    def _uncut(self, boxes: FloatArray) -> BoolArray:
        """Which boxes keep away from the edges of the picture, [K]."""
        far = np.array([self._scene.width, self._scene.height]) - CUT_PX
        return np.asarray((boxes[:, :2] > CUT_PX).all(axis=1) & (boxes[:, 2:] < far).all(axis=1))

    def _forget(self, sight: Sight) -> None:
        if not self._votes:
            return
        for gone in self._votes.keys() - set(sight.ids):
            del self._votes[gone]
        for row in np.flatnonzero(sight.fresh).tolist():
            self._votes.pop(sight.ids[row], None)

    def _count(
        self, votes: _Votes | None, sight: Sight, row: int, bare: IntArray, covered: IntArray
    ) -> _Votes:
        now, view = sight.view.time_s, sight.view
        x, y = sight.ground[row].tolist()
        if votes is None:
            votes = self._votes[sight.ids[row]] = _Votes(x, y)
        votes.travel = max(votes.travel, float(np.hypot(x - votes.x, y - votes.y)))
        votes.covered += len(covered)
        votes.covered_weight += float(np.square(view.parts.score[covered]).sum())
        votes.looks += bool(len(covered) or len(bare))
        if len(bare):
            if not votes.frames:
                votes.first_s, votes.first_frame = now, view.frame
            votes.last_s = now
            votes.frames += 1
            votes.bare += len(bare)
            votes.score_sum += float(view.parts.score[bare].sum())
            votes.bare_weight += float(np.square(view.parts.score[bare]).sum())
            votes.box_sum += float(view.tracks.score[row])
        return votes

    def _proven(self, votes: _Votes) -> bool:
        return (
            not votes.told
            and votes.bare > 0
            and votes.frames >= SHARE * votes.looks
            and votes.bare_weight
            >= votes.least_share() * (votes.bare_weight + votes.covered_weight)
            and votes.travel >= self._least
            and votes.last_s - votes.first_s >= self._settings.min_duration_s
            and votes.score_sum / votes.bare >= max(FAINT, self._settings.least_score)
            and self._guard.sure(votes.frames, votes.box_sum)
        )

    def _tell(self, votes: _Votes, sight: Sight, row: int) -> list[Finding]:
        view, track = sight.view, sight.ids[row]
        tracks = view.tracks
        born = float(sight.born_s[row]), sight.born_box[row]
        if self._flagged.known(track, "helmet", *born):
            return []
        self._flagged.add(track, "helmet", view.time_s, tracks.xyxy[row], tracks.speed[row])
        heads = votes.bare + votes.covered
        mean = votes.score_sum / votes.bare
        lanes = np.flatnonzero(sight.lanes()[:, row])
        return [
            Finding(
                rule="no_helmet",
                track=track,
                vehicle="motorcycle",
                lane=self._scene.lanes[int(lanes[0])].id if len(lanes) else None,
                act_s=votes.first_s,
                first_frame=votes.first_frame,
                last_frame=view.frame,
                confidence=round(min(1.0, mean * votes.frames / votes.looks), 4),
                reasons=(
                    reason(
                        f"Thấy đầu không đội mũ bảo hiểm trong {votes.frames} khung hình, "
                        f"{votes.last_s - votes.first_s:.1f} s",
                        f"bare head in {votes.frames} frames",
                    ),
                    reason(
                        f"{votes.bare} trên {heads} lần thấy đầu là không mũ, "
                        f"độ tin cậy trung bình {mean:.2f}",
                        f"{votes.bare} of {heads} heads bare, mean confidence {mean:.2f}",
                    ),
                    reason(
                        f"Xe đã chạy {votes.travel:.0f} px trong lúc đó",
                        f"the motorcycle moved {votes.travel:.0f} px meanwhile",
                    ),
                ),
            )
        ]


def _single(view: View, heads: IntArray) -> IntArray:
    """The marks of heads, less those that a surer one of the other kind lies on."""
    parts = view.parts
    kind, score = parts.part_id[heads], parts.score[heads]
    rival = iou(parts.xyxy[heads], parts.xyxy[heads]) >= ONE_HEAD
    rival &= (kind[:, None] != kind[None, :]) & (score[None, :] > score[:, None])
    return heads[~rival.any(axis=1)]


def _owners(view: View, rows: IntArray, heads: IntArray) -> IntArray:
    """The motorcycle under each head, as its row in the tracks; -1 where it is not clear, [H]."""
    if not len(rows) or not len(heads):
        return np.full(len(heads), -1, np.int64)
    boxes = view.tracks.xyxy[rows].astype(np.float64)
    marks = view.parts.xyxy[heads].astype(np.float64)
    middle = (marks[:, :2] + marks[:, 2:]) / 2
    sides = np.maximum(boxes[:, 2:] - boxes[:, :2], 1.0)
    centre = (boxes[:, 0] + boxes[:, 2]) / 2
    # [H, M], in box widths from the middle and box heights below the top.
    aside = np.abs(middle[:, :1] - centre) / sides[:, 0]
    below = (middle[:, 1:] - boxes[:, 1]) / sides[:, 1]
    width = (marks[:, 2:3] - marks[:, :1]) / sides[:, 0]
    there = (aside <= 0.5 + ASIDE) & (below >= -ABOVE) & (below <= BELOW)
    there &= (width >= HEAD[0]) & (width <= HEAD[1])
    off = np.maximum(np.maximum(USUAL[0] - below, below - USUAL[1]), 0)
    far = np.where(there, np.hypot(aside, off), np.inf)
    every = np.arange(len(heads))
    nearest = far.argmin(axis=1)
    best = far[every, nearest]
    far[every, nearest] = np.inf
    clear = np.isfinite(best) & (far.min(axis=1) >= CLEAR * np.maximum(best, 0.1))
    return np.where(clear, rows[nearest], -1)


def _apart(view: View, heads: IntArray, owners: IntArray) -> BoolArray:
    """Which heads lie too far above or below another one of the same motorcycle, [H]."""
    if not len(view.tracks):
        return np.zeros(len(heads), np.bool_)
    boxes, marks = view.tracks.xyxy[owners], view.parts.xyxy[heads]
    middle = (marks[:, 1] + marks[:, 3]) / 2
    reach = TOGETHER * np.maximum(boxes[:, 3] - boxes[:, 1], 1.0)
    far = np.abs(middle[:, None] - middle) > reach[:, None]
    return np.asarray((far & (owners[:, None] == owners) & (owners >= 0)[:, None]).any(axis=1))
