"""Driving into an area that is closed (đi vào đường cấm, khu vực cấm).

The vehicle crosses the border of a ``no_entry`` zone and drives on inside it for long enough. Who
only cuts a corner, or was inside before the ban began, did nothing. A vehicle that is inside when
the camera first sees it may have come from a house: it is flagged only when it drives twice as far
inside, and the reasons say so.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import numpy as np

from ioc.camera import RuleSettings
from vision.detect.detections import CLASSES
from vision.rules.guards import Guard, concerns, in_force, need, reason
from vision.rules.memory import FlaggedVehicles
from vision.rules.rule import Finding, View
from vision.rules.sight import HIDDEN_S, Sight, see, zone_rows
from vision.scene import Points, Scene, ZoneArea

FIRST_SEEN_INSIDE: Final = 2.0
"""How many times the least travel a vehicle must drive whose entry nobody saw."""

STALL_S: Final = 2.0
"""A drive that gains nothing for so long has ended: the drift of a box on a parked vehicle adds up
to any distance in an hour, but not within two seconds."""

SLACK: Final = 0.25
"""Share of the least travel that is a gain."""


@dataclass(slots=True)
class _Run:
    """One vehicle inside one zone."""

    entry_s: float
    entry: Points
    earliest_s: float
    start_frame: int
    witnessed: bool
    moved_s: float
    gain: float = 0.0
    travel: float = 0.0
    sightings: int = 0
    score_sum: float = 0.0
    told: bool = False


class NoEntry:
    """Flags each vehicle that drives into a closed zone, once in the cool-down."""

    def __init__(self, scene: Scene, settings: RuleSettings) -> None:
        """Watch the zones of kind no_entry.

        Raises:
            ConfigError: There is none.
        """
        self._rows = zone_rows(scene, "no_entry")
        need("no_entry", self._rows, "zone of kind no_entry")
        self._scene = scene
        self._settings = settings
        self._least = settings.min_travel_px * scene.scale
        self._guard = Guard(settings)
        self._banned = np.stack([concerns(scene.zones[row].vehicles) for row in self._rows])
        self._runs: dict[tuple[int, int], _Run] = {}
        self._flagged = FlaggedVehicles(settings.cooldown_s)
        self._sight: Sight | None = None

    def observe(self, view: View) -> list[Finding]:
        """What this frame proves."""
        sight = self._sight = see(self._scene, view, self._sight)
        self._flagged.follow(sight)
        within = sight.zones()[self._rows]
        self._forget(sight, {number: row for row, number in enumerate(self._rows)})
        there = within & self._banned[:, view.tracks.class_id] & self._guard.concerned(sight)
        found = []
        for place, row in np.argwhere(there).tolist():
            zone = self._scene.zones[self._rows[place]]
            key = (sight.ids[row], self._rows[place])
            run = self._advance(key, zone, sight, row)
            if not self._proven(run, zone, sight, row):
                continue
            run.told = True
            born = float(sight.born_s[row]), sight.born_box[row]
            if self._flagged.known(key[0], zone.id, *born, any_key=False):
                continue
            tracks = view.tracks
            self._flagged.add(key[0], zone.id, view.time_s, tracks.xyxy[row], tracks.speed[row])
            found.append(self._finding(run, zone, sight, row))
        return found

    def _forget(self, sight: Sight, places: dict[int, int]) -> None:
        """End the runs of vehicles that are gone, have jumped, or have left the zone."""
        if not self._runs:
            return
        rows = {track: row for row, track in enumerate(sight.ids)}
        zones = sight.zones()
        for track, number in list(self._runs):
            row = rows.get(track)
            if (
                row is None
                or number not in places
                or (sight.fresh[row] and sight.view.tracks.seen[row])
                or (sight.view.tracks.seen[row] and not zones[number, row])
            ):
                del self._runs[track, number]

    def _advance(self, key: tuple[int, int], zone: ZoneArea, sight: Sight, row: int) -> _Run:
        """Move a run on by one sighting, or begin one."""
        now, point = sight.view.time_s, sight.ground[row]
        run = self._runs.get(key)
        if run is None:
            run = self._runs[key] = self._begin(zone, sight, row)
        run.travel = float(np.hypot(*(point - run.entry)))
        if run.travel >= run.gain + SLACK * self._least:
            run.gain, run.moved_s = run.travel, now
        elif now - run.moved_s > STALL_S and not run.told:
            # It stands: what it drifts from here on is no drive; one that sets off again counts.
            run.entry, run.gain, run.moved_s = point, 0.0, now
            run.travel = 0.0
        run.sightings += 1
        run.score_sum += float(sight.view.tracks.score[row])
        return run

    def _begin(self, zone: ZoneArea, sight: Sight, row: int) -> _Run:
        """A vehicle inside: with its entry, if that was seen."""
        now, frame, point = sight.view.time_s, sight.view.frame, sight.ground[row]
        if sight.fresh[row]:
            return _Run(now, point, now, frame, False, now)
        last_s, last = float(sight.last_s[row]), sight.last[row]
        part = _enters(last, point, zone.polygon)
        if part is None:
            # It was inside before, as a class that the ban does not concern or unseen.
            return _Run(now, point, now, frame, False, now)
        at_s = last_s + part * (now - last_s)
        earliest = last_s if now - last_s > HIDDEN_S else at_s
        return _Run(at_s, last + part * (point - last), earliest, frame - 1, True, now)

    def _proven(self, run: _Run, zone: ZoneArea, sight: Sight, row: int) -> bool:
        if run.told:
            return False
        view = sight.view
        needed = max(self._least * (1.0 if run.witnessed else FIRST_SEEN_INSIDE),
                     float(sight.size[row]) / 2)  # fmt: skip
        if (
            run.travel < needed
            or view.time_s - run.entry_s < self._settings.min_duration_s
            or not self._guard.sure(run.sightings, run.score_sum)
        ):
            return False
        entered = [view.wall - timedelta(seconds=view.time_s - at) for at in (
            run.entry_s, run.earliest_s)]  # fmt: skip
        return all(in_force(zone.hours, wall) for wall in (*entered, view.wall))

    def _finding(self, run: _Run, zone: ZoneArea, sight: Sight, row: int) -> Finding:
        view = sight.view
        mean = run.score_sum / run.sightings
        lasted = view.time_s - run.entry_s
        reasons = [
            reason(
                f"Vào vùng cấm {zone.id}, đi tiếp {run.travel:.0f} px trong {lasted:.1f} s",
                f"entered closed zone {zone.id}, drove {run.travel:.0f} px inside",
            ),
            reason(
                f"Thấy {run.sightings} lần trong vùng, độ tin cậy trung bình {mean:.2f}",
                f"seen {run.sightings} times inside",
            ),
        ]
        if not run.witnessed:
            reasons.append(
                reason(
                    "Không thấy lúc vào: xe đã ở trong vùng khi camera thấy lần đầu",
                    "entry not seen: inside when first seen",
                )
            )
        if zone.hours:
            spans = ", ".join(f"{part.start:%H:%M}-{part.end:%H:%M}" for part in zone.hours)
            reasons.append(reason(f"Giờ cấm {spans}", f"closed {spans}"))
        return Finding(
            rule="no_entry",
            track=sight.ids[row],
            vehicle=CLASSES[int(view.tracks.class_id[row])],
            lane=None,
            act_s=run.entry_s,
            first_frame=max(0, run.start_frame),
            last_frame=view.frame,
            confidence=round(min(1.0, mean), 4),
            reasons=tuple(reasons),
        )


def _enters(start: Points, end: Points, polygon: Points) -> float | None:
    """Share of the way from ``start`` to ``end`` at which it last comes over a polygon's border."""
    way = end - start
    edges = np.roll(polygon, -1, axis=0) - polygon
    cross = way[0] * edges[:, 1] - way[1] * edges[:, 0]
    off = polygon - start
    apart = np.where(cross == 0, 1.0, cross)
    on_way = (off[:, 0] * edges[:, 1] - off[:, 1] * edges[:, 0]) / apart
    on_edge = (off[:, 0] * way[1] - off[:, 1] * way[0]) / apart
    met = (cross != 0) & (on_way >= 0) & (on_way <= 1) & (on_edge >= 0) & (on_edge <= 1)
    return float(on_way[met].max()) if met.any() else None
