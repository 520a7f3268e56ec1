"""Bringing a database to the schema of this version, step by step, each step once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import psycopg
from psycopg import Connection, sql
from psycopg.conninfo import conninfo_to_dict

from ioc.errors import ConfigError
from ioc.settings import DatabaseSettings
from store.pool import conninfo
from store.schema import Flavour, Migration, migrations

LOCK_KEY: Final = 0x10C_5C4E
"""Number of the advisory lock that lets one migration run at a time."""

EXTENSION: Final = "timescaledb"

_JOURNAL: Final = """
CREATE TABLE IF NOT EXISTS schema_migration (
    version  integer PRIMARY KEY,
    name     text NOT NULL,
    checksum text NOT NULL,
    flavour  text NOT NULL,
    applied  timestamptz NOT NULL DEFAULT now()
)
"""


class MigrationError(Exception):
    """The database cannot be brought to this schema; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Applied:
    """A step as the database has it on record."""

    version: int
    name: str
    checksum: str
    flavour: Flavour


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a migration did.

    Attributes:
        created: Whether the database itself was made.
        applied: The steps that were applied now, as ``0001_tables``.
        version: The schema's version after it.
    """

    flavour: Flavour
    created: bool
    applied: tuple[str, ...]
    version: int


def migrate(settings: DatabaseSettings, wanted: Flavour | None = None) -> Outcome:
    """Create the database if it is missing, and apply the steps that are.

    Args:
        settings: Which database; the role must own it, or be allowed to create it.
        wanted: The flavour; None takes that of the database, or for a new one TimescaleDB where
            the server has it.

    Raises:
        MigrationError: An applied step has changed since, the database is of the other flavour
            or of a newer version, or a step failed (it left nothing behind).
        ConfigError: The database cannot be reached or made.
    """
    created = _ensure_database(settings)
    with connect(settings, "ioc-migrate") as connection:
        # Migrations may rewrite tables: no timeout; the lock is the session's, so that it goes
        # with the connection whatever happens.
        connection.execute("SET statement_timeout = 0")
        connection.execute("SELECT pg_advisory_lock(%s)", (LOCK_KEY,))
        try:
            connection.execute("SET client_min_messages = error")  # the extension's banner
            connection.execute(_JOURNAL)
            done = applied(connection)
            flavour = choose(wanted, done, available(connection))
            if flavour is Flavour.TIMESCALE:
                connection.execute(f"CREATE EXTENSION IF NOT EXISTS {EXTENSION}")
            steps = pending(migrations(flavour), done)
            for step in steps:
                _apply(connection, step, flavour)
            connection.execute("SELECT pg_advisory_unlock(%s)", (LOCK_KEY,))
        except psycopg.errors.InsufficientPrivilege as error:
            raise ConfigError(
                f"database.url: {_one_line(error)}; migrate as the role that owns the database"
            ) from None
        except psycopg.Error as error:
            raise MigrationError(_one_line(error)) from error
    names = tuple(f"{step.version:04}_{step.name}" for step in steps)
    return Outcome(flavour, created, names, len(done) + len(steps))


def choose(wanted: Flavour | None, done: Sequence[Applied], extension: bool) -> Flavour:
    """The flavour to migrate to.

    Args:
        wanted: What was asked for, None for what fits.
        done: Steps that the database has.
        extension: Whether the server has TimescaleDB.

    Raises:
        MigrationError: What was asked for does not go with the database.
    """
    if done:
        flavour = done[0].flavour
        if wanted not in (None, flavour):
            raise MigrationError(
                f"this database is of the flavour {flavour.value!r} and cannot become "
                f"{str(wanted)!r}; migrate a new database and copy the rows"
            )
    else:
        flavour = wanted or (Flavour.TIMESCALE if extension else Flavour.PLAIN)
    if flavour is Flavour.TIMESCALE and not extension:
        raise MigrationError(
            "the server has no extension timescaledb; install it and put it into "
            "shared_preload_libraries, or migrate with --plain"
        )
    return flavour


def pending(steps: Sequence[Migration], done: Sequence[Applied]) -> list[Migration]:
    """The steps that are still to be applied.

    Raises:
        MigrationError: An applied step differs from its file, or the database is newer.
    """
    if len(done) > len(steps):
        raise MigrationError(
            f"the database has version {done[-1].version}, this program knows {len(steps)}; "
            "run a newer program"
        )
    for step, record in zip(steps, done, strict=False):
        if (step.version, step.checksum) != (record.version, record.checksum):
            raise MigrationError(
                f"migration {step.version:04}_{step.name} was changed after it was applied "
                f"(as {record.name}, {record.checksum[:12]}…); restore the file and write the "
                "change as a new migration"
            )
    return list(steps[len(done) :])


def applied(connection: Connection[Any]) -> list[Applied]:
    """The steps on record, in order; empty for a database that was never migrated."""
    row = connection.execute("SELECT to_regclass('schema_migration')").fetchone()
    if row is None or row[0] is None:
        return []
    rows = connection.execute(
        "SELECT version, name, checksum, flavour FROM schema_migration ORDER BY version"
    )
    return [Applied(r[0], r[1], r[2], Flavour(r[3])) for r in rows]


def available(connection: Connection[Any]) -> bool:
    """Whether the server has TimescaleDB."""
    query = "SELECT 1 FROM pg_available_extensions WHERE name = %s"
    return connection.execute(query, (EXTENSION,)).fetchone() is not None


def connect(settings: DatabaseSettings, application_name: str, **overrides: Any) -> Connection[Any]:
    """One connection in autocommit mode, for administration.

    Raises:
        ConfigError: The database cannot be reached; the message names it and the mend.
    """
    text = conninfo(settings, application_name, **overrides)
    try:
        return psycopg.connect(text, autocommit=True)
    except psycopg.OperationalError as error:
        raise ConfigError(f"database.url: {_one_line(error)}") from None


def _apply(connection: Connection[Any], step: Migration, flavour: Flavour) -> None:
    name = f"{step.version:04}_{step.name}"
    try:
        with connection.transaction():
            connection.execute(step.sql.encode())
            connection.execute(
                "INSERT INTO schema_migration (version, name, checksum, flavour) "
                "VALUES (%s, %s, %s, %s)",
                (step.version, step.name, step.checksum, flavour.value),
            )
    except psycopg.errors.InsufficientPrivilege:
        raise
    except psycopg.Error as error:
        raise MigrationError(
            f"migration {name}: {_one_line(error)}; nothing of it stays"
        ) from error


def _ensure_database(settings: DatabaseSettings) -> bool:
    """Make the database if the server does not have it.

    Returns:
        Whether it was made.
    """
    try:
        psycopg.connect(conninfo(settings, "ioc-migrate")).close()
    except psycopg.OperationalError as error:
        missing = _is_missing(error, settings)
        if missing is None:
            raise ConfigError(f"database.url: {_one_line(error)}") from None
    else:
        return False
    with connect(settings, "ioc-migrate", dbname="postgres") as connection:
        try:
            # template0 takes any encoding; names and plates need UTF-8 whatever the server's is
            connection.execute(
                sql.SQL("CREATE DATABASE {} ENCODING 'UTF8' TEMPLATE template0").format(
                    sql.Identifier(missing)
                )
            )
        except (psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
            return False  # another migration was faster, by much or by little
        except psycopg.errors.InsufficientPrivilege:
            raise ConfigError(
                f"database.url: there is no database {missing!r} and this role may not create it; "
                f"as an administrator run: CREATE DATABASE {missing} OWNER your_role"
            ) from None
    return True


def _is_missing(error: psycopg.OperationalError, settings: DatabaseSettings) -> str | None:
    """The database's name, when the server answered that it has no such database.

    libpq gives no SQLSTATE for a failed connection, and the text depends on the server's language:
    so ask the server itself.
    """
    name = conninfo_to_dict(settings.url).get("dbname")
    if not isinstance(name, str):
        return None
    try:
        with psycopg.connect(conninfo(settings, "ioc-migrate", dbname="postgres")) as connection:
            query = "SELECT 1 FROM pg_database WHERE datname = %s"
            found = connection.execute(query, (name,)).fetchone()
    except psycopg.OperationalError:
        return None
    return name if found is None else None


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
