"""Messages that come three times, in any order, or broken, amid good traffic."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from paho.mqtt.client import Client

from ioc.clock import utc_now
from ioc.deadletter import RAW_LIMIT
from ioc.decode import Reason
from ioc.events import NumberedEvent, encode, type_of
from ioc.ids import uuid7
from ioc.topics import TAIL_OF, DevicePath
from measure.ledger import Number
from simulator.devices.bad_device import BadDevice
from simulator.devices.poison import FAULT_LABELS, PoisonCase
from tests.faults.account import Account
from tests.faults.load import Load, await_more, events_of, fresh_path
from tests.faults.system import System, eventually

CHUNK = 200
"""Messages between two looks at the bridge: stock Mosquitto keeps 1000 for it and drops the rest
without a word, and these senders have no spool."""


@contextmanager
def client_of(system: System, path: DevicePath) -> Iterator[Client]:
    """A connected MQTT client without a spool."""
    device = BadDevice(path, system.settings.mqtt)
    client = device.connect()
    try:
        yield client
    finally:
        client.disconnect()
        client.loop_stop()


def send(system: System, client: Client, path: DevicePath, events: Sequence[NumberedEvent]) -> None:
    """Publish events as they stand, no faster than the bridge takes them."""
    before = system.bridge_metric("ioc_ingest_acknowledged_total")
    for start in range(0, len(events), CHUNK):
        part = events[start : start + CHUNK]
        for event in part:
            info = client.publish(path.topic(TAIL_OF[type_of(event)]), encode(event), qos=1)
        info.wait_for_publish(20)
        await_bridge(system, before + start + len(part))


def await_bridge(system: System, acknowledged: float) -> None:
    eventually(
        lambda: system.bridge_metric("ioc_ingest_acknowledged_total") >= acknowledged,
        f"{acknowledged:g} messages through the bridge",
    )


def numbers_of(events: Sequence[NumberedEvent]) -> set[Number]:
    return {Number(event.bootid, event.sequence) for event in events}


def test_every_message_three_times(system: System) -> None:
    account = Account(system, "every message 3 times")
    path = fresh_path("thrice", "cam-1")
    events = events_of(path, uuid7(utc_now()), 500)
    with client_of(system, path) as client:
        send(system, client, path, [event for event in events for _ in range(3)])
    before = system.seen["duplicates"]
    account.close(None, good=numbers_of(events), note="each sent three times in a row")

    def repeats() -> bool:
        system.look()
        return system.seen["duplicates"] - before >= 2 * len(events)

    eventually(repeats, "the repeats were seen as repeats", 10, 0.1)


def test_a_thousand_reordered(system: System) -> None:
    account = Account(system, "1000 reordered")
    path = fresh_path("shuffled", "cam-1")
    events = events_of(path, uuid7(utc_now()), 1000)
    order = list(events)
    random.Random(7).shuffle(order)
    with client_of(system, path) as client:
        send(system, client, path, order)
    account.close(None, good=numbers_of(events), note="one boot, shuffled")


def test_poison_amid_good_traffic(system: System) -> None:
    account = Account(system, "poison")
    pids = (system.worker.pid, system.bridge.pid)
    began = utc_now()
    with Load("poison", system.settings.mqtt, system.folder) as load:
        bad = BadDevice(DevicePath("vithanh", load.site, "bad-1"), system.settings.mqtt, seed=11)
        cases = bad.cases(len(FAULT_LABELS))
        assert len(cases) >= 200
        client = bad.connect()
        try:
            for start in range(0, len(cases), 5):
                bad.send(cases[start : start + 5], client)
                bad.repeat_good(client)
                await_more(load, 15)
        finally:
            client.disconnect()
            client.loop_stop()
        assert len(bad.bad) == len(cases), "the broker did not take every case"
        numbered = [case for case in cases if not is_numberless(case)]
        poison = {Number(bad.bootid, int(case.properties["sequence"])) for case in numbered}
        good = {Number(bad.bootid, sequence) for sequence in bad.good}
        account.close(load, others=good, bad=poison, note=f"{len(cases)} kinds of fault")
    eventually(lambda: not missed(system, cases, began), "all set aside for their reason", 10, 0.2)
    assert (system.worker.pid, system.bridge.pid) == pids, "a service was restarted"


def is_numberless(case: PoisonCase) -> bool:
    """A status has no sequence; one that only the database refuses has left MQTT's behind."""
    return Reason.DATABASE in case.reasons and case.topic.endswith("/status")


def missed(system: System, cases: Sequence[PoisonCase], since: datetime) -> list[str]:
    """Cases whose bytes are not among the dead letters with one of their reasons."""
    kept: dict[bytes, set[str]] = {}
    for raw, reason in system.rows(
        "SELECT raw, reason FROM dead_letter WHERE received >= %s", (since,)
    ):
        kept.setdefault(raw, set()).add(reason)
    return [
        case.label for case in cases if not kept.get(case.payload[:RAW_LIMIT], set()) & case.reasons
    ]
