"""Hypothesis strategies for everybody: valid events of every type, and poison."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, get_args
from uuid import UUID

from hypothesis import strategies as st

from ioc import events as e
from ioc.clock import from_unix_ms
from ioc.decode import Reason
from ioc.ids import derived_uuid7
from ioc.topics import DevicePath, device_path
from simulator.devices.poison import poison_cases

NOW = datetime(2026, 11, 22, 1, 30, tzinfo=UTC)
"""The present instant of tests: the times of valid events lie in the 30 days before it."""

_LOWER = "abcdefghijklmnopqrstuvwxyz0123456789"
_PRINTABLE = st.characters(exclude_categories=["Cs"], exclude_characters="\0")


def segments() -> st.SearchStrategy[str]:
    """One segment of a device path."""
    inner = st.text(_LOWER + "-_", max_size=61)
    one = st.sampled_from(_LOWER)
    return st.one_of(one, st.builds(lambda a, b, c: a + b + c, one, inner, one))


def paths() -> st.SearchStrategy[DevicePath]:
    """Valid device paths."""
    return st.builds(device_path, segments(), segments(), segments())


def instants(first: datetime = NOW - timedelta(days=30), last: datetime = NOW) -> Any:
    """UTC instants in whole milliseconds."""
    low, high = (round(at.timestamp() * 1000) for at in (first, last))
    return st.integers(low, high).map(from_unix_ms)


def uuid7s() -> st.SearchStrategy[UUID]:
    """UUIDs of version 7."""
    return st.builds(derived_uuid7, instants(), st.text(_LOWER, max_size=20))


def names() -> st.SearchStrategy[str]:
    """Names of lanes, heads and the like."""
    return st.from_regex(r"[a-z0-9][a-z0-9_-]{0,62}", fullmatch=True)


def texts(most: int = 200, least: int = 1) -> st.SearchStrategy[str]:
    """Free text that a database can store: any script, no NUL."""
    return st.text(_PRINTABLE, min_size=least, max_size=most)


def floats(low: float, high: float) -> st.SearchStrategy[float]:
    """Finite numbers of a closed range."""
    return st.floats(low, high, allow_nan=False, allow_infinity=False)


def _optional(value: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | value


def _shares() -> st.SearchStrategy[float]:
    return floats(0, 1)


def _wholes(least: int = 0) -> st.SearchStrategy[int]:
    return st.integers(least, e.MAX_SEQUENCE)


def _literals(literal: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from(get_args(literal))


def _sha256s() -> st.SearchStrategy[str]:
    return st.text("0123456789abcdef", min_size=64, max_size=64)


def _clocks() -> st.SearchStrategy[e.ClockRef]:
    return st.builds(
        e.ClockRef,
        source=st.sampled_from(["ntp", "ptp", "gps", "none"]),
        offset_ms=_optional(floats(-86_400_000, 86_400_000)),
    )


def violation_data() -> st.SearchStrategy[e.ViolationData]:
    """Payloads of violations."""
    first = _wholes()
    return st.builds(
        e.ViolationData,
        rule=_literals(e.Rule),
        track=_wholes(),
        vehicle=_literals(e.VehicleClass),
        act_time=instants(),
        confidence=_shares(),
        model=st.builds(e.ModelRef, name=texts(), sha256=_sha256s()),
        clock=_clocks(),
        frames=st.tuples(first, first).map(lambda p: e.FrameWindow(first=min(p), last=max(p))),
        lane=_optional(names()),
        plate=_optional(
            st.builds(
                e.Plate, text=texts(16), confidence=_shares(), colour=_literals(e.PlateColour)
            )
        ),
        speed_kmh=_optional(floats(0, 400)),
        limit_kmh=_optional(floats(1, 400)),
        calibration=_optional(texts()),
        signal=_optional(
            st.builds(
                e.SignalRef, head=names(), phase=_literals(e.Phase), since=_optional(instants())
            )
        ),
        evidence=st.lists(
            st.builds(
                e.EvidenceRef,
                role=st.sampled_from(["clip", "before", "at", "after", "plate", "manifest"]),
                sha256=_sha256s(),
                bytes=_wholes(1),
                media_type=texts(100, 3),
            ),
            max_size=4,
        ).map(tuple),
        reasons=st.lists(texts(), max_size=4).map(tuple),
        signature=_optional(texts(200, 0)),
    )


def flow_data() -> st.SearchStrategy[e.FlowData]:
    """Payloads of traffic counts."""
    return st.builds(
        e.FlowData,
        lane=names(),
        period_s=floats(0.001, 3600),
        counts=st.dictionaries(_literals(e.VehicleClass), st.integers(0, 1_000_000_000)),
        speed_kmh=_optional(floats(0, 400)),
        occupancy=_optional(_shares()),
        queue_m=_optional(floats(0, 10_000)),
    )


def reading_data() -> st.SearchStrategy[e.ReadingData]:
    """Payloads of readings: known quantities in their unit, others in any."""
    known = st.sampled_from(sorted(e.UNITS.items()))
    other = st.tuples(
        st.from_regex(r"[a-z][a-z0-9_.]{0,63}", fullmatch=True).filter(lambda q: q not in e.UNITS),
        texts(32),
    )
    return st.builds(
        lambda pair, value, quality: e.ReadingData(
            quantity=pair[0], value=value, unit=pair[1], quality=quality
        ),
        st.one_of(known, other),
        floats(-1e12, 1e12),
        st.sampled_from(["good", "suspect", "bad"]),
    )


def signal_data() -> st.SearchStrategy[e.SignalData]:
    """Payloads of signal changes."""
    return st.builds(e.SignalData, head=names(), phase=_literals(e.Phase), since=instants())


def health_data() -> st.SearchStrategy[e.HealthData]:
    """Payloads of health figures."""
    counts = st.integers(0, 1_000_000_000)
    return st.builds(
        e.HealthData,
        uptime_s=floats(0, 1e9),
        fps=_optional(floats(0, 1000)),
        dropped_frames=_optional(counts),
        stalls=_optional(counts),
        latency_ms=_optional(floats(0, 3_600_000)),
        spool_depth=_optional(counts),
        spool_bytes=_optional(_wholes()),
        dropped_events=_optional(counts),
        gpu_utilisation=_optional(_shares()),
        clock=_optional(_clocks()),
    )


def status_data() -> st.SearchStrategy[e.StatusData]:
    """Payloads of births and last wills."""
    return st.builds(
        e.StatusData,
        state=st.sampled_from(["online", "offline"]),
        versions=st.dictionaries(texts(20), texts(20), max_size=4),
    )


_DATA: dict[type[e.Envelope], Callable[[], st.SearchStrategy[Any]]] = {
    e.ViolationEvent: violation_data,
    e.FlowEvent: flow_data,
    e.ReadingEvent: reading_data,
    e.SignalEvent: signal_data,
    e.HealthEvent: health_data,
    e.StatusEvent: status_data,
}


@st.composite
def events(
    draw: st.DrawFn,
    kinds: tuple[type[e.Envelope], ...] = e.EVENT_CLASSES,
    path: DevicePath | None = None,
) -> Any:
    """Valid events.

    Args:
        draw: Given by hypothesis.
        kinds: Which event classes; all by default.
        path: Of one device; of any by default.
    """
    kind = draw(st.sampled_from(kinds))
    at = draw(instants())
    source = (path or draw(paths())).source
    fields: dict[str, Any] = {
        "specversion": "1.0",
        "id": derived_uuid7(at, source, draw(st.text(_LOWER, max_size=8))),
        "source": source,
        "time": at,
        "bootid": draw(uuid7s()),
        "data": draw(_DATA[kind]()),
    }
    if issubclass(kind, e.NumberedEnvelope):
        fields["sequence"] = draw(_wholes())
        fields["replayed"] = draw(st.booleans())
        fields["adapter"] = draw(_optional(names()))
    return kind(**fields)


_POISON_PATH = device_path("vithanh", "poison", "bad-1")
_POISON_BOOT = derived_uuid7(NOW, "poison")


def poison(path: DevicePath = _POISON_PATH) -> st.SearchStrategy[tuple[str, bytes, set[Reason]]]:
    """Bad messages: topic, raw bytes, and the reasons that one of must be given.

    ``ingest`` finds all of them except those of reason ``database``, which only PostgreSQL can.
    """

    def one(seed: int) -> tuple[str, bytes, set[Reason]]:
        case = poison_cases(1, seed, path=path, bootid=_POISON_BOOT, now=NOW)[0]
        return case.topic, case.payload, set(case.reasons)

    return st.integers(0, 2**32 - 1).map(one)
