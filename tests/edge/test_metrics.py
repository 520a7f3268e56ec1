"""What Prometheus sees of a device."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, generate_latest

from edge.metrics import PublisherMetrics
from edge.publisher import PublisherStats

STATS = PublisherStats(
    depth=7,
    bytes=4096,
    published=20,
    sent=15,
    resent=2,
    receipted=13,
    refused=1,
    bad_receipts=0,
    dropped={"flow": 3},
    corrupt_files=0,
    reconnects=1,
    unacknowledged=2,
    connected=True,
)


def test_an_operator_sees_what_waits_and_what_was_dropped() -> None:
    registry = CollectorRegistry()
    registry.register(PublisherMetrics(lambda: {"cam-1": STATS, "cam-2": STATS}))

    text = generate_latest(registry).decode()

    assert 'ioc_edge_depth{device="cam-1"} 7.0' in text
    assert 'ioc_edge_depth{device="cam-2"} 7.0' in text
    assert 'ioc_edge_dropped_total{device="cam-1",kind="flow"} 3.0' in text
    assert 'ioc_edge_receipted_total{device="cam-2"} 13.0' in text
    assert 'ioc_edge_connected{device="cam-1"} 1.0' in text
