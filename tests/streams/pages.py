"""Pages of real counters, and what was made of them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Histogram, generate_latest

from ingest.counters import BridgeCounters
from streams.counters import COMMIT_SECONDS, EVENT_AGE_SECONDS, StreamCounters
from streams.metrics_page import Page, read_page
from streams.watched import Value

NOW = 1_800_000_000.0


class Bridge:
    """A bridge's own counters, and its page as Prometheus gets it."""

    def __init__(self) -> None:
        self.waiting = 0
        self.counters = BridgeCounters(lambda: self.waiting)
        self._registry = CollectorRegistry()
        self._registry.register(self.counters)

    def text(self) -> str:
        return generate_latest(self._registry).decode()

    def page(self) -> Page:
        return read_page(self.text())

    def handle(self, count: int) -> None:
        self.counters.received += count
        self.counters.acknowledged += count
        self.counters.forwarded["ioc.flow.v1"] += count


class Worker:
    """A streams worker's own counters, and its page."""

    def __init__(self) -> None:
        self.counters = StreamCounters()
        self.age = _like(EVENT_AGE_SECONDS)
        self.commit = _like(COMMIT_SECONDS)
        self._registry = CollectorRegistry()
        for one in (self.counters, self.age, self.commit):
            self._registry.register(one)

    def page(self) -> Page:
        return read_page(generate_latest(self._registry).decode())


def _like(histogram: Histogram) -> Histogram:
    """A new histogram of the same name and bounds; that of the module counts for all tests."""
    bounds = [bound for bound in histogram._upper_bounds if math.isfinite(bound)]
    return Histogram(histogram._name, "", buckets=bounds, registry=None)


def of(values: Sequence[Value], figure: str) -> dict[str, float]:
    """Values of a figure by label."""
    return {one.label: one.value for one in values if one.figure == figure}


def one(values: Sequence[Value], figure: str) -> float:
    """The value of a figure without a label."""
    return of(values, figure)[""]
