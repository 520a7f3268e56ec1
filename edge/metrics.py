"""The figures of a process's publishers for Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from edge.publisher import PublisherStats

_GAUGES: Final = frozenset({"depth", "bytes", "unacknowledged", "connected"})


class PublisherMetrics(Collector):
    """Reads the publishers' figures whenever it is asked.

    Args:
        stats: Gives the figures of each device: what its ``Publisher.stats`` says.
    """

    def __init__(self, stats: Callable[[], Mapping[str, PublisherStats]]) -> None:
        self._stats = stats

    def collect(self) -> Iterable[Metric]:
        """The figures as Prometheus families, named ``ioc_edge_…``, a line for each device."""
        now = self._stats()
        for field in fields(PublisherStats):
            name = f"ioc_edge_{field.name}"
            text = f"See edge.publisher.PublisherStats.{field.name}."
            if field.name == "dropped":
                dropped = CounterMetricFamily(name, text, labels=["device", "kind"])
                for device, stats in now.items():
                    for kind, count in stats.dropped.items():
                        dropped.add_metric([device, kind], count)
                yield dropped
                continue
            gauge = field.name in _GAUGES
            family = (GaugeMetricFamily if gauge else CounterMetricFamily)(
                name, text, labels=["device"]
            )
            for device, stats in now.items():
                family.add_metric([device], float(getattr(stats, field.name)))
            yield family
