"""A virtual LGSP adapter: what the province's administration says, plausible and seeded."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

import numpy as np

from ioc.events import HealthData, Payload, ReadingData
from ioc.indicators import Indicator, indicators
from ioc.topics import device_path
from simulator.devices.behaviour import HEALTH_PERIOD, Every
from simulator.sensors.chance import key_of, smooth, uniform

PERIOD: Final = timedelta(minutes=5)
ADAPTER: Final = device_path("vithanh", "hanh-chinh", "lgsp")
"""One for the province, in its capital. The administration is no junction: no site file has it."""

KNOT_S: Final = 5 * 86_400.0
"""Figures of an administration move over days."""


class IndicatorBehaviour:
    """All indicators every few minutes, and its health.

    Args:
        start: When it was switched on.
        seed: Makes another administration.
        speed: Readings come so many times more often.
    """

    def __init__(self, start: datetime, seed: int, speed: float = 1.0) -> None:
        self._start = start
        self._seed = seed
        self._reading = Every(PERIOD / speed, start)
        self._health = Every(HEALTH_PERIOD, start)

    def due(self, now: datetime) -> Iterator[tuple[datetime, Payload]]:
        """Readings and health up to now."""
        for at in self._reading.passed(now):
            for one in indicators():
                value = indicated(one, at, self._seed)
                yield at, ReadingData(quantity=one.quantity, value=value, unit=one.unit)
        for at in self._health.passed(now):
            yield at, HealthData(uptime_s=(at - self._start).total_seconds())


def indicated(indicator: Indicator, at: datetime, seed: int) -> float:
    """What an administration says at an instant: round its target, some below and some above.

    Args:
        indicator: Which.
        at: When.
        seed: Makes another administration.
    """
    key = key_of("indicator", indicator.quantity, seed)
    wave = float(smooth(key, np.array([at.timestamp()]), KNOT_S)[0])
    lean = float(uniform(key ^ 1, np.array([0]))[0])
    if indicator.unit == "1":
        return float(max(indicator.low, round(indicator.target + 20 * lean + 6 * wave)))
    value = indicator.target - 6 + 9 * lean + 1.5 * wave
    return round(min(indicator.high, max(indicator.low, value)), 1)
