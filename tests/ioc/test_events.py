from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given, settings

from ioc import events as e
from ioc.decode import decode
from ioc.topics import TAILS
from tests.strategies import events


@given(events())
@settings(max_examples=150)
def test_decode_of_encode_is_the_same_event(event: e.Envelope) -> None:
    assert decode(e.encode(event)) == event


@given(events())
def test_what_travels_is_cloudevents_in_utf8(event: e.Envelope) -> None:
    document = json.loads(e.encode(event).decode("utf-8"))
    assert document["specversion"] == "1.0"
    assert document["type"] == e.type_of(event)
    assert document["source"] == event.source
    assert document["time"].endswith("Z")
    assert set(document) - {"sequence", "replayed", "adapter"} == {
        "specversion", "id", "source", "type", "time", "bootid", "data",
    }  # fmt: skip


@given(events())
def test_every_event_keeps_far_below_the_size_limit(event: e.Envelope) -> None:
    assert len(e.encode(event)) < e.MAX_EVENT_BYTES


def test_every_event_class_has_a_topic_tail() -> None:
    assert {e.type_of(kind) for kind in e.EVENT_CLASSES} == set(TAILS.values())


def test_every_numbered_payload_finds_its_event() -> None:
    assert set(e.EVENT_OF_PAYLOAD.values()) == set(e.EVENT_CLASSES) - {e.StatusEvent}
    for payload, event in e.EVENT_OF_PAYLOAD.items():
        assert event.__annotations__["data"] == payload.__name__


def test_events_cannot_be_changed() -> None:
    clock = e.ClockRef(source="ntp")
    with pytest.raises(AttributeError):
        clock.source = "gps"  # type: ignore[misc]


def test_a_frame_window_does_not_end_before_it_begins() -> None:
    with pytest.raises(ValueError, match="last frame 3 comes before first frame 4"):
        e.FrameWindow(first=4, last=3)


@pytest.mark.parametrize("bad", ["", "-a", "A", "làn", "a b", "a\n", "a" * 64])
def test_a_name_is_short_lower_case_ascii(bad: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(bad, e.Name)
