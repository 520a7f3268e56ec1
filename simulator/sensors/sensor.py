"""Virtual sensors: what an instrument makes of the climate, with its noise and its faults.

A sensor is pure: any instant, in any order, gives the same sample. It knows the truth (``truth``,
``fault_at``), which no real one does; its ``quality`` does not use that, only what a real sensor's
self-test sees: its own last values.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final, Literal

import numpy as np

from simulator.sensors.chance import Floats, key_of, normal, smooth, uniform
from simulator.sensors.climate import HIGH_WATER_M, HOUR_S, Climate
from simulator.sensors.faults import Fault, Faults

Quality = Literal["good", "suspect", "bad"]

STREET_M: Final = 0.5
"""A water gauge whose alert is below this stands on a street: a canal is deeper than that."""
FLAT_SUSPECT: Final = 6
FLAT_BAD: Final = 12
"""Equal values in a row. With noise of at least two steps, six equal ones come by chance once in
20,000 readings (0.14 to the fifth power), twelve never."""
_NEIGHBOURS: Final = 5
_SPIKES: Final = 0.3
"""So many of the readings of a loose plug are far off."""


@dataclass(frozen=True, slots=True)
class Instrument:
    """How a quantity is measured, in its unit.

    Attributes:
        step: Resolution.
        noise: Deviation of its noise.
        low: Lower end of its scale.
        high: Upper end of its scale.
        per_minute: More than this does not change in a minute.
        span: What the quantity usually moves over; sizes of faults are told in it.
        rests: Whether it lies at ``low`` for hours, as rain does.
    """

    step: float
    noise: float
    low: float
    high: float
    per_minute: float
    span: float
    rests: bool = False


INSTRUMENTS: Final[dict[str, Instrument]] = {
    "water_level": Instrument(0.001, 0.003, -1.0, 4.0, 0.02, 1.0),
    "street_water": Instrument(0.001, 0.003, 0.0, 2.0, 0.05, 0.5, rests=True),
    "rain": Instrument(0.1, 0.3, 0.0, 250.0, 60.0, 100.0, rests=True),
    "salinity": Instrument(0.001, 0.004, 0.0, 40.0, 0.02, 1.0),
    "pm2_5": Instrument(0.1, 0.6, 0.0, 500.0, 6.0, 60.0),
    "noise": Instrument(0.1, 0.4, 25.0, 130.0, 8.0, 40.0),
    "other": Instrument(0.001, 0.005, 0.0, 1.0, 0.02, 0.5),
}


@dataclass(frozen=True, slots=True)
class Sample:
    """What a sensor says at an instant, and what it would have to say.

    Attributes:
        at: When it thinks it is.
        value: What it says; None: nothing.
        quality: What its self-test says of that.
        truth: What is really there, without noise.
        fault: What is wrong with it.
    """

    at: datetime
    value: float | None
    quality: Quality
    truth: float
    fault: Fault | None


class VirtualSensor:
    """A sensor that stands in a climate.

    Args:
        quantity: One of ``water_level`` (m), ``rain`` (mm/h), ``salinity`` (g/L), ``pm2_5``
            (ug/m3), ``noise`` (dB), or anything else for a slow wave between 0 and 1.
        seed: Two sensors with different seeds differ, in one climate by their noise.
        climate: What it measures; left out, one of its own.
        faults: When it is wrong; left out, never.
        period_s: Time between its readings, which its self-test compares, seconds.
        alert_at: Where its alert is raised. It tells a water gauge's place: the alert of a canal
            is set at its high water, and a gauge with a very low one stands on the street.
    """

    def __init__(
        self,
        quantity: str,
        seed: int,
        *,
        climate: Climate | None = None,
        faults: Faults | None = None,
        period_s: float = 60.0,
        alert_at: float | None = None,
    ) -> None:
        street = quantity == "water_level" and alert_at is not None and alert_at < STREET_M
        kind = "street_water" if street else quantity
        self.instrument = INSTRUMENTS.get(kind, INSTRUMENTS["other"])
        self._key = key_of("sensor", quantity, seed)
        self._shape = self._shape_of(kind, climate or Climate(seed), alert_at)
        self._faults = faults
        self._period = timedelta(seconds=period_s)
        # The next sample looks at all but one of the same instants again.
        self._said = lru_cache(maxsize=4 * FLAT_BAD)(self._measured)

    def truth(self, instant: datetime) -> float:
        """What is really there, in the unit of ``ioc.events.UNITS``."""
        return float(self._shape(np.array([instant.timestamp()]))[0])

    def fault_at(self, instant: datetime) -> Fault | None:
        """What is wrong with it at an instant."""
        return None if self._faults is None else self._faults.fault_at(instant)

    def sample(self, instant: datetime) -> Sample:
        """What it says at an instant, timezone-aware."""
        values = [self._said(instant - n * self._period) for n in range(FLAT_BAD)]
        fault = self.fault_at(instant)
        slip_s = fault.size if fault is not None and fault.kind == "clock_slip" else 0.0
        return Sample(
            at=instant.astimezone(UTC) + timedelta(seconds=slip_s),
            value=values[0],
            quality=judge(self.instrument, values, self._period.total_seconds()),
            truth=self.truth(instant),
            fault=fault,
        )

    def _measured(self, at: datetime) -> float | None:
        """The value that leaves the instrument."""
        truth, fault, scale = self.truth(at), self.fault_at(at), self.instrument
        if fault is None or fault.kind == "clock_slip":
            return self._read(at, truth)
        match fault.kind:
            case "dropout":
                return None
            case "saturation":
                return scale.high if fault.size > 0 else scale.low
            case "stuck":
                return self._read(fault.since, self.truth(fault.since))
            case "drift":
                hours = (at - fault.since).total_seconds() / HOUR_S
                return self._read(at, truth, off=fault.size * scale.span * hours)
            case "spike":
                hit = uniform(self._key ^ 1, _ms(at)) < _SPIKES
                return self._read(at, truth, off=fault.size * scale.span if hit else 0.0)
            case "quantisation":
                return self._read(at, truth, step=fault.size * scale.span)

    def _read(
        self, at: datetime, truth: float, off: float = 0.0, step: float | None = None
    ) -> float:
        """A value with noise, on the instrument's scale and in its steps."""
        scale = self.instrument
        resting = scale.rests and truth <= scale.low  # a dry tipping bucket makes no noise
        noise = 0.0 if resting else scale.noise * float(normal(self._key, _ms(at)))
        step = step or scale.step
        value = round((truth + noise + off) / step) * step
        return round(min(scale.high, max(scale.low, value)), 6)

    def _shape_of(
        self, kind: str, climate: Climate, alert_at: float | None
    ) -> Callable[[Floats], Floats]:
        match kind:
            case "water_level":
                zero = 0.0 if alert_at is None else alert_at - HIGH_WATER_M
                return lambda time_s: climate.water_level(time_s) + zero
            case "street_water":
                return climate.street_water
            case "rain":
                return climate.rain
            case "salinity":
                return climate.salinity
            case "pm2_5":
                return climate.pm2_5
            case "noise":
                return climate.noise
            case _:
                return lambda time_s: 0.5 + 0.4 * np.tanh(smooth(self._key, time_s, 6 * HOUR_S))


def judge(instrument: Instrument, values: list[float | None], period_s: float) -> Quality:
    """A sensor's self-test of its newest value.

    The tests are those of the QARTOD manuals (IOOS, "Real-Time Quality Control of Water Level
    Data"): gross range, spike and flat line. What they cannot see, a slow drift or a wrong clock,
    stays good, as it does with real sensors.

    Args:
        instrument: What it is.
        values: Its last values, the newest first, None where it said nothing.
        period_s: Time between them, seconds.

    Returns:
        ``bad`` at the end of the scale or after a dozen equal values, ``suspect`` after half a
        dozen or a leap.
    """
    newest = values[0]
    if newest is None:
        return "bad"
    low_end = newest <= instrument.low and not instrument.rests
    if low_end or newest >= instrument.high:
        return "bad"
    equal = 0
    for value in values:
        if value != newest:
            break
        equal += 1
    at_rest = instrument.rests and newest <= instrument.low
    if equal >= FLAT_BAD and not at_rest:
        return "bad"
    if equal >= FLAT_SUSPECT and not at_rest:
        return "suspect"
    known = [value for value in values[1 : 1 + _NEIGHBOURS] if value is not None]
    if known:
        # The middle one of those before is some three periods old.
        minutes = 3 * period_s / 60
        most = 6 * instrument.noise + 2 * instrument.step + instrument.per_minute * minutes
        if abs(newest - float(np.median(known))) > most:
            return "suspect"
    return "good"


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)
