"""``ingest.rate``: messages a second through the bridge, each confirmed by Kafka.

The limit is a bare paho loop on the same broker in the same run: it receives the same messages
with the same receive maximum, acknowledges each at once and does nothing else. Both drain a queue
that the broker holds for them, so that no publisher competes for the processor; they take turns,
each in a process of its own, and the figures are medians. The clock of both starts after the first
thousands, because a new Kafka producer needs up to a second for its id and the topics' leaders.
"""

from __future__ import annotations

import multiprocessing
import os
import statistics
import threading
import time
from collections.abc import Callable
from multiprocessing.queues import Queue
from typing import Any
from uuid import uuid4

import psutil
from paho.mqtt.client import Client, MQTTMessage

from ingest.bridge import Bridge
from ioc.mqtt import build_client
from ioc.settings import Settings
from ioc.telemetry import configure_logs
from ioc.topics import SUBSCRIPTIONS
from measure.bench.traffic import devices, flow_messages
from measure.figures import Figure, against

TIMEOUT_S = 120.0
WARM_UP = 4000
"""Messages of each drain before the clock starts."""
Progress = Callable[[str], None]


def run(settings: Settings, progress: Progress, *, messages: int, rounds: int) -> list[Figure]:
    """Measure on the servers that the settings name; their topics must exist.

    Args:
        settings: Broker and cluster.
        progress: Told what happens.
        messages: Messages of one drain.
        rounds: How often both take their turn.
    """
    traffic = flow_messages(devices(100), WARM_UP + messages)
    size = sum(len(payload) for _, payload in traffic) / len(traffic)
    run_id = uuid4().hex[:8]
    contestants = {"bare": f"bench-bare-{run_id}", "bridge": f"bench-bridge-{run_id}"}
    rates: dict[str, list[float]] = {"bare": [], "bridge": []}
    memory: list[float] = []
    for number in range(rounds):
        for client_id in contestants.values():
            _subscribe(settings, client_id)
        progress(f"round {number + 1} of {rounds}: queueing {messages} messages of {size:.0f} B")
        _publish(settings, traffic)
        order = ("bare", "bridge") if number % 2 == 0 else ("bridge", "bare")
        for name in order:
            seconds, rss = _in_process(name, settings, contestants[name], messages)
            rates[name].append(messages / seconds)
            if name == "bridge":
                memory.append(rss / 2**20)
            progress(f"  {name}: {messages / seconds:,.0f} msg/s")
    figure = against(
        "ingest.rate", statistics.median(rates["bridge"]), statistics.median(rates["bare"]), "msg/s"
    )
    return [
        figure,
        Figure(name="ingest.message_size", value=size, unit="B"),
        Figure(name="ingest.rss", value=max(memory), unit="MiB"),
    ]


def _in_process(name: str, settings: Settings, client_id: str, count: int) -> tuple[float, float]:
    context = multiprocessing.get_context("spawn")
    answers: Queue[tuple[float, float]] = context.Queue()
    process = context.Process(
        target=_drain_bare if name == "bare" else _drain_bridge,
        args=(_environment(settings), client_id, count, answers),
        daemon=True,
    )
    process.start()
    try:
        return answers.get(timeout=TIMEOUT_S)
    finally:
        process.join(10)
        if process.is_alive():
            process.kill()


def _environment(settings: Settings) -> dict[str, Any]:
    return settings.model_dump(mode="json")


def _drain_bare(raw: dict[str, Any], client_id: str, count: int, answers: Any) -> None:
    settings = Settings.model_validate(raw)
    client = build_client(
        settings.mqtt,
        client_id,
        receive_maximum=settings.ingest.receive_maximum,
        manual_ack=True,
    )
    received = 0
    first = 0.0
    done = threading.Event()

    def on_message(client: Client, _userdata: object, message: MQTTMessage) -> None:
        nonlocal received, first
        received += 1
        client.ack(message.mid, message.qos)
        if received == WARM_UP:
            first = time.perf_counter()
        elif received == WARM_UP + count:
            answers.put((time.perf_counter() - first, psutil.Process().memory_info().rss))
            done.set()

    client.on_message = on_message
    client.loop_start()
    done.wait(TIMEOUT_S)
    client.disconnect()
    client.loop_stop()


def _drain_bridge(raw: dict[str, Any], client_id: str, count: int, answers: Any) -> None:
    raw["ingest"]["client_id"] = client_id
    raw["telemetry"]["log_level"] = "warning"
    settings = Settings.model_validate(raw)
    configure_logs(settings.telemetry, "bench")
    bridge = Bridge(settings)
    stop = threading.Event()
    thread = threading.Thread(target=bridge.run, args=(stop,))
    thread.start()
    _await_acknowledged(bridge, WARM_UP)
    first, counted = time.perf_counter(), bridge.counters.acknowledged
    _await_acknowledged(bridge, WARM_UP + count)
    seconds = (time.perf_counter() - first) * count / (WARM_UP + count - counted)
    answers.put((seconds, psutil.Process(os.getpid()).memory_info().rss))
    stop.set()
    thread.join(10)


def _await_acknowledged(bridge: Bridge, count: int) -> None:
    deadline = time.perf_counter() + TIMEOUT_S
    while bridge.counters.acknowledged < count and time.perf_counter() < deadline:
        time.sleep(0.005)


def _subscribe(settings: Settings, client_id: str) -> None:
    """Open a session that the broker queues for, and leave it."""
    client = build_client(settings.mqtt, client_id, receive_maximum=1000, manual_ack=True)
    done = threading.Event()
    client.on_subscribe = lambda *_: done.set()

    def on_connect(client: Client, *_: object) -> None:
        client.subscribe([(name, 1) for name in SUBSCRIPTIONS])

    client.on_connect = on_connect
    client.loop_start()
    if not done.wait(10):
        raise RuntimeError(f"no MQTT broker at {settings.mqtt.host}:{settings.mqtt.port}")
    client.disconnect()
    client.loop_stop()


def _publish(settings: Settings, traffic: list[tuple[str, bytes]]) -> None:
    """Publish at QoS 1 and wait until the broker has it all."""
    client = build_client(settings.mqtt, f"bench-publisher-{uuid4().hex[:8]}")
    connected = threading.Event()
    client.on_connect = lambda *_: connected.set()
    client.loop_start()
    connected.wait(10)
    info = None
    for number, (topic, payload) in enumerate(traffic):
        info = client.publish(topic, payload, qos=1)
        if number % 500 == 499:
            info.wait_for_publish(30)
    if info is not None:
        info.wait_for_publish(30)
    client.disconnect()
    client.loop_stop()
