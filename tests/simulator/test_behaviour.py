"""What virtual devices say: valid, at the right instants, and the same for the same seed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ioc.decode import decode
from ioc.events import (
    EVENT_OF_PAYLOAD,
    FlowData,
    HealthData,
    Payload,
    ReadingData,
    SignalData,
    ViolationData,
    encode,
)
from ioc.ids import uuid7
from ioc.settings import EdgeSettings, MqttSettings
from ioc.site import load_sites
from simulator.devices.behaviour import (
    Behaviour,
    CameraBehaviour,
    Every,
    SensorBehaviour,
    SignalBehaviour,
)
from simulator.devices.fleet import devices_of

START = datetime(2026, 11, 22, 23, 30, tzinfo=UTC)  # 6:30 in Hậu Giang
SITES = load_sites(Path(__file__).parents[2] / "deploy" / "sites")
SITE = SITES[0]
CAMERA = SITE.cameras[0]


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def said(behaviour: Behaviour, steps: Iterable[float]) -> list[tuple[datetime, Payload]]:
    return [one for second in steps for one in behaviour.due(after(second))]


def all_behaviours(seed: int) -> Iterator[tuple[str, Behaviour]]:
    for site in SITES:
        for camera in site.cameras:
            yield camera.id, CameraBehaviour(camera, START, seed, violations_per_hour=1800)
        for signal in site.signals:
            yield signal.id, SignalBehaviour(signal, START, 10)
        for sensor in site.sensors:
            yield sensor.id, SensorBehaviour(sensor, START, seed, 30)


@pytest.mark.parametrize("seed", [1, 2])
def test_every_payload_is_a_valid_event(seed: int) -> None:
    kinds = set()
    for device, behaviour in all_behaviours(seed):
        path = SITE.path(device)
        for number, (at, payload) in enumerate(said(behaviour, (5, 60, 300))):
            event = EVENT_OF_PAYLOAD[type(payload)](
                specversion="1.0",
                id=uuid7(at),
                source=path.source,
                time=at,
                bootid=uuid7(START),
                sequence=number,
                data=payload,  # type: ignore[call-arg]
            )
            assert decode(encode(event)) == event
            kinds.add(type(payload))
    assert kinds == {ViolationData, FlowData, ReadingData, SignalData, HealthData}


def test_the_same_seed_and_instants_give_the_same_payloads_and_another_seed_others() -> None:
    def world(seed: int) -> list[Any]:
        return [said(behaviour, (3, 61, 62, 200)) for _, behaviour in all_behaviours(seed)]

    assert world(1) == world(1)
    assert world(1) != world(2)


def test_a_camera_counts_every_lane_every_period() -> None:
    flows = [
        (at, p.lane)
        for at, p in said(CameraBehaviour(CAMERA, START, 1), range(0, 61, 7))
        if isinstance(p, FlowData)
    ]
    expected = [
        (after(CAMERA.flow_period_s * n), lane.id)
        for n in range(1, int(56 // CAMERA.flow_period_s) + 1)
        for lane in CAMERA.lanes
    ]
    assert flows == expected


def test_a_signal_goes_through_its_phases_and_its_heads_alternate() -> None:
    signal = SITE.signals[0]
    changes = [
        (at, p.head, p.phase)
        for at, p in said(SignalBehaviour(signal, START), range(0, 121, 1))
        if isinstance(p, SignalData)
    ]
    first = [(at, phase) for at, head, phase in changes if head == signal.heads[0]]
    assert first[:4] == [
        (after(0), "green"),
        (after(27), "yellow"),
        (after(30), "red"),
        (after(60), "green"),
    ]
    if len(signal.heads) > 1:
        second = [(at, phase) for at, head, phase in changes if head == signal.heads[1]]
        assert second[:2] == [(after(0), "red"), (after(30), "green")]


@given(st.lists(st.floats(0, 500), max_size=20), st.sampled_from([0.5, 1.0, 7.0]))
@settings(deadline=None)
def test_each_instant_of_a_period_passes_once(steps: list[float], period: float) -> None:
    every = Every(timedelta(seconds=period), START, limit=10_000)
    found = [at for second in sorted(steps) for at in every.passed(after(second))]
    last = max(steps, default=0)
    expected = [after(period * n) for n in range(1, int(last / period) + 2)]
    assert found == [at for at in expected if at <= after(last)]


def test_a_stalled_device_skips_what_is_too_old() -> None:
    every = Every(timedelta(seconds=1), START, limit=5)
    found = list(every.passed(after(1000)))
    assert found == [after(n) for n in range(995, 1001)]
    assert list(every.passed(after(1001))) == [after(1001)]


def test_the_two_sites_have_their_own_traffic_and_tides(tmp_path: Path) -> None:
    edge = EdgeSettings(spool_dir=tmp_path)
    devices = devices_of(SITES, lambda _: MqttSettings(), edge, START)
    assert len({device.path for device in devices}) == len(devices)
    for name in ("cam-1", "water-1"):
        one, other = (d.behaviour for d in devices if d.path.device == name)
        assert said(one, (600,)) != said(other, (600,))
