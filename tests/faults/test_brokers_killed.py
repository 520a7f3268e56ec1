"""The MQTT broker and Kafka die under load; what they forget, the receipts bring again."""

from __future__ import annotations

import pytest

from ioc.local_process import ServerProcess
from tests.faults.account import Account
from tests.faults.load import Load, await_more
from tests.faults.system import System, eventually

MQTT_KILLS = 5
MORE = 120
"""Events between two faults: a second of load."""


def test_mqtt_broker_killed(system: System) -> None:
    """Both brokers lose every session and every queued message, and PUBACKed ones with them."""
    account = Account(system, f"MQTT broker killed x{MQTT_KILLS}")
    pids = (system.worker.pid, system.bridge.pid)
    queued: list[int] = []
    with Load("mqtt-kill", system.settings.mqtt, system.folder) as load:
        for number in range(MQTT_KILLS):
            await_more(load, MORE)
            if number % 2:
                # The bridge stands still, so the broker dies with acknowledged events queued.
                with system.frozen(system.bridge):
                    before = sum(publisher.stats().sent for publisher in load.publishers)
                    await_more(load, MORE)
                    sent = sum(publisher.stats().sent for publisher in load.publishers)
                    queued.append(sent - before)
                    system.mqtt.kill()
            else:
                system.mqtt.kill()
            system.mqtt.start()
            eventually(lambda: system.bridge_metric("ioc_ingest_connected") == 1, "bridge back")
        account.close(load, note=f"{queued} acknowledged events in the queues of killed brokers")
    assert (system.worker.pid, system.bridge.pid) == pids, "a service was restarted"


def fault_kafka(system: System, load: Load, fault: str) -> None:
    server: ServerProcess = system.kafka
    if fault == "kill":
        server.kill()
    else:
        server.stop()
    await_more(load, MORE * 2)
    server.start()


@pytest.mark.slow
def test_kafka_killed_and_restarted(system: System) -> None:
    """Apache Kafka has its data afterwards; Tansu has nothing left, neither events nor offsets."""
    account = Account(system, "Kafka killed and restarted")
    pids = (system.worker.pid, system.bridge.pid)
    with Load("kafka-kill", system.settings.mqtt, system.folder) as load:
        for fault in ("kill", "stop", "kill"):
            await_more(load, MORE)
            fault_kafka(system, load, fault)
            stored = system.worker_metric("ioc_sink_stored_total")
            eventually(
                lambda at=stored: system.worker_metric("ioc_sink_stored_total") > at + 100,  # type: ignore[misc]
                f"new rows after {fault}",
                60,
                0.2,
            )
        account.close(load, note="2 kills, 1 restart")
    assert (system.worker.pid, system.bridge.pid) == pids, "a service was restarted"
