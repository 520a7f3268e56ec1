"""The book of receipts that are due, and the sending of them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ioc import receipt
from ioc.ids import derived_uuid7
from ioc.local_process import LOOPBACK, free_port
from ioc.settings import MqttSettings
from ioc.topics import DevicePath
from streams.counters import StreamCounters
from streams.receipts import MAX_RANGES, ReceiptBook, ReceiptSender
from tests.servers.embedded import Mqtt
from tests.servers.mqtt import Probe
from tests.store.samples import BOOT, CAMERA, SENSOR, START

OTHER = derived_uuid7(START, "another boot")
DEVICES = [(CAMERA, BOOT), (CAMERA, OTHER), (SENSOR, BOOT)]


def told(book: ReceiptBook) -> dict[tuple[DevicePath, UUID], list[int]]:
    found: dict[tuple[DevicePath, UUID], list[int]] = {}
    for path, one in book.take():
        numbers = [n for first, last in one.ranges for n in range(first, last + 1)]
        found.setdefault((path, one.bootid), []).extend(numbers)
    return found


@given(st.lists(st.tuples(st.sampled_from(DEVICES), st.sets(st.integers(0, 99))), max_size=12))
def test_each_boot_is_told_its_numbers_once(
    added: list[tuple[tuple[DevicePath, UUID], set[int]]],
) -> None:
    book = ReceiptBook()
    expected: dict[tuple[DevicePath, UUID], set[int]] = {}
    for device, numbers in added:
        book.add(*device, numbers)
        expected.setdefault(device, set()).update(numbers)
    assert told(book) == {device: sorted(n) for device, n in expected.items() if n}
    assert told(book) == {}
    assert len(book) == 0


def test_many_ranges_are_split_into_messages_that_mqtt_carries() -> None:
    book = ReceiptBook()
    top = 2**53 - 1
    book.add(CAMERA, BOOT, range(top - 2 * (2 * MAX_RANGES + 1), top, 2))
    receipts = [one for _, one in book.take()]
    assert [len(one.ranges) for one in receipts] == [MAX_RANGES, MAX_RANGES, 1]
    for one in receipts:
        assert len(receipt.encode(one)) < 65_536
        assert receipt.decode(receipt.encode(one)) == one


def test_while_mqtt_is_away_the_longest_waiting_devices_are_forgotten() -> None:
    book = ReceiptBook()
    book.add(CAMERA, BOOT, range(60))
    book.add(SENSOR, BOOT, range(30))
    book.add(CAMERA, OTHER, range(5))
    book.trim(40)
    assert (len(book), book.forgotten) == (35, 60)
    assert set(told(book)) == {(SENSOR, BOOT), (CAMERA, OTHER)}


@pytest.fixture(scope="module")
def mqtt(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mqtt]:
    server = Mqtt(tmp_path_factory.mktemp("mqtt"))
    server.start()
    yield server
    server.stop()


async def arrive(probe: Probe, count: int) -> list[tuple[str, receipt.Receipt]]:
    await asyncio.to_thread(probe.wait, count)
    return [(m.topic, receipt.decode(bytes(m.payload))) for m in probe.messages]


async def test_receipts_reach_their_device_and_are_counted(mqtt: Mqtt) -> None:
    probe = Probe(mqtt.port, "device")
    probe.subscribe(CAMERA.topic("cmd/receipt"))
    counters = StreamCounters()
    sender = ReceiptSender(MqttSettings(host=LOOPBACK, port=mqtt.port), counters)
    task = asyncio.create_task(sender.run())
    sender.book.add(CAMERA, BOOT, [3, 1, 2, 9])
    sender.book.add(SENSOR, BOOT, [1])
    assert await arrive(probe, 1) == [
        (CAMERA.topic("cmd/receipt"), receipt.Receipt(bootid=BOOT, ranges=[(1, 3), (9, 9)]))
    ]
    assert counters.receipts == 2
    sender.book.add(CAMERA, BOOT, [10])
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert len(await arrive(probe, 2)) == 2, "what is due at the end still goes out"
    probe.close()


async def test_receipts_wait_for_a_broker_that_is_away(tmp_path: Path) -> None:
    server = Mqtt(tmp_path / "mqtt", port=free_port())
    sender = ReceiptSender(MqttSettings(host=LOOPBACK, port=server.port), StreamCounters())
    sender.book.add(CAMERA, BOOT, range(5))
    sender.flush()
    assert len(sender.book) == 5
    server.start()
    probe = Probe(server.port, "device")
    probe.subscribe(CAMERA.topic("cmd/receipt"))
    task = asyncio.create_task(sender.run())
    try:
        found = await arrive(probe, 1)
    finally:
        probe.close()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        server.stop()
    assert [one.ranges for _, one in found] == [[(0, 4)]]
