from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from uuid import UUID

import pytest

from edge.publisher import Publisher, PublisherStoppedError
from ioc.clock import utc_now
from ioc.decode import ContractError
from ioc.errors import ConfigError
from ioc.events import (
    ClockRef,
    FrameWindow,
    HealthData,
    ModelRef,
    NumberedEnvelope,
    ReadingData,
    SignalData,
    ViolationData,
)
from ioc.settings import EdgeSettings, MqttSettings
from tests.edge.conftest import PATH, Core, LocalBroker, Seen, eventually, free_port

READING = ReadingData(quantity="water_level", value=1.25, unit="m")
VIOLATION = ViolationData(
    rule="red_light",
    track=1,
    vehicle="motorcycle",
    act_time=datetime(2026, 8, 1, tzinfo=UTC),
    confidence=0.9,
    model=ModelRef(name="m", sha256="0" * 64),
    clock=ClockRef(source="ntp"),
    frames=FrameWindow(first=0, last=1),
)
Make = Callable[..., Publisher]


@pytest.fixture
def make(settings: EdgeSettings, broker: LocalBroker) -> Iterator[Make]:
    made: list[Publisher] = []

    def _make(**changes: object) -> Publisher:
        publisher = Publisher(PATH, broker.settings, settings.model_copy(update=changes))
        publisher.start()
        made.append(publisher)
        return publisher

    yield _make
    for publisher in made:
        publisher.stop()


def replayed(seen: Seen) -> bool:
    assert isinstance(seen.event, NumberedEnvelope)
    return seen.event.replayed


def sequences(events: list[Seen]) -> list[int]:
    return [int(seen.properties["sequence"]) for seen in events]


def online(publisher: Publisher) -> None:
    eventually(lambda: publisher.stats().connected, "connected")


def test_event_arrives_with_its_identity_in_body_and_properties(make: Make, core: Core) -> None:
    publisher = make()
    online(publisher)
    event = publisher.publish(READING)
    eventually(core.events, "the event")
    seen = core.events()[0]
    assert seen.topic == "ioc/v1/vi_thanh/nga-tu-1/cam-1/metric/reading"
    assert seen.event == event
    assert seen.properties == {
        "id": str(event.id),
        "bootid": str(publisher.bootid),
        "sequence": "0",
    }
    assert not replayed(seen)


def test_only_a_receipt_removes_an_event(make: Make, core: Core) -> None:
    publisher = make()
    events = [publisher.publish(READING) for _ in range(5)]
    eventually(lambda: len(core.events()) == 5, "five events")
    assert [event.sequence for event in events] == [0, 1, 2, 3, 4]
    time.sleep(0.2)  # the PUBACKs are long in
    assert publisher.stats().depth == 5
    core.receipt(publisher.bootid, [0, 1, 3])
    eventually(lambda: publisher.stats().depth == 2, "three gone")
    assert not publisher.flush(0.05)
    core.receipt(publisher.bootid, [2, 4])
    assert publisher.flush(5)
    assert publisher.stats().receipted == 5


def test_bad_receipts_are_harmless(make: Make, core: Core) -> None:
    publisher = make()
    publisher.publish(READING)
    eventually(core.events, "the event")
    core.send_raw(b"\xff not json")
    core.send_raw(b'{"bootid":"018f0000-0000-7000-8000-000000000000","ranges":[[0,9]]}')
    core.send_raw(b'{"bootid":"%s","ranges":[[5,900],[3,1]]}' % str(publisher.bootid).encode())
    eventually(lambda: publisher.stats().bad_receipts == 3, "three bad receipts")
    assert publisher.stats().depth == 1
    core.receipt(publisher.bootid, [0])
    assert publisher.flush(5)


def test_broker_that_lost_everything_gets_it_again_as_replayed(
    make: Make, broker: LocalBroker, core: Core
) -> None:
    publisher = make(resend_after_s=3)
    online(publisher)
    first = [publisher.publish(READING) for _ in range(20)]
    eventually(lambda: len(core.events()) == 20, "twenty events")
    core.stop()
    broker.kill()
    eventually(lambda: not publisher.stats().connected, "disconnected")
    while_away = publisher.publish(VIOLATION)
    broker.start()
    again = Core(broker.settings, receipts=True)
    assert publisher.flush(60)
    by_sequence = {int(seen.properties["sequence"]): seen for seen in again.events()}
    again.stop()
    # All those without a receipt, except what was sent before the second core had subscribed.
    assert all(replayed(seen) for seen in by_sequence.values())
    for event in (*first, while_away):
        if event.sequence in by_sequence:
            copy = by_sequence[event.sequence].event
            assert (copy.id, copy.time, copy.bootid) == (event.id, event.time, event.bootid)
    assert publisher.stats().reconnects >= 1
    assert publisher.stats().resent >= 20


def test_missing_broker_does_not_hold_up_start_or_publish(settings: EdgeSettings) -> None:
    publisher = Publisher(PATH, MqttSettings(host="127.0.0.1", port=free_port()), settings)
    began = time.monotonic()
    publisher.start()
    for _ in range(100):
        publisher.publish(READING)
    assert time.monotonic() - began < 2
    assert publisher.stats().depth == 100
    publisher.stop(timeout_s=2)
    assert publisher.stats().depth == 100


def test_what_a_stopped_process_left_goes_out_under_its_own_boot(make: Make, core: Core) -> None:
    first = make()
    kept = [first.publish(READING) for _ in range(3)]
    eventually(lambda: len(core.events()) == 3, "three events")
    first.stop()
    core.seen.clear()
    second = make()
    fresh = second.publish(READING)
    eventually(lambda: len(core.events()) == 4, "old and new")
    old = [seen for seen in core.events() if seen.event.bootid == first.bootid]
    assert [seen.event.id for seen in old] == [event.id for event in kept]
    assert all(replayed(seen) for seen in old)
    assert fresh.sequence == 0
    core.receipt(first.bootid, [0, 1, 2])
    core.receipt(second.bootid, [0])
    assert second.flush(5)


def test_event_without_receipt_is_sent_again_ever_more_slowly(make: Make, core: Core) -> None:
    publisher = make(resend_after_s=0.3)
    online(publisher)
    publisher.publish(READING)
    eventually(lambda: len(core.events()) == 3, "two resends")  # at 0.3 s and 0.9 s
    time.sleep(0.6)  # the next is due 1.2 s after that
    assert len(core.events()) == 3
    assert [replayed(seen) for seen in core.events()] == [False, True, True]


def test_violations_leave_a_backlog_first_and_the_rest_by_age(
    make: Make, broker: LocalBroker
) -> None:
    broker.kill()
    publisher = make()
    for _ in range(300):
        publisher.publish(READING)
    flagged = publisher.publish(VIOLATION)
    # It ends before the broker is there, so that nothing is sent before the core listens.
    publisher.stop()
    broker.start()
    core = Core(broker.settings, receipts=True)
    second = make()
    assert second.flush(15)
    order = [seen for seen in core.events() if seen.event.bootid == publisher.bootid]
    core.stop()
    unique = list(dict.fromkeys(sequences(order)))
    assert unique == [flagged.sequence, *range(300)]


def test_only_the_newest_signal_phase_is_retained(make: Make, core: Core) -> None:
    publisher = make(resend_after_s=0.4)
    online(publisher)
    now = utc_now()
    publisher.publish(SignalData(head="h1", phase="red", since=now))
    publisher.publish(SignalData(head="h1", phase="green", since=now))
    eventually(lambda: len(core.events()) == 2, "both phases")
    core.receipt(publisher.bootid, [1])
    eventually(lambda: sequences(core.events())[2:] == [0], "the old phase again")
    late = Core(core_settings(core), receipts=False)
    eventually(lambda: [s for s in late.seen if s.retain and s.properties], "a retained phase")
    time.sleep(0.2)
    kept = [seen for seen in late.seen if seen.retain and seen.properties]
    late.stop()
    assert [seen.event.data.phase for seen in kept] == ["green"]  # type: ignore[union-attr]


def core_settings(core: Core) -> MqttSettings:
    return MqttSettings(host=core.client.host, port=core.client.port, keepalive_s=5)


def test_birth_and_farewell_are_retained_states(make: Make, core: Core) -> None:
    publisher = make()
    eventually(lambda: core.states() == ["online"], "birth")
    publisher.stop()
    eventually(lambda: core.states() == ["online", "offline"], "farewell")
    later = Core(core_settings(core))
    eventually(later.states, "the retained state")
    state = later.seen[0]
    later.stop()
    assert state.retain
    assert state.event.bootid == publisher.bootid
    assert later.states() == ["offline"]


CHILD = """
import sys, time
from pathlib import Path
from ioc.telemetry import configure_logs
from edge.publisher import Publisher
from ioc.events import ReadingData
from ioc.settings import EdgeSettings, MqttSettings, TelemetrySettings
from ioc.topics import device_path
configure_logs(TelemetrySettings(), "child")
publisher = Publisher(
    device_path("vi_thanh", "nga-tu-1", "cam-1"),
    MqttSettings(host="127.0.0.1", port=int(sys.argv[1]), keepalive_s=5),
    EdgeSettings(spool_dir=Path(sys.argv[2]), reconnect_min_s=0.05, reconnect_max_s=0.2),
)
publisher.start()
while True:
    event = publisher.publish(ReadingData(quantity="rain", value=1.0, unit="mm/h"))
    sys.stdout.write(f"{event.bootid} {event.sequence}\\n")
    sys.stdout.flush()
    time.sleep(0.001)
"""


def test_kill_in_the_middle_of_publishing_loses_nothing(
    make: Make, broker: LocalBroker, core: Core, settings: EdgeSettings
) -> None:
    core.receipts = True
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(broker.port), str(settings.spool_dir)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    said = [child.stdout.readline() for _ in range(300)]
    os.kill(child.pid, signal.SIGKILL)
    said += child.stdout.read().splitlines(keepends=True)
    child.wait()
    child.stdout.close()
    numbers = [int(line.split()[1]) for line in said if line.endswith("\n")]
    boot = UUID(said[0].split()[0])
    publisher = make()
    assert publisher.flush(15)
    arrived = {int(s.properties["sequence"]) for s in core.events() if s.event.bootid == boot}
    assert numbers == list(range(len(numbers)))
    assert set(numbers) <= arrived
    assert arrived == set(range(max(arrived) + 1))


def test_dead_device_is_announced_by_its_will(
    broker: LocalBroker, core: Core, settings: EdgeSettings
) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(broker.port), str(settings.spool_dir)],
        stdout=subprocess.DEVNULL,
    )
    eventually(lambda: core.states() == ["online"], "birth")
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    began = time.monotonic()
    eventually(lambda: core.states() == ["online", "offline"], "the will", within_s=20)
    assert time.monotonic() - began > 5  # not for a blip
    later = Core(core_settings(core))
    eventually(lambda: later.states() == ["offline"], "the retained will")
    later.stop()


def test_second_process_for_one_device_is_told_so(make: Make) -> None:
    make()
    with pytest.raises(ConfigError, match="another process publishes for this device"):
        make()


def test_misuse_has_clear_errors(make: Make, settings: EdgeSettings) -> None:
    idle = Publisher(PATH, MqttSettings(), settings)
    with pytest.raises(PublisherStoppedError, match="before start"):
        idle.publish(READING)
    publisher = make()
    with pytest.raises(ContractError, match=r"\$\.data\.unit"):
        publisher.publish(ReadingData(quantity="rain", value=1.0, unit="inch"))
    with pytest.raises(ContractError, match="uptime_s"):
        publisher.publish(HealthData(uptime_s=-1))
    with pytest.raises(ValueError, match="no time zone"):
        publisher.publish(READING, time=datetime(2026, 1, 1))
    assert publisher.publish(READING).sequence == 0
    publisher.stop()
    with pytest.raises(PublisherStoppedError, match="after stop"):
        publisher.publish(READING)


def test_event_time_is_utc_in_whole_milliseconds(make: Make) -> None:
    local = datetime(2026, 8, 1, 7, 0, 0, 123_789, tzinfo=timezone(timedelta(hours=7)))
    event = make().publish(READING, time=local)
    assert event.time == datetime(2026, 8, 1, 0, 0, 0, 123_000, tzinfo=UTC)


def test_device_whose_clock_is_years_off_still_publishes(make: Make) -> None:
    event = make().publish(READING, time=datetime(1970, 1, 1, tzinfo=UTC))
    assert event.sequence == 0


def test_spool_folder_that_cannot_be_made_is_named(settings: EdgeSettings, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    wrong = settings.model_copy(update={"spool_dir": tmp_path / "file" / "spool"})
    with pytest.raises(ConfigError, match=r"edge\.spool_dir"):
        Publisher(PATH, MqttSettings(), wrong).start()
