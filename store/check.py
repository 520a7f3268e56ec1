"""Whether a database is what this program needs: schema, policies, settings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

from psycopg import Connection

from ioc.settings import DatabaseSettings
from store.maintain import CHUNKED, SERIES, has_scheduler
from store.migrate import EXTENSION, MigrationError, applied, available, choose, connect, pending
from store.schema import Flavour, migrations
from store.tables import BULK_TABLES

Level = Literal["ok", "warning", "error"]

LEVELS: Final = ("1m", "15m", "1h", "1d")
AGGREGATES: Final = tuple(f"{series}_{level}" for series in SERIES for level in LEVELS)
OTHER_RELATIONS: Final = (
    *("site", "device", "device_boot", "sequence_gap", "flow_minute", "alert"),
    "core_figure",
    *AGGREGATES,
)

OLDEST_SERVER: Final = 150_000  # range_agg and unnest of multiranges, date_trunc with a zone
OLDEST_EXTENSION: Final = (2, 20)  # batched refresh, late rows into compressed chunks
GOOD_EXTENSION: Final = (2, 29, 2)  # an incremental refresh could skip the last bucket before

RISKY: Final[dict[str, tuple[str, str]]] = {
    "fsync": ("off", "a power cut can destroy the database; set it on"),
    "full_page_writes": ("off", "a power cut can tear pages; set it on"),
    "synchronous_commit": ("off", "devices are told 'stored' before it is on disk; set it on"),
    "autovacuum": ("off", "tables updated in place will grow without end; set it on"),
    "track_counts": ("off", "autovacuum does nothing without it; set it on"),
}
"""Setting → the value that is worth a warning, and why."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    level: Level
    name: str
    detail: str


@dataclass(frozen=True, slots=True)
class Report:
    """The state of a database.

    Attributes:
        server: PostgreSQL's version.
        extension: TimescaleDB's version, if the database has it.
        flavour: What it was migrated as, None before.
        version: Steps that are applied.
        findings: What was looked at, in order.
    """

    server: str
    extension: str | None
    flavour: Flavour | None
    version: int
    findings: tuple[Finding, ...]

    @property
    def good(self) -> bool:
        """Whether nothing is wrong; warnings do not count."""
        return all(finding.level != "error" for finding in self.findings)


def check(settings: DatabaseSettings) -> Report:
    """Look a database over; nothing in it is changed.

    Raises:
        ConfigError: It cannot be reached.
    """
    with connect(settings, "ioc-check") as connection:
        done = applied(connection)
        flavour = done[0].flavour if done else None
        extension = _one(
            connection, "SELECT extversion FROM pg_extension WHERE extname = %s", EXTENSION
        )
        findings = [*_server(connection, settings), *_schema(connection)]
        if flavour is not None:
            findings += _relations(connection)
        if flavour is Flavour.TIMESCALE:
            findings += _timescale(connection, extension)
        return Report(
            server=str(_one(connection, "SHOW server_version")),
            extension=extension,
            flavour=flavour,
            version=len(done),
            findings=tuple(findings),
        )


def _server(connection: Connection[Any], settings: DatabaseSettings) -> Iterator[Finding]:
    number = connection.info.server_version
    if number < OLDEST_SERVER:
        yield Finding("error", "server", f"PostgreSQL {number // 10_000}; 15 or newer is needed")
    encoding = _one(connection, "SHOW server_encoding")
    if encoding != "UTF8":
        yield Finding("error", "encoding", f"{encoding}; names need UTF8: make the database anew")
    for name, (bad, why) in RISKY.items():
        if _one(connection, "SELECT current_setting(%s, true)", name) == bad:
            yield Finding("warning", name, f"{bad}: {why}")
    most = int(_one(connection, "SHOW max_connections"))
    if most < 2 * settings.pool_size:
        yield Finding(
            "warning",
            "max_connections",
            f"{most}: two services with database.pool_size {settings.pool_size} do not fit",
        )


def _schema(connection: Connection[Any]) -> Iterator[Finding]:
    done = applied(connection)
    if not done:
        yield Finding("error", "schema", "there is none; run: ioc db migrate")
        return
    try:
        flavour = choose(None, done, available(connection))
        steps = pending(migrations(flavour), done)
    except MigrationError as error:
        yield Finding("error", "schema", str(error))
        return
    if steps:
        names = ", ".join(f"{step.version:04}_{step.name}" for step in steps)
        yield Finding("error", "schema", f"pending: {names}; run: ioc db migrate")
    else:
        yield Finding("ok", "schema", f"version {len(done)}, {flavour.value}")


def _relations(connection: Connection[Any]) -> Iterator[Finding]:
    rows = connection.execute(
        "SELECT c.relname, array_agg(a.attname::text) FROM pg_class c "
        "JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped "
        "WHERE c.relkind IN ('r', 'v', 'm', 'p') AND pg_table_is_visible(c.oid) GROUP BY 1"
    )
    columns = {name: set(names) for name, names in rows}
    wanted: dict[str, set[str]] = {table.name: set(table.columns) for table in BULK_TABLES}
    wanted |= {name: set() for name in OTHER_RELATIONS}
    for name, needed in wanted.items():
        if name not in columns:
            yield Finding("error", name, "is missing although its migration is on record")
        elif needed - columns[name]:
            missing = ", ".join(sorted(needed - columns[name]))
            yield Finding("error", name, f"has no column {missing}")
    if set(wanted) <= set(columns):
        yield Finding("ok", "relations", f"{len(wanted)} tables and views")


def _timescale(connection: Connection[Any], extension: str | None) -> Iterator[Finding]:
    version = _numbers(extension or "0")
    if extension is None:
        yield Finding("error", EXTENSION, "the extension was removed from the database")
        return
    if version < OLDEST_EXTENSION:
        yield Finding("error", EXTENSION, f"{extension}; 2.20 or newer is needed")
    elif version < GOOD_EXTENSION:
        yield Finding("warning", EXTENSION, f"{extension}; 2.29.2 mends the refresh of aggregates")
    yield from _missing(
        "hypertable",
        CHUNKED,
        connection.execute("SELECT hypertable_name FROM timescaledb_information.hypertables"),
    )
    live = connection.execute(
        "SELECT view_name FROM timescaledb_information.continuous_aggregates "
        "WHERE NOT materialized_only"
    )
    yield from _missing("real-time aggregate", AGGREGATES, live)
    jobs = connection.execute(
        "SELECT proc_name, coalesce(view_name, job.hypertable_name) "
        "FROM timescaledb_information.jobs AS job "
        "LEFT JOIN timescaledb_information.continuous_aggregates AS view "
        "ON view.materialization_hypertable_name = job.hypertable_name WHERE job.scheduled"
    ).fetchall()
    for proc, subjects in (
        ("policy_refresh_continuous_aggregate", AGGREGATES),
        ("policy_compression", CHUNKED),
        ("policy_retention", (*CHUNKED, *AGGREGATES)),
    ):
        found = [(subject,) for name, subject in jobs if name == proc]
        yield from _missing(proc.replace("_", " "), subjects, found)
    failed = connection.execute(
        "SELECT job.job_id, job.proc_name FROM timescaledb_information.job_stats AS stats "
        "JOIN timescaledb_information.jobs AS job USING (job_id) "
        "WHERE stats.last_run_status = 'Failed'"
    )
    for job, proc in failed:
        yield Finding("warning", f"job {job}", f"{proc} failed at its last run")
    if not has_scheduler(connection):
        yield Finding(
            "warning",
            "background workers",
            "none serves this database: run 'ioc db maintain' every 5 minutes, or raise "
            "timescaledb.max_background_workers and max_worker_processes",
        )


def _missing(kind: str, wanted: tuple[str, ...], rows: Any) -> Iterator[Finding]:
    found = {row[0] for row in rows}
    absent = [name for name in wanted if name not in found]
    if absent:
        yield Finding("error", kind, f"missing for {', '.join(absent)}")
    else:
        yield Finding("ok", kind, f"{len(wanted)} there")


def _numbers(version: str) -> tuple[int, ...]:
    """The numbers of ``2.23.0-dev``."""
    return tuple(int(part) for part in version.partition("-")[0].split(".") if part.isdigit())


def _one(connection: Connection[Any], query: str, *values: str) -> Any:
    row = connection.execute(query.encode(), values or None).fetchone()
    return None if row is None else row[0]
