"""Standing where parking is forbidden (dừng, đỗ xe nơi cấm).

What is followed is the place, not the identity: a vehicle that is hidden for a while, or comes back
under another identity, still stands where it stood. It stands from when it last came to rest. Time
in which the ban does not hold, and time in a jam, does not count.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from ioc.camera import RuleSettings
from vision.detect.detections import CLASSES, BoolArray, FloatArray, iou
from vision.rules.guards import Guard, concerns, in_force, need, reason, standing_still
from vision.rules.memory import TRAIL_S, FlaggedVehicles
from vision.rules.rule import Finding, View
from vision.rules.sight import Sight, see, zone_rows
from vision.scene import Scene, ZoneArea

AWAY: Final = 0.25
"""A vehicle has moved once it is this share of its box from where it came to rest: a metre for a
car. The drift of a standing box stays below 0.1."""

SETTLE_S: Final = 1.0
"""So long its place settles after it has come to rest: it rolled on a little, and what is measured
from the last of that would begin at the edge of ``AWAY``."""

STOPPED_S: Final = 3.0
"""So long after it began to settle a vehicle stands, and how it came to rest is worked out."""

BRAKES: Final = 0.5
"""The way to its place of rest is looked at from so many box sizes before it."""

FINE_S: Final = 0.02
SHOWN: Final = 0.5
"""Braking to rest must explain at least this share of how its positions differ."""

SAME_SPOT: Final = 0.5
"""Overlap with what stood there from which a box is the same vehicle. Motorcycles that are parked
side by side overlap by less than 0.4."""

HIDDEN_S: Final = 30.0
"""So long something may hide a standing vehicle: a bus at its stop does."""

SEEN_SHARE: Final = 0.5
"""It must have been seen in at least this share of the time for which it is said to stand."""

SIGHTING_S: Final = 1.0
"""A gap between two sightings up to this long counts as seen."""

GUARD_S: Final = 1.0
"""How often the ban's hours and the jam are looked at."""

MOST_SPOTS: Final = 256

MOST_WAY: Final = 128
"""Positions of one that comes to rest: five seconds at 25 frames a second."""


@dataclass(slots=True)
class _Spot:
    """A vehicle at rest in a zone.

    Attributes:
        zone: Place of the zone among those that are watched.
        track: The identity that it goes by now.
        x: Where it came to rest, pixels.
        y: The same.
        size: Its box there, pixels.
        box: The box.
        since_s: Since when it has stood there in breach of the ban.
        since_frame: Number of that frame.
        last_s: When it was seen there last.
        watched: Whether it was seen driving before.
        seen_s: Time for which it was in sight.
        longest_s: Longest time for which it was not.
        sightings: Sightings in this time.
        score_sum: Sum of their confidence.
        names: Identities under which it was seen.
        checked_s: When hours and jam were looked at last.
        left_s: When that identity was seen driving away, if it was.
        told: Whether it was flagged.
        settled: Whether it has been worked out when it came to rest.
        way: Where it was lately: time, x, y.
    """

    zone: int
    track: int
    x: float
    y: float
    size: float
    box: FloatArray
    since_s: float
    since_frame: int
    last_s: float
    watched: bool
    seen_s: float = 0.0
    longest_s: float = 0.0
    sightings: int = 0
    score_sum: float = 0.0
    names: int = 1
    checked_s: float = float("-inf")
    left_s: float | None = None
    told: bool = False
    settled: bool = False
    way: deque[tuple[float, float, float]] = field(default_factory=lambda: deque(maxlen=MOST_WAY))

    def restart(self, now_s: float, frame: int) -> None:
        """Begin to count again, at the same place."""
        self.since_s, self.since_frame = now_s, frame
        self.seen_s = self.longest_s = self.score_sum = 0.0
        self.sightings = 0

    def rested_s(self) -> float:
        """When it came to rest: where the parabola that fits its last bit of way best ends.

        Who brakes evenly to rest at T is ``a / 2 (T - t)²`` away before and nowhere else after.
        For each T in question the best ``a`` follows by least squares, over all positions at once,
        so that a box that trembles does little.
        """
        way = np.array(self.way)
        last = way[way[:, 0] > way[-1, 0] - STOPPED_S / 2]
        away = np.hypot(*(way[:, 1:] - np.median(last[:, 1:], axis=0)).T)
        beyond = np.flatnonzero(away > BRAKES * self.size)
        way = way[beyond[-1] :] if len(beyond) else way
        times, places = way[:, 0], way[:, 1:] - way[:, 1:].mean(axis=0)
        ends = np.arange(times[0], times[-1], FINE_S)
        shape = np.square(np.maximum(0, ends[:, None] - times))
        shape -= shape.mean(axis=1, keepdims=True)
        spread = np.square(shape).sum(axis=1)
        gained = np.square(shape @ places).sum(axis=1) / np.maximum(spread, 1e-9)
        gained[spread < 1e-9] = 0.0
        if not len(ends) or gained.max() <= SHOWN * float(np.square(places).sum()):
            return self.since_s  # it stood there when it was first seen
        return float(ends[int(np.argmax(gained))])

    def take_over(self, spot: _Spot) -> None:
        """Count what is known of a place that was followed under another identity."""
        self.since_s, self.since_frame = spot.since_s, spot.since_frame
        self.seen_s += spot.seen_s
        self.longest_s = max(self.longest_s, spot.longest_s)
        self.sightings += spot.sightings
        self.score_sum += spot.score_sum
        self.names += spot.names
        self.watched, self.told, self.settled = spot.watched, spot.told, spot.settled


class IllegalParking:
    """Flags each vehicle that stands too long in a no-parking zone, once in the cool-down."""

    def __init__(self, scene: Scene, settings: RuleSettings) -> None:
        """Watch the zones of kind no_parking.

        Raises:
            ConfigError: There is none.
        """
        self._rows = zone_rows(scene, "no_parking")
        need("illegal_parking", self._rows, "zone of kind no_parking")
        self._scene = scene
        self._settings = settings
        self._guard = Guard(settings)
        self._banned = np.stack([concerns(scene.zones[row].vehicles) for row in self._rows])
        self._spots: list[_Spot] = []
        self._flagged = FlaggedVehicles(settings.cooldown_s)
        self._sight: Sight | None = None

    def observe(self, view: View) -> list[Finding]:
        """What this frame proves."""
        sight = self._sight = see(self._scene, view, self._sight)
        self._flagged.follow(sight)
        inside = sight.zones()[self._rows]
        there = inside & self._banned[:, view.tracks.class_id] & self._guard.concerned(sight)
        self._forget(sight, there)
        if not there.any():
            return []
        found = []
        still = standing_still(sight)
        known = {(spot.zone, spot.track): spot for spot in self._spots if spot.left_s is None}
        for zone, row in np.argwhere(there).tolist():
            spot = known.get((zone, sight.ids[row]))
            if spot is None:
                spot = self._taken_up(zone, sight, row, bool(still[row]))
            if spot is None:
                self._begin(zone, sight, row)
                continue
            if not self._stay(spot, sight, row, bool(still[row])):
                continue
            if view.time_s - spot.checked_s >= GUARD_S:
                spot.checked_s = view.time_s
                self._excuse(spot, inside[zone], sight, row)
            if self._proven(spot, sight):
                found += self._tell(spot, sight, row)
        return found

    def _forget(self, sight: Sight, there: BoolArray) -> None:
        """Give up places whose vehicle left the zone, drove away, or was hidden for too long."""
        if not self._spots:
            return
        now = sight.view.time_s
        rows = {track: row for row, track in enumerate(sight.ids)}
        for spot in self._spots:
            row = rows.get(spot.track)
            if row is None or spot.left_s is not None or not sight.view.tracks.seen[row]:
                continue
            if not there[spot.zone, row] or sight.fresh[row]:
                self._leave(spot, now)
        self._spots = [
            spot
            for spot in self._spots
            if now - spot.last_s <= HIDDEN_S
            and (spot.left_s is None or now - spot.left_s <= TRAIL_S)
        ][-MOST_SPOTS:]

    def _taken_up(self, zone: int, sight: Sight, row: int, still: bool) -> _Spot | None:
        """The place at which a vehicle of an unknown identity stands, if another one held it."""
        if not still:
            return None
        tracks = sight.view.tracks
        held = {track for row, track in enumerate(sight.ids) if tracks.seen[row]}
        free = [
            spot
            for spot in self._spots
            if spot.zone == zone and (spot.left_s is not None or spot.track not in held)
        ]
        if not free:
            return None
        overlap = iou(tracks.xyxy[row : row + 1], np.stack([spot.box for spot in free]))[0]
        best = int(np.argmax(overlap))
        if overlap[best] < SAME_SPOT:
            return None
        spot = free[best]
        spot.track, spot.left_s = sight.ids[row], None
        spot.names += 1
        return spot

    def _begin(self, zone: int, sight: Sight, row: int) -> None:
        now, frame = sight.view.time_s, sight.view.frame
        x, y = sight.ground[row].tolist()
        box = sight.view.tracks.xyxy[row].copy()
        watched = not sight.fresh[row] and float(sight.born_s[row]) < now
        size = float(sight.size[row])
        track = sight.ids[row]
        self._spots.append(_Spot(zone, track, x, y, size, box, now, frame, now, watched))

    def _leave(self, spot: _Spot, now: float) -> None:
        """The identity has driven away; who turned up at the place just then stood there before."""
        spot.left_s = now
        for other in self._spots:
            if (
                other is not spot
                and other.zone == spot.zone
                and other.left_s is None
                and now - TRAIL_S <= other.since_s
                and float(iou(other.box[None], spot.box[None])[0, 0]) >= SAME_SPOT
            ):
                other.take_over(spot)

    def _stay(self, spot: _Spot, sight: Sight, row: int, still: bool) -> bool:
        """Take in a sighting; whether the vehicle still stands where it stood."""
        now, frame = sight.view.time_s, sight.view.frame
        x, y = sight.ground[row].tolist()
        away = float(np.hypot(x - spot.x, y - spot.y))
        if away > AWAY * spot.size:
            if spot.told or now - spot.since_s > TRAIL_S:
                # The place is kept for a moment: the identity may have moved to a passer-by.
                self._leave(spot, now)
                self._begin(spot.zone, sight, row)
                self._spots[-1].watched = True
                return False
            # It still rolls: it came to rest no earlier than on the way to here.
            size = float(sight.size[row])
            part = AWAY * spot.size / away
            at_s = spot.last_s + part * (now - spot.last_s)
            spot.x, spot.y, spot.size, spot.last_s = x, y, size, now
            spot.box = sight.view.tracks.xyxy[row].copy()
            spot.watched = True
            spot.settled = False
            spot.way.append((now, x, y))
            spot.restart(at_s, frame)
            return False
        if still and now - spot.since_s <= SETTLE_S and not spot.told:
            spot.x, spot.y = (spot.x + x) / 2, (spot.y + y) / 2
        if not spot.settled:
            spot.way.append((now, x, y))
            if now - spot.since_s >= STOPPED_S:
                spot.settled = True
                spot.since_s = spot.rested_s()
                spot.way.clear()
        gap = now - spot.last_s
        spot.longest_s = max(spot.longest_s, gap)
        spot.seen_s += gap if gap <= SIGHTING_S else 0.0
        spot.last_s = now
        spot.sightings += 1
        spot.score_sum += float(sight.view.tracks.score[row])
        return True

    def _excuse(self, spot: _Spot, inside: BoolArray, sight: Sight, row: int) -> None:
        """Begin to count again where standing is no breach now."""
        zone = self._scene.zones[self._rows[spot.zone]]
        if not in_force(zone.hours, sight.view.wall) or (
            not spot.told and self._guard.congested(sight, inside, row)
        ):
            spot.restart(sight.view.time_s, sight.view.frame)
            spot.settled = True

    def _proven(self, spot: _Spot, sight: Sight) -> bool:
        lasted = sight.view.time_s - spot.since_s
        return (
            not spot.told
            and lasted >= max(self._settings.min_duration_s, GUARD_S)
            and spot.seen_s >= SEEN_SHARE * lasted
            and self._guard.sure(spot.sightings, spot.score_sum)
        )

    def _tell(self, spot: _Spot, sight: Sight, row: int) -> list[Finding]:
        spot.told = True
        view, tracks = sight.view, sight.view.tracks
        zone = self._scene.zones[self._rows[spot.zone]]
        born = float(sight.born_s[row]), sight.born_box[row]
        if self._flagged.known(spot.track, zone.id, *born):
            return []
        box, speed = tracks.xyxy[row], tracks.speed[row]
        self._flagged.add(spot.track, zone.id, view.time_s, box, speed)
        return [
            Finding(
                rule="illegal_parking",
                track=spot.track,
                vehicle=CLASSES[int(tracks.class_id[row])],
                lane=None,
                act_s=spot.since_s,
                first_frame=spot.since_frame,
                last_frame=view.frame,
                confidence=round(min(1.0, spot.score_sum / spot.sightings), 4),
                reasons=tuple(_reasons(spot, zone, view.time_s)),
            )
        ]


def _reasons(spot: _Spot, zone: ZoneArea, now_s: float) -> list[str]:
    lasted = now_s - spot.since_s
    share = 100 * min(1.0, spot.seen_s / lasted)
    told = [
        reason(
            f"Đứng yên {lasted:.0f} s trong vùng cấm đỗ {zone.id}",
            f"stood for {lasted:.0f} s in no-parking zone {zone.id}",
        ),
        reason(
            f"Thấy {spot.sightings} lần, {share:.0f} % thời gian, độ tin cậy trung bình "
            f"{spot.score_sum / spot.sightings:.2f}",
            f"in sight {share:.0f} % of the time",
        ),
    ]
    if spot.longest_s > SIGHTING_S:
        told.append(
            reason(
                f"Bị che khuất lâu nhất {spot.longest_s:.0f} s, sau đó vẫn ở chỗ cũ",
                f"hidden for {spot.longest_s:.0f} s at most, then still there",
            )
        )
    if spot.names > 1:
        told.append(
            reason(
                f"Theo dõi dưới {spot.names} mã, cùng một chỗ",
                f"followed under {spot.names} identities at one place",
            )
        )
    if not spot.watched:
        told.append(
            reason(
                "Không thấy lúc dừng: xe đã đứng khi camera thấy lần đầu",
                "not seen coming to rest: stood there when first seen",
            )
        )
    if zone.hours:
        spans = ", ".join(f"{part.start:%H:%M}-{part.end:%H:%M}" for part in zone.hours)
        told.append(reason(f"Giờ cấm {spans}", f"forbidden {spans}"))
    return told
