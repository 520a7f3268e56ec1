"""Remembers which vehicles were flagged, so that each is flagged once."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Final

import numpy as np

from vision.detect.detections import FloatArray, iou
from vision.rules.sight import Sight

TRAIL_S: Final = 2.0
"""How long after it was lost a flagged vehicle may come back under a new identity."""

SAME_PLACE: Final = 0.3
"""Overlap of two boxes at one time from which they are one vehicle: riders abreast stay below."""

SWAP_S: Final = 0.5
"""Two vehicles swap identities where they meet: within this time of each other."""

MOST_REMEMBERED: Final = 256
"""Flagged vehicles, and places on the path of each, that are kept."""


@dataclass(slots=True)
class _Flagged:
    """A vehicle that was flagged: the identities it went by, and where it has just been."""

    at_s: float
    key: Hashable
    tracks: set[int]
    trail: deque[tuple[float, FloatArray, FloatArray]]


class FlaggedVehicles:
    """The vehicles that one rule has flagged, recognised also under another identity.

    Only the past flag is carried over to a new identity, never a proof: that a vehicle which was
    lost is the one that came back is likely enough to spare it a second flag, and not likely
    enough to blame it.
    """

    def __init__(self, cooldown_s: float) -> None:
        """Begin with nothing.

        Args:
            cooldown_s: How long a flag is remembered where no light cycle tells acts apart.
        """
        self._cooldown = max(cooldown_s, TRAIL_S)
        self._flagged: list[_Flagged] = []

    def __len__(self) -> int:
        return len(self._flagged)

    def follow(self, sight: Sight) -> None:
        """Keep the recent path of every flagged vehicle, and forget those long gone."""
        if not self._flagged:
            return
        now_s, tracks = sight.view.time_s, sight.view.tracks
        self._flagged = [flag for flag in self._flagged if now_s - flag.at_s <= self._cooldown]
        rows = {track: row for row, track in enumerate(sight.ids) if tracks.seen[row]}
        for flag in self._flagged:
            for track in flag.tracks & rows.keys():
                row = rows[track]
                flag.trail.append((now_s, tracks.xyxy[row], tracks.speed[row]))
                while now_s - flag.trail[0][0] > self._cooldown:
                    flag.trail.popleft()

    def add(
        self, track: int, key: Hashable, now_s: float, box: FloatArray, speed: FloatArray
    ) -> None:
        """Remember a vehicle that is flagged now.

        Args:
            track: Its identity.
            key: The light cycle or the place of the act.
            now_s: Time of the frame.
            box: Where it is, or was last seen.
            speed: Its speed there, pixels a second.
        """
        trail = deque([(now_s, box, speed)], maxlen=MOST_REMEMBERED)
        self._flagged.append(_Flagged(now_s, key, {track}, trail))
        del self._flagged[:-MOST_REMEMBERED]

    def known(
        self,
        track: int,
        key: Hashable,
        start_s: float,
        box: FloatArray,
        *,
        any_key: bool = True,
        turned: bool = False,
    ) -> bool:
        """Whether the vehicle was flagged already.

        By its identity. Or the tracker lost a flagged vehicle and took it up again: it began to be
        followed after the last sighting, where that vehicle would have come to. Or the tracker
        mistook it for its neighbour. Any other one beside a flagged vehicle is a second vehicle.

        Args:
            track: Its identity.
            key: The light cycle or the place of the act.
            start_s: When what is known of it began.
            box: Where it was then.
            any_key: Whether a flag under another key counts for the same identity.
            turned: Whether it turned round at the start, as one does that swapped identities.
        """
        if any(track in flag.tracks and (any_key or flag.key == key) for flag in self._flagged):
            return True
        for flag in self._flagged:
            if flag.key != key:
                continue
            seen_s, there, speed = min(flag.trail, key=lambda seen: abs(seen[0] - start_s))
            gap = start_s - seen_s
            lost = seen_s == flag.trail[-1][0] and 0 < gap <= TRAIL_S
            swapped = turned and abs(gap) <= SWAP_S
            if not (lost or swapped):
                continue
            expected = there + np.tile(speed, 2) * np.float32(gap)
            if float(iou(expected[None], box[None])[0, 0]) >= SAME_PLACE:
                flag.tracks.add(track)
                return True
        return False
