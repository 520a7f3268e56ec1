"""What every rule asks before it flags a vehicle."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from typing import Final

import numpy as np

from ioc.camera import Hours, RuleSettings
from ioc.errors import ConfigError
from ioc.events import VehicleClass
from vision.detect.detections import CLASS_ID, CLASSES, BoolArray
from vision.rules.sight import Sight

LOCAL: Final = timezone(timedelta(hours=7), "Asia/Ho_Chi_Minh")
"""Local time of all of Vietnam, without a summer time since 1975."""

EMERGENCY_FRAMES: Final = 2
"""An emergency mark in so many frames exempts: one may be a false box, two of them rarely are."""

STANDING: Final = 0.25
"""A vehicle stands when it moves less than this share of its box in a second."""

MOST_TEXT: Final = 200
"""Longest reason, as ``ioc.events.Text`` has it."""


class Guard:
    """A rule's guards: exempt classes, emergency duty, track quality, congestion."""

    def __init__(self, settings: RuleSettings) -> None:
        self._settings = settings
        exempt = {*settings.exempt, "pedestrian"}
        self._concerned = np.array([name not in exempt for name in CLASSES])

    def concerned(self, sight: Sight) -> BoolArray:
        """Vehicles of this frame that the rule can concern at all, [N]."""
        mask = sight.moving & self._concerned[sight.view.tracks.class_id]
        if self._settings.exempt_emergency:
            mask &= sight.marked < EMERGENCY_FRAMES
        return np.asarray(mask)

    def sure(self, seen: int, score_sum: float) -> bool:
        """Whether a vehicle was seen often and surely enough.

        Args:
            seen: Sightings that the proof rests on.
            score_sum: Sum of their confidence.
        """
        mean = score_sum / max(1, seen)
        return seen >= self._settings.confirmations and mean >= self._settings.least_score

    def congested(self, sight: Sight, there: BoolArray, row: int) -> bool:
        """Whether so many other vehicles stand in a place that standing there is no choice.

        Args:
            sight: The frame.
            there: Which vehicles are in the place, [N].
            row: The vehicle in question, which does not count.
        """
        least = self._settings.congestion_vehicles
        if not least:
            return False
        standing = there & sight.moving & standing_still(sight)
        return int(standing.sum()) - int(standing[row]) >= least


def standing_still(sight: Sight) -> BoolArray:
    """Which vehicles stand, [N]."""
    speed = np.hypot(sight.view.tracks.speed[:, 0], sight.view.tracks.speed[:, 1])
    return np.asarray(speed < STANDING * sight.size)


def in_force(hours: Sequence[Hours], wall: datetime) -> bool:
    """Whether a ban holds at an instant; one without hours always does.

    Args:
        hours: Parts of the day, local time; one that ends before it begins runs over midnight.
        wall: The instant, with its zone.
    """
    now = wall.astimezone(LOCAL).time()
    return not hours or any(
        part.start <= now < part.end
        if part.start < part.end
        else now >= part.start or now < part.end
        for part in hours
    )


def concerns(vehicles: Sequence[VehicleClass]) -> BoolArray:
    """Which classes a ban concerns, [classes]; one that names none concerns all."""
    mask = np.zeros(len(CLASSES), np.bool_)
    mask[[CLASS_ID[name] for name in vehicles or CLASSES]] = True
    return mask


def need(rule: str, there: Sequence[object], what: str) -> None:
    """Refuse a rule that has nothing to watch.

    Raises:
        ConfigError: There is none of what it watches.
    """
    if not there:
        raise ConfigError(f"rules.{rule}: the camera has no {what}; add one, or remove the rule")


def reason(vi: str, en: str) -> str:
    """One line for the reviewer: Vietnamese first, then English, cut to fit the event."""
    text = f"{vi} / {en}"
    return text if len(text) <= MOST_TEXT else f"{text[: MOST_TEXT - 1]}…"
