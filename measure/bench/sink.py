"""``sink.rate``: rows a second from Kafka through the Faust agent into the database.

The limit is a bare Faust loop in the same run: the same app settings and the same events, taken
with ``noack_take``, decoded, acknowledged and thrown away. Both read the whole topic as a new
consumer group, in a process of its own, taking turns; the figures are medians.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import statistics
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import psutil
import psycopg
from confluent_kafka import Producer
from faust.streams import Stream
from faust.types import StreamT

from ioc.decode import decode
from ioc.events import encode
from ioc.settings import Settings
from ioc.topics import EVENT_TOPICS
from measure.bench.traffic import devices, flow_events
from measure.figures import Figure, against
from store.pool import conninfo
from store.tables import BULK_TABLES

TIMEOUT_S = 240.0
Progress = Callable[[str], None]
TOPIC = "ioc.flow.v1"


def run(
    settings: Settings, progress: Progress, *, events: int, rounds: int, sites: Path
) -> list[Figure]:
    """Measure on the servers that the settings name; topics and schema must exist and be empty.

    Args:
        settings: Cluster, database.
        progress: Told what happens.
        events: Events in the topic.
        rounds: How often both take their turn.
        sites: Folder of site files.
    """
    progress(f"producing {events} flow events of 100 cameras")
    _produce(settings, events)
    rates: dict[str, list[float]] = {"bare": [], "sink": []}
    memory = 0.0
    for number in range(rounds):
        order = ("bare", "sink") if number % 2 == 0 else ("sink", "bare")
        for name in order:
            _empty(settings)
            rate, rss = _in_process(name, settings, events, sites)
            rates[name].append(rate)
            if name == "sink":
                memory = max(memory, rss / 2**20)
            progress(f"  round {number + 1} of {rounds}, {name}: {rate:,.0f} rows/s")
    return [
        against(
            "sink.rate",
            statistics.median(rates["sink"]),
            statistics.median(rates["bare"]),
            "rows/s",
        ),
        Figure(name="sink.rss", value=memory, unit="MiB"),
    ]


def _in_process(name: str, settings: Settings, events: int, sites: Path) -> tuple[float, float]:
    context = multiprocessing.get_context("spawn")
    answers = context.Queue()
    raw = settings.model_dump(mode="json")
    raw["streams"]["app_id"] = f"bench-{name}-{uuid4().hex[:8]}"
    raw["streams"]["sites_dir"] = str(sites)
    raw["telemetry"]["log_level"] = "warning"
    process = context.Process(target=_work, args=(name, raw, events, answers), daemon=True)
    process.start()
    try:
        return cast(tuple[float, float], answers.get(timeout=TIMEOUT_S))
    finally:
        process.kill()
        process.join(10)


def _work(name: str, raw: dict[str, Any], events: int, answers: Any) -> None:
    """Run one contestant; a thread watches its count and answers with the rate."""
    from streams.app import build_app, new_app, run_worker

    os.dup2(2, 1)  # Faust shows the cursor again at its end, on standard output
    settings = Settings.model_validate(raw)
    from ioc.telemetry import configure_logs

    configure_logs(settings.telemetry, f"bench-{name}")
    if name == "sink":
        app, core = build_app(settings)

        def count() -> int:
            return core.counters.stored["flow"]
    else:
        app = new_app(settings)
        decoded = [0]

        async def only_decode(stream: StreamT[Any]) -> None:
            taken = cast(Stream[Any], stream).noack_take(
                settings.streams.batch_rows, within=settings.streams.batch_within_s
            )
            async for batch in taken:
                for event in batch:
                    decode(event.message.value)
                for event in batch:
                    event.ack()
                decoded[0] += len(batch)

        for topic in EVENT_TOPICS:
            channel = app.topic(topic, key_type=bytes, value_type=bytes)
            app.agent(channel, name=f"bare.{topic}", concurrency=1)(only_decode)

        def count() -> int:
            return decoded[0]

    threading.Thread(target=_watch, args=(count, events, answers), daemon=True).start()
    run_worker(app)


def _watch(count: Callable[[], int], events: int, answers: Any) -> None:
    """Answer with the rate between the first batch that is done and the last event."""
    while not (first := count()):
        time.sleep(0.002)
    began = time.perf_counter()
    while count() < events:
        time.sleep(0.002)
    seconds = time.perf_counter() - began
    answers.put(((events - first) / seconds, psutil.Process(os.getpid()).memory_info().rss))


def _produce(settings: Settings, events: int) -> None:
    producer = Producer({"bootstrap.servers": settings.kafka.bootstrap, "compression.type": "lz4"})
    for path, event in flow_events(devices(100), events):
        while True:
            try:
                producer.produce(TOPIC, encode(event), path.key.encode())
                break
            except BufferError:
                producer.poll(0.1)
    producer.flush(60)


def _empty(settings: Settings) -> None:
    names = ", ".join([*(table.name for table in BULK_TABLES), "flow_minute", "device_boot"])

    async def truncate() -> None:
        async with await psycopg.AsyncConnection.connect(
            conninfo(settings.database, "ioc-bench"), autocommit=True
        ) as connection:
            await connection.execute(f"TRUNCATE {names}")
            await connection.execute("CHECKPOINT")

    asyncio.run(truncate())
