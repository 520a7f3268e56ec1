"""What a streams worker counts, and how Prometheus reads it: plain numbers of one event loop."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from prometheus_client import Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

COMMIT_SECONDS = Histogram(
    "ioc_sink_commit_seconds",
    "One batch from the first row to the commit.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
EVENT_AGE_SECONDS = Histogram(
    "ioc_sink_event_age_seconds",
    "Age of the last event of a batch at its commit, unless it was replayed.",
    buckets=(0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 3600),
)


class StreamCounters(Collector):
    """Counts of one worker.

    Attributes:
        stored: New rows, by table.
        duplicates: Events that the database already had, by table.
        set_aside: Records given to the dead letters, by reason.
        batches: Batches stored; a batch is one transaction unless a row of it was refused.
        receipts: Receipts handed to MQTT.
        retries: Transactions tried again, by kind of error.
        alerts: Alert changes, by kind.
        blocked: Transactions that are being tried again now.
        ready: The database is open and Kafka has given this worker partitions.
    """

    def __init__(self) -> None:
        self.stored: Counter[str] = Counter()
        self.duplicates: Counter[str] = Counter()
        self.set_aside: Counter[str] = Counter()
        self.retries: Counter[str] = Counter()
        self.alerts: Counter[str] = Counter()
        self.batches = 0
        self.receipts = 0
        self.blocked = 0
        self.leader = False
        self.ready = False

    def collect(self) -> Iterable[Metric]:
        """The figures as Prometheus families."""
        for name, text, label, counts in (
            ("ioc_sink_stored", "New rows.", "table", self.stored),
            ("ioc_sink_duplicates", "Events the database had.", "table", self.duplicates),
            ("ioc_sink_set_aside", "Records set aside.", "reason", self.set_aside),
            ("ioc_sink_retries", "Transactions tried again.", "error", self.retries),
            ("ioc_alert_changes", "Alerts raised or cleared.", "kind", self.alerts),
        ):
            family = CounterMetricFamily(name, text, labels=[label])
            for value, count in dict(counts).items():
                family.add_metric([value], count)
            yield family
        yield CounterMetricFamily("ioc_sink_batches", "Batches stored.", value=self.batches)
        yield CounterMetricFamily("ioc_receipts_sent", "Receipts.", value=self.receipts)
        yield GaugeMetricFamily(
            "ioc_streams_ready",
            "1 when partitions and database are there.",
            value=float(self.ready),
        )
        yield GaugeMetricFamily("ioc_sink_blocked", "Batches being retried.", value=self.blocked)
        yield GaugeMetricFamily(
            "ioc_alert_leader", "1 where the alerts are judged.", value=float(self.leader)
        )
