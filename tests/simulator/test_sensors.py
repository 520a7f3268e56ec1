"""Virtual sensors: pure, true without faults, wrong in known ways, and judged as real ones are."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ioc.events import UNITS, ReadingData
from ioc.site import Sensor
from simulator.devices.behaviour import SensorBehaviour
from simulator.sensors.climate import HIGH_WATER_M, Climate
from simulator.sensors.faults import (
    KINDS,
    Fault,
    FaultKind,
    PlannedFaults,
    SeededFaults,
)
from simulator.sensors.sensor import INSTRUMENTS, Sample, VirtualSensor, judge

START = datetime(2026, 10, 5, 8, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
QUANTITIES = [*UNITS, "temperature"]
INSTANTS = st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1)).map(
    lambda at: at.replace(tzinfo=UTC)
)


def after(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def broken(
    kind: FaultKind, size: float = 1.0, quantity: str = "water_level", minutes: float = 120
) -> VirtualSensor:
    """A sensor that is wrong from ``START`` on."""
    fault = Fault(kind, START, after(minutes), size)
    return VirtualSensor(quantity, 7, faults=PlannedFaults([fault]))


def samples(sensor: VirtualSensor, first: int, last: int) -> list[Sample]:
    return [sensor.sample(after(minute)) for minute in range(first, last)]


@pytest.mark.parametrize("quantity", QUANTITIES)
@given(at=INSTANTS, seed=st.integers(0, 1000))
@settings(max_examples=15, deadline=None)
def test_without_faults_a_sensor_is_right_within_its_noise(
    quantity: str, at: datetime, seed: int
) -> None:
    sensor = VirtualSensor(quantity, seed)
    sample, scale = sensor.sample(at), sensor.instrument
    assert sample.value is not None and sample.fault is None and sample.at == at
    assert abs(sample.value - sample.truth) <= 6 * scale.noise + scale.step
    assert scale.low <= sample.value <= scale.high
    assert sample.value / scale.step == pytest.approx(round(sample.value / scale.step), abs=1e-4)


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_without_faults_the_self_test_is_content(quantity: str) -> None:
    for seed in range(2):
        sensor = VirtualSensor(quantity, seed)
        found = [sensor.sample(after(n)).quality for n in range(600)]
        assert found.count("good") == len(found)


@given(
    at=st.lists(INSTANTS, min_size=2, max_size=5),
    quantity=st.sampled_from(QUANTITIES),
    seed=st.integers(0, 9),
)
@settings(max_examples=30, deadline=None)
def test_a_sample_depends_on_the_instant_and_the_seed_alone(
    at: list[datetime], quantity: str, seed: int
) -> None:
    def made() -> VirtualSensor:
        return VirtualSensor(quantity, seed, faults=SeededFaults(seed, 50))

    one, other = made(), made()
    assert [one.sample(x) for x in at] == [other.sample(x) for x in reversed(at)][::-1]
    assert VirtualSensor(quantity, seed + 1).sample(at[0]).value != one.sample(at[0]).value or (
        one.instrument.rests or one.sample(at[0]).fault is not None
    )


def test_sensors_of_one_climate_see_the_same_and_differ_by_their_noise() -> None:
    climate = Climate(4)
    one, other = (VirtualSensor("water_level", seed, climate=climate) for seed in (1, 2))
    assert [one.truth(after(n)) for n in range(9)] == [other.truth(after(n)) for n in range(9)]
    assert [s.value for s in samples(one, 0, 9)] != [s.value for s in samples(other, 0, 9)]


def test_the_alert_tells_where_a_gauge_stands() -> None:
    climate = Climate(4)
    low, high = (
        VirtualSensor("water_level", 1, climate=climate, alert_at=level) for level in (1.1, 1.6)
    )
    street = VirtualSensor("water_level", 1, climate=climate, alert_at=0.2)
    assert high.truth(START) - low.truth(START) == pytest.approx(0.5)
    year = [datetime(2026, 1, 1, tzinfo=UTC) + 3 * HOUR * n for n in range(2920)]
    levels = np.array([low.truth(at) for at in year])
    assert 0 < (levels > HIGH_WATER_M).mean() < 0.05, "high water is rare"
    wet = np.array([street.truth(at) for at in year])
    assert (wet == 0).mean() > 0.95 and wet.max() > 0


def test_a_stuck_sensor_repeats_itself_and_is_found_out() -> None:
    found = samples(broken("stuck"), 0, 60)
    assert len({s.value for s in found}) == 1
    assert found[0].quality == "good", "nobody can know yet"
    assert found[6].quality == "suspect"
    assert {s.quality for s in found[12:]} == {"bad"}
    assert np.ptp([s.truth for s in found]) > 0.02


def test_rain_that_does_not_fall_is_not_a_stuck_sensor() -> None:
    sensor = VirtualSensor("rain", 2)
    dry = [s for s in samples(sensor, 0, 300) if s.truth == 0]
    assert len(dry) > 50
    assert {(s.value, s.quality) for s in dry} == {(0.0, "good")}


def test_a_drift_grows_and_no_self_test_sees_it() -> None:
    found = samples(broken("drift", 0.3), 0, 120)
    off = [s.value - s.truth for s in found if s.value is not None]
    assert off[0] == pytest.approx(0, abs=0.02)
    assert off[60] == pytest.approx(0.3, abs=0.02)
    assert off[-1] == pytest.approx(0.6, abs=0.02)
    assert {s.quality for s in found} == {"good"}


@pytest.mark.parametrize("quantity", ["water_level", "rain", "salinity", "pm2_5", "noise"])
def test_spikes_are_suspect_and_the_readings_between_them_are_not(quantity: str) -> None:
    found = samples(broken("spike", 2.0, quantity), 0, 120)
    span = INSTRUMENTS[quantity].span
    spikes = [s for s in found if s.value is not None and abs(s.value - s.truth) > span / 2]
    others = [s for s in found if s not in spikes]
    assert 20 < len(spikes) < 60
    assert np.mean([s.quality != "good" for s in spikes]) > 0.75
    assert np.mean([s.quality == "good" for s in others]) > 0.75


def test_a_sensor_that_drops_out_says_nothing() -> None:
    sensor = broken("dropout")
    assert {s.value for s in samples(sensor, 0, 120)} == {None}
    assert sensor.sample(after(120)).value is not None


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_full_scale_is_bad(quantity: str) -> None:
    sensor = broken("saturation", 1.0, quantity)
    found = {(s.value, s.quality) for s in samples(sensor, 0, 20)}
    assert found == {(sensor.instrument.high, "bad")}


def test_lost_bits_make_steps() -> None:
    found = samples(broken("quantisation", 0.1), 0, 120)
    values = {s.value for s in found if s.value is not None}
    assert 2 <= len(values) < 15
    assert all(value * 10 == pytest.approx(round(value * 10)) for value in values)
    assert all(s.value is None or abs(s.value - s.truth) < 0.07 for s in found)


@pytest.mark.parametrize("slip_s", [-600.0, 120.0])
def test_a_wrong_clock_stamps_wrongly_what_it_measures_rightly(slip_s: float) -> None:
    sample = broken("clock_slip", slip_s).sample(after(5))
    assert (sample.at - after(5)).total_seconds() == slip_s
    assert sample.value == VirtualSensor("water_level", 7).sample(after(5)).value
    assert sample.quality == "good"


@given(seed=st.integers(0, 10_000), per_day=st.sampled_from([0.5, 2.0, 24.0, 100.0]))
@settings(max_examples=40, deadline=None)
def test_the_truth_names_every_fault_and_nothing_else(seed: int, per_day: float) -> None:
    faults = SeededFaults(seed, per_day)
    end = START + timedelta(days=4)
    told = list(faults.between(START, end))
    instants = [START + timedelta(minutes=9 * n) for n in range(640)]
    for at in instants:
        assert [f for f in told if f.since <= at < f.until] == list(_at(faults, at))
    assert all(one.until <= other.since for one, other in pairwise(told))
    assert all(timedelta(0) < f.until - f.since <= timedelta(hours=5) for f in told)


def _at(faults: SeededFaults, at: datetime) -> Iterator[Fault]:
    fault = faults.fault_at(at)
    if fault is not None:
        yield fault


def test_so_many_faults_happen_as_were_ordered_and_of_every_kind() -> None:
    end = START + timedelta(days=200)
    told = list(SeededFaults(1, 3.0).between(START, end))
    assert len(told) == pytest.approx(600, rel=0.1)
    assert {fault.kind for fault in told} == set(KINDS)
    assert list(SeededFaults(1, 0.0).between(START, end)) == []
    drifts = SeededFaults(1, 3.0, ["drift"]).between(START, end)
    assert {fault.kind for fault in drifts} == {"drift"}
    ahead = [f.size for f in told if f.kind == "clock_slip" and f.size > 0]
    assert ahead and max(ahead) < 300, "the core sets aside what is over 5 minutes ahead"


def test_wrong_orders_of_faults_are_refused() -> None:
    with pytest.raises(ValueError, match="0 to 115"):
        SeededFaults(1, 1000)
    with pytest.raises(ValueError, match="drift"):
        SeededFaults(1, 1, [])
    with pytest.raises(ValueError, match="before"):
        Fault("stuck", START, START, 1)
    one, other = Fault("stuck", START, after(9), 1), Fault("drift", after(5), after(20), 1)
    with pytest.raises(ValueError, match="overlap"):
        PlannedFaults([one, other])


def test_a_self_test_begins_without_a_past() -> None:
    scale = INSTRUMENTS["water_level"]
    assert judge(scale, [0.5], 60) == "good"
    assert judge(scale, [0.5, None, None], 60) == "good"
    assert judge(scale, [None, 0.5], 60) == "bad"
    assert judge(scale, [0.5, None, 2.5], 60) == "suspect"


def test_a_reading_carries_the_quality_and_the_wrong_time() -> None:
    sensor = Sensor.model_validate(
        {"id": "s", "name": {"vi": "a", "en": "a"}, "quantity": "salinity", "unit": "g/L"}
    )
    behaviour = SensorBehaviour(sensor, START, 5, faults_per_day=100)
    end = START + timedelta(hours=12)
    said: list[tuple[datetime, ReadingData]] = []
    for minute in range(721):
        for at, data in behaviour.due(after(minute)):
            if isinstance(data, ReadingData):
                said.append((at, data))
    assert {data.quality for _, data in said} == {"good", "suspect", "bad"}
    expected = [behaviour.virtual.sample(after(minute)) for minute in range(1, 721)]
    assert [(at, data.value, data.quality) for at, data in said] == [
        (s.at, s.value, s.quality) for s in expected if s.value is not None
    ]
    assert len(said) < 720, "some are missing"
    assert any(at.second or at.minute != after(n).minute for n, (at, _) in enumerate(said, 1))
    assert all(at < end + HOUR for at, _ in said)
