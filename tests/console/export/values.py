"""Values to spell: any JSON, and what devices sign."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import strategies as st

from ioc.events import (
    ClockRef,
    EvidenceRef,
    FrameWindow,
    ModelRef,
    Plate,
    SignalRef,
    ViolationData,
)

plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text()
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=30,
)  # fmt: skip
hex64 = st.text("0123456789abcdef", min_size=64, max_size=64)
finite = st.floats(0, 1)
instants = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))
signals = st.builds(SignalRef, head=st.just("n"), phase=st.just("red"), since=instants)
refs = st.builds(
    EvidenceRef,
    role=st.just("clip"),
    sha256=hex64,
    bytes=st.integers(1, 2**53 - 1),
    media_type=st.text(min_size=3, max_size=100),
)
violations = st.builds(
    ViolationData,
    rule=st.sampled_from(["red_light", "speeding"]),
    track=st.integers(0, 2**53 - 1),
    vehicle=st.just("car"),
    act_time=instants,
    confidence=finite,
    model=st.builds(ModelRef, name=st.text(min_size=1, max_size=200), sha256=hex64),
    clock=st.builds(ClockRef, source=st.just("ntp"), offset_ms=st.floats(-8e7, 8e7)),
    frames=st.just(FrameWindow(first=0, last=9)),
    plate=st.none() | st.builds(Plate, text=st.text(min_size=1, max_size=16), confidence=finite),
    speed_kmh=st.none() | st.floats(0, 400),
    signal=st.none()
    | st.builds(SignalRef, head=st.just("n"), phase=st.just("red"), since=instants),
    evidence=st.lists(refs).map(tuple),
    reasons=st.lists(st.text(min_size=1, max_size=200)).map(tuple),
)
