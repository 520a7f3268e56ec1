"""Roles that services log in as, each a member of one group with the rights of one part.

``ioc_wall`` (migration 0006) reads what may stand on the wall, ``ioc_console`` (0005) is the police
review, ``ioc_core`` is made here: what the workers and the watcher read and write. A login is made
or brought up to date in one transaction, so that a new password is a file and a repeated command.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import psycopg
from psycopg import Connection, sql

from ioc.errors import ConfigError
from ioc.settings import DatabaseSettings
from store.migrate import MigrationError, applied, connect
from store.tables import BULK_TABLES

Group = Literal["ioc_core", "ioc_console", "ioc_wall"]

CORE: Final = "ioc_core"
SHORTEST: Final = 16
"""Letters of a password. ``setup.sh init`` makes 64; nobody types these."""

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,62}")
_RESERVED: Final = ("postgres", "public", "ioc_core", "ioc_console", "ioc_wall", "ioc_owner")

INSERTED: Final = (
    *(table.name for table in BULK_TABLES),
    *("device", "device_boot", "flow_minute", "alert", "site", "sensor", "indicator"),
    "core_figure",
)
"""What the core's services add rows to."""

UPDATED: Final = ("device", "device_boot", "flow_minute", "alert", "site", "sensor", "indicator")
DELETED: Final = ("sensor", "indicator")
"""What the site files and the catalogue no longer name."""

REPLAYED: Final = ("replayed_at", "replays")
"""Columns of ``dead_letter`` that ``ioc deadletter replay`` counts in."""


@dataclass(frozen=True, slots=True)
class Login:
    """What a login is.

    Attributes:
        group: Whose rights it has.
        connections: How many it may hold at a time.
        settings: What each of its sessions begins with.
    """

    group: Group
    connections: int
    settings: Mapping[str, str] = field(default_factory=dict)


def reader(connections: int, statement_timeout_s: float) -> Login:
    """A login for Grafana: reads what the wall may show, briefly.

    Args:
        connections: How many it may hold.
        statement_timeout_s: Longest statement, seconds.
    """
    return Login(
        "ioc_wall",
        connections,
        {
            "default_transaction_read_only": "on",
            "statement_timeout": f"{round(statement_timeout_s * 1000)}ms",
            "idle_in_transaction_session_timeout": "10s",
            "lock_timeout": "2s",
        },
    )


def make_login(settings: DatabaseSettings, name: str, password: str, login: Login) -> bool:
    """Make the role, or bring it to this password and these limits.

    Args:
        settings: The database, as the role that owns its tables.
        name: The role's name.
        password: Its password.
        login: What it is.

    Returns:
        Whether it is new.

    Raises:
        ConfigError: The name or the password will not do, the name is another kind of role's, or
            this role may not make roles.
        MigrationError: The database has no schema yet.
    """
    _check(name, password)
    with connect(settings, "ioc-logins") as connection:
        if not applied(connection):
            raise MigrationError("the database has no schema yet; run: ioc db migrate")
        try:
            with connection.transaction():
                return _make(connection, name, password, login)
        except psycopg.errors.InsufficientPrivilege as error:
            raise ConfigError(
                f"database.url: {' '.join(str(error).split())}; run this as the role that owns "
                f"the tables, which needs CREATEROLE and the ADMIN OPTION on {login.group}"
            ) from None


def _check(name: str, password: str) -> None:
    if not _NAME.fullmatch(name) or name in _RESERVED:
        raise ConfigError(
            f"role {name!r}: use a-z, 0-9 and '_', begin with a letter, and none of "
            f"{', '.join(_RESERVED)}"
        )
    if len(password) < SHORTEST or not password.isprintable():
        raise ConfigError(
            f"password of {name}: at least {SHORTEST} printable characters in one line; "
            "make one with: openssl rand -hex 32"
        )


def _make(connection: Connection[Any], name: str, password: str, login: Login) -> bool:
    # Two commands at a time would both find the role missing.
    connection.execute("SELECT pg_advisory_xact_lock(hashtext('ioc-logins'))")
    if login.group == CORE:
        _grant_core(connection)
    found = connection.execute(
        "SELECT rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls OR "
        "NOT rolcanlogin, ARRAY(SELECT roleid::regrole::text FROM pg_auth_members m "
        "WHERE m.member = r.oid) FROM pg_roles r WHERE rolname = %s",
        (name,),
    ).fetchone()
    role, group = sql.Identifier(name), sql.Identifier(login.group)
    if found is None:
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(role))
    elif found[0] or set(found[1]) - {login.group}:
        raise ConfigError(
            f"role {name}: exists and is more than a login of {login.group}; choose another name"
        )
    # Hashed here, so that the password comes into no log of the server.
    verifier = connection.pgconn.encrypt_password(
        password.encode(), name.encode(), b"scram-sha-256"
    ).decode()
    connection.execute(
        sql.SQL("ALTER ROLE {} CONNECTION LIMIT {} PASSWORD {}").format(
            role, sql.Literal(login.connections), sql.Literal(verifier)
        )
    )
    for key, value in login.settings.items():
        connection.execute(
            sql.SQL("ALTER ROLE {} SET {} = {}").format(
                role, sql.Identifier(key), sql.Literal(value)
            )
        )
    connection.execute(sql.SQL("GRANT {} TO {}").format(group, role))
    connection.execute(
        sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(
            sql.Identifier(connection.info.dbname), group
        )
    )
    return found is None


def _grant_core(connection: Connection[Any]) -> None:
    """The group of the core's services, with its rights on this schema's tables."""
    if connection.execute("SELECT to_regrole(%s)", (CORE,)).fetchone() == (None,):
        connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(CORE)))
    core = sql.Identifier(CORE)
    connection.execute(
        sql.SQL("GRANT TEMPORARY ON DATABASE {} TO {}").format(  # rows come by way of one
            sql.Identifier(connection.info.dbname), core
        )
    )
    connection.execute(sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(core))
    for right, tables in (
        ("SELECT", (*INSERTED, "sequence_gap", "schema_migration")),
        ("INSERT", INSERTED),
        ("UPDATE", UPDATED),
        ("DELETE", DELETED),
    ):
        names = sql.SQL(", ").join(sql.Identifier(table) for table in dict.fromkeys(tables))
        connection.execute(sql.SQL("GRANT {} ON {} TO {}").format(sql.SQL(right), names, core))
    columns = sql.SQL(", ").join(sql.Identifier(column) for column in REPLAYED)
    connection.execute(sql.SQL("GRANT UPDATE ({}) ON dead_letter TO {}").format(columns, core))
