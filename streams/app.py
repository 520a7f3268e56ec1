"""The Faust app: one agent per topic, the judge of the alerts, the sender of the receipts."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import faust
import msgspec
from faust.types import TP, StreamT
from psycopg_pool import AsyncConnectionPool

from ioc import deadletter
from ioc.deadletter import DeadLetter
from ioc.indicators import indicators
from ioc.settings import Settings
from ioc.site import load_sites, sites_folder
from ioc.telemetry import logger
from ioc.topics import ALERT_TOPIC, DEADLETTER_TOPIC, EVENT_TOPICS
from store.catalogue import upsert_indicators, upsert_sensors
from store.pool import open_pool
from store.rows import Alert
from store.writers import upsert_sites
from streams.alerting import AlertJudge
from streams.consume import Commit, consume
from streams.counters import StreamCounters
from streams.receipts import ReceiptSender
from streams.sink import Sink
from streams.transport import set_fetch_wait
from streams.windows import MinuteWindows

SEND_RETRY_S = (0.5, 10.0)
_alert_encoder = msgspec.json.Encoder()


class Core:
    """What the agents of one worker share.

    Args:
        settings: Servers and limits.
        app: The Faust app, whose producer sends dead letters and alerts.
    """

    def __init__(self, settings: Settings, app: faust.App) -> None:
        self.settings = settings
        self.counters = StreamCounters()
        self.sites = load_sites(settings.streams.sites_dir or sites_folder())
        self.indicators = indicators()
        self.windows = MinuteWindows(self.sites)
        self.receipts = ReceiptSender(settings.mqtt, self.counters)
        self.partitions = 0
        self._app = app
        self._log = logger("streams")
        self._ready = asyncio.Event()
        self._pool: AsyncConnectionPool | None = None
        self._sink: Sink | None = None

    async def run(self) -> None:
        """Open the database, then judge alerts and send receipts until cancelled."""
        async with open_pool(self.settings.database, "ioc-streams") as pool:
            self._pool = pool
            self._sink = Sink(
                pool, self.windows, self.receipts.book, self.send_letters, self.counters
            )
            self._ready.set()
            self.note_ready()
            judge = AlertJudge(
                self.settings.database,
                self.sites,
                self.send_alerts,
                self.counters,
                self.settings.streams.alert_interval_s,
            )
            async with asyncio.TaskGroup() as group:
                group.create_task(self.receipts.run())
                group.create_task(self._save_sites(pool))
                group.create_task(judge.run())

    def note_ready(self) -> None:
        """Ready is: the database is open and Kafka has given this worker partitions."""
        self.counters.ready = self._ready.is_set() and self.partitions > 0

    async def commit_events(self, records: Sequence[Any]) -> None:
        """Store a batch of events."""
        await self._ready.wait()
        assert self._sink is not None
        await self._sink.commit_events(records)

    async def commit_letters(self, records: Sequence[Any]) -> None:
        """Store a batch of dead letters."""
        await self._ready.wait()
        assert self._sink is not None
        await self._sink.commit_letters(records)

    async def send_letters(self, letters: Sequence[DeadLetter]) -> None:
        """Send dead letters to Kafka; returns when it has confirmed them all."""
        await self._send(
            DEADLETTER_TOPIC, [(x.device.encode(), deadletter.encode(x)) for x in letters]
        )

    async def send_alerts(self, alerts: Sequence[Alert]) -> None:
        """Send alert changes to Kafka; returns when it has confirmed them all."""
        await self._send(
            ALERT_TOPIC, [(x.subject.encode(), _alert_encoder.encode(x)) for x in alerts]
        )

    async def _send(self, topic: str, records: list[tuple[bytes, bytes]]) -> None:
        producer = self._app.producer
        pause = SEND_RETRY_S[0]
        while True:
            try:
                waiting = [
                    await producer.send(topic, key, value, None, None, None)
                    for key, value in records
                ]
                await asyncio.gather(*waiting)
                return
            except Exception as error:
                # Kafka is away. Sending again may double a record; both have the same id, and
                # the database keeps one.
                self._log.warning(
                    "Kafka did not take a record; trying again",
                    topic=topic,
                    error=f"{type(error).__name__}: {error}",
                    pause_s=pause,
                )
                await asyncio.sleep(pause)
                pause = min(pause * 2, SEND_RETRY_S[1])

    async def _save_sites(self, pool: AsyncConnectionPool) -> None:
        """Bring sites, sensors and indicators up to date; wait for the database."""
        while True:
            try:
                async with pool.connection() as connection:
                    await upsert_sites(connection, self.sites)
                    await upsert_sensors(connection, self.sites)
                    await upsert_indicators(connection, self.indicators)
                return
            except Exception as error:
                self._log.warning("sites and indicators are not saved yet", error=str(error))
                await asyncio.sleep(5)


def new_app(settings: Settings) -> faust.App:
    """A Faust app with this system's settings and no agents."""
    streams = settings.streams
    app = faust.App(
        streams.app_id,
        broker=[f"aiokafka://{host.strip()}" for host in settings.kafka.bootstrap.split(",")],
        store="memory://",
        autodiscover=False,
        processing_guarantee="at_least_once",
        key_serializer="raw",
        value_serializer="raw",
        # `ioc kafka init` makes the topics, with the partitions that the settings say.
        topic_allow_declare=False,
        topic_disable_leader=True,
        topic_partitions=settings.kafka.partitions,
        stream_wait_empty=False,
        stream_buffer_maxsize=4096,
        broker_max_poll_records=1000,
        broker_commit_interval=2.0,
        broker_rebalance_timeout=streams.rebalance_timeout_s,
        # A worker that is killed is noticed after the session timeout, and its partitions move.
        broker_session_timeout=streams.session_timeout_s,
        broker_heartbeat_interval=min(2.0, streams.session_timeout_s / 3),
        # Static membership (KIP-345). After kill -9, Apache Kafka makes a nameless worker wait
        # for the dead one's session (start to ready 11.5 s); a named one takes its place (4.5 s).
        consumer_group_instance_id=streams.instance_id,
        producer_compression_type="lz4",
        producer_acks=-1,
        web_enabled=streams.web_port >= 0,
        web_port=max(streams.web_port, 1),
        web_bind="127.0.0.1",
        worker_redirect_stdouts=False,
        datadir=Path(".faust"),
    )
    set_fetch_wait(app, settings.kafka.fetch_wait_s)
    return app


def build_app(settings: Settings) -> tuple[faust.App, Core]:
    """The app with its agents, ready for ``run_worker``.

    Args:
        settings: Servers and limits.

    Raises:
        ConfigError: A site file is wrong.
    """
    app = new_app(settings)
    core = Core(settings, app)
    for topic in EVENT_TOPICS:
        _add_agent(app, topic, core.commit_events, settings)
    _add_agent(app, DEADLETTER_TOPIC, core.commit_letters, settings)

    async def on_assigned(*args: Any, **_kwargs: Any) -> None:
        assigned: set[TP] = args[1]  # after the app
        core.windows.forget()
        core.partitions = len(assigned)
        core.note_ready()

    app.task(core.run)
    app.on_partitions_assigned.connect(on_assigned)
    return app, core


def _add_agent(app: faust.App, topic: str, commit: Commit, settings: Settings) -> None:
    async def store(stream: StreamT[Any]) -> None:
        await consume(stream, commit, settings.streams.batch_rows, settings.streams.batch_within_s)

    channel = app.topic(topic, key_type=bytes, value_type=bytes)
    app.agent(channel, name=f"store.{topic}", concurrency=1)(store)


def run_worker(app: faust.App) -> None:
    """Run the app until SIGTERM or SIGINT; ends the process with Faust's exit code."""
    for name in ("faust", "mode", "aiokafka"):
        # Faust tells of every service that starts and stops: 200 lines, none for an operator.
        logging.getLogger(name).setLevel(logging.WARNING)
    worker = faust.Worker(
        app, loglevel=None, redirect_stdouts=False, override_logging=False, quiet=True
    )
    worker.execute_from_commandline()
