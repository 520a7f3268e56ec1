from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.adapters import MAX_BYTES, Adapters
from ioc.decode import ContractError, Reason, decode
from ioc.events import FlowEvent, NumberedEnvelope, ReadingEvent, SignalEvent, encode
from tests.ingest.conftest import SMALL

NOW = datetime(2026, 11, 22, 1, 30, tzinfo=UTC)
DATA = Path(__file__).parent / "data"
DEPLOY = Path(__file__).parents[2] / "deploy" / "adapters"
UP = "application/17c82e96-be03-4f38-aef3-f83d48582d97/device/a84041000181c061/event/up"
COUNTER = "onvif/ngabay/hung-vuong/cam-9/onvif-ej/RuleEngine/CountAggregation/Counter/&1/Inbound"

CHIRPSTACK = Adapters.load(DEPLOY / "chirpstack.toml")
ONVIF = Adapters.load(DEPLOY / "onvif.toml")

GOOD = {"t": 1_795_310_970, "n": 1, "v": 1.5}


def sample(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((DATA / name).read_text(encoding="utf-8"))
    return content


def raw(message: Any) -> bytes:
    return json.dumps(message).encode()


def one(adapters: Adapters, message: Any, topic: str = "s/d-1/up") -> NumberedEnvelope:
    [event] = adapters.translate(topic, raw(message), NOW)
    return event


def misfit(adapters: Adapters, message: Any, topic: str = "s/d-1/up") -> ContractError:
    with pytest.raises(ContractError) as caught:
        adapters.translate(topic, message if isinstance(message, bytes) else raw(message), NOW)
    return caught.value


# --- the files that are delivered ---------------------------------------------------------------


def test_a_chirpstack_uplink_becomes_a_reading() -> None:
    event = one(CHIRPSTACK, sample("chirpstack_up.json"), UP)
    assert isinstance(event, ReadingEvent)
    assert event.source == "/vithanh/tran-hung-dao/a84041000181c061"
    assert event.time == datetime(2026, 11, 22, 1, 29, 34, 775_000, tzinfo=UTC)
    assert (event.data.quantity, event.data.unit, event.data.quality) == (
        "water_level",
        "m",
        "good",
    )
    assert event.data.value == pytest.approx(1.234)
    assert event.adapter == "chirpstack"
    assert decode(encode(event)) == event


def test_an_uplink_with_several_values_becomes_several_events() -> None:
    message = sample("chirpstack_up.json")
    message["object"] = {"pm2_5": 31, "noise_db": 64.5, "rain_mm_h": 0}
    events = CHIRPSTACK.translate(UP, raw(message), NOW)
    assert {(e.data.quantity, e.data.value) for e in events if isinstance(e, ReadingEvent)} == {
        ("rain", 0),
        ("pm2_5", 31),
        ("noise", 64.5),
    }
    assert len({event.id for event in events}) == len({event.bootid for event in events}) == 3


def test_a_weak_battery_makes_a_reading_suspect() -> None:
    message = sample("chirpstack_up.json")
    message["object"]["battery_percent"] = 9
    event = one(CHIRPSTACK, message, UP)
    assert isinstance(event, ReadingEvent) and event.data.quality == "suspect"
    del message["object"]["battery_percent"]
    event = one(CHIRPSTACK, message, UP)
    assert isinstance(event, ReadingEvent) and event.data.quality == "good"


def test_the_network_may_deliver_the_same_uplink_twice() -> None:
    message = sample("chirpstack_up.json")
    first = one(CHIRPSTACK, message, UP)
    message["rxInfo"] = []  # heard by another gateway
    [second] = CHIRPSTACK.translate(UP, raw(message), NOW + timedelta(minutes=3))
    assert second == first
    message["deduplicationId"] = "another"
    assert one(CHIRPSTACK, message, UP).id != first.id


@pytest.mark.parametrize(
    ("change", "field", "detail"),
    [
        ({"deviceInfo": {"tags": {"site": "x"}}}, "water-level.city", "expected text, got null"),
        ({"time": "soon"}, "water-level.time", "'soon' is not a time (rfc3339)"),
        ({"time": None}, "water-level.time", "expected text"),
        ({"deduplicationId": None}, "water-level.id_key", "'deduplicationId' gives nothing"),
        (
            {"object": {"water_level_cm": "high"}},
            "water-level.data.value",
            "'high' is not a number",
        ),
        ({"object": {"water_level_cm": True}}, "water-level.data.value", "'true' is not a number"),
        ({"object": {"humidity": 5}}, "$", "none of its outputs (water-level, rain"),
        ({"object": None}, "$", "none of its outputs"),
    ],
)
def test_an_uplink_that_does_not_fit_says_where(
    change: dict[str, Any], field: str, detail: str
) -> None:
    error = misfit(CHIRPSTACK, sample("chirpstack_up.json") | change, UP)
    assert (error.reason, error.field) == (Reason.ADAPTER, field)
    assert "adapter 'chirpstack'" in error.detail
    assert detail in error.detail


def test_an_onvif_counter_becomes_a_reading() -> None:
    event = one(ONVIF, sample("onvif_counter.json"), COUNTER)
    assert isinstance(event, ReadingEvent)
    assert event.source == "/ngabay/hung-vuong/cam-9"
    assert event.time == datetime(2026, 11, 22, 1, 29, 30, 125_000, tzinfo=UTC)
    assert (event.data.quantity, event.data.value) == ("object.count", 1482)
    as_number = sample("onvif_counter.json") | {"Data": {"Count": 1482}}
    other = one(ONVIF, as_number, COUNTER)
    assert isinstance(other, ReadingEvent) and other.data == event.data


def test_an_onvif_event_of_another_topic_is_not_subscribed() -> None:
    assert ONVIF.matches("onvif/c/s/d/onvif-ej/VideoSource/MotionAlarm/&1") is None
    assert ONVIF.matches(COUNTER.replace("/Counter", "/OccupancyCounter")) is not None
    assert ONVIF.subscriptions[0].startswith("onvif/+/+/+/onvif-ej/RuleEngine/")


# --- what an output can do ----------------------------------------------------------------------


def test_times_in_seconds_milliseconds_and_other_zones(load: Callable[..., Adapters]) -> None:
    want = datetime(2026, 11, 22, 1, 29, 30, tzinfo=UTC)
    old = 'time = { path = "t", format = "unix_s" }'
    cases: list[tuple[str, Any]] = [
        ('{ path = "t", format = "unix_s" }', 1_795_310_970),
        ('{ path = "t", format = "unix_s" }', 1_795_310_970.0),
        ('{ path = "t", format = "unix_ms" }', 1_795_310_970_000),
        ('{ path = "t" }', "2026-11-22T08:29:30+07:00"),
        ('{ path = "t", zone = "+07:00" }', "2026-11-22T08:29:30"),
        ('{ path = "t", zone = "-01:30" }', "2026-11-21T23:59:30"),
        ('{ path = "t", zone = "Z" }', "2026-11-22 01:29:30.0009"),
    ]
    for table, value in cases:
        adapters = load(SMALL, (old, f"time = {table}"))
        assert one(adapters, GOOD | {"t": value}).time == want
    adapters = load(SMALL, (old, "time = { received = true }"))
    assert one(adapters, GOOD).time == NOW


@pytest.mark.parametrize("value", [None, True, [], {}, "x", 1e300, -1e300, 10**30, float("1e18")])
def test_a_time_that_is_none_does_not_fit(value: Any, load: Callable[..., Adapters]) -> None:
    assert misfit(load(), GOOD | {"t": value}).field == "level.time"


def test_scale_offset_and_lookup(load: Callable[..., Adapters]) -> None:
    adapters = load(SMALL, ('{ path = "v" }', '{ path = "v", scale = -0.001, offset = 4.2 }'))
    event = one(adapters, GOOD | {"v": 1200})
    assert isinstance(event, ReadingEvent) and event.data.value == pytest.approx(3.0)
    phases = load(
        SMALL,
        ('type = "reading"', 'type = "signal"'),
        (
            'data = { quantity = "water_level", value = { path = "v" }, unit = "m" }',
            'data = { head = "h-1", phase = { path = "v", lookup = { 1 = "red", 2 = "green" } },'
            ' since = { path = "since" } }',
        ),
    )
    event = one(phases, GOOD | {"v": 2, "since": "2026-11-22T01:29:00Z"})
    assert isinstance(event, SignalEvent) and event.data.phase == "green"
    error = misfit(phases, GOOD | {"v": 3, "since": "2026-11-22T01:29:00Z"})
    assert error.field == "level.data.phase"
    assert "'3' is not in its lookup table, which has 1, 2" in error.detail


def test_a_nested_payload_and_a_counter_of_its_own(load: Callable[..., Adapters]) -> None:
    adapters = load(
        SMALL,
        ('type = "reading"', 'type = "flow"\nsequence = "n"'),
        (
            'data = { quantity = "water_level", value = { path = "v" }, unit = "m" }',
            'data = { lane = "lane-1", period_s = 60,'
            ' counts = { car = { path = "cars" }, bus = { path = "buses" } },'
            ' speed_kmh = { path = "speed_ms", scale = 3.6 } }',
        ),
    )
    event = one(adapters, GOOD | {"cars": 4, "speed_ms": 10})
    assert isinstance(event, FlowEvent)
    assert event.data.counts == {"car": 4}
    assert event.data.speed_kmh == pytest.approx(36)
    assert event.sequence == 1
    assert misfit(adapters, GOOD | {"n": -1, "cars": 1}).field == "level.sequence"


def test_without_a_counter_each_message_has_a_number_of_its_own(
    load: Callable[..., Adapters],
) -> None:
    adapters = load()
    numbers = {one(adapters, GOOD | {"n": n}).sequence for n in range(200)}
    assert len(numbers) == 200
    assert one(adapters, GOOD) == one(adapters, GOOD)


def test_the_boot_of_a_device_is_always_the_same(load: Callable[..., Adapters]) -> None:
    adapters = load()
    first, later = one(adapters, GOOD), one(adapters, GOOD | {"t": GOOD["t"] + 9, "n": 2})
    assert first.bootid == later.bootid
    assert first.bootid != one(adapters, GOOD, "s/d-2/up").bootid


def test_a_value_outside_of_the_contract_does_not_get_in(load: Callable[..., Adapters]) -> None:
    error = misfit(load(), GOOD | {"v": 1e13})
    assert (error.reason, error.field) == (Reason.ADAPTER, "level.data.value")
    error = misfit(load(), GOOD, "s/Đập 1/up")
    assert error.field == "level.device"


def test_other_messages_can_be_ignored(load: Callable[..., Adapters]) -> None:
    when = ('type = "reading"', 'type = "reading"\nwhen = "kind == \'level\'"')
    assert misfit(load(SMALL, when), GOOD).field == "$"
    ignoring = load(SMALL, when, ("segments", 'otherwise = "ignore"\nsegments'))
    assert ignoring.translate("s/d/up", raw(GOOD), NOW) == []
    assert len(ignoring.translate("s/d/up", raw(GOOD | {"kind": "level"}), NOW)) == 1


# --- hostile input ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (b" " * (MAX_BYTES + 1), Reason.OVERSIZE),
        (b'{"v": "\xff"}', Reason.BAD_UTF8),
        (b"{", Reason.BAD_JSON),
        (b'{"v": NaN}', Reason.BAD_JSON),
        (b"[" * 60_000, Reason.BAD_JSON),
        (b"[" * 30_000 + b"]" * 30_000, Reason.BAD_JSON),
        (b"[" * 40 + b"]" * 40, Reason.ADAPTER),
        (b'{"t": 1, "n": 1, "v": 1e999}', Reason.BAD_JSON),
        (b"null", Reason.ADAPTER),
        (b"[]", Reason.ADAPTER),
    ],
)
def test_bad_input_has_its_reason(
    message: bytes, reason: Reason, load: Callable[..., Adapters]
) -> None:
    assert misfit(load(), message).reason is reason


def test_depth_is_bounded_before_any_expression_sees_the_message(
    load: Callable[..., Adapters],
) -> None:
    deep: Any = 1.5
    for _ in range(40):
        deep = {"v": deep}
    assert misfit(load(), GOOD | {"x": deep}).detail == "nested deeper than 32 levels"


def test_a_function_on_the_wrong_kind_of_value_does_not_fit(load: Callable[..., Adapters]) -> None:
    error = misfit(load(SMALL, ('path = "v"', 'path = "length(v)"')), GOOD)
    assert (error.reason, error.field) == (Reason.ADAPTER, "level.data.value")
    assert "length()" in error.detail


@pytest.mark.parametrize(
    "filler",
    [
        b"[" + b"0," * 32_000 + b"0]",
        b"[" + b"{}," * 20_000 + b"{}]",
        b"{" + b",".join(b'"%d":0' % i for i in range(6_500)) + b"}",
        b'"' + b"x" * 64_000 + b'"',
    ],
)
def test_the_largest_message_takes_no_noticeable_time(filler: bytes) -> None:
    """Seen: at most 6 ms; the limit is for a slow machine."""
    message = raw(sample("chirpstack_up.json") | {"rxInfo": [], "txInfo": {}})
    for name in (b'"object"', b'"time"', b'"deduplicationId"', b'"other"'):
        hostile = message[:-1].replace(name, b'"was"') + b", " + name + b": " + filler + b"}"
        begun = time.perf_counter()
        holds(CHIRPSTACK, UP, hostile[:MAX_BYTES] if len(hostile) > MAX_BYTES else hostile)
        assert time.perf_counter() - begun < 0.5


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3)
    ),
    max_leaves=9,
)
LEAVES = ["deduplicationId", "time", "deviceInfo", "object", "UtcTime", "Source", "Data"]


def holds(adapters: Adapters, topic: str, message: bytes) -> None:
    try:
        events = adapters.translate(topic, message, NOW)
    except ContractError as error:
        assert error.detail and len(error.detail) < 1000
    else:
        assert all(decode(encode(event)) == event for event in events)


@given(
    st.sampled_from([(CHIRPSTACK, UP), (ONVIF, COUNTER)]), st.binary(max_size=200) | JSON.map(raw)
)
def test_any_bytes_give_events_or_a_contract_error(
    where: tuple[Adapters, str], message: bytes
) -> None:
    holds(*where, message)


@given(st.data())
@settings(max_examples=300)
def test_any_change_of_a_real_message_gives_events_or_a_contract_error(
    data: st.DataObject,
) -> None:
    adapters, topic, name = data.draw(
        st.sampled_from(
            [(CHIRPSTACK, UP, "chirpstack_up.json"), (ONVIF, COUNTER, "onvif_counter.json")]
        )
    )
    message = sample(name)
    target = message
    for _ in range(data.draw(st.integers(0, 2))):
        inner = [value for value in target.values() if isinstance(value, dict) and value]
        target = data.draw(st.sampled_from(inner)) if inner else target
    target[data.draw(st.sampled_from(sorted(target)))] = data.draw(JSON)
    holds(adapters, topic, raw(message))


@given(st.text(max_size=20))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_topic_gives_events_or_a_contract_error(
    load: Callable[..., Adapters], device: str
) -> None:
    adapters = load()
    holds(adapters, f"s/{device}/up", raw(GOOD))
