"""People, their sessions, and the credentials of programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import class_row

Connection = AsyncConnection[Any]

Role = Literal["operator", "reviewer", "supervisor", "auditor", "admin"]
ROLES: Final[tuple[Role, ...]] = ("operator", "reviewer", "supervisor", "auditor", "admin")


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who may log in. Columns as in the table ``person``."""

    id: UUID
    login: str
    name: str
    unit: str
    role: Role
    password_hash: str | None
    must_change: bool
    oidc_subject: str | None
    totp_secret: str | None
    totp_step: int
    failures: int
    locked_until: datetime | None
    disabled: bool
    language: str
    theme: str
    created: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A log-in that is going on.

    Attributes:
        token: SHA-256 of the cookie.
        factor: Whether the second factor was given.
    """

    token: bytes
    person: UUID
    csrf: str
    factor: bool
    created: datetime
    last_seen: datetime
    expires: datetime
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """A program that may send evidence or fetch cases.

    Attributes:
        site: None: of the whole city; ``device`` None: of the whole site.
    """

    id: UUID
    name: str
    scope: Literal["evidence", "handover"]
    city: str | None
    site: str | None
    device: str | None
    created: datetime
    expires: datetime | None
    revoked: datetime | None


_PERSON: Final = ", ".join(Person.__dataclass_fields__)
_SESSION: Final = ", ".join(Session.__dataclass_fields__)
_CREDENTIAL: Final = ", ".join(Credential.__dataclass_fields__)


async def person_by_login(connection: Connection, login: str) -> Person | None:
    """Whoever has this log-in name."""
    return await _person(connection, "login = %s", login)


async def person_by_id(connection: Connection, person: UUID) -> Person | None:
    """Whoever has this id."""
    return await _person(connection, "id = %s", person)


async def person_by_subject(connection: Connection, subject: str) -> Person | None:
    """Whoever comes from the identity provider under this subject."""
    return await _person(connection, "oidc_subject = %s", subject)


async def people(connection: Connection) -> list[Person]:
    """Everybody, by name."""
    async with connection.cursor(row_factory=class_row(Person)) as cursor:
        await cursor.execute(f"SELECT {_PERSON} FROM person ORDER BY disabled, name, login")
        return await cursor.fetchall()


async def add_person(
    connection: Connection,
    *,
    id: UUID,
    login: str,
    name: str,
    role: Role,
    unit: str = "",
    password_hash: str | None = None,
    must_change: bool = True,
    oidc_subject: str | None = None,
) -> None:
    """Enter somebody new.

    Raises:
        psycopg.errors.UniqueViolation: The log-in name or subject is taken.
        psycopg.errors.CheckViolation: A value has another shape.
    """
    await connection.execute(
        "INSERT INTO person (id, login, name, role, unit, password_hash, must_change, oidc_subject)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
        (id, login, name, role, unit, password_hash, must_change, oidc_subject),
    )


async def change_person(connection: Connection, person: UUID, **columns: Any) -> None:
    """Set columns of one person; names are ours, never a user's."""
    assert columns.keys() <= Person.__dataclass_fields__.keys() - {"id", "created"}
    setting = ", ".join(f"{name} = %({name})s" for name in columns)
    await connection.execute(
        f"UPDATE person SET {setting} WHERE id = %(person)s", {**columns, "person": person}
    )


async def count_failure(connection: Connection, person: UUID) -> int:
    """One more failed log-in; returns how many in a row."""
    cursor = await connection.execute(
        "UPDATE person SET failures = failures + 1 WHERE id = %s RETURNING failures", (person,)
    )
    row = await cursor.fetchone()
    return 0 if row is None else int(row[0])


async def use_step(connection: Connection, person: UUID, step: int) -> bool:
    """Spend a code of the second factor; False when somebody else just did."""
    cursor = await connection.execute(
        "UPDATE person SET totp_step = %s WHERE id = %s AND totp_step < %s", (step, person, step)
    )
    return cursor.rowcount == 1


async def begin_session(
    connection: Connection,
    *,
    token: bytes,
    person: UUID,
    csrf: str,
    factor: bool,
    now: datetime,
    expires: datetime,
    address: str,
) -> None:
    """Enter a log-in."""
    await connection.execute(
        "INSERT INTO session (token, person, csrf, factor, created, last_seen, expires, address) "
        "VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
        (token, person, csrf, factor, now, now, expires, address),
    )


async def session_of(
    connection: Connection, token: bytes, now: datetime, idle_since: datetime
) -> tuple[Session, Person] | None:
    """The log-in of a cookie and whose it is; None when it has ended or the person may not.

    Args:
        connection: Any.
        token: SHA-256 of the cookie.
        now: Sessions that expired before this are over.
        idle_since: So are those that were not used since this.
    """
    async with connection.cursor(row_factory=class_row(Session)) as cursor:
        await cursor.execute(
            f"SELECT {_SESSION} FROM session WHERE token = %s AND expires > %s AND last_seen > %s",
            (token, now, idle_since),
        )
        session = await cursor.fetchone()
    if session is None:
        return None
    person = await person_by_id(connection, session.person)
    return None if person is None or person.disabled else (session, person)


async def touch_session(connection: Connection, token: bytes, now: datetime) -> None:
    """A log-in was used."""
    await connection.execute("UPDATE session SET last_seen = %s WHERE token = %s", (now, token))


async def end_session(connection: Connection, token: bytes) -> None:
    """A log-in is over."""
    await connection.execute("DELETE FROM session WHERE token = %s", (token,))


async def end_sessions(
    connection: Connection, person: UUID, but: bytes | None = None
) -> Sequence[bytes]:
    """All log-ins of a person are over, but one."""
    cursor = await connection.execute(
        "DELETE FROM session WHERE person = %s AND token IS DISTINCT FROM %s RETURNING token",
        (person, but),
    )
    return [bytes(token) for (token,) in await cursor.fetchall()]


async def sweep_sessions(connection: Connection, now: datetime, idle_since: datetime) -> int:
    """Remove what has ended; returns how many."""
    cursor = await connection.execute(
        "DELETE FROM session WHERE expires <= %s OR last_seen <= %s", (now, idle_since)
    )
    return cursor.rowcount


async def add_credential(
    connection: Connection,
    *,
    id: UUID,
    name: str,
    token: bytes,
    scope: Literal["evidence", "handover"],
    city: str | None = None,
    site: str | None = None,
    device: str | None = None,
    expires: datetime | None = None,
) -> None:
    """Enter a program.

    Raises:
        psycopg.errors.UniqueViolation: The name is taken.
    """
    await connection.execute(
        "INSERT INTO credential (id, name, token, scope, city, site, device, expires) "
        "VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
        (id, name, token, scope, city, site, device, expires),
    )


async def credential_of(connection: Connection, token: bytes, now: datetime) -> Credential | None:
    """The program that a bearer token belongs to, if it may still come."""
    async with connection.cursor(row_factory=class_row(Credential)) as cursor:
        await cursor.execute(
            f"SELECT {_CREDENTIAL} FROM credential WHERE token = %s AND revoked IS NULL "
            "AND (expires IS NULL OR expires > %s)",
            (token, now),
        )
        return await cursor.fetchone()


async def credentials(connection: Connection) -> list[Credential]:
    """All programs, by name."""
    async with connection.cursor(row_factory=class_row(Credential)) as cursor:
        await cursor.execute(f"SELECT {_CREDENTIAL} FROM credential ORDER BY name")
        return await cursor.fetchall()


async def revoke_credential(connection: Connection, name: str, now: datetime) -> bool:
    """Let a program come no more; False when there is none of this name that may."""
    cursor = await connection.execute(
        "UPDATE credential SET revoked = %s WHERE name = %s AND revoked IS NULL", (now, name)
    )
    return cursor.rowcount == 1


async def _person(connection: Connection, where: str, value: Any) -> Person | None:
    async with connection.cursor(row_factory=class_row(Person)) as cursor:
        await cursor.execute(f"SELECT {_PERSON} FROM person WHERE {where}", (value,))
        return await cursor.fetchone()
