"""The water and the air of a virtual place: tide, rain, salt, dust and noise that fit together.

One ``Climate`` a site: all its sensors see the same shower, which lifts the canal some hours
later, thins the salt and washes the dust out of the air. Everything is a pure function of the
seed and the instant. Sizes are chosen to look like the western Mekong delta and are no forecast
of any real place.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from simulator.sensors.chance import Floats, key_of, smooth, uniform

HOUR_S: Final = 3600.0
DAY_S: Final = 86_400.0
YEAR_S: Final = 365.2422 * DAY_S

CONSTITUENTS: Final[dict[str, tuple[float, float]]] = {
    "M2": (12.4206012, 0.20),
    "S2": (12.0, 0.08),
    "K1": (23.93447213, 0.16),
    "O1": (25.81933871, 0.12),
}
"""Name → period in hours (Doodson numbers, IHO list of tidal constituents) and height in metres.

The canals feel two seas: the East Sea's half-daily tide through the Hậu river and the Gulf of
Thailand's daily one. M2 and S2 together make springs and neaps every 14.77 days.
"""
_TIDE_M: Final = sum(height for _, height in CONSTITUENTS.values())

MEAN_M: Final = 0.55
HIGH_WATER_M: Final = 1.10
"""The level that a canal reaches at springs of the high season, where its alert is to be set."""
KERB_M: Final = 1.25
"""Above this level of the canal the street is under water."""

_SLOT_S: Final = HOUR_S
_MOST_A_SLOT: Final = 2
_LONGEST_S: Final = 4 * HOUR_S
_MEMORY_S: Final = 10 * DAY_S
"""Rain before this is forgotten: of the slowest store (48 h) 0.7 % would be left."""
_BLOCK: Final = 1024
_Effect = Callable[[Floats, Floats, Floats], Floats]
"""Of a shower's age and length in seconds and its peak in mm/h."""


class Climate:
    """Water and air of a place.

    Instants are seconds since 1970, UTC, in arrays of any length; values come in the same shape.

    Args:
        seed: Makes another place.
    """

    def __init__(self, seed: int) -> None:
        self._key = key_of("climate", seed)
        names = np.arange(len(CONSTITUENTS))
        self._phases = 2 * np.pi * uniform(key_of(self._key, "tide"), names)

    def tide(self, time_s: Floats) -> Floats:
        """The tide round the mean level, metres: the sum of its constituents."""
        level = np.zeros_like(time_s)
        for (hours, height), phase in zip(CONSTITUENTS.values(), self._phases, strict=True):
            level += height * np.cos(2 * np.pi * time_s / (hours * HOUR_S) + phase)
        return level

    def water_level(self, time_s: Floats) -> Floats:
        """Level of the canal, metres above the gauge's zero.

        Mean, season (highest in mid October, when the Mekong's flood is there), tide, wind, and
        the run-off of rain, which comes to its height some two hours after the shower.
        """
        season = 0.20 * _year_wave(time_s, 288)
        wind = 0.04 * smooth(key_of(self._key, "wind"), time_s, 9 * HOUR_S)
        return MEAN_M + season + self.tide(time_s) + wind + self.runoff(time_s)

    def street_water(self, time_s: Floats) -> Floats:
        """Water on the street, metres, 0 when dry.

        From a canal over its edge, and from a shower that is more than the drains can carry.
        """
        canal = np.maximum(0.0, self.water_level(time_s) - KERB_M)
        ponding = 0.006 * np.maximum(0.0, self.wetness(time_s, 0.75 * HOUR_S) - 8.0)
        return canal + ponding

    def rain(self, time_s: Floats) -> Floats:
        """Intensity of the rain, mm/h.

        Showers come by chance, most on afternoons of the wet season, each rising in a third of its
        length and dying away in the rest.
        """

        def intensity(age: Floats, length: Floats, peak: Floats) -> Floats:
            x = np.clip(age / length, 0.0, 1.0)
            return peak * 6.75 * x * (1 - x) ** 2  # at most `peak`, at x = 1/3

        return self._over_showers(time_s, _LONGEST_S, intensity)

    def wetness(self, time_s: Floats, keeps_s: float) -> Floats:
        """Rain that is still there, mm, in a store that loses 63 % in ``keeps_s`` seconds."""

        def left(age: Floats, length: Floats, peak: Floats) -> Floats:
            x = np.clip(age / length, 0.0, 1.0)
            fallen = 12 * (x**2 / 2 - 2 * x**3 / 3 + x**4 / 4)
            since = np.maximum(0.0, age - length / 3)
            return _depth(length, peak) * fallen * np.exp(-since / keeps_s)

        return self._over_showers(time_s, min(_MEMORY_S, 12 * keeps_s), left)

    def runoff(self, time_s: Floats) -> Floats:
        """Rise of the canal by rain, metres.

        Two linear stores in a row (Nash, 1957), two hours each; 4 mm for each mm of rain at its
        height.
        """

        def lift(age: Floats, length: Floats, peak: Floats) -> Floats:
            x = np.maximum(0.0, age - length / 3) / (2 * HOUR_S)
            return 0.004 * _depth(length, peak) * x * np.exp(1 - x)

        return self._over_showers(time_s, 30 * HOUR_S, lift)

    def salinity(self, time_s: Floats) -> Floats:
        """Salt, g/L.

        Near 0.1 in the wet season, up to 4 at the end of the dry one (April); with the tide, an
        hour and a half after it, and thinned by rain for two days.
        """
        dry = ((1 + _year_wave(time_s, 95)) / 2) ** 3
        tide = self.tide(time_s - 1.5 * HOUR_S) / _TIDE_M
        flushed = np.exp(-self.wetness(time_s, 48 * HOUR_S) / 60)
        return 0.05 + (0.12 + 2.8 * dry) * (1 + 0.35 * tide) * flushed

    def pm2_5(self, time_s: Floats) -> Floats:
        """Fine dust, ug/m3.

        More in the dry season (burnt straw), at night under the inversion and in the rush hours; a
        shower washes most of it out for some hours.
        """
        dry = (1 + _year_wave(time_s, 30)) / 2
        hour = _hour(time_s)
        night = _bump(hour, 2, 2.0)
        rush = _bump(hour, 7.25, 18.0) + _bump(hour, 17.5, 18.0)
        air = np.exp(0.3 * smooth(key_of(self._key, "air"), time_s, 18 * HOUR_S))
        washed = 0.35 + 0.65 * np.exp(-self.wetness(time_s, 3 * HOUR_S) / 4)
        return ((9 + 14 * dry) * (1 + 0.5 * night) + 14 * rush) * air * washed

    def noise(self, time_s: Floats) -> Floats:
        """Sound level beside the street, dB: traffic by the hour, and rain on the roofs."""
        street = 44 + 10 * np.log10(1 + 350 * traffic(time_s))
        roofs = 40 + 12 * np.log10(1 + self.rain(time_s))
        moment = 1.2 * smooth(key_of(self._key, "sound"), time_s, 150.0)
        return 10 * np.log10(10 ** (street / 10) + 10 ** (roofs / 10)) + moment

    def _over_showers(self, time_s: Floats, memory_s: float, effect: _Effect) -> Floats:
        """The sum of an effect over all showers that began up to ``memory_s`` before."""
        flat = np.asarray(time_s, np.float64).ravel()
        total = np.empty_like(flat)
        for begin in range(0, len(flat), _BLOCK):  # showers × instants would fill the memory
            block = flat[begin : begin + _BLOCK]
            onset, length, peak = self._showers(block.min() - memory_s, block.max())
            age = block[:, None] - onset
            felt = effect(age, length, peak) * ((age > 0) & (age <= memory_s))
            total[begin : begin + _BLOCK] = felt.sum(axis=1)
        return total.reshape(np.shape(time_s))

    def _showers(self, from_s: float, to_s: float) -> tuple[Floats, Floats, Floats]:
        """Onset (s), length (s) and peak (mm/h) of the showers that begin between two instants.

        A Poisson process whose rate goes with the season and the hour, drawn hour by hour.
        """
        slots = np.arange(np.floor(from_s / _SLOT_S), np.floor(to_s / _SLOT_S) + 1)
        mid_s = (slots + 0.5) * _SLOT_S
        wet = (1 + _year_wave(mid_s, 258)) / 2
        expected = 0.003 + 0.085 * wet**1.5 * (0.4 + 1.6 * _bump(_hour(mid_s), 15.5, 4.0))
        chance = uniform(key_of(self._key, "showers"), slots)
        none = np.exp(-expected)
        count = (chance >= none).astype(int) + (chance >= none * (1 + expected))
        index = slots[:, None] * _MOST_A_SLOT + np.arange(_MOST_A_SLOT)
        index = index[np.arange(_MOST_A_SLOT) < count[:, None]]
        draws = [uniform(key_of(self._key, what), index) for what in ("onset", "length", "peak")]
        onset = (np.floor(index / _MOST_A_SLOT) + draws[0]) * _SLOT_S
        length = np.minimum(_LONGEST_S, HOUR_S * (0.3 - 0.55 * np.log1p(-draws[1])))
        peak = np.minimum(120.0, 1.0 - 15.0 * np.log1p(-draws[2]))
        return onset, length, peak


def traffic(time_s: Floats) -> Floats:
    """How much traffic there is, 0 to 1: peaks at 7:00 and 17:00, some by day, little at night."""
    hour = _hour(time_s)
    rush = np.maximum(_bump(hour, 7, 14.0), _bump(hour, 17, 14.0))
    return 0.03 + 0.42 * _bump(hour, 13, 2.2) + 0.5 * rush


def _depth(length_s: Floats, peak: Floats) -> Floats:
    """Rain of a shower, mm: the integral of its intensity."""
    return peak * 6.75 / 12 * length_s / HOUR_S


def _hour(time_s: Floats) -> Floats:
    """Hour of the day in Vietnam, 0 to 24."""
    return (time_s / HOUR_S + 7) % 24


def _bump(hour: Floats, peak: float, narrow: float) -> Floats:
    """1 at an hour of the day and less round it, without a step at midnight (von Mises)."""
    return np.asarray(np.exp(narrow * (np.cos(2 * np.pi * (hour - peak) / 24) - 1)))


def _year_wave(time_s: Floats, day: float) -> Floats:
    """1 on a day of the year, counted from 1 January, and -1 half a year from it."""
    return np.asarray(np.cos(2 * np.pi * (time_s / YEAR_S - day / 365.2422)))
