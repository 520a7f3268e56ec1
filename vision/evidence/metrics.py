"""The figures of the evidence stores and their uploads for Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from edge.evidence_stats import StoreStats
from edge.upload import UploadStats

Figures = tuple[StoreStats, UploadStats | None]


class EvidenceMetrics(Collector):
    """Reads stores and uploaders whenever it is asked.

    Args:
        stats: Gives the figures of each device; without an uploader the second is None.
    """

    def __init__(self, stats: Callable[[], Mapping[str, Figures]]) -> None:
        self._stats = stats

    def collect(self) -> Iterable[Metric]:
        """The figures as Prometheus families, named ``ioc_evidence_…``, a line for each device."""
        now = self._stats()
        gauges = {
            "bytes": "Room that the files take on the disk",
            "budget_bytes": "Most that they may take",
            "pending_sets": "Sets that are not all uploaded",
            "pending_files": "Files that are to be uploaded",
            "pending_bytes": "Their bytes",
        }
        for name, text in gauges.items():
            gauge = GaugeMetricFamily(f"ioc_evidence_{name}", text, labels=["device"])
            for device, (store, _upload) in now.items():
                gauge.add_metric([device], float(getattr(store, name)))
            yield gauge
        outcomes = CounterMetricFamily(
            "ioc_evidence_outcomes",
            "What became of evidence; see edge.evidence_store.StoreStats.counts",
            labels=["device", "outcome"],
        )
        for device, (store, _upload) in now.items():
            for outcome, count in store.counts.items():
                outcomes.add_metric([device, outcome], count)
        yield outcomes
        for name in ("uploaded", "sent_bytes", "failures", "refused"):
            counter = CounterMetricFamily(
                f"ioc_evidence_upload_{name}",
                f"See edge.upload.UploadStats.{name}",
                labels=["device"],
            )
            for device, (_store, upload) in now.items():
                if upload is not None:
                    counter.add_metric([device], float(getattr(upload, name)))
            yield counter
