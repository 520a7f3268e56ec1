"""Public keys that may sign for devices, and until when."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from psycopg import AsyncConnection
from psycopg.rows import class_row

from ioc.identity import key_id
from ioc.topics import DevicePath

Connection = AsyncConnection[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolledKey:
    """A key that somebody vouches for.

    Attributes:
        public: 32 raw bytes (Ed25519).
        key: Its short name, ``ioc.identity.key_id``.
        revoked: What is said to have happened since then is not believed; None: it still signs.
        note: Why it was enrolled or revoked, in somebody's words.
    """

    public: bytes
    key: str
    city: str
    site: str
    device: str
    enrolled: datetime
    revoked: datetime | None
    note: str

    @property
    def path(self) -> DevicePath:
        """The only device that it may sign for."""
        return DevicePath(self.city, self.site, self.device)


_KEY: Final = ", ".join(EnrolledKey.__dataclass_fields__)


async def add_key(
    connection: Connection, public: bytes, path: DevicePath, now: datetime, note: str = ""
) -> None:
    """Let a key sign for a device from now on, and for all that it signed before.

    Raises:
        psycopg.errors.UniqueViolation: It is enrolled already, for this or another device, or was
            once: a key that was revoked never comes back.
    """
    await connection.execute(
        "INSERT INTO device_key (public, key, city, site, device, enrolled, note) "
        "VALUES (%s, %s, %s, %s, %s, %s, %s)",
        (public, key_id(public), *path, now, note),
    )


async def revoke_key(
    connection: Connection, key: str, since: datetime, note: str = ""
) -> EnrolledKey | None:
    """Believe a key no more for acts from an instant on.

    Args:
        connection: Any.
        key: Its short name.
        since: The instant.
        note: Added to what was noted before.

    Returns:
        The key as it is now; None when none of this name may sign.
    """
    async with connection.cursor(row_factory=class_row(EnrolledKey)) as cursor:
        await cursor.execute(
            "UPDATE device_key SET revoked = %(since)s, "
            "note = CASE WHEN %(note)s = '' THEN note ELSE concat_ws('; ', nullif(note, ''), "
            f"%(note)s::text) END WHERE key = %(key)s AND revoked IS NULL RETURNING {_KEY}",
            {"since": since, "note": note, "key": key},
        )
        return await cursor.fetchone()


async def keys(connection: Connection) -> list[EnrolledKey]:
    """All keys, by device, the newest first."""
    async with connection.cursor(row_factory=class_row(EnrolledKey)) as cursor:
        await cursor.execute(
            f"SELECT {_KEY} FROM device_key ORDER BY city, site, device, enrolled DESC"
        )
        return await cursor.fetchall()


async def key_of(connection: Connection, public: bytes) -> EnrolledKey | None:
    """What is known of a key."""
    return (await keys_by_public(connection, [public])).get(public)


async def keys_by_public(
    connection: Connection, publics: Iterable[bytes]
) -> dict[bytes, EnrolledKey]:
    """What is known of some keys, by their raw bytes."""
    async with connection.cursor(row_factory=class_row(EnrolledKey)) as cursor:
        await cursor.execute(
            f"SELECT {_KEY} FROM device_key WHERE public = ANY(%s)", (list(publics),)
        )
        return {bytes(one.public): one for one in await cursor.fetchall()}


async def keys_by_device(
    connection: Connection, paths: Sequence[DevicePath]
) -> dict[DevicePath, list[EnrolledKey]]:
    """Keys of some devices, also those that were revoked; a device without any has no entry."""
    found: dict[DevicePath, list[EnrolledKey]] = {}
    if not paths:
        return found
    async with connection.cursor(row_factory=class_row(EnrolledKey)) as cursor:
        await cursor.execute(
            f"SELECT {_KEY} FROM device_key WHERE (city, site, device) IN ("
            "SELECT * FROM unnest(%s::text[], %s::text[], %s::text[])) ORDER BY enrolled",
            tuple([path[part] for path in paths] for part in range(3)),
        )
        for one in await cursor.fetchall():
            found.setdefault(one.path, []).append(one)
    return found
