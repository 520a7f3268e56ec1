from __future__ import annotations

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from edge.backoff import reconnect_wait, resend_wait
from edge.bounded_log import BoundedLog
from edge.receipts import settle
from ioc.receipt import Receipt, encode

BOOT = UUID("018f0000-0000-7000-8000-000000000001")
_ranges = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=1, max_size=8)


@given(_ranges, st.integers(0, 50))
def test_nothing_beyond_what_was_issued_is_ever_forgotten(
    ranges: list[tuple[int, int]], issued: int
) -> None:
    settlement = settle(encode(Receipt(bootid=BOOT, ranges=ranges)), {BOOT: issued})
    named = {n for first, last in ranges for n in range(first, last + 1)}
    settled = {n for first, last in settlement.ranges for n in range(first, last + 1)}
    assert settled == {n for n in named if n < issued}
    honest = all(first <= last < issued for first, last in ranges)
    assert (settlement.faults == ()) == honest


@given(st.binary(max_size=200))
def test_noise_settles_nothing(raw: bytes) -> None:
    settlement = settle(raw, {BOOT: 10})
    assert settlement.bootid is None
    assert settlement.ranges == ()
    assert settlement.faults


def test_receipt_of_another_boot_says_which() -> None:
    settlement = settle(encode(Receipt(bootid=BOOT, ranges=[(0, 3)])), {})
    assert settlement.ranges == ()
    assert str(BOOT) in settlement.faults[0]


@given(st.integers(0, 10_000), st.floats(0, 1, exclude_max=True))
def test_reconnect_wait_stays_between_its_limits(attempt: int, draw: float) -> None:
    assert 0.5 <= reconnect_wait(attempt, 0.5, 30, lambda: draw) <= 30


def test_reconnect_window_grows_and_is_used_evenly() -> None:
    tops = [reconnect_wait(n, 0.5, 30, lambda: 0.999999) for n in range(8)]
    assert [round(top, 2) for top in tops] == [1, 2, 4, 8, 16, 30, 30, 30]
    assert reconnect_wait(7, 0.5, 30, lambda: 0.0) == 0.5


def test_resend_wait_doubles_up_to_a_limit() -> None:
    assert [resend_wait(n, 30) for n in (1, 2, 3, 6, 7, 10_000)] == [30, 60, 120, 960, 960, 960]


def test_repeated_warning_is_one_line_with_a_count() -> None:
    lines: list[tuple[str, dict[str, object]]] = []

    class Log:
        def warning(self, what: str, **fields: object) -> None:
            lines.append((what, fields))

    now = [0.0]
    bounded = BoundedLog(Log(), lambda: now[0])  # type: ignore[arg-type]
    for _ in range(1000):
        bounded.warn("dropped", kind="flow")
        bounded.warn("refused")
    now[0] = 11.0
    bounded.warn("dropped", kind="flow")
    assert lines == [
        ("dropped", {"kind": "flow"}),
        ("refused", {}),
        ("dropped", {"kind": "flow", "not_logged_before": 999}),
    ]
