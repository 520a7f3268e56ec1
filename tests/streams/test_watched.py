"""Pages of parts become figures: over which time, and what a stall is."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.metrics_page import Page, read_page
from streams.watched import MOST_LABELS, OVER_S, Watched, quantile
from tests.streams.pages import NOW, Bridge, Worker, of, one


def test_a_bridge_tells_how_it_is_at_once_and_how_fast_it_goes_after_a_second_page() -> None:
    bridge, watched = Bridge(), Watched()
    bridge.counters.connected = True
    bridge.waiting = 3
    bridge.handle(1000)
    first = watched.look(bridge.page(), 0, NOW)
    assert one(first, "up") == one(first, "connected") == 1
    assert one(first, "in_flight") == 3
    assert not of(first, "received_per_s")
    bridge.handle(300)
    second = watched.look(bridge.page(), 15, NOW)
    assert one(second, "received_per_s") == one(second, "forwarded_per_s") == 20


def test_rates_are_those_of_the_last_minute() -> None:
    bridge, watched = Bridge(), Watched()
    for step in range(40):
        bridge.handle(1500 if step < 20 else 15)  # 100 a second, then 1
        values = watched.look(bridge.page(), step * 15.0, NOW)
        if step == 19:
            assert one(values, "received_per_s") == 100
        if step == 20 + OVER_S / 15:
            assert one(values, "received_per_s") == 1


def test_a_part_that_was_away_for_long_has_no_rate_of_the_last_minute() -> None:
    bridge, watched = Bridge(), Watched()
    watched.look(bridge.page(), 0, NOW)
    bridge.handle(100_000)
    values = watched.look(bridge.page(), 3 * OVER_S + 1, NOW)
    assert not of(values, "received_per_s")
    assert one(values, "set_aside") == 0  # but what is new is known


def test_a_part_that_was_started_anew_gives_no_rate_below_zero() -> None:
    watched = Watched()
    bridge = Bridge()
    bridge.handle(5000)
    bridge.counters.set_aside["schema"] += 7
    watched.look(bridge.page(), 0, NOW)
    bridge = Bridge()
    bridge.handle(30)
    bridge.counters.set_aside["schema"] += 2
    values = watched.look(bridge.page(), 15, NOW)
    assert not of(values, "received_per_s")
    assert of(values, "set_aside") == {"": 2, "schema": 2}
    bridge.handle(30)
    assert one(watched.look(bridge.page(), 30, NOW), "received_per_s") == 2


def test_a_new_process_is_known_by_its_beginning_even_when_it_counts_higher() -> None:
    def page(started: float, received: int) -> Page:
        return read_page(
            f"process_start_time_seconds {started}\nioc_ingest_received_total {received}\n"
            f"process_resident_memory_bytes 6e+07\nprocess_cpu_seconds_total {received / 1000}\n"
        )

    watched = Watched()
    watched.look(page(NOW - 100, 10), 0, NOW)
    values = watched.look(page(NOW - 5, 5000), 15, NOW)
    assert one(values, "uptime_s") == 5
    assert one(values, "memory_bytes") == 6e7
    assert not of(values, "received_per_s")
    values = watched.look(page(NOW - 5, 6500), 30, NOW)
    assert one(values, "cpu_share") == pytest.approx(0.1)


def test_what_is_set_aside_is_told_once_by_reason_and_in_all() -> None:
    bridge, watched = Bridge(), Watched()
    bridge.counters.set_aside["schema"] += 100
    assert not of(watched.look(bridge.page(), 0, NOW), "set_aside")  # since when is not known
    bridge.counters.set_aside["schema"] += 4
    bridge.counters.set_aside["identity"] += 1
    told = of(watched.look(bridge.page(), 15, NOW), "set_aside")
    assert told == {"": 5, "schema": 4, "identity": 1}
    assert of(watched.look(bridge.page(), 30, NOW), "set_aside") == {"": 0}


def test_labels_are_bounded_and_their_sum_is_not() -> None:
    bridge, watched = Bridge(), Watched()
    watched.look(bridge.page(), 0, NOW)
    for number in range(200):
        bridge.counters.set_aside[f"reason-{number:03}"] += number
    told = of(watched.look(bridge.page(), 15, NOW), "set_aside")
    assert len(told) == MOST_LABELS + 1
    assert told[""] == sum(range(200))
    assert told["reason-199"] == 199 and "reason-001" not in told


def test_a_label_of_a_page_is_cleaned_before_it_becomes_one_of_a_figure() -> None:
    bridge, watched = Bridge(), Watched()
    watched.look(bridge.page(), 0, NOW)
    bridge.counters.set_aside["a\tb" + "x" * 200] += 1
    told = of(watched.look(bridge.page(), 15, NOW), "set_aside")
    assert set(told) == {"", "a?b" + "x" * 97}


def test_a_bridge_is_stalled_only_while_nothing_gets_through() -> None:
    bridge, watched = Bridge(), Watched()
    bridge.waiting = 5
    for step in range(4):
        bridge.handle(10)
        assert one(watched.look(bridge.page(), step * 15.0, NOW), "stalled_s") == 0
    stalls = [one(watched.look(bridge.page(), 60 + n * 15.0, NOW), "stalled_s") for n in range(3)]
    assert stalls == [15, 30, 45]
    bridge.waiting = 0  # idle: nothing waits
    assert one(watched.look(bridge.page(), 105, NOW), "stalled_s") == 0


def test_a_worker_is_stalled_as_long_as_batches_are_tried_again() -> None:
    worker, watched = Worker(), Watched()
    worker.counters.ready = True
    worker.counters.blocked = 2
    stalls = [one(watched.look(worker.page(), n * 15.0, NOW), "stalled_s") for n in range(3)]
    assert stalls == [0, 15, 30]
    worker.counters.blocked = 0
    worker.counters.retries["OperationalError"] += 9
    values = watched.look(worker.page(), 45, NOW)
    assert one(values, "stalled_s") == 0
    assert of(values, "retries") == {"": 9, "OperationalError": 9}
    assert one(values, "ready") == 1


def test_the_lag_of_a_worker_is_that_of_the_last_minute() -> None:
    worker, watched = Worker(), Watched()
    for _ in range(1000):
        worker.age.observe(200)  # a backlog, long ago
    watched.look(worker.page(), 0, NOW)
    for _ in range(100):
        worker.age.observe(0.7)
        worker.commit.observe(0.02)
    values = watched.look(worker.page(), 15, NOW)
    assert 0.5 < one(values, "event_age_p95_s") <= 1
    assert 0.01 < one(values, "commit_p95_s") <= 0.025
    quiet = watched.look(worker.page(), 15 + OVER_S + 1, NOW)
    assert not of(quiet, "event_age_p95_s")


def test_the_lag_of_a_bridge() -> None:
    bridge, watched = Bridge(), Watched()
    watched.look(bridge.page(), 0, NOW)
    for _ in range(50):
        bridge.counters.observe_latency(0.004)
    assert 0.002 < one(watched.look(bridge.page(), 15, NOW), "latency_p95_s") <= 0.005


@given(
    st.lists(st.floats(0, 20), min_size=1, max_size=200),
    st.floats(0.01, 1),
)
def test_a_quantile_lies_in_the_bucket_of_the_true_one(seen: list[float], share: float) -> None:
    bounds = [0.1, 0.5, 1, 5, 10, math.inf]
    buckets = [(bound, float(sum(value <= bound for value in seen))) for bound in bounds]
    true = sorted(seen)[max(0, math.ceil(share * len(seen) - 1e-9) - 1)]
    found = quantile(buckets, share)
    assert found is not None
    upper = next(bound for bound in bounds if true <= bound)
    lower = max((bound for bound in bounds if bound < true), default=0.0)
    assert lower - 1e-9 <= found <= upper + 1e-9
    assert math.isfinite(found)


@pytest.mark.parametrize(
    "buckets",
    [[], [(1.0, 5.0)], [(1.0, 0.0), (math.inf, 0.0)], [(1.0, 5.0), (math.inf, 3.0)]],
)
def test_what_is_no_histogram_has_no_quantile(buckets: list[tuple[float, float]]) -> None:
    assert quantile(buckets, 0.95) is None
