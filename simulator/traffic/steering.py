"""Steers offenders in every step of SUMO: who runs the red light, who may speed, who pulls over."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import Final

import numpy as np

from ioc.events import Rule
from simulator.place import Place, Roadway
from simulator.traffic.demand import Departure
from simulator.traffic.engine import Sight
from simulator.traffic.offenders import MARGIN_S, count_of, guarded
from simulator.traffic.signal_plan import SignalPlan
from simulator.world import RATE

LEAST_SPEEDING_KMH: Final = 62.0
"""Who is held up and slower than this before the camera sees it keeps to the limit then: a driver
at 52 is neither a clear offence nor clearly none."""
DECIDED_M: Final = 55.0
"""So far before the junction that is decided; braking from 60 to 48 takes 10 m."""
SEEN_BEYOND_M: Final = 28.0
BESIDE_M: Final = 2.0
CLOSE_M: Final = 9.0
"""Who would come so near to somebody less than 2 m to the side, up to 28 m beyond the junction's
middle, is held up."""
LAWFUL: Final = 0.93
PULLS_OVER_M: Final = 50.0
"""Who stops on the shoulder makes for it from so far before the junction."""
SUMO_CHANGES: Final = 1621
"""SUMO's usual lane-change mode; 0 is none at all."""
AFTER_RED_S: Final = (0.9, 2.6)
"""Runners cross so long after red begins: the street across is red for the first 2 s and takes
another second to reach their path."""
ON_YELLOW_S: Final = 2.3
"""Who is over the line within this much of the 3 s of yellow is expected to drive on."""
BRISK_MPS: Final = 5.0
_ON_THE_WAY: Final[tuple[Rule, ...]] = ("red_light", "speeding")


class Steering:
    """Steers offenders in every step; ``done`` holds those who got their chance, by departure."""

    def __init__(
        self,
        place: Place,
        leaving: Sequence[Departure],
        plan: SignalPlan,
        rng: np.random.Generator,
        seconds: float,
    ) -> None:
        self.done: dict[int, Rule] = {}
        self._leaving = leaving
        self._rng = rng
        self._started: set[int] = set()
        self._decided: set[int] = set()
        self._reds: list[tuple[Roadway, float, int]] = []
        for road in guarded(place):
            onsets = [
                t for t in plan.onsets(road.head or "", "red", seconds)
                if MARGIN_S <= t <= seconds - MARGIN_S - 2
            ]  # fmt: skip
            total = count_of("red_light", seconds, rng)
            for number, onset in enumerate(onsets):
                share = total // len(onsets) + (number < total % len(onsets))
                self._reds.append((road, onset, min(share, 3)))

    def role(self, number: int) -> Rule | None:
        """What a departure came to do in the end; the red light and speed depend on the way."""
        planned = self._leaving[number].role
        return self.done.get(number) if planned in (None, *_ON_THE_WAY) else planned

    def __call__(self, time_s: float, seen: dict[int, Sight], sumo: ModuleType) -> None:
        """Steer in one step; see ``simulator.traffic.engine.Control``."""
        for number, sight in seen.items():
            one = self._leaving[number]
            if one.stop is not None and number not in self._decided:
                # SUMO would have them drive on the shoulder from the first metre.
                near = sight.road != one.origin.id or one.origin.length - sight.along < PULLS_OVER_M
                if near or number not in self._started:
                    mode = SUMO_CHANGES if near else 0
                    sumo.vehicle.setLaneChangeMode(str(number), mode)
                if near:
                    self._decided.add(number)
                self._started.add(number)
            if one.role is None:
                continue
            if one.role == "wrong_lane" and number not in self._started:
                self._started.add(number)
                sumo.vehicle.setLaneChangeMode(str(number), 0)
            if one.role == "speeding" and number not in self._decided:
                left = one.origin.length - sight.along
                if sight.road != one.origin.id or left < DECIDED_M:
                    self._decided.add(number)
                    slow = sight.speed < LEAST_SPEEDING_KMH / 3.6
                    if slow or _held_up(one.origin, sight, seen):
                        sumo.vehicle.setSpeedFactor(str(number), LAWFUL)
                    else:
                        self.done[number] = "speeding"
        for road, onset, count in self._reds:
            # Three seconds before red: yellow begins, and drivers make up their minds.
            if abs(time_s - (onset - 3.0)) <= 0.5 / RATE:
                self._yellow(road, count, seen, sumo)

    def _yellow(self, road: Roadway, count: int, seen: dict[int, Sight], sumo: ModuleType) -> None:
        lanes = [n for n, strip in enumerate(road.strips) if not strip.shoulder]
        runners = 0
        for lane in self._rng.permutation(lanes).tolist():
            index = len(road.strips) - 1 - lane
            queue = sorted(
                (road.length - sight.along, number)
                for number, sight in seen.items()
                if sight.road == road.id and sight.lane == index
            )
            for left, number in queue:
                sight, one = seen[number], self._leaving[number]
                if sight.speed < BRISK_MPS:
                    break
                reach = left / sight.speed
                if reach + one.model.length / sight.speed < ON_YELLOW_S:
                    continue
                late = reach - 3.0
                straight = one.target.along @ road.along > 0.7
                if AFTER_RED_S[0] <= late <= AFTER_RED_S[1] and runners < count and straight:
                    sumo.vehicle.setType(str(number), f"{one.model.name}+runner")
                    self.done[number] = "red_light"
                    runners += 1
                break


def _held_up(road: Roadway, sight: Sight, seen: dict[int, Sight]) -> bool:
    """Whether someone ahead in its lane will be caught up with before the picture ends."""
    time_s = (DECIDED_M + SEEN_BEYOND_M) / sight.speed
    ux, uy = road.along
    for other in seen.values():
        dx, dy = other.x - sight.x, other.y - sight.y
        ahead, aside = dx * ux + dy * uy, abs(dx * uy - dy * ux)
        gap = ahead + other.speed * time_s - sight.speed * time_s
        if ahead > 1 and aside < BESIDE_M and gap < CLOSE_M and ahead < 150:
            return True
    return False
