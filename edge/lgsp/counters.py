"""What the adapter counts, and how Prometheus reads it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from edge.bounded_log import BoundedLog
from edge.lgsp.intake import Taken
from edge.lgsp.mapping import Found
from ioc.telemetry import logger

PUSH = "push"
"""The name that the webhook goes by beside those of the sources."""


class LgspCounters:
    """Counts of one adapter; only its event loop raises them.

    Attributes:
        pulls: Answers by source and outcome: ``new``, ``unchanged``, ``failed``.
        values: Values by source and what became of them: ``published``, ``repeated``,
            ``missing``, ``refused``.
        pushes: Pushed messages by HTTP status.
        answered: Source → when it was last understood.
    """

    def __init__(self) -> None:
        self.pulls: Counter[tuple[str, str]] = Counter()
        self.values: Counter[tuple[str, str]] = Counter()
        self.pushes: Counter[int] = Counter()
        self.answered: dict[str, datetime] = {}
        self._log = BoundedLog(logger("edge.lgsp"))

    def note(self, source: str, found: Found, taken: Taken, at: datetime) -> None:
        """Count what an answer held, and tell what could not be understood of it."""
        self.values[source, "published"] += taken.published
        self.values[source, "repeated"] += taken.repeated
        self.values[source, "missing"] += len(found.missing)
        self.values[source, "refused"] += len(found.faults)
        self.answered[source] = at
        if found.faults:
            self._log.warn(
                f"{source}: values that cannot be understood; the others go on",
                faults=[f"{fault.field}: {fault.detail}" for fault in found.faults[:10]],
                count=len(found.faults),
            )
        if found.missing:
            self._log.warn(f"{source}: no value in the answer", quantities=list(found.missing))

    def collect(self) -> Iterable[Metric]:
        """The figures as Prometheus families."""
        pulls = CounterMetricFamily(
            "ioc_lgsp_pulls", "Answers of sources.", labels=["source", "outcome"]
        )
        for labels, count in sorted(self.pulls.items()):
            pulls.add_metric(labels, count)
        yield pulls
        values = CounterMetricFamily(
            "ioc_lgsp_values", "Values and what became of them.", labels=["source", "outcome"]
        )
        for labels, count in sorted(self.values.items()):
            values.add_metric(labels, count)
        yield values
        pushes = CounterMetricFamily("ioc_lgsp_pushes", "Pushed messages.", labels=["status"])
        for status, count in sorted(self.pushes.items()):
            pushes.add_metric([str(status)], count)
        yield pushes
        answered = GaugeMetricFamily(
            "ioc_lgsp_answered_seconds", "When it was last understood, Unix.", labels=["source"]
        )
        for source, at in sorted(self.answered.items()):
            answered.add_metric([source], at.timestamp())
        yield answered
