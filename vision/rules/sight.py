"""What all rules want to know of one frame, worked out once and carried from frame to frame.

Nine rules share 0.3 ms of a frame, so what they have in common is done for all vehicles at once on
arrays: where each stands, which lane or zone it is in, how deep it is beyond each line, how long
and how surely it has been followed. A sight is made from the one before and from a view, and
nothing else; the first rule that asks makes it, the others find it in ``View.shared``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vision.detect.detections import CLASS_ID, BoolArray, FloatArray, IntArray
from vision.detect.parts import PART_ID
from vision.rules.rule import View
from vision.scene import Points, RoadLine, Scene, inside

Numbers = NDArray[np.float64]

HYSTERESIS: Final = 0.1
"""A vehicle is on a side of a line once it is this share of its box beyond it. The filter leaves
about 0.03 of jitter, so one that stands on the line does not swing from side to side."""

MARGIN: Final = 0.05
"""A line is taken this much longer at each end, for vehicles that hug the kerb."""

JUMP: Final = 1.0
"""A vehicle that turns up so many box sizes from where it was expected is not surely the same one:
two vehicles have swapped their identities. What it did before proves nothing any more. Filtered
boxes of real vehicles stay within 0.3, also at 6 frames a second."""

HIDDEN_S: Final = 0.5
"""A sighting after a longer gap than this says little of the instant at which something happened.
Three frames at 6 fps; the jump that is allowed grows with the gap over this too."""


@dataclass(frozen=True, slots=True)
class Crossing:
    """A vehicle has crossed a stop or exit line.

    Attributes:
        line: Place in ``Sight.lines``.
        row: Place of the vehicle in the frame's tracks.
        at_s: When its point on the road was on the line, interpolated, seconds.
        before_s: When it was last seen on the other side.
        before_frame: Number of that frame.
        hidden: Whether it was out of sight for long when it crossed, so that the instant is vague.
        forward: Along the line's permitted way, or to its positive side where it has none.
    """

    line: int
    row: int
    at_s: float
    before_s: float
    before_frame: int
    hidden: bool
    forward: bool


@dataclass(slots=True)
class Sight:
    """One frame, with what is remembered of each of its N vehicles.

    Attributes:
        scene: What the camera looks at.
        view: The frame.
        ids: Identity of each vehicle.
        ground: Its point on the road, [N, 2]. Where it is not seen this is only expected.
        size: Root of its box's area, pixels [N].
        moving: Whether it was seen in this frame and is no person on foot, [N].
        fresh: Whether nothing is known of it before this frame: new, or its identity jumped, [N].
        last_s: When it was seen before this frame, [N].
        last: Where it was then, [N, 2].
        born_s: Since when it has been followed without a jump, [N].
        born_frame: Number of that frame, [N].
        born_box: Where it was then, [N, 4].
        sightings: Frames in which it has been seen since, [N].
        score_sum: Sum of the confidence of these boxes, [N].
        marked: Frames in which the model marked it as on emergency duty, [N].
        lines: The stop lines, then the exit lines.
        depth: How far it is beyond each line along the permitted way, pixels [lines, N].
        crossings: Crossings that this frame completes.
    """

    scene: Scene
    view: View
    ids: list[int]
    ground: Points
    size: Numbers
    moving: BoolArray
    fresh: BoolArray
    last_s: Numbers
    last: Points
    born_s: Numbers
    born_frame: IntArray
    born_box: FloatArray
    sightings: IntArray
    score_sum: Numbers
    marked: IntArray
    lines: tuple[RoadLine, ...]
    depth: Numbers
    crossings: list[Crossing]
    _ways: tuple[Points, Numbers]
    _seen_s: Numbers
    _seen_frame: IntArray
    _seen: Points
    _seen_depth: Numbers
    _speed: Points
    _side: IntArray
    _swings: Numbers
    _lanes: BoolArray | None = None
    _zones: BoolArray | None = None

    def lanes(self) -> BoolArray:
        """Which vehicles are in which lane, [lanes, N]."""
        if self._lanes is None:
            self._lanes = _within(self.ground, [lane.polygon for lane in self.scene.lanes])
        return self._lanes

    def zones(self) -> BoolArray:
        """Which vehicles are in which zone, [zones, N]."""
        if self._zones is None:
            self._zones = _within(self.ground, [zone.polygon for zone in self.scene.zones])
        return self._zones

    def mean_score(self, row: int) -> float:
        """Mean confidence of the boxes that were seen of a vehicle."""
        return float(self.score_sum[row]) / max(1, int(self.sightings[row]))


def see(scene: Scene, view: View, before: Sight | None) -> Sight:
    """The sight of a frame.

    Args:
        scene: What the camera looks at.
        view: The frame.
        before: The sight of the frame before, None at the first.
    """
    known = view.shared.get("sight")
    if isinstance(known, Sight) and known.scene is scene:
        return known
    made = _see(scene, view, before)
    view.shared["sight"] = made
    return made


def _see(scene: Scene, view: View, before: Sight | None) -> Sight:
    tracks, now = view.tracks, view.time_s
    ids: list[int] = tracks.id.tolist()
    count = len(ids)
    ground, size, seen = tracks.ground(), tracks.size(), tracks.seen
    moving = seen & (tracks.class_id != CLASS_ID["pedestrian"])
    speed = tracks.speed.astype(np.float64)
    lines = before.lines if before is not None else (*scene.stops, *scene.exits)
    ways = before._ways if before is not None else _ways(lines)
    depth = ways[0] @ ground.T - ways[1]
    one = np.ones(count, np.int64)
    score = tracks.score.astype(np.float64)
    if before is None:
        rows = np.full(count, -1)
    else:
        places = {track: row for row, track in enumerate(before.ids)}
        rows = np.array([places.get(track, -1) for track in ids], np.int64)
    if before is None or not before.ids:
        settled = np.where(np.abs(depth) < HYSTERESIS * size, 0, np.sign(depth)).astype(np.int64)
        return Sight(
            scene, view, ids, ground, size, moving, one > 0, np.full(count, now), ground,
            np.full(count, now), one * view.frame, tracks.xyxy, one * seen, score * seen,
            _marks(view), lines, depth, [], ways, np.full(count, now), one * view.frame, ground,
            depth, speed, settled, np.full((5, *depth.shape), np.nan),
        )  # fmt: skip
    # Row -1 of a new vehicle takes the last one's values, which "fresh" then overrules.
    last_s, last = before._seen_s[rows], before._seen[rows]
    gap = now - last_s
    off = ground - last - before._speed[rows] * gap[:, None]
    allowed = JUMP * size * np.maximum(1.0, gap / HIDDEN_S)
    fresh = (rows < 0) | (seen & (np.einsum("ij,ij->i", off, off) > allowed * allowed))
    old = ~fresh
    old_depth, old_side = before._seen_depth[:, rows], before._side[:, rows]
    swings = before._swings[:, :, rows]
    steady = seen & old
    swung = ((old_depth > 0) != (depth > 0)) & steady
    if swung.any():
        new = _swing(lines, swung, old_depth, depth, before, rows, now, ground)
        swings = np.where(swung, new, swings)
    swings[:, :, fresh] = np.nan
    beyond = np.abs(depth) >= HYSTERESIS * size
    settled = np.where(beyond & seen, np.sign(depth), np.where(old, old_side, 0)).astype(np.int64)
    turned = steady & (settled != old_side) & (old_side != 0)
    found = _crossings(turned, settled, swings) if turned.any() else []
    return Sight(
        scene,
        view,
        ids,
        ground,
        size,
        moving,
        fresh,
        np.where(old, last_s, now),
        np.where(old[:, None], last, ground),
        np.where(old, before.born_s[rows], now),
        np.where(old, before.born_frame[rows], view.frame),
        np.where(old[:, None], before.born_box[rows], tracks.xyxy),
        np.where(old, before.sightings[rows], 0) + seen,
        np.where(old, before.score_sum[rows], 0.0) + score * seen,
        np.where(rows >= 0, before.marked[rows], 0) + _marks(view),
        lines,
        depth,
        found,
        ways,
        np.where(seen | fresh, now, last_s),
        np.where(seen | fresh, view.frame, before._seen_frame[rows]),
        np.where((seen | fresh)[:, None], ground, last),
        np.where(seen | fresh, depth, old_depth),
        np.where((seen | fresh)[:, None], speed, before._speed[rows]),
        settled,
        swings,
    )


def _ways(lines: tuple[RoadLine, ...]) -> tuple[Points, Numbers]:
    """Unit vectors along the permitted way [L, 2] and each line's place on its own, [L, 1]."""
    normals = np.array([line.normal * (line.only or 1) for line in lines]).reshape(-1, 2)
    starts = np.array([line.start for line in lines]).reshape(-1, 2)
    return normals, np.einsum("ij,ij->i", normals, starts)[:, None]


def _swing(
    lines: tuple[RoadLine, ...],
    swung: BoolArray,
    old_depth: Numbers,
    depth: Numbers,
    before: Sight,
    rows: IntArray,
    now: float,
    ground: Points,
) -> Numbers:
    """Where and when vehicles came over lines: time, share, last time, its frame, gap, [5, …]."""
    part = old_depth / np.where(swung, old_depth - depth, 1.0)
    last_s, last = before._seen_s[rows], before._seen[rows]
    share = np.zeros_like(depth)
    for number in np.flatnonzero(swung.any(axis=1)).tolist():
        on_line = last + part[number][:, None] * (ground - last)
        share[number] = lines[number].share(on_line)
    frames = np.broadcast_to(before._seen_frame[rows].astype(np.float64), depth.shape)
    at_s = last_s + part * (now - last_s)
    gap = np.broadcast_to(now - last_s, depth.shape)
    return np.stack((at_s, share, np.broadcast_to(last_s, depth.shape), frames, gap))


def _crossings(turned: BoolArray, settled: IntArray, swings: Numbers) -> list[Crossing]:
    """Crossings that lie on their line itself, not on its extension."""
    found = []
    for line, row in np.argwhere(turned).tolist():
        at_s, share, before_s, frame, gap = swings[:, line, row].tolist()
        if -MARGIN <= share <= 1 + MARGIN:  # False for nan: it never crossed
            forward = bool(settled[line, row] > 0)
            hidden = gap > HIDDEN_S
            found.append(Crossing(line, row, at_s, before_s, int(frame), hidden, forward))
    return found


def _marks(view: View) -> IntArray:
    """1 for each vehicle with an emergency mark's middle in its box in this frame, [N]."""
    boxes, parts = view.tracks.xyxy, view.parts
    marks = parts.part_id == PART_ID["emergency"]
    if not len(marks) or not marks.any():
        return np.zeros(len(boxes), np.int64)
    middle = (parts.xyxy[marks, :2] + parts.xyxy[marks, 2:]) / 2
    there = (middle[:, None] >= boxes[None, :, :2]) & (middle[:, None] <= boxes[None, :, 2:])
    held = there.all(axis=2).any(axis=0) & view.tracks.seen
    return np.asarray(held, dtype=np.int64)


def _within(points: Points, polygons: list[Points]) -> BoolArray:
    """``inside`` for several polygons at once, [polygons, N]."""
    if not polygons:
        return np.zeros((0, len(points)), np.bool_)
    return np.stack([inside(points, polygon) for polygon in polygons])


def zone_rows(scene: Scene, kind: str) -> list[int]:
    """Places of the zones of one kind in ``Sight.zones``."""
    return [row for row, zone in enumerate(scene.zones) if zone.kind == kind]
