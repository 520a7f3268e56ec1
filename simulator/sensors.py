"""What virtual sensors measure: plausible values that depend on the time and a seed, nothing else.

The canals of Vị Thanh and Ngã Bảy feel two tides: the semi-diurnal one of the East Sea through the
Hậu river, and the diurnal one of the Gulf of Thailand. Their periods are those of the M2 and K1
constituents (12.42 h and 23.93 h); heights and noises are chosen to look like the delta in a wet
season, and are no forecast of any real place.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from datetime import datetime
from typing import Final

from ioc.clock import VIETNAM

M2_HOURS: Final = 12.4206
K1_HOURS: Final = 23.9345

Measure = Callable[[datetime], float]


def measure(quantity: str, seed: int) -> Measure:
    """A virtual sensor of a quantity.

    Args:
        quantity: One of ``water_level`` (m), ``rain`` (mm/h), ``salinity`` (g/L), ``pm2_5``
            (ug/m3), ``noise`` (dB), or anything else for a slow wave between 0 and 1.
        seed: Two sensors with different seeds differ.

    Returns:
        The value at an instant, in the unit of ``ioc.events.UNITS``.
    """
    rng = random.Random(f"{quantity}/{seed}")
    phase = rng.uniform(0, 2 * math.pi)
    base = rng.uniform(0.85, 1.15)
    shape = _SHAPES.get(quantity, _wave)

    def at(instant: datetime) -> float:
        hours = instant.timestamp() / 3600
        noise = _noise(f"{quantity}/{seed}/{hours}", hours, phase)
        return round(shape(hours, _hour_of_day(instant), phase, base, noise), 3)

    return at


def _water_level(hours: float, _hour: float, phase: float, base: float, noise: float) -> float:
    semidiurnal = 0.35 * math.cos(2 * math.pi * hours / M2_HOURS + phase)
    diurnal = 0.25 * math.cos(2 * math.pi * hours / K1_HOURS + phase / 2)
    return base * 1.2 + semidiurnal + diurnal + 0.01 * noise


def _rain(hours: float, _hour: float, phase: float, base: float, noise: float) -> float:
    shower = math.cos(2 * math.pi * hours / 7.3 + phase) - 0.55
    return max(0.0, 40.0 * base * shower + 2.0 * noise) if shower > 0 else 0.0


def _salinity(hours: float, _hour: float, phase: float, base: float, noise: float) -> float:
    tide = math.cos(2 * math.pi * hours / M2_HOURS + phase)
    return max(0.0, 0.6 * base + 0.25 * tide + 0.02 * noise)


def _pm2_5(_hours: float, hour: float, phase: float, base: float, noise: float) -> float:
    rush = math.exp(-(((hour - 7.5) / 1.5) ** 2)) + math.exp(-(((hour - 17.5) / 1.8) ** 2))
    return max(1.0, base * (18.0 + 22.0 * rush) + 3.0 * noise + math.sin(phase))


def _noise_level(_hours: float, hour: float, _phase: float, base: float, noise: float) -> float:
    day = 0.5 - 0.5 * math.cos(2 * math.pi * (hour - 3) / 24)
    return 48.0 * base + 20.0 * day + 2.5 * noise


def _wave(hours: float, _hour: float, phase: float, _base: float, noise: float) -> float:
    return min(1.0, max(0.0, 0.5 + 0.4 * math.sin(hours / 6 + phase) + 0.02 * noise))


_SHAPES: Final = {
    "water_level": _water_level,
    "rain": _rain,
    "salinity": _salinity,
    "pm2_5": _pm2_5,
    "noise": _noise_level,
}


def _hour_of_day(instant: datetime) -> float:
    local = instant.astimezone(VIETNAM)
    return local.hour + local.minute / 60


def _noise(key: str, hours: float, phase: float) -> float:
    """Slow drift and a little jitter, about -2 to 2; the same key has the same jitter."""
    return math.sin(hours * 13.7 + phase) * 0.8 + random.Random(key).gauss(0, 0.4)
