"""Upkeep, the check, and the commands that people run."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner

from ioc.cli import app
from ioc.clock import utc_now
from ioc.errors import ConfigError
from ioc.settings import DatabaseSettings
from store import maintain as module
from store.check import check
from store.maintain import RAW_DAYS, Task, maintain
from store.rows import FLOW, row_of
from store.schema import Flavour, migrations
from tests.store.samples import CAMERA, flow
from tests.store.series import load

LAST = migrations(Flavour.PLAIN)[-1]


def _flows(connection: psycopg.Connection[Any], *ages: float) -> None:
    now = utc_now()
    rows = [row_of(CAMERA, flow(n, at=now - timedelta(days=age))) for n, age in enumerate(ages)]
    load(connection, FLOW, rows)
    connection.commit()


def test_only_what_is_past_its_time_is_deleted(
    database: DatabaseSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH_ROWS", 3)
    with psycopg.connect(database.url) as connection:
        _flows(connection, 0, 1, RAW_DAYS - 0.1, *(RAW_DAYS + 0.1 + n for n in range(7)))
        assert Task("delete flow", 7) in maintain(database)
        assert connection.execute("SELECT count(*) FROM flow").fetchone() == (3,)
    assert not any(task.rows for task in maintain(database))


def test_a_good_database_has_no_findings(database: DatabaseSettings) -> None:
    report = check(database)
    assert report.good
    assert [f for f in report.findings if f.level == "error"] == []
    assert (report.flavour, report.extension) == ("plain", None)


@pytest.mark.parametrize(
    ("damage", "name", "detail"),
    [
        ("DROP VIEW flow_1d", "flow_1d", "is missing"),
        ("ALTER TABLE alert RENAME TO alarm", "alert", "is missing"),
        ("ALTER TABLE signal DROP COLUMN phase", "signal", "has no column phase"),
        (
            f"DELETE FROM schema_migration WHERE version = {LAST.version}",
            "schema",
            f"pending: {LAST.version:04}_{LAST.name}",
        ),
        ("UPDATE schema_migration SET checksum = 'x'", "schema", "was changed after"),
        ("DROP TABLE schema_migration", "schema", "run: ioc db migrate"),
    ],
)
def test_damage_is_found(database: DatabaseSettings, damage: str, name: str, detail: str) -> None:
    with psycopg.connect(database.url) as connection:
        connection.execute(damage.encode())
    report = check(database)
    assert not report.good
    assert any(f.name == name and detail in f.detail for f in report.findings), report.findings


def test_a_risky_setting_is_a_warning(database: DatabaseSettings) -> None:
    name = database.url.rpartition("/")[2]
    with psycopg.connect(database.url, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} SET synchronous_commit = off".encode())
    report = check(database)
    assert report.good
    assert any(f.level == "warning" and f.name == "synchronous_commit" for f in report.findings)


def _run(url: str, *arguments: str) -> Any:
    return CliRunner().invoke(app, ["db", *arguments], env={"IOC_DATABASE__URL": url})


def test_the_commands_from_nothing_to_a_kept_database(empty_database: DatabaseSettings) -> None:
    url = empty_database.url
    migrated = _run(url, "migrate", "--json")
    assert migrated.exit_code == 0
    assert json.loads(migrated.stdout)["created"] is True
    assert "schema version" in _run(url, "migrate", "--auto").stdout
    checked = _run(url, "check", "--json")
    assert (checked.exit_code, json.loads(checked.stdout)["good"]) == (0, True)
    assert "ok       schema" in _run(url, "check").stdout
    kept = _run(url, "maintain", "--json")
    assert kept.exit_code == 0
    assert {"name": "analyze flow", "rows": None, "error": ""} in json.loads(kept.stdout)["tasks"]


def test_wrong_use_of_the_commands(database: DatabaseSettings) -> None:
    refused = _run(database.url, "migrate", "--timescale")
    assert refused.exit_code == 1
    assert "cannot become 'timescale'" in refused.stderr
    both = _run(database.url, "migrate", "--plain", "--timescale")
    assert isinstance(both.exception, ConfigError)
    with psycopg.connect(database.url) as connection:
        connection.execute("DROP TABLE schema_migration")
    assert _run(database.url, "check").exit_code == 1
    unmigrated = _run(database.url, "maintain")
    assert unmigrated.exit_code == 1
    assert "ioc db migrate" in unmigrated.stderr
