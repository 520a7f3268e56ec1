"""Every message becomes one record: an event with its bytes as they came, or a dead letter."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.validate import Record, TimeWindow, translate, validate
from ioc import deadletter
from ioc.decode import ContractError, Reason, decode
from ioc.events import EVENT_CLASSES, Envelope, NumberedEnvelope, encode, type_of
from ioc.topics import DEADLETTER_TOPIC, TAIL_OF, TAILS, device_path, kafka_topic, parse_key
from simulator.devices.poison import good_document
from tests.strategies import NOW, events, poison

WINDOW = TimeWindow(past=timedelta(days=30), future=timedelta(minutes=5))
PATH = device_path("vithanh", "tran-hung-dao", "cam-1")
MS = timedelta(milliseconds=1)
NUMBERED = tuple(kind for kind in EVENT_CLASSES if issubclass(kind, NumberedEnvelope))
SLOW = [HealthCheck.too_slow]  # of a busy machine, not of these strategies
BOOT = UUID("0199a000-0000-7000-8000-000000000000")


def document(tail: str = "metric/reading", at: datetime = NOW) -> dict[str, Any]:
    made = good_document(tail, path=PATH, bootid=BOOT, sequence=5, now=at)
    made["time"] = at.isoformat().replace("+00:00", "Z")
    return made


def judge(document: dict[str, Any], tail: str = "metric/reading", now: datetime = NOW) -> Record:
    return validate(PATH.topic(tail), json.dumps(document).encode(), now, WINDOW)


@given(events())
@settings(max_examples=60, suppress_health_check=SLOW, deadline=None)
def test_a_good_event_goes_to_its_topic_under_its_device_with_its_bytes_unchanged(
    event: Envelope,
) -> None:
    path = parse_key(event.source[1:])
    raw = encode(event)
    record = validate(path.topic(TAIL_OF[type_of(event)]), raw, NOW, WINDOW)
    assert record == Record(kafka_topic(type_of(event)), path.key.encode(), raw)


def test_white_space_and_order_of_keys_are_the_senders_own() -> None:
    raw = b" \n" + json.dumps(dict(reversed(document().items())), indent=2).encode()
    record = validate(PATH.topic("metric/reading"), raw, NOW, WINDOW)
    assert (record.reason, record.value) == (None, raw)


@given(poison(PATH))
@settings(deadline=None)
def test_poison_is_kept_with_its_bytes_and_its_reason(case: tuple[str, bytes, set[Reason]]) -> None:
    topic, raw, reasons = case
    record = validate(topic, raw, NOW, WINDOW)
    if Reason.DATABASE in reasons:  # valid by contract; only PostgreSQL can tell
        assert record.reason is None
        return
    assert record.reason in reasons
    assert record.topic == DEADLETTER_TOPIC
    letter = deadletter.decode(record.value)
    assert letter.raw == raw[: deadletter.RAW_LIMIT]
    assert (letter.raw_bytes, letter.reason) == (len(raw), record.reason)
    assert letter.detail


@given(st.text(max_size=80), st.binary(max_size=400))
@settings(deadline=None)
def test_whatever_comes_is_one_record(topic: str, raw: bytes) -> None:
    record = validate(topic, raw, NOW, WINDOW, lambda: {"bootid": str(BOOT), "sequence": "7"})
    assert record.reason is not None
    letter = deadletter.decode(record.value)
    assert letter.raw == raw
    assert (letter.bootid, letter.sequence) == (BOOT, 7)


@given(st.data())
@settings(deadline=None)
def test_a_good_event_with_some_bytes_changed_is_one_record(data: st.DataObject) -> None:
    tail = data.draw(st.sampled_from(sorted(TAILS)))
    raw = bytearray(json.dumps(document(tail)).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    record = validate(PATH.topic(tail), bytes(raw), NOW, WINDOW)
    if record.reason is None:
        assert record.value == raw
    else:
        assert deadletter.decode(record.value).raw == raw


@pytest.mark.parametrize(
    ("at", "reason"),
    [
        (NOW - WINDOW.past, None),
        (NOW - WINDOW.past - MS, Reason.TIME_WINDOW),
        (NOW + WINDOW.future, None),
        (NOW + WINDOW.future + MS, Reason.TIME_WINDOW),
    ],
)
def test_the_borders_of_the_time_window(at: datetime, reason: Reason | None) -> None:
    assert judge(document(at=at)).reason is reason


def test_a_last_will_of_a_device_that_was_on_for_a_year_counts() -> None:
    old = NOW - timedelta(days=365)
    will = document("status", old)
    will["data"] = {"state": "offline"}
    assert judge(will, "status").reason is None
    assert judge(document("status", NOW + timedelta(days=1)), "status").reason == "time_window"


def test_the_explanation_names_the_clock_and_both_limits() -> None:
    letter = deadletter.decode(judge(document(at=NOW - timedelta(days=31))).value)
    assert letter.field == "$.time"
    assert "30 days before or 5 minutes after" in letter.detail
    half_a_day = TimeWindow(timedelta(hours=12), timedelta(minutes=5))
    raw = json.dumps(document(at=NOW - timedelta(days=1))).encode()
    record = validate(PATH.topic("metric/reading"), raw, NOW, half_a_day)
    assert "more than 0.5 days before" in deadletter.decode(record.value).detail


@pytest.mark.parametrize("other", ["cam-2", "cam-1a", "cam_1"])
def test_a_device_speaks_for_itself_alone(other: str) -> None:
    document_ = document()
    document_["source"] = PATH._replace(device=other).source
    record = judge(document_)
    assert (record.reason, record.key) == (Reason.IDENTITY, PATH.key.encode())


def test_a_type_belongs_on_its_own_topic() -> None:
    assert judge(document("metric/flow"), "metric/reading").reason is Reason.IDENTITY


def test_a_receipt_going_up_is_set_aside() -> None:
    record = validate(PATH.topic("cmd/receipt"), b"{}", NOW, WINDOW)
    assert record.reason is Reason.BAD_TOPIC
    assert "goes down to devices" in deadletter.decode(record.value).detail


def test_properties_are_asked_for_only_when_a_message_is_set_aside() -> None:
    def never() -> dict[str, str]:
        raise AssertionError("asked")

    raw = json.dumps(document()).encode()
    assert validate(PATH.topic("metric/reading"), raw, NOW, WINDOW, never).reason is None


class _Foreign:
    """Translates every message into the events it was given, or refuses it."""

    subscriptions = ("foreign/#",)

    def __init__(self, *events: NumberedEnvelope, error: ContractError | None = None) -> None:
        self.events = list(events)
        self.error = error

    def matches(self, topic: str) -> object | None:
        return self

    def translate(self, topic: str, raw: bytes, received: datetime) -> list[NumberedEnvelope]:
        if self.error is not None:
            raise self.error
        return self.events


@given(st.lists(events(NUMBERED), max_size=3))
@settings(max_examples=30, suppress_health_check=SLOW, deadline=None)
def test_each_translated_event_is_a_record_that_decodes_to_it(
    found: list[NumberedEnvelope],
) -> None:
    records = translate(_Foreign(*found), "foreign/1", b"x", NOW, WINDOW)
    assert [decode(record.value) for record in records] == found
    assert [record.key.decode() for record in records] == [e.source[1:] for e in found]


def test_a_foreign_message_that_does_not_fit_is_kept_as_it_came() -> None:
    error = ContractError(Reason.ADAPTER, "level.value", "expected a number")
    [record] = translate(
        _Foreign(error=error), "foreign/1", b"\xff\x00", NOW, WINDOW, lambda: {"a": "b"}
    )
    letter = deadletter.decode(record.value)
    assert (letter.raw, letter.topic, letter.reason) == (b"\xff\x00", "foreign/1", Reason.ADAPTER)
    assert letter.properties == {"a": "b"}


def test_the_time_window_holds_for_foreign_devices_too() -> None:
    event = decode(json.dumps(document(at=NOW - timedelta(days=31))).encode())
    assert isinstance(event, NumberedEnvelope)
    [record] = translate(_Foreign(event), "foreign/1", b"raw", NOW, WINDOW)
    assert record.reason is Reason.TIME_WINDOW
    assert deadletter.decode(record.value).raw == b"raw"
