"""Kafka topics: what is created, what is told when a cluster differs, and how a wait ends."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from ioc.kafka import KafkaUnavailableError, Layout, await_broker, differences, topic_config
from ioc.local import LocalStack
from ioc.local_process import LOOPBACK, free_port
from ioc.settings import KafkaSettings
from ioc.topics import KAFKA_TOPICS

INIT = [sys.executable, "-m", "ioc.cli", "kafka", "init", "--timeout", "10"]


def test_missing_topics_are_no_difference() -> None:
    settings = KafkaSettings(partitions=8)
    found = {
        KAFKA_TOPICS[0]: Layout(8, 1),
        KAFKA_TOPICS[1]: Layout(4, 1),
        "somebody.else": Layout(1, 1),
    }
    same, other = differences(found, settings)
    assert (same.topic, same.state) == (KAFKA_TOPICS[0], "exists")
    assert (other.topic, other.state) == (KAFKA_TOPICS[1], "differs")
    assert "IOC_KAFKA__PARTITIONS=4" in other.detail


def test_fewer_replicas_than_asked_for_are_a_difference() -> None:
    found = {KAFKA_TOPICS[0]: Layout(8, 1), KAFKA_TOPICS[1]: Layout(8, 3)}
    few, enough = differences(found, KafkaSettings(partitions=8, replication=2))
    assert (few.state, enough.state) == ("differs", "exists")
    assert "has 1 replicas, settings say 2" in few.detail


@pytest.mark.parametrize(("replication", "in_sync"), [(1, "1"), (2, "1"), (3, "2")])
def test_one_broker_may_be_away_without_stopping_the_writers(
    replication: int, in_sync: str
) -> None:
    config = topic_config(KafkaSettings(replication=replication, retention_h=2))
    assert config["min.insync.replicas"] == in_sync
    assert config["retention.ms"] == "7200000"


def test_the_wait_for_a_broker_tells_its_progress_and_ends() -> None:
    address = f"{LOOPBACK}:{free_port()}"
    waited: list[float] = []
    began = time.monotonic()
    with pytest.raises(KafkaUnavailableError, match=f"{address} did not answer in 2.5 s"):
        await_broker(address, 2.5, waited.append)
    assert 2 < time.monotonic() - began < 6
    assert waited


def test_init_creates_once_and_refuses_another_number_of_partitions(
    stack_env: LocalStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = subprocess.run(INIT, capture_output=True, text=True, check=False)
    again = subprocess.run(INIT, capture_output=True, text=True, check=False)
    assert (first.returncode, again.returncode) == (0, 0)
    assert [line.split()[:2] for line in again.stdout.splitlines()] == [
        ["exists", topic] for topic in KAFKA_TOPICS
    ]
    monkeypatch.setenv("IOC_KAFKA__PARTITIONS", "7")
    other = subprocess.run(INIT, capture_output=True, text=True, check=False)
    assert other.returncode == 1
    assert f"differs  {KAFKA_TOPICS[0]}" in other.stdout
    assert "set IOC_KAFKA__PARTITIONS=4" in other.stdout
