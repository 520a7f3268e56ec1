"""From the pages of a part to its figures: rates, quantiles, stalls. Pure, time handed in.

Each part has a ``Watched`` that remembers its last pages. What a page counts since the start of its
process says little; here it becomes what happened in the last minute, or since the page before.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from streams.metrics_page import Page

OVER_S: Final = 60.0
"""Rates and quantiles are those of so long; of one look where looks are further apart."""

MOST_LABELS: Final = 30
"""Of one figure; we have some ten reasons and kinds of error."""

LATENCY: Final = "ioc_ingest_latency_seconds"
EVENT_AGE: Final = "ioc_sink_event_age_seconds"
COMMIT: Final = "ioc_sink_commit_seconds"
_STARTED: Final = "process_start_time_seconds"
_BRIDGE: Final = "ioc_ingest_received_total"
_WORKER: Final = "ioc_streams_ready"


@dataclass(frozen=True, slots=True)
class Value:
    """A figure without part and time.

    Attributes:
        figure: What it is.
        value: How much.
        unit: As ``CoreFigure.unit``.
        label: As ``CoreFigure.label``.
    """

    figure: str
    value: float
    unit: str = ""
    label: str = ""


UP: Final = Value("up", 1.0)
DOWN: Final = Value("up", 0.0)


@dataclass(frozen=True, slots=True)
class _Seen:
    at: float
    page: Page


class Watched:
    """One part and its last pages.

    Args:
        over_s: Seconds that rates and quantiles are of.
    """

    def __init__(self, over_s: float = OVER_S) -> None:
        self._over_s = over_s
        self._seen: deque[_Seen] = deque()
        self._last: _Seen | None = None
        self._stuck_since: float | None = None

    def look(self, page: Page, at: float, now: float) -> list[Value]:
        """The figures of a page.

        Args:
            page: As the part answered.
            at: When, on a clock that never jumps, seconds.
            now: When, seconds since 1970; a part's age is counted from it.
        """
        if self._last is not None and _is_new_process(self._last.page, page):
            self._seen.clear()
        last, base = self._last, self._base(at)
        values = [UP, *_process(page, base, at, now)]
        if page.has(_BRIDGE):
            values += self._bridge(page, last, base, at)
        if page.has(_WORKER):
            values += self._worker(page, last, base, at)
        self._last = _Seen(at, page)
        self._seen.append(self._last)
        return values

    def _base(self, at: float) -> _Seen | None:
        """The page to compare with: the newest that is old enough, else the oldest there is."""
        seen = self._seen
        while len(seen) > 1 and at - seen[1].at >= self._over_s:
            seen.popleft()
        if seen and at - seen[0].at > 3 * self._over_s:
            seen.clear()  # the part was away: "the last minute" is not so long
        return seen[0] if seen and at > seen[0].at else None

    def _bridge(
        self, page: Page, last: _Seen | None, base: _Seen | None, at: float
    ) -> Iterator[Value]:
        waiting = page.total("ioc_ingest_in_flight")
        yield Value("connected", page.total("ioc_ingest_connected"))
        yield Value("in_flight", waiting, "count")
        yield from _rate("received_per_s", page, base, at, _BRIDGE)
        yield from _rate("forwarded_per_s", page, base, at, "ioc_ingest_forwarded_total")
        yield from _p95("latency_p95_s", page, base, LATENCY)
        yield from _new("set_aside", page, last, "ioc_ingest_set_aside_total", "reason")
        # One message that waits while others pass is no stall: Kafka takes 5 ms for each.
        done = "ioc_ingest_acknowledged_total"
        passed = last is None or page.total(done) != last.page.total(done)
        yield self._stall(waiting > 0 and not passed, last, at)

    def _worker(
        self, page: Page, last: _Seen | None, base: _Seen | None, at: float
    ) -> Iterator[Value]:
        blocked = page.total("ioc_sink_blocked")
        yield Value("ready", page.total(_WORKER))
        yield Value("leader", page.total("ioc_alert_leader"))
        yield Value("blocked", blocked, "count")
        yield from _rate("stored_per_s", page, base, at, "ioc_sink_stored_total")
        yield from _p95("event_age_p95_s", page, base, EVENT_AGE)
        yield from _p95("commit_p95_s", page, base, COMMIT)
        yield from _new("retries", page, last, "ioc_sink_retries_total", "error")
        yield from _new("set_aside", page, last, "ioc_sink_set_aside_total", "reason")
        yield self._stall(blocked > 0, None, at)

    def _stall(self, stalled: bool, before: _Seen | None, at: float) -> Value:
        """How long it lasts; where it showed by comparison it began at the page before."""
        if not stalled:
            self._stuck_since = None
            return Value("stalled_s", 0.0, "s")
        if self._stuck_since is None:
            self._stuck_since = at if before is None else before.at
        return Value("stalled_s", at - self._stuck_since, "s")


def quantile(buckets: Sequence[tuple[float, float]], share: float) -> float | None:
    """A quantile of a histogram, as Prometheus reckons it: evenly spread within a bucket.

    Args:
        buckets: Upper bounds, the last one infinite, and cumulative counts.
        share: Between 0 and 1.

    Returns:
        None where nothing was counted or the counts make no histogram. What lies above the last
        finite bound is given as that bound.
    """
    if not buckets or not math.isinf(buckets[-1][0]):
        return None
    counts = [count for _, count in buckets]
    if counts[-1] <= 0 or any(later < earlier for earlier, later in pairwise(counts)):
        return None
    rank = share * counts[-1]
    lower, below = 0.0, 0.0
    for bound, count in buckets:
        if count >= rank and count > below:
            if math.isinf(bound):
                return lower
            lower = min(lower, bound)
            # Rounding may carry it a little over the bound.
            return min(bound, lower + (bound - lower) * (rank - below) / (count - below))
        lower, below = bound, count
    return None


def _is_new_process(before: Page, page: Page) -> bool:
    """Whether the part was started anew: another beginning, or a count that has gone back."""
    if before.has(_STARTED) and page.has(_STARTED):
        return before.total(_STARTED) != page.total(_STARTED)
    return any(
        page.total(name) < before.total(name)
        for name in before.samples
        if name.endswith(("_total", "_count"))
    )


def _process(page: Page, base: _Seen | None, at: float, now: float) -> Iterator[Value]:
    if page.has(_STARTED):
        yield Value("uptime_s", max(0.0, now - page.total(_STARTED)), "s")
    if page.has("process_resident_memory_bytes"):
        yield Value("memory_bytes", page.total("process_resident_memory_bytes"), "B")
    if page.has("process_cpu_seconds_total"):
        yield from _rate("cpu_share", page, base, at, "process_cpu_seconds_total", "ratio")


def _rate(
    figure: str, page: Page, base: _Seen | None, at: float, name: str, unit: str = "count"
) -> Iterator[Value]:
    if base is None:
        return
    # A counter by label has no sample before its first event, and then counts as 0.
    gain = page.total(name) - base.page.total(name)
    if gain >= 0:
        yield Value(figure, gain / (at - base.at), unit)


def _p95(figure: str, page: Page, base: _Seen | None, name: str) -> Iterator[Value]:
    if base is None:
        return
    before = dict(base.page.buckets(name))
    found = quantile(
        [(bound, count - before.get(bound, 0.0)) for bound, count in page.buckets(name)], 0.95
    )
    if found is not None:
        yield Value(figure, found, "s")


def _new(figure: str, page: Page, last: _Seen | None, name: str, label: str) -> Iterator[Value]:
    """What has come since the page before; nothing is known of it at the first page."""
    if last is None:
        return
    before = {} if _is_new_process(last.page, page) else last.page.by(name, label)
    gains = {key: count - before.get(key, 0.0) for key, count in page.by(name, label).items()}
    gains = {key: gain for key, gain in gains.items() if gain > 0}
    yield Value(figure, math.fsum(gains.values()), "count")
    most = sorted(gains, key=lambda key: (-gains[key], key))[:MOST_LABELS]
    for key in most:
        if key:
            yield Value(figure, gains[key], "count", key)
