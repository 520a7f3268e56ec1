"""The adapter as a service: one device, its sources, its webhook, until it is told to stop."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, suppress
from datetime import timedelta
from typing import Final

from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from edge.lgsp.config import LgspConfig, PushTable, SourceTable, read_secret
from edge.lgsp.counters import LgspCounters
from edge.lgsp.intake import Intake, Message, Taken
from edge.lgsp.mapping import Found, Translation, Value, Window
from edge.lgsp.pull import Puller
from edge.lgsp.server import WebhookServer
from edge.lgsp.tokens import Tokens
from edge.lgsp.told import Told
from edge.lgsp.web import Trust, Web
from edge.lgsp.webhook import Webhook
from edge.metrics import PublisherMetrics
from edge.publisher import Publisher
from edge.spool_file import SpoolError, spool_file
from ioc.clock import Clock, utc_now
from ioc.errors import ConfigError
from ioc.events import HealthData
from ioc.settings import IngestSettings, Settings
from ioc.systemd import Notifier
from ioc.telemetry import logger
from ioc.webhook_signing import secrets_of

HEALTH_S: Final = 30.0
"""A device of whom nothing is heard for a minute counts as silent."""

STOP_S: Final = 5.0
KEEP_BEYOND: Final = timedelta(days=1)


class AdapterMetrics(Collector):
    """The figures of the adapter and of its publisher."""

    def __init__(self, counters: LgspCounters, publisher: Publisher) -> None:
        self._counters = counters
        self._publisher = PublisherMetrics(lambda: {publisher.path.key: publisher.stats()})

    def collect(self) -> Iterable[Metric]:
        """The figures as Prometheus families."""
        yield from self._counters.collect()
        yield from self._publisher.collect()


class Adapter:
    """Everything that one file describes.

    Args:
        config: The file.
        settings: Broker, spool, and which times the core takes.
        clock: The present instant.

    Raises:
        ConfigError: A certificate or secret cannot be used.
    """

    def __init__(self, config: LgspConfig, settings: Settings, *, clock: Clock = utc_now) -> None:
        self._config = config
        self._clock = clock
        self._window = window_of(settings.ingest)
        self._spool_dir = settings.edge.spool_dir
        self._publisher = Publisher(config.path, settings.mqtt, settings.edge, clock=clock)
        self._figures = LgspCounters()
        self._contexts = [trust_of(source).context() for source in config.source]
        self._secrets = () if config.push is None else secrets_in(config.push)
        self._notifier = Notifier()
        self._log = logger("edge.lgsp").bind(device=config.path.key)
        self.counters: Collector = AdapterMetrics(self._figures, self._publisher)

    def run(self, stop: threading.Event) -> None:
        """Work until ``stop`` is set.

        Raises:
            ConfigError: The spool or the webhook's address is in use.
        """
        told = Told(
            spool_file(self._spool_dir, self._config.path).with_suffix(".told"),
            self._window.past + KEEP_BEYOND,
            self._clock,
        )
        intake = Intake(self._publisher, told)
        try:
            self._publisher.start()
            asyncio.run(self._work(intake, stop))
        finally:
            intake.close()
            self._publisher.stop(timeout_s=STOP_S)

    async def _work(self, intake: Intake, stop: threading.Event) -> None:
        async def take(values: Sequence[Value]) -> Taken:
            return await asyncio.to_thread(intake.take, values)

        async def take_message(values: Sequence[Value], message: Message) -> Taken:
            return await asyncio.to_thread(intake.take, values, message)

        async with AsyncExitStack() as stack:
            server = self._server(take_message)
            jobs = [asyncio.create_task(self._tell_health())]
            for source, context in zip(self._config.source, self._contexts, strict=True):
                web = Web(context)
                stack.push_async_callback(web.close)
                puller = Puller(
                    source,
                    Translation(source.mapping, self._window),
                    web,
                    tokens_of(source, web, self._clock),
                    take,
                    self._figures,
                    self._clock,
                )
                jobs.append(asyncio.create_task(puller.run()))
            serving = None if server is None else asyncio.create_task(server.run_here())
            self._log.info("running", sources=len(self._config.source), webhook=server is not None)
            self._notifier.ready(f"{len(self._config.source)} sources")
            await _until(stop, jobs if serving is None else [*jobs, serving])
            self._notifier.stopping()
            for job in jobs:
                job.cancel()
            if server is not None and serving is not None:
                server.leave()
                with suppress(asyncio.CancelledError):
                    await serving
            await asyncio.gather(*jobs, return_exceptions=True)

    def _server(
        self, take: Callable[[Sequence[Value], Message], Awaitable[Taken]]
    ) -> WebhookServer | None:
        push = self._config.push
        if push is None:
            return None
        translation = Translation(push.mapping, self._window)
        return WebhookServer(
            push,
            Webhook(push, self._secrets, translation, take, self._figures, self._clock),
        )

    async def _tell_health(self) -> None:
        started = time.monotonic()
        while True:
            stats = self._publisher.stats()
            data = HealthData(
                uptime_s=round(time.monotonic() - started, 3),
                spool_depth=stats.depth,
                spool_bytes=stats.bytes,
                dropped_events=sum(stats.dropped.values()),
            )
            try:
                await asyncio.to_thread(self._publisher.publish, data)
            except SpoolError as error:
                self._log.warning("health is not told", error=str(error))
            self._notifier.alive()
            await asyncio.sleep(HEALTH_S)


async def look(config: LgspConfig, settings: Settings, name: str) -> Found:
    """What one source says now; nothing is published.

    Args:
        config: The adapter's file.
        settings: Which times the core takes.
        name: Of the source.

    Raises:
        ConfigError: A certificate cannot be used.
        WebError: It gives no answer.
        ContractError: The answer cannot be read.
    """
    source = next(one for one in config.source if one.name == name)
    web = Web(trust_of(source).context())

    async def take(values: Sequence[Value]) -> Taken:
        return Taken(0, len(values))

    try:
        translation = Translation(source.mapping, window_of(settings.ingest))
        tokens = tokens_of(source, web, utc_now)
        puller = Puller(source, translation, web, tokens, take, LgspCounters(), utc_now)
        return await puller.look()
    finally:
        await web.close()


def window_of(ingest: IngestSettings) -> Window:
    """Which times the core will take."""
    return Window(timedelta(days=ingest.past_days), timedelta(minutes=ingest.future_minutes))


def trust_of(source: SourceTable) -> Trust:
    """The certificates of a source."""
    return Trust(
        where=f"source.{source.name}",
        ca_file=source.ca_file,
        cert_file=source.cert_file,
        key_file=source.key_file,
    )


def tokens_of(source: SourceTable, web: Web, clock: Clock) -> Tokens | None:
    """The access tokens of a source; None where it asks for none."""
    if source.oauth is None:
        return None
    return Tokens(source.oauth, f"source.{source.name}.oauth", web, source.timeout_s, clock)


def secrets_in(push: PushTable) -> tuple[bytes, ...]:
    """The webhook's secrets.

    Raises:
        ConfigError: Their file cannot be used.
    """
    try:
        return secrets_of(read_secret("push.secret_file", push.secret_file))
    except ValueError as error:
        raise ConfigError(f"push.secret_file: {push.secret_file}: {error}") from None


async def _until(stop: threading.Event, jobs: Sequence[asyncio.Task[None]]) -> None:
    """Wait for the stop; a job that ends by itself is a fault, which ends all.

    Raises:
        Exception: What ended the job.
    """
    told = asyncio.create_task(asyncio.to_thread(stop.wait))
    done, _ = await asyncio.wait({told, *jobs}, return_when=asyncio.FIRST_COMPLETED)
    if told not in done:
        stop.set()
        await told
        for job in done:
            await job
