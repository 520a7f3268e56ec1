"""``end_to_end.*``: from MQTT publish to the row that another session sees, and the memory.

Virtual devices publish at a steady rate through real spools, broker, bridge, Kafka and worker. A
row is seen when ``device_boot.received`` shows its sequence: that is committed in the transaction
of the row, and one device's events keep their order. It is read every ten milliseconds, so each
figure is up to 10 ms too high.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import numpy as np
import psutil
import psycopg

from edge.publisher import Publisher
from ioc.events import ReadingData
from ioc.settings import EdgeSettings, Settings
from measure.bench.traffic import devices
from measure.figures import Figure
from measure.ledger import Ledger, Number, settle
from store.pool import conninfo

DEVICES = 20
POLL_S = 0.01
WARM_UP_S = 60.0
"""Memory is judged after this; latency from the first event on."""

Progress = Callable[[str], None]


@dataclass
class Samples:
    """What one run at one rate saw."""

    latencies: list[float] = field(default_factory=list)
    memory: dict[str, list[tuple[float, float]]] = field(default_factory=dict)


class Watch:
    """Sees rows appear: a thread that reads the sequences the database has."""

    def __init__(self, settings: Settings, publishers: Sequence[Publisher]) -> None:
        self._conninfo = conninfo(settings.database, "ioc-watch")
        self._waiting: dict[UUID, deque[tuple[int, float]]] = {
            publisher.bootid: deque() for publisher in publishers
        }
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.latencies: list[float] = []

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def expect(self, bootid: UUID, sequence: int, published: float) -> None:
        """Note an event that was published at a monotonic second."""
        self._waiting[bootid].append((sequence, published))

    def stop(self, timeout_s: float) -> int:
        """Look until everything was seen or the time is up; give how much was not."""
        deadline = time.monotonic() + timeout_s
        while any(self._waiting.values()) and time.monotonic() < deadline:
            time.sleep(0.05)
        self._stop.set()
        self._thread.join()
        return sum(map(len, self._waiting.values()))

    def _run(self) -> None:
        boots = list(self._waiting)
        with psycopg.connect(self._conninfo, autocommit=True) as connection:
            while not self._stop.wait(POLL_S):
                rows = connection.execute(
                    "SELECT bootid, upper(received) FROM device_boot WHERE bootid = ANY(%s)",
                    (boots,),
                ).fetchall()
                now = time.monotonic()
                for bootid, bound in rows:
                    queue = self._waiting[bootid]
                    while queue and queue[0][0] < bound:
                        self.latencies.append(now - queue.popleft()[1])


def run(
    settings: Settings,
    progress: Progress,
    *,
    rates: Sequence[float],
    seconds: float,
    spool: Path,
    pids: dict[str, int],
) -> list[Figure]:
    """Measure at each rate.

    Args:
        settings: The servers; bridge and worker must run.
        progress: Told what happens.
        rates: Events a second, all devices together.
        seconds: How long at each rate.
        spool: Folder of the devices' spools.
        pids: Processes whose memory is watched, by name.
    """
    figures: list[Figure] = []
    lost = 0
    for rate in rates:
        progress(f"{rate:g} events/s for {seconds:g} s")
        samples, ledger = _run_rate(settings, rate, seconds, spool / f"{rate:g}", pids, progress)
        lost += len(ledger.lost) + ledger.doubled
        p50, p95, p99 = np.percentile(samples.latencies, (50, 95, 99))
        suffix = f".at_{rate:g}" if rate != max(rates) else ""
        for name, value in (("p50", p50), ("p95", p95), ("p99", p99)):
            figures.append(
                Figure(name=f"end_to_end.{name}{suffix}", value=float(value) * 1000, unit="ms")
            )
        figures.append(
            Figure(
                name=f"end_to_end.rate{suffix}",
                value=len(samples.latencies) / seconds,
                unit="events/s",
            )
        )
        for process, series in samples.memory.items():
            figures += _memory(f"end_to_end.{process}", suffix, series, seconds)
    figures.append(Figure(name="end_to_end.lost", value=lost, unit="events"))
    return figures


def _memory(
    name: str, suffix: str, series: list[tuple[float, float]], seconds: float
) -> list[Figure]:
    """Largest resident memory, and its slope after the warm-up (least squares)."""
    start = min(WARM_UP_S, seconds / 3)
    late = np.array([point for point in series if point[0] >= start])
    slope = float(np.polyfit(late[:, 0] / 60, late[:, 1], 1)[0]) if len(late) > 2 else 0.0
    return [
        Figure(name=f"{name}.rss{suffix}", value=max(size for _, size in series), unit="MiB"),
        Figure(name=f"{name}.rss_slope{suffix}", value=slope, unit="MiB/min"),
    ]


def _run_rate(
    settings: Settings,
    rate: float,
    seconds: float,
    spool: Path,
    pids: dict[str, int],
    progress: Progress,
) -> tuple[Samples, Ledger]:
    edge = EdgeSettings(spool_dir=spool)
    publishers = [Publisher(path, settings.mqtt, edge) for path in devices(DEVICES)]
    watch = Watch(settings, publishers)
    samples = Samples(memory={name: [] for name in pids})
    processes = {name: psutil.Process(pid) for name, pid in pids.items()}
    minted: set[Number] = set()
    for publisher in publishers:
        publisher.start()
    time.sleep(2)  # connected and subscribed to receipts
    watch.start()
    began = time.monotonic()
    count, looked, told = 0, 0.0, 0.0
    while (elapsed := time.monotonic() - began) < seconds:
        while count < elapsed * rate:
            publisher = publishers[count % DEVICES]
            published = time.monotonic()
            event = publisher.publish(
                ReadingData(quantity="water_level", value=1.0 + count % 100 / 100, unit="m")
            )
            watch.expect(event.bootid, event.sequence, published)
            minted.add(Number(event.bootid, event.sequence))
            count += 1
        if elapsed - looked >= 1:
            looked = elapsed
            for name, process in processes.items():
                samples.memory[name].append((elapsed, process.memory_info().rss / 2**20))
        if elapsed - told >= 30:
            told = elapsed
            progress(f"  {elapsed:4.0f} s: {count} published, {len(watch.latencies)} seen")
        time.sleep(0.002)
    unseen = watch.stop(30)
    if unseen:
        progress(f"  {unseen} events were not seen in 30 s")
    samples.latencies = watch.latencies
    ledger = settle(settings.database, minted, timeout_s=10)
    for publisher in publishers:
        publisher.flush(10)
        publisher.stop(timeout_s=2)
    return samples, ledger
