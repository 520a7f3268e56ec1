"""The watcher: looks at the core every few seconds and writes what it sees into ``core_figure``.

Everything is looked at at the same time and within a limit, so that what is slow, garbled or gone
holds up nothing else. What cannot be stored waits, for a while and bounded (docs/core-figures.md).
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack
from datetime import datetime
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ioc.clock import Clock, utc_now
from ioc.settings import Settings
from ioc.systemd import Notifier
from ioc.telemetry import logger
from store.core_figures import CoreFigure
from streams.watch_kafka import KafkaLag
from streams.watch_sources import Pages, Source, host_sources
from streams.watch_store import FigureStore
from streams.watched import Value

GRACE_S: Final = 1.0
"""What ends by its own limit may end by itself, before it is left behind."""

_STOP_S: Final = 0.2
_LAST_S: Final = 3.0

logging.getLogger("httpx").setLevel(logging.WARNING)  # it tells of each request


class WatchCounters(Collector):
    """What the watcher counts of itself.

    Attributes:
        looks: Times that everything was looked at.
        written: Figures stored.
        dropped: Figures given up.
        waiting: Figures that wait for the database.
        failures: Looks that gave nothing, by source.
    """

    def __init__(self) -> None:
        self.looks = 0
        self.written = 0
        self.dropped = 0
        self.waiting = 0
        self.failures: Counter[str] = Counter()

    def collect(self) -> Iterable[Metric]:
        """The figures as Prometheus families."""
        yield CounterMetricFamily("ioc_watch_looks", "Times looked.", value=self.looks)
        yield CounterMetricFamily("ioc_watch_written", "Figures stored.", value=self.written)
        yield CounterMetricFamily("ioc_watch_dropped", "Figures given up.", value=self.dropped)
        yield GaugeMetricFamily(
            "ioc_watch_waiting", "Figures that wait for the database.", value=self.waiting
        )
        failures = CounterMetricFamily(
            "ioc_watch_failures", "Looks that gave nothing.", labels=["source"]
        )
        for name, count in dict(self.failures).items():
            failures.add_metric([name], count)
        yield failures


class Looker:
    """Looks at many sources at a time, each within the limit and never twice at once.

    Args:
        sources: What is looked at.
        timeout_s: Longest wait for one, seconds.
        interval_s: Seconds between two looks.
        counters: Where failures are counted.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        timeout_s: float,
        interval_s: float,
        counters: WatchCounters,
    ) -> None:
        self._sources = tuple(sources)
        self._timeout_s = timeout_s
        self._interval_s = interval_s
        self._counters = counters
        self._asked: dict[str, float] = {}
        self._behind: dict[str, asyncio.Task[list[Value]]] = {}
        self.faults: dict[str, str] = {}
        self._log = logger("watch")

    async def look(self, now: datetime) -> list[CoreFigure]:
        """Everything that is due."""
        at = time.monotonic()
        tasks: dict[asyncio.Task[list[Value]], Source] = {}
        results: list[tuple[Source, Sequence[Value]]] = []
        for source in self._sources:
            if at - self._asked.get(source.name, -1e9) < source.every_s - self._interval_s / 2:
                continue
            self._asked[source.name] = at
            if (left := self._behind.get(source.name)) is not None and not left.done():
                results.append((source, self._failed(source, "the look before has not ended")))
                continue
            task = asyncio.create_task(self._ask(source))
            self._behind[source.name] = task
            tasks[task] = source
        try:
            done, slow = (
                await asyncio.wait(tasks, timeout=self._timeout_s + GRACE_S)
                if tasks
                else (set(), set())
            )
        except asyncio.CancelledError:
            for task in tasks:
                task.cancel()
            raise
        for task in done:
            results.append((tasks[task], task.result()))
        for task in slow:
            results.append((tasks[task], self._failed(tasks[task], "took too long")))
        return [
            CoreFigure(source.part, one.figure, now, one.value, one.unit, one.label)
            for source, values in results
            for one in values
        ]

    async def _ask(self, source: Source) -> list[Value]:
        """One source's values; whatever goes wrong there is its own matter."""
        try:
            async with asyncio.timeout(self._timeout_s):
                values = await source.look()
        except TimeoutError:
            return self._failed(source, f"no answer in {self._timeout_s:g} s")
        except Exception as error:
            return self._failed(source, " ".join(str(error).split()) or type(error).__name__)
        if self.faults.pop(source.name, None) is not None:
            self._log.info("is back", source=source.name)
        return values

    def _failed(self, source: Source, why: str) -> list[Value]:
        self._counters.failures[source.name] += 1
        if self.faults.get(source.name) is None:
            self._log.warning("cannot be looked at", source=source.name, why=why)
        self.faults[source.name] = why
        return list(source.down)


class Watch:
    """The service.

    Args:
        settings: What is watched, and the database.
        notifier: Tells the service manager.
        clock: Gives the time of the figures.

    Raises:
        ConfigError: The CA certificate or the database's address is wrong.
    """

    def __init__(
        self, settings: Settings, notifier: Notifier | None = None, *, clock: Clock = utc_now
    ) -> None:
        self._settings = settings
        self._part = f"host:{settings.watch.name}"
        self._notifier = notifier or Notifier()
        self._clock = clock
        self._store = FigureStore(settings)
        self._pages = Pages(settings.watch)
        self._told_dropped = 0
        self._log = logger("watch")
        self.counters = WatchCounters()

    def run(self, stop: threading.Event) -> None:
        """Look until ``stop`` is set, then store what can be stored within three seconds."""
        asyncio.run(self._run(stop))

    async def once(self) -> tuple[list[CoreFigure], dict[str, str]]:
        """One look at everything, for people: its figures, and what could not be looked at."""
        async with AsyncExitStack() as stack:
            looker = await self._looker(stack)
            return await looker.look(self._clock()), looker.faults

    async def _run(self, stop: threading.Event) -> None:
        async with AsyncExitStack() as stack:
            looker = await self._looker(stack)
            work = asyncio.create_task(self._work(looker))
            while not stop.is_set() and not work.done():
                self._notifier.alive()
                await asyncio.wait({work}, timeout=_STOP_S)
            self._notifier.stopping()
            if work.done():
                work.result()  # a fault of our own ends the service, and its manager starts it anew
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
            try:
                async with asyncio.timeout(_LAST_S):
                    await self._store.flush()
            except TimeoutError:
                pass
            self._log.info("stopped", unwritten=self._store.waiting)

    async def _looker(self, stack: AsyncExitStack) -> Looker:
        settings = self._settings
        pages = await stack.enter_async_context(self._pages)
        stack.push_async_callback(self._store.close)
        sources = [pages.source(name, url) for name, url in settings.watch.parts.items()]
        sources += [*host_sources(settings.watch), *self._store.sources()]
        if settings.watch.kafka:
            kafka = KafkaLag(settings)
            stack.callback(kafka.close)
            sources.append(kafka.source)
        watch = settings.watch
        return Looker(sources, watch.timeout_s, watch.interval_s, self.counters)

    async def _work(self, looker: Looker) -> None:
        next_at = time.monotonic()
        while True:
            await self._turn(looker)
            next_at += self._settings.watch.interval_s
            pause = next_at - time.monotonic()
            if pause <= 0:  # the machine slept, or was busy beyond all bounds
                next_at = time.monotonic()
            await asyncio.sleep(max(0.0, pause))

    async def _turn(self, looker: Looker) -> None:
        now = self._clock()
        figures = await looker.look(now)
        dropped = self._store.dropped
        figures.append(
            CoreFigure(self._part, "dropped", now, dropped - self._told_dropped, "count")
        )
        self._told_dropped = dropped
        self._store.add(figures, now)
        if "database" not in looker.faults:
            await self._store.flush()
        counters = self.counters
        counters.looks += 1
        counters.written, counters.dropped = self._store.written, self._store.dropped
        counters.waiting = self._store.waiting
        status = f"{len(figures)} figures, {self._store.waiting} wait for the database"
        if counters.looks == 1:
            self._notifier.ready(status)
        else:
            self._notifier.status(status)
