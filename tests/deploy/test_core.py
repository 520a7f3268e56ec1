"""The core of compose.yaml as a whole: real servers on its files, its services on its settings."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest

from edge.publisher import Publisher
from ioc.local_process import ServerProcess
from ioc.settings import EdgeSettings
from ioc.topics import device_path
from store.pool import conninfo
from tests.deploy.compose_file import load, read_env
from tests.deploy.core_files import CoreFiles
from tests.deploy.kafka import ProductionKafka
from tests.deploy.mosquitto import ProductionMosquitto
from tests.deploy.postgres import ProductionPostgres
from tests.deploy.services import Here
from tests.edge.test_publisher import READING, VIOLATION
from tests.faults.system import eventually

pytestmark = [pytest.mark.service, pytest.mark.slow, pytest.mark.timeout(600)]

DEVICE = device_path("vithanh", "tran-hung-dao", "cam-1")


class Core(NamedTuple):
    """The core, up and running."""

    here: Here
    broker: ProductionMosquitto
    database: ProductionPostgres
    services: dict[str, ServerProcess]

    def ask(self, query: str) -> Any:
        owner = self.database.settings("ioc_owner", "core/database-owner")
        with psycopg.connect(conninfo(owner, "test")) as connection:
            return connection.execute(query.encode()).fetchall()


@pytest.fixture(scope="module")
def system(
    place: Path, core: CoreFiles, broker: ProductionMosquitto, kafka: ProductionKafka
) -> Iterator[Core]:
    core.device(DEVICE)
    document = load(read_env(core.env_file))
    # The system's PostgreSQL has no TimescaleDB.
    document["services"]["migrate"]["command"] = ["ioc", "db", "migrate", "--plain"]
    database = ProductionPostgres(place / "core-postgres", core, document["services"]["database"])
    database.bring_up()
    here = Here(
        document,
        place / "services",
        {
            "mosquitto:8884": f"localhost:{broker.inside}",
            "kafka:9092": kafka.bootstrap,
            "database:5432": f"localhost:{database.port}",
        },
    )
    for name in ("migrate", "logins", "kafka-topics", "screens"):
        here.run(name)
    services = {
        "bridge": here.serve("bridge"),
        "streams-1": here.serve("streams-1"),
        "console": here.serve(
            *("console", "IOC_CONSOLE__PORT"),
            IOC_CONSOLE__PORT="18443",
            IOC_CONSOLE__EVIDENCE_URL=str(place / "evidence"),
        ),
    }
    parts = {
        name: f"http://127.0.0.1:{services[name].port}/metrics" for name in ("bridge", "streams-1")
    }
    services["watch"] = here.serve(
        "watch", IOC_WATCH__INTERVAL_S="5", IOC_WATCH__PARTS=json.dumps(parts)
    )
    try:
        for service in services.values():
            service.start()
        yield Core(here, broker, database, services)
    finally:
        for server in (*services.values(), database):
            server.stop()


def test_what_runs_once_can_run_at_every_start(system: Core, core: CoreFiles) -> None:
    assert "streams: up to date" in system.here.run("logins")
    assert "applied" not in system.here.run("migrate")
    assert "exists" in (topics := system.here.run("kafka-topics")) and "differs" not in topics
    assert "0 changed" in system.here.run("screens")
    made = core.folder / "grafana"
    assert len(list((made / "dashboards/json").glob("*.json"))) == 7
    assert "https://ioc.test" in (made / "dashboards/json/tong-quan.json").read_text()
    assert (made / "deploy/grafana/provisioning/alerting/rules.yaml").exists()


def test_every_service_becomes_healthy(system: Core) -> None:
    for name, service in system.services.items():
        deadline = time.monotonic() + 90
        while True:
            well, said = system.here.healthy(name, service)
            if well:
                break
            log = "\n".join(service.log_tail())
            assert time.monotonic() < deadline, f"{name}: {said}\n{log}"
            time.sleep(0.5)


def test_an_event_goes_all_the_way_and_its_receipt_comes_back(
    system: Core, core: CoreFiles, tmp_path: Path
) -> None:
    settings = EdgeSettings(spool_dir=tmp_path / "spool", cert_dir=core.devices)
    node = core.mqtt(system.broker.port, "/".join(DEVICE))
    publisher = Publisher(DEVICE, node, settings)
    publisher.start()
    for _ in range(50):
        publisher.publish(READING)
    publisher.publish(VIOLATION)
    assert publisher.flush(60), publisher.stats()
    stats = publisher.stats()
    publisher.stop()
    assert (stats.receipted, stats.refused) == (51, 0)
    assert system.ask("SELECT count(*) FROM reading") == [(50,)]
    assert system.ask("SELECT count(*) FROM violation") == [(1,)]
    # What a device says of itself has no receipt to wait for.
    state = "SELECT device, state FROM device"
    eventually(lambda: system.ask(state) == [("cam-1", "offline")], "the device went offline")


def test_the_services_have_all_the_rights_that_they_need(system: Core) -> None:
    """Sites, sensors and indicators by the worker, figures by the watcher, cases by the console."""
    deadline = time.monotonic() + 60
    query = (
        "SELECT (SELECT count(*) FROM site), (SELECT count(*) FROM sensor), "
        "(SELECT count(*) FROM indicator), "
        "(SELECT count(*) FROM core_figure WHERE part IN ('bridge', 'streams-1') AND value > 0), "
        "(SELECT count(*) FROM core_figure WHERE figure = 'certificate_days' AND value > 800), "
        "(SELECT count(*) FROM review_case)"
    )
    while not all(system.ask(query)[0]) and time.monotonic() < deadline:
        time.sleep(0.5)
    counts = system.ask(query)[0]
    assert all(counts), counts
    for name, service in system.services.items():
        assert "permission denied" not in service.log.read_text(), name
    assert "permission denied" not in system.database.log.read_text()


def test_the_broker_away_is_seen_and_comes_back(system: Core) -> None:
    bridge = system.services["bridge"]
    system.broker.kill()
    deadline = time.monotonic() + 30
    while system.here.healthy("bridge", bridge)[0] and time.monotonic() < deadline:
        time.sleep(0.2)
    well, said = system.here.healthy("bridge", bridge)
    assert not well and "ioc_ingest_connected is 0.0" in said
    system.broker.start()
    while not system.here.healthy("bridge", bridge)[0] and time.monotonic() < deadline + 30:
        time.sleep(0.2)
    assert system.here.healthy("bridge", bridge)[0]
