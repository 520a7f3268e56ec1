"""Virtual devices that publish for real, and the account of what they said."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from edge.publisher import Publisher
from ingest.validate import TimeWindow, validate
from ioc.clock import utc_now
from ioc.decode import Reason, decode
from ioc.events import HealthData, NumberedEnvelope, Payload
from ioc.local_process import LOOPBACK, free_port
from ioc.mqtt import build_client
from ioc.settings import EdgeSettings, MqttSettings
from ioc.topics import device_path
from simulator.devices.bad_device import REPEATS, BadDevice
from simulator.devices.fleet import Fleet, Minted, VirtualDevice
from tests.servers.embedded import Mqtt
from tests.servers.mqtt import Probe

PATH = device_path("vithanh", "tran-hung-dao", "cam-1")
WINDOW = TimeWindow(timedelta(days=30), timedelta(minutes=5))


@pytest.fixture
def mqtt(tmp_path: Path) -> Iterator[Mqtt]:
    server = Mqtt(tmp_path / "mqtt")
    server.start()
    yield server
    server.stop()


def settings_of(mqtt: Mqtt) -> MqttSettings:
    return MqttSettings(host=LOOPBACK, port=mqtt.port)


@dataclass
class Ticking:
    """Says its health at every look, and fails at one of them."""

    fails_at: int = -1
    looks: int = 0

    def due(self, now: datetime) -> Iterator[tuple[datetime, Payload]]:
        self.looks += 1
        if self.looks == self.fails_at:
            raise RuntimeError("a broken device")
        yield now, HealthData(uptime_s=float(self.looks))


def device(mqtt: Mqtt, folder: Path, name: str, behaviour: Ticking) -> VirtualDevice:
    path = PATH._replace(device=name)
    publisher = Publisher(path, settings_of(mqtt), EdgeSettings(spool_dir=folder))
    return VirtualDevice(path, "sensor", behaviour, publisher)


def test_what_was_minted_is_what_was_published(mqtt: Mqtt, tmp_path: Path) -> None:
    probe = Probe(mqtt.port, "listener")
    probe.subscribe("ioc/v1/+/+/+/metric/health")
    fleet = Fleet([device(mqtt, tmp_path / "spool", name, Ticking()) for name in ("a", "b")])
    fleet.start()
    time.sleep(0.6)
    fleet.silence()
    minted = {d.path.source: d.minted for d in fleet.devices}
    total = sum(m.count for m in minted.values())
    heard: dict[str, Minted] = {source: Minted() for source in minted}
    for raw in probe.wait(total):
        event = decode(raw)
        assert isinstance(event, NumberedEnvelope)
        heard[event.source].note(event)
    assert heard == minted
    assert total >= 4
    assert fleet.drain(0.1) == total, "no core, no receipt: all of it is still in the spools"
    fleet.stop()
    probe.close()


def test_a_device_that_fails_stays_in_the_account_and_the_others_go_on(
    mqtt: Mqtt, tmp_path: Path
) -> None:
    broken, sound = Ticking(fails_at=3), Ticking()
    fleet = Fleet(
        [
            device(mqtt, tmp_path / "spool", "broken", broken),
            device(mqtt, tmp_path / "spool", "sound", sound),
        ]
    )
    fleet.start()
    deadline = time.monotonic() + 30
    while sound.looks <= 4 and time.monotonic() < deadline:
        time.sleep(0.05)
    fleet.stop()
    assert [d.path.device for d in fleet.devices] == ["broken", "sound"]
    assert fleet.devices[0].minted.count == 2
    assert broken.looks == 3
    assert sound.looks > 4
    assert not fleet.devices[0].publisher.stats().connected, "it was switched off too"


def test_a_bad_device_knows_what_it_has_sent(mqtt: Mqtt) -> None:
    probe = Probe(mqtt.port, "listener")
    probe.subscribe("ioc/v1/#")
    bad = BadDevice(PATH, settings_of(mqtt), seed=3)
    bad.start(12, 0.3)
    found = probe.wait(12 + 3 * REPEATS)
    bad.stop()
    time.sleep(0.2)
    assert len(probe.messages) == len(found) == 12 + 3 * REPEATS
    assert (len(bad.bad), len(bad.good)) == (12, 3)
    assert bad.bad.isdisjoint(bad.good)
    assert sorted(bad.bad | bad.good) == list(range(15)), "numbers without a gap"
    now = utc_now()
    reasons = [validate(m.topic, bytes(m.payload), now, WINDOW).reason for m in probe.messages]
    good = [m for m, reason in zip(probe.messages, reasons, strict=True) if reason is None]
    events = [decode(bytes(m.payload)) for m in good]
    numbers = [e.sequence for e in events if isinstance(e, NumberedEnvelope)]
    for sequence in bad.good:
        assert numbers.count(sequence) == REPEATS
    assert Reason.INTERNAL not in reasons
    probe.close()


def test_without_a_broker_nothing_counts_as_sent() -> None:
    bad = BadDevice(PATH, MqttSettings(host=LOOPBACK, port=free_port()))
    client = build_client(MqttSettings(host=LOOPBACK, port=free_port()), "nobody")
    bad.send(bad.cases(2), client)
    bad.repeat_good(client)
    assert (bad.bad, bad.good) == (set(), set())
