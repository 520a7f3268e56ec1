"""A publisher's figures for Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import fields
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from edge.publisher import PublisherStats

_GAUGES: Final = frozenset({"depth", "bytes", "unacknowledged", "connected"})


class PublisherMetrics(Collector):
    """Reads a publisher's figures whenever it is asked.

    Args:
        stats: Gives the figures: ``Publisher.stats``.
    """

    def __init__(self, stats: Callable[[], PublisherStats]) -> None:
        self._stats = stats

    def collect(self) -> Iterable[Metric]:
        """The figures as Prometheus families, named ``ioc_edge_…``."""
        stats = self._stats()
        for field in fields(stats):
            name, value = f"ioc_edge_{field.name}", getattr(stats, field.name)
            text = f"See edge.publisher.PublisherStats.{field.name}."
            if field.name == "dropped":
                family = CounterMetricFamily(name, text, labels=["kind"])
                for kind, count in value.items():
                    family.add_metric([kind], count)
                yield family
            elif field.name in _GAUGES:
                yield GaugeMetricFamily(name, text, value=float(value))
            else:
                yield CounterMetricFamily(name, text, value=float(value))
