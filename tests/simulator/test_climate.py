"""Water and air of a virtual place: the tide's periods, showers and what they do, no leaps."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.sensors.chance import Floats, key_of, normal, smooth, uniform
from simulator.sensors.climate import CONSTITUENTS, DAY_S, HOUR_S, Climate, traffic

START_S = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
SEEDS = st.integers(0, 2**32)
INSTANTS = st.floats(START_S, START_S + 3 * 365 * DAY_S)
RANGES = {
    "water_level": (-0.5, 2.5),
    "street_water": (0, 1.5),
    "rain": (0, 240),
    "salinity": (0.03, 6),
    "pm2_5": (0.5, 250),
    "noise": (40, 90),
}
# What each may change by in a minute: those of a shower's front, of a rush hour.
SLOPES = {
    "water_level": 0.01,
    "street_water": 0.03,
    "rain": 90.0,
    "salinity": 0.05,
    "pm2_5": 4.0,
    "noise": 9.0,
}


def days(count: float, step_s: float, from_day: float = 0.0) -> Floats:
    begin = START_S + from_day * DAY_S
    return np.arange(begin, begin + count * DAY_S, step_s)


def shower(climate: Climate) -> tuple[float, float]:
    """Begin and end of the first shower of the wet season that stands alone and is strong."""
    time_s = days(90, 300, 210)
    wet = climate.rain(time_s) > 0
    edges = np.flatnonzero(np.diff(wet.astype(int)))
    starts, ends = time_s[edges[wet[edges + 1]]], time_s[edges[wet[edges]]]
    ends = ends[ends > starts[0]]
    for before, start, end, after in zip(ends, starts[1:], ends[1:], starts[2:], strict=False):
        span = np.arange(start, end, 60.0)
        strong = len(span) and climate.rain(span).sum() / 60 > 15
        if strong and start - before > 12 * HOUR_S and after - end > 8 * HOUR_S:
            return float(start), float(end)
    raise AssertionError("no shower stands alone")


# Hours, from the tables and not from the code.
PERIODS = {"M2": 12.4206, "S2": 12.0, "K1": 23.9345, "O1": 25.8193}


@pytest.mark.parametrize("name", PERIODS)
def test_the_tide_has_the_periods_of_its_constituents(name: str) -> None:
    # 355 days: K1, O1, M2 and S2 are far enough apart, as in a harmonic analysis.
    time_s = days(355, 1800)
    level = Climate(3).tide(time_s)
    spectrum = np.abs(np.fft.rfft(level * np.hanning(len(level)))) * 4 / len(level)
    frequency = np.fft.rfftfreq(len(level), 1800.0)
    hours, height = PERIODS[name], CONSTITUENTS[name][1]
    wanted = 1 / (hours * HOUR_S)
    near = np.abs(frequency - wanted) < 3 / (355 * DAY_S)
    peak = np.flatnonzero(near)[spectrum[near].argmax()]
    assert frequency[peak] == pytest.approx(wanted, abs=1 / (355 * DAY_S))
    assert spectrum[peak] == pytest.approx(height, rel=0.2)
    others = np.ones(len(frequency), bool)
    for period in PERIODS.values():
        others &= np.abs(frequency - 1 / (period * HOUR_S)) > 4 / (355 * DAY_S)
    assert spectrum[others].max() < 0.01, "and no others"


def test_springs_and_neaps_come_every_14_8_days() -> None:
    time_s = days(177.2, 600)
    level = Climate(5).tide(time_s)
    half_daily = np.zeros_like(level)
    spectrum, frequency = np.fft.rfft(level), np.fft.rfftfreq(len(level), 600.0)
    spectrum[frequency < 1.5 / DAY_S] = 0  # the daily tides have another rhythm
    half_daily = np.fft.irfft(spectrum, len(level))
    daily_range = np.ptp(half_daily[: len(level) // 144 * 144].reshape(-1, 144), axis=1)
    rhythm = np.abs(np.fft.rfft(daily_range - daily_range.mean()))
    period = 1 / np.fft.rfftfreq(len(daily_range))[rhythm.argmax()]
    assert period == pytest.approx(14.77, abs=0.6)
    assert daily_range.max() > 1.8 * daily_range.min()


@pytest.mark.parametrize("quantity", RANGES)
@given(seed=SEEDS, at=INSTANTS)
@settings(max_examples=25, deadline=None)
def test_values_are_possible_and_without_leaps(quantity: str, seed: int, at: float) -> None:
    measure = getattr(Climate(seed), quantity)
    minutes = measure(at + np.arange(0, DAY_S, 60.0))
    low, high = RANGES[quantity]
    assert low <= minutes.min() <= minutes.max() <= high
    assert np.abs(np.diff(minutes)).max() <= SLOPES[quantity]
    moment = measure(at + np.array([0.0, 1e-3]))
    assert abs(moment[1] - moment[0]) < SLOPES[quantity] / 1000


@pytest.mark.parametrize("quantity", RANGES)
@given(seed=SEEDS, at=st.lists(INSTANTS, min_size=2, max_size=6))
@settings(max_examples=15, deadline=None)
def test_a_value_depends_on_the_instant_and_the_seed_alone(
    quantity: str, seed: int, at: list[float]
) -> None:
    together = getattr(Climate(seed), quantity)(np.array(at))
    other = Climate(seed)
    alone = [float(getattr(other, quantity)(np.array([one]))[0]) for one in reversed(at)]
    assert together == pytest.approx(alone[::-1], rel=1e-9, abs=1e-9)


def test_a_shower_lifts_the_canal_later_thins_the_salt_and_washes_the_air() -> None:
    climate = Climate(2)
    start, end = shower(climate)
    after = np.arange(start, end + 8 * HOUR_S, 300.0)
    lift = climate.runoff(after)
    top_s = after[lift.argmax()]
    assert lift.max() > lift[0] + 0.03
    assert 1.5 * HOUR_S < top_s - start < 4 * HOUR_S, "not at once, and not tomorrow"
    calm = climate.water_level(after) - climate.runoff(after)
    assert climate.water_level(after).max() > calm.max() - 1e-9
    one = np.array([start, end])
    assert climate.wetness(one, 48 * HOUR_S)[1] > climate.wetness(one, 48 * HOUR_S)[0] + 10
    washed = climate.pm2_5(one)
    assert washed[1] < 0.75 * washed[0]
    salt = climate.salinity(one) / (1 + 0.35 * climate.tide(one - 5400.0) / 0.56)
    assert salt[1] < salt[0]


def test_the_wet_season_rains_on_afternoons_and_the_dry_one_is_salty() -> None:
    rain = np.zeros(24)
    dry_mm = wet_mm = 0.0
    salt: list[tuple[float, float]] = []
    for seed in range(4):
        climate = Climate(seed)
        wet, dry = days(60, 600, 240), days(60, 600, 60)
        rain += climate.rain(wet).reshape(-1, 24, 6).sum(axis=(0, 2))
        wet_mm += climate.rain(wet).sum() / 6
        dry_mm += climate.rain(dry).sum() / 6
        salt.append((climate.salinity(dry).mean(), climate.salinity(wet).mean()))
    assert wet_mm > 6 * dry_mm
    afternoon = np.roll(rain, 7)[13:19].mean()  # local time
    assert afternoon > 2 * rain.mean() * 0.8
    assert all(dry > 5 * wet for dry, wet in salt)


def test_dust_and_noise_follow_the_day() -> None:
    climate = Climate(1)
    dust = climate.pm2_5(days(30, 600, 30)).reshape(30, 144).mean(axis=0)
    dust, hour = np.roll(dust, 42), np.arange(144) / 6  # local time
    assert dust[np.abs(hour - 7.25) < 0.5].mean() > 1.5 * dust[np.abs(hour - 13) < 1].mean()
    assert dust[np.abs(hour - 2) < 1].mean() > 1.2 * dust[np.abs(hour - 13) < 1].mean()
    sound = np.roll(climate.noise(days(7, 600, 30)).reshape(7, 144).mean(axis=0), 42)
    assert sound[np.abs(hour - 17) < 0.5].mean() > sound[np.abs(hour - 2) < 1].mean() + 10
    assert traffic(days(2, 60)).min() > 0 and traffic(days(2, 60)).max() <= 1


@given(seed=SEEDS)
@settings(max_examples=10, deadline=None)
def test_chance_is_even_normal_and_the_same_each_time(seed: int) -> None:
    key = key_of("test", seed)
    even, bell = uniform(key, np.arange(20_000)), normal(key, np.arange(20_000))
    assert (even == uniform(key, np.arange(20_000))).all()
    assert even.min() >= 0 and even.max() < 1
    assert np.histogram(even, 10, (0, 1))[0] == pytest.approx(np.full(10, 2000), abs=220)
    assert (bell.mean(), bell.std()) == (pytest.approx(0, abs=0.04), pytest.approx(1, abs=0.03))
    assert abs(np.corrcoef(even[:-1], even[1:])[0, 1]) < 0.04
    assert np.abs(np.diff(smooth(key, np.linspace(0, 100, 100_001), 1.0))).max() < 0.02
