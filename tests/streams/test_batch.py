"""A batch of Kafka records: what is an event, what is set aside, which numbers came."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from ioc.deadletter import DeadLetter
from ioc.decode import ContractError, Reason
from ioc.events import ReadingEvent, encode
from store.rows import ReceivedEntry
from streams.batch import Item, Raw, letter_of, read, received, received_letters
from tests.store.samples import BOOT, CAMERA, SENSOR, START, flow, later, reading, status

TOPIC = "ioc.flow.v1"
OTHER_BOOT = UUID("0199a000-0000-7000-8000-000000000000")


def raw(event: Any, key: bytes = CAMERA.key.encode()) -> Raw:
    return Raw(key, encode(event), TOPIC)


def item(event: Any) -> Item:
    return Item(CAMERA, event, raw(event))


def test_events_keep_their_order_and_the_rest_is_set_aside_with_its_bytes() -> None:
    records = [
        raw(flow(1)),
        Raw(CAMERA.key.encode(), b"{", TOPIC),
        raw(flow(2)),
        raw(flow(3), b"not-a-device"),
        raw(flow(4), b"\xff/\xff/\xff"),
        raw(flow(5), b""),
        raw(flow(6), SENSOR.key.encode()),
    ]
    items, letters = read(records, START)
    assert [entry.event for entry in items] == [flow(1), flow(2)]
    assert {entry.path for entry in items} == {CAMERA}
    assert [(letter.reason, letter.raw) for letter in letters] == [
        (Reason.BAD_JSON, b"{"),
        *((Reason.BAD_TOPIC, encode(flow(number))) for number in (3, 4, 5)),
        (Reason.IDENTITY, encode(flow(6))),
    ]
    assert {(letter.stage, letter.topic) for letter in letters} == {("streams", TOPIC)}


@given(st.binary(max_size=40), st.binary(max_size=60))
def test_whatever_a_record_holds_it_is_read_or_set_aside(key: bytes, value: bytes) -> None:
    items, letters = read([Raw(key, value, TOPIC)], START)
    assert len(items) + len(letters) == 1


@given(st.lists(st.integers(0, 60), min_size=1, max_size=40))
def test_the_ranges_of_a_boot_hold_its_numbers_and_no_others(numbers: list[int]) -> None:
    [entry] = received([item(flow(number)) for number in numbers])
    held = [n for first, last in entry.ranges for n in range(first, last + 1)]
    assert held == sorted(set(numbers))
    assert (entry.path, entry.bootid) == (CAMERA, BOOT)
    assert entry.last_time == later(max(numbers))


def test_a_foreign_device_lives_but_its_numbers_do_not_count() -> None:
    foreign = ReadingEvent(
        **{
            **{f: getattr(reading(7, 1.0), f) for f in reading(7, 1.0).__struct_fields__},
            "adapter": "chirpstack",
        }
    )
    [entry] = received([Item(SENSOR, foreign, raw(foreign))])
    assert (entry.ranges, entry.last_time) == ([], later(7))


def test_a_status_has_no_number() -> None:
    assert received([item(status("online", 1))]) == []


def letter(number: int, boot: UUID | None = BOOT, device: bytes = b"vithanh/x/cam-1") -> DeadLetter:
    made = letter_of(
        Raw(device, b"", TOPIC), ContractError(Reason.SCHEMA, "$", "wrong"), later(number)
    )
    return DeadLetter(
        **{
            **{f: getattr(made, f) for f in made.__struct_fields__},
            "bootid": boot,
            "sequence": number,
        }
    )


def test_numbers_that_were_set_aside_count_as_received() -> None:
    entries = received_letters(
        [
            letter(3),
            letter(1),
            letter(2),
            letter(9, OTHER_BOOT),
            letter(5, None),
            letter(6, BOOT, b""),
        ]
    )
    assert entries == [
        ReceivedEntry(letter(1).path, BOOT, [(1, 3)], later(3)),  # type: ignore[arg-type]
        ReceivedEntry(letter(1).path, OTHER_BOOT, [(9, 9)], later(9)),  # type: ignore[arg-type]
    ]
