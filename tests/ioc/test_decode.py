from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ioc.decode import ContractError, Reason, decode
from ioc.events import MAX_EVENT_BYTES, Envelope, encode
from ioc.ids import derived_uuid7
from ioc.topics import TAILS, device_path
from simulator.devices.poison import good_document
from tests.strategies import NOW, events, poison

PATH = device_path("vithanh", "nga-tu", "cam-1")
BOOT = derived_uuid7(NOW, "boot")


def document(tail: str = "metric/reading", **changes: Any) -> dict[str, Any]:
    return good_document(tail, path=PATH, bootid=BOOT, sequence=5, now=NOW) | changes


def raw_of(tail: str = "metric/reading", **changes: Any) -> bytes:
    return json.dumps(document(tail, **changes)).encode()


def fault(raw: bytes) -> ContractError:
    with pytest.raises(ContractError) as caught:
        decode(raw)
    return caught.value


def reading(**changes: Any) -> bytes:
    return raw_of(data={"quantity": "water_level", "value": 1.25, "unit": "m"} | changes)


VIOLATION = document("event/violation")["data"]

FAULTS: list[tuple[str, bytes, Reason, str, str]] = [
    ("size", b" " * (MAX_EVENT_BYTES + 1), Reason.OVERSIZE, "$", "65537 bytes; at most 65536"),
    ("text", raw_of()[:40] + b"\xff" + raw_of()[40:], Reason.BAD_UTF8, "$", "byte 40 is not UTF-8"),
    ("text in string", reading().replace(b'"m"', b'"\xff"'), Reason.BAD_UTF8, "$", "byte 2"),
    ("cut", raw_of()[:-5], Reason.BAD_JSON, "$", "truncated"),
    ("repeated", raw_of()[:-1] + b',"id":1}', Reason.SCHEMA, "$.id", "Expected `uuid`, got `int`"),
    (
        "repeated, both good",
        raw_of()[:-1] + b',"sequence":9}',
        Reason.BAD_JSON,
        "$",
        "key 'sequence' stands there twice",
    ),
    (
        "repeated type",
        b'{"type": "vn.ioc.flow.v1", ' + raw_of()[1:],
        Reason.BAD_JSON,
        "$",
        "key 'type' stands there twice",
    ),
    ("number", reading(value=float("nan")), Reason.NOT_A_NUMBER, "$", "NaN is not a JSON number"),
    (
        "infinity",
        reading(value=float("-inf")),
        Reason.NOT_A_NUMBER,
        "$",
        "-Infinity is not a JSON number",
    ),
    ("spec", raw_of(specversion="0.3"), Reason.UNKNOWN_VERSION, "$.specversion", "'1.0' is spoken"),
    (
        "newer",
        raw_of(type="vn.ioc.reading.v2"),
        Reason.UNKNOWN_VERSION,
        "$.type",
        "'vn.ioc.reading.v2'; known is vn.ioc.reading.v1",
    ),
    ("type", raw_of(type="vn.ioc.wind.v1"), Reason.UNKNOWN_TYPE, "$.type", "known are vn.ioc.flow"),
    ("type is a list", raw_of(type=[1]), Reason.UNKNOWN_TYPE, "$.type", "Expected `str`"),
    ("no type", b"{}", Reason.UNKNOWN_TYPE, "$.type", "missing required field `type`"),
    ("missing", reading().replace(b'"unit"', b'"unix"'), Reason.SCHEMA, "$.data", "unix"),
    ("extra", raw_of(colour="blue"), Reason.SCHEMA, "$", "unknown field `colour`"),
    ("wrong kind", raw_of(sequence="5"), Reason.SCHEMA, "$.sequence", "Expected `int`, got `str`"),
    ("range", raw_of(sequence=-1), Reason.SCHEMA, "$.sequence", ">= 0"),
    ("huge", raw_of(sequence=10**400), Reason.SCHEMA, "$.sequence", "<= 9007199254740991"),
    ("id", raw_of(id=str(BOOT).replace("-7", "-4", 1)), Reason.SCHEMA, "$.id", "version 7"),
    ("zone", raw_of(time="2026-11-22T08:00:00+07:00"), Reason.SCHEMA, "$.time", "expected UTC"),
    ("no zone", raw_of(time="2026-11-22T08:00:00"), Reason.SCHEMA, "$.time", "timezone"),
    ("unit", reading(unit="cm"), Reason.UNIT, "$.data.unit", "measured in 'm', got 'cm'"),
    ("old", raw_of(time="1999-12-31T23:59:59Z"), Reason.TIME_WINDOW, "$.time", "2000"),
    (
        "deep in a list",
        raw_of("event/violation", data=VIOLATION | {"reasons": ["ok", ""]}),
        Reason.SCHEMA,
        "$.data.reasons[1]",
        "length >= 1",
    ),
    (
        "frames",
        raw_of("event/violation", data=VIOLATION | {"frames": {"first": 9, "last": 8}}),
        Reason.SCHEMA,
        "$.data.frames",
        "last frame 8 comes before first frame 9",
    ),
    (
        "act outside of what can be stored and read back",
        raw_of("event/violation", data=VIOLATION | {"act_time": "0001-01-01T00:00:00+14:00"}),
        Reason.TIME_WINDOW,
        "$.data.act_time",
        "not between 2000 and 9998",
    ),
    (
        "signal's since",
        raw_of("state/signal", data={"head": "h", "phase": "red", "since": "1970-01-01T00:00:00Z"}),
        Reason.TIME_WINDOW,
        "$.data.since",
        "1970",
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("raw", "reason", "field", "detail"),
    [pytest.param(*case[1:], id=case[0]) for case in FAULTS],
)
def test_an_error_names_reason_field_and_what_was_expected(
    raw: bytes, reason: Reason, field: str, detail: str
) -> None:
    found = fault(raw)
    assert (found.reason, found.field) == (reason, field)
    assert detail in found.detail
    assert str(found) == f"{reason}: {field}: {found.detail}"


def test_every_reason_of_decode_is_covered_above() -> None:
    elsewhere = {"bad_topic", "identity", "adapter", "database", "internal"}
    assert {case[2] for case in FAULTS} == {r for r in Reason if r not in elsewhere}


def test_bad_utf8_is_located_in_the_message_and_not_in_the_string() -> None:
    raw = reading().replace(b'"m"', b'"\xff"')
    assert f"byte {raw.index(0xFF)} is not UTF-8" in fault(raw).detail


@given(poison())
@settings(max_examples=400)
def test_poison_is_an_error_or_left_to_the_later_stages(
    case: tuple[str, bytes, set[Reason]],
) -> None:
    _topic, raw, reasons = case
    later = {Reason.BAD_TOPIC, Reason.IDENTITY, Reason.TIME_WINDOW, Reason.DATABASE}
    try:
        decode(raw)
    except ContractError as error:
        assert error.reason in reasons
    else:
        assert reasons & later


@given(st.one_of(st.binary(max_size=300), st.text(max_size=300).map(lambda t: t.encode())))
def test_any_bytes_give_an_event_or_a_contract_error(raw: bytes) -> None:
    with pytest.raises(ContractError):
        decode(raw)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.sampled_from(sorted(TAILS)), st.data())
@settings(max_examples=400)
def test_a_field_replaced_by_any_json_gives_an_event_or_a_contract_error(
    tail: str, data: st.DataObject
) -> None:
    changed = document(tail)
    target = changed if data.draw(st.booleans()) else changed["data"]
    target[data.draw(st.sampled_from(sorted(target)) | st.text(max_size=8))] = data.draw(JSON)
    try:
        decode(json.dumps(changed).encode())
    except ContractError as error:
        assert error.field.startswith("$")
        assert error.detail


@given(events(), st.data())
def test_a_damaged_event_never_raises_anything_else(event: Envelope, data: st.DataObject) -> None:
    raw = bytearray(encode(event))
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    with suppress(ContractError):
        decode(bytes(raw))


@given(events())
def test_the_way_another_encoder_writes_it_does_not_matter(event: Envelope) -> None:
    """Other spacing, other key order, escapes: the same event."""
    fields = json.loads(encode(event))
    other = json.dumps(dict(reversed(fields.items())), indent=2, ensure_ascii=True).encode()
    assert decode(other) == event


def test_a_status_may_come_from_a_device_whose_clock_is_not_set() -> None:
    assert decode(raw_of("status", time="1970-01-01T00:00:03Z")).time == datetime(
        1970, 1, 1, 0, 0, 3, tzinfo=UTC
    )
