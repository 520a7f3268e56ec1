"""The whole system with real processes, in two flavours, every part of it killable alone.

``embedded``: iotcore, Tansu and PostgreSQL from wheels; both brokers forget everything when they
end. ``real``: Mosquitto as Debian delivers it (no persistence, 1000 messages a queue, 20 in
flight), Apache Kafka and PostgreSQL. Bridge and workers are the commands of production.
"""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Literal, LiteralString, TypeVar

import psycopg

from ioc import kafka
from ioc.local_process import LOOPBACK, ServerProcess
from ioc.local_servers import PARTITIONS
from measure import services
from store.migrate import migrate
from tests.servers.embedded import Mqtt, Tansu
from tests.servers.kafka import Kafka
from tests.servers.mosquitto import Mosquitto
from tests.servers.postgres import Postgres

Flavour = Literal["embedded", "real"]
FLAVOURS: Final[tuple[Flavour, ...]] = ("embedded", "real")
WORKER_NAME: Final = "ioc-streams"
"""Application name of a worker's connections to the database."""

T = TypeVar("T")


def eventually(check: Callable[[], T], what: str, within_s: float = 30, every_s: float = 0.02) -> T:
    """Wait until ``check`` gives something true, and return it.

    Raises:
        AssertionError: It did not in time.
    """
    deadline = time.monotonic() + within_s
    while not (found := check()):
        assert time.monotonic() < deadline, f"not within {within_s:g} s: {what}"
        time.sleep(every_s)
    return found


class System:
    """Servers, a bridge and workers; all of them run after ``heal``.

    Args:
        flavour: Which servers.
        folder: For data and logs; other users must be able to enter it.

    Attributes:
        seen: What the workers counted, over all their lives: ``stored``, ``duplicates``,
            ``set_aside``. What a killed worker counted since the last look is missing.
        services_started: How often bridge and workers were started.
    """

    def __init__(self, flavour: Flavour, folder: Path) -> None:
        self.flavour = flavour
        self.folder = folder
        self.mqtt: ServerProcess
        self.kafka: ServerProcess
        if flavour == "embedded":
            self.mqtt, self.kafka = Mqtt(folder / "mqtt"), Tansu(folder / "kafka")
        else:
            self.mqtt, self.kafka = Mosquitto(folder / "mqtt", tuned=False), Kafka(folder / "kafka")
        self.database = Postgres(folder / "database")
        self.env: Mapping[str, str] = {
            "IOC_MQTT__HOST": LOOPBACK,
            "IOC_MQTT__PORT": str(self.mqtt.port),
            "IOC_KAFKA__BOOTSTRAP": f"{LOOPBACK}:{self.kafka.port}",
            "IOC_KAFKA__PARTITIONS": str(PARTITIONS),
            "IOC_KAFKA__REPLICATION": "1",
            "IOC_DATABASE__URL": self.database.url(),
            "IOC_STREAMS__REBALANCE_TIMEOUT_S": "6",
            # Tansu makes every join wait for half of this; Apache Kafka takes no less than 6.
            "IOC_STREAMS__SESSION_TIMEOUT_S": "3" if flavour == "embedded" else "6",
        }
        self.settings = services.settings_of(self.env)
        self.bridge = services.bridge(folder, self.env)
        # As in production, the worker that stays has a fixed name; the one that comes and goes
        # has none. Tansu takes names, but is slower with them (10 s against 6 s).
        named = {"IOC_STREAMS__INSTANCE_ID": "worker-0"} if flavour == "real" else {}
        self.workers = [
            services.worker(folder, {**self.env, **named}, "worker-0"),
            services.worker(folder, self.env, "worker-1"),
        ]
        self.seen: Counter[str] = Counter()
        self._counted: dict[tuple[str, int], dict[str, float]] = {}

    @property
    def worker(self) -> ServerProcess:
        """The first worker: the only one, except where workers join and leave."""
        return self.workers[0]

    def start(self) -> None:
        """Start everything, with topics and schema.

        Raises:
            ServerError: A server or service did not come up; the message has its log.
        """
        for server in (self.database, self.mqtt, self.kafka):
            server.start()
        admin = kafka.await_broker(self.settings.kafka.bootstrap, 60)
        kafka.create_topics(admin, self.settings.kafka)
        migrate(self.settings.database)
        self.heal()

    def heal(self) -> None:
        """Start what a test has left stopped; exactly one worker runs afterwards."""
        for server in (self.database, self.mqtt, self.kafka):
            server.start()
        self.workers[1].stop()
        for service in (self.bridge, self.worker):
            service.start()

    def stop(self) -> None:
        """Stop everything."""
        for service in (*self.workers, self.bridge):
            service.stop()
        for server in (self.kafka, self.mqtt, self.database):
            server.stop()

    def kill(self, service: ServerProcess) -> None:
        """``kill -9``, after a look at what it has counted."""
        self.look()
        service.kill()

    def look(self) -> None:
        """Bring ``seen`` up to date with what the living workers say."""
        for worker in self.workers:
            metrics = services.scrape(worker.port) if worker.pid else None
            if metrics is None or worker.pid is None:
                continue
            now = {
                "stored": metrics.total("ioc_sink_stored_total"),
                "duplicates": metrics.total("ioc_sink_duplicates_total"),
                "set_aside": metrics.total("ioc_sink_set_aside_total"),
            }
            before = self._counted.get((worker.name, worker.pid), {})
            for name, value in now.items():
                self.seen[name] += int(value - before.get(name, 0))
            self._counted[worker.name, worker.pid] = now

    def bridge_metric(self, name: str, **labels: str) -> float:
        """A figure of the bridge; -1 while it does not answer."""
        metrics = services.scrape(self.bridge.port)
        return -1 if metrics is None else metrics.total(name, **labels)

    def worker_metric(self, name: str, number: int = 0, **labels: str) -> float:
        """A figure of a worker; -1 while it does not answer."""
        metrics = services.scrape(self.workers[number].port)
        return -1 if metrics is None else metrics.total(name, **labels)

    @contextmanager
    def connection(self, **options: Any) -> Iterator[psycopg.Connection[Any]]:
        """A connection of the test's own, in autocommit mode unless told otherwise."""
        options.setdefault("autocommit", True)
        with psycopg.connect(
            self.database.url(), application_name="ioc-faults", **options
        ) as connection:
            yield connection

    def rows(
        self, query: LiteralString, values: Sequence[Any] | Mapping[str, Any] | None = None
    ) -> list[tuple[Any, ...]]:
        """The rows of a query, over a connection of its own."""
        with self.connection() as connection:
            return connection.execute(query, values).fetchall()

    @contextmanager
    def frozen(self, server: ServerProcess) -> Iterator[None]:
        """A process that stands still (SIGSTOP) while the block runs."""
        pid = server.pid
        assert pid is not None, f"{server.name} does not run"
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            if server.pid == pid:
                os.kill(pid, signal.SIGCONT)
