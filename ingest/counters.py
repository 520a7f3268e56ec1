"""What the bridge counts, and how Prometheus reads it.

Plain integers that one thread raises: a Prometheus counter takes a lock for each increment, which
at 18,000 messages a second would be a twentieth of the time of a message.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

LATENCY_BUCKETS_S = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class BridgeCounters(Collector):
    """Counts of one bridge.

    Attributes:
        received: MQTT messages that came.
        acknowledged: PUBACKs sent.
        forwarded: Events given to Kafka, by Kafka topic.
        set_aside: Messages given to the dead letters, by reason.
        connections: MQTT connections made since the start.
        resets: Connections given up because Kafka refused a record.
    """

    def __init__(self, in_flight: Callable[[], int]) -> None:
        self.received = 0
        self.acknowledged = 0
        self.connections = 0
        self.resets = 0
        self.connected = False
        self.forwarded: Counter[str] = Counter()
        self.set_aside: Counter[str] = Counter()
        self._in_flight = in_flight
        self._latency = [0] * (len(LATENCY_BUCKETS_S) + 1)
        self._latency_sum = 0.0

    def observe_latency(self, seconds: float) -> None:
        """Note how long a message took from MQTT to Kafka's confirmation."""
        index = sum(seconds > bound for bound in LATENCY_BUCKETS_S)
        self._latency[index] += 1
        self._latency_sum += seconds

    def collect(self) -> Iterable[Metric]:
        """The figures as Prometheus families."""
        yield CounterMetricFamily(
            "ioc_ingest_received", "MQTT messages that came.", value=self.received
        )
        yield CounterMetricFamily(
            "ioc_ingest_acknowledged", "PUBACKs sent.", value=self.acknowledged
        )
        yield CounterMetricFamily(
            "ioc_ingest_connections", "MQTT connections made.", value=self.connections
        )
        yield CounterMetricFamily(
            "ioc_ingest_resets", "Connections given up because of Kafka.", value=self.resets
        )
        forwarded = CounterMetricFamily(
            "ioc_ingest_forwarded", "Events given to Kafka.", labels=["topic"]
        )
        for topic, count in dict(self.forwarded).items():
            forwarded.add_metric([topic], count)
        yield forwarded
        aside = CounterMetricFamily(
            "ioc_ingest_set_aside", "Messages given to the dead letters.", labels=["reason"]
        )
        for reason, count in dict(self.set_aside).items():
            aside.add_metric([reason], count)
        yield aside
        yield GaugeMetricFamily(
            "ioc_ingest_in_flight", "Messages that wait for Kafka.", value=self._in_flight()
        )
        yield GaugeMetricFamily(
            "ioc_ingest_connected", "1 while MQTT is connected.", value=float(self.connected)
        )
        yield self._histogram()

    def _histogram(self) -> HistogramMetricFamily:
        buckets: list[tuple[str, float]] = []
        total = 0
        for bound, count in zip((*LATENCY_BUCKETS_S, float("inf")), self._latency, strict=True):
            total += count
            buckets.append(("+Inf" if bound == float("inf") else str(bound), total))
        family = HistogramMetricFamily(
            "ioc_ingest_latency_seconds", "From MQTT to Kafka's confirmation, one in 64 messages."
        )
        family.add_metric([], buckets, self._latency_sum)
        return family
