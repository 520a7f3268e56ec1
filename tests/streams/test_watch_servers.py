"""The watcher on a real Kafka and on a real database that is killed."""

from __future__ import annotations

import time
from pathlib import Path

import psycopg
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from ioc import kafka
from ioc.settings import DatabaseSettings, KafkaSettings
from store.migrate import migrate
from streams import watch_store
from tests.servers.embedded import Tansu
from tests.servers.kafka import Kafka
from tests.servers.postgres import Postgres
from tests.streams.watching import Pages, rows, running, settings_of, until


@pytest.mark.slow
def test_a_database_that_is_killed_gets_everything_when_it_is_back(
    server_folder: Path, pages: Pages
) -> None:
    server = Postgres(server_folder)
    server.start()
    try:
        database = DatabaseSettings(url=server.url("watched"))
        migrate(database)
        with running(settings_of(database, parts={"bridge-1": f"{pages.url}/metrics"})) as watch:
            until(lambda: watch.counters.written > 0)
            server.kill()
            before = watch.counters.looks
            until(lambda: watch.counters.looks >= before + 4)
            assert watch.counters.waiting > 0
            server.start()
            until(lambda: watch.counters.waiting == 0)
            last = watch.counters.looks
            until(lambda: watch.counters.looks > last)
        found = rows(database)
        # A row for every look, those that nobody could store at the time as well.
        assert len(found["bridge-1", "up", ""]) == watch.counters.looks
        assert set(found["bridge-1", "up", ""]) == {1}
        assert {0, 1} == set(found["database", "up", ""])
        assert found["database", "up", ""].count(0) >= 3
        assert watch.counters.dropped == 0
    finally:
        server.stop()


@pytest.mark.slow
def test_what_waits_for_too_long_is_given_up_and_counted(
    server_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Postgres(server_folder)
    server.start()
    try:
        database = DatabaseSettings(url=server.url("watched"))
        migrate(database)
        server.kill()
        monkeypatch.setattr(watch_store, "MOST", 20)
        with running(settings_of(database)) as watch:
            until(lambda: watch.counters.dropped > 0)
            assert watch.counters.waiting <= 20
            server.start()
            until(lambda: watch.counters.waiting == 0)
            last = watch.counters.looks
            until(lambda: watch.counters.looks >= last + 2)
            dropped = watch.counters.dropped
        told = rows(database)["host:core-1", "dropped", ""]
        # Rows that told of it may have been among those that were given up.
        assert 0 < sum(told) <= dropped
    finally:
        server.stop()


def test_a_database_without_the_table_gets_the_figures_after_the_migration(
    empty_database: DatabaseSettings, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch_store, "CHUNK", 3)  # what waits goes in many statements
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        name = empty_database.url.rpartition("/")[2].partition("?")[0]
        connection.execute(f"CREATE DATABASE {name}".encode())
    with running(settings_of(empty_database)) as watch:
        until(lambda: watch.counters.looks >= 2)
        assert watch.counters.written == 0
        migrate(empty_database)
        until(lambda: watch.counters.waiting == 0 and watch.counters.written > 0)
    assert len(rows(empty_database)["host:core-1", "up", ""]) == watch.counters.looks


@pytest.mark.parametrize(
    "kind", [Tansu, pytest.param(Kafka, marks=[pytest.mark.service, pytest.mark.slow])]
)
def test_the_lag_of_the_workers_is_seen_and_grows_old(
    database: DatabaseSettings, server_folder: Path, kind: type[Tansu] | type[Kafka]
) -> None:
    broker = kind(server_folder / "kafka")
    broker.start()
    quiet = {"bootstrap.servers": broker.bootstrap, "log_level": 0}
    group = Consumer({**quiet, "group.id": "ioc-streams"})

    def commit(*places: tuple[str, int, int]) -> None:
        group.commit(offsets=[TopicPartition(*one) for one in places], asynchronous=False)

    try:
        at = KafkaSettings(bootstrap=broker.bootstrap, partitions=4)
        kafka.create_topics(kafka.await_broker(broker.bootstrap, 20), at)
        producer = Producer(quiet)
        old_ms = time.time_ns() // 1_000_000 - 100_000
        for number in range(10):
            producer.produce("ioc.flow.v1", b"x", partition=1, timestamp=old_ms + number * 10_000)
            if kind is Tansu:
                producer.flush(10)  # it counts the last batch as one record
        producer.produce("ioc.status.v1", b"x", partition=0)
        producer.flush(10)
        commit(("ioc.flow.v1", 1, 4), ("ioc.status.v1", 0, 1))
        settings = settings_of(database, kafka=True).model_copy(update={"kafka": at})
        with running(settings) as watch:
            age = ("kafka", "stream_lag_s", "")
            until(lambda: len(rows(database).get(age, ())) >= 3)  # each look asks for the oldest
            behind = rows(database)
            commit(("ioc.flow.v1", 1, 10))
            seen = watch.counters.looks
            until(lambda: watch.counters.looks >= seen + 2)
            broker.kill()
            seen = watch.counters.looks
            until(lambda: watch.counters.looks >= seen + 3)
        found = rows(database)
        assert behind["kafka", "up", ""][-1] == 1
        assert set(behind["kafka", "stream_lag", "ioc.flow.v1"]) == {6}
        assert set(behind["kafka", "stream_lag", ""]) == {6}
        assert set(behind["kafka", "stream_lag", "ioc.status.v1"]) == {0}
        # The fifth record is 60 s old, and older at each look.
        ages = behind["kafka", "stream_lag_s", "ioc.flow.v1"]
        assert ages == sorted(ages) and all(60 <= age < 100 for age in ages)
        assert behind["kafka", "stream_lag_s", ""] == ages
        assert found["kafka", "stream_lag", ""][-1] == 0
        assert found["kafka", "stream_lag_s", ""][-1] == 0
        assert found["kafka", "up", ""][-1] == 0
        # Nothing was confirmed in the workers' name meanwhile.
        assert found["kafka", "stream_lag", "ioc.flow.v1"][: len(ages)] == [6] * len(ages)
    finally:
        group.close()
        broker.stop()
