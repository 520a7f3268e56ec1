"""Rows of evidence: files that are held whole, and the manifests among them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec
from psycopg import AsyncConnection
from psycopg.rows import class_row

from ioc.identity import key_id
from ioc.manifest import Manifest, SignedManifest
from ioc.topics import DevicePath

Connection = AsyncConnection[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceRow:
    """A file that came whole, its digest checked.

    Attributes:
        city: Of whom it came; with ``site`` and ``device`` empty where a credential of a whole
            city or site sent it and no manifest has named it yet.
        deleted: When retention removed the bytes; the row stays.
    """

    sha256: str
    bytes: int
    media_type: str
    city: str
    site: str
    device: str
    received: datetime
    deleted: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SetRow:
    """A manifest that has arrived.

    Attributes:
        fault: Why its signature is not trusted; None when it is.
        content: The whole signed file, decoded: ``key``, ``manifest``, ``signature``.
    """

    manifest: str
    city: str
    site: str
    device: str
    rule: str
    act_time: datetime
    key: str
    fault: str | None
    content: dict[str, Any]
    checked: datetime


class ToJudge(NamedTuple):
    """A manifest whose key has changed since somebody judged it."""

    manifest: str
    path: DevicePath
    act_time: datetime
    public: bytes
    fault: str | None


_FILE: Final = ", ".join(EvidenceRow.__dataclass_fields__)
_SET: Final = ", ".join(SetRow.__dataclass_fields__)


async def file_of(connection: Connection, sha256: str) -> EvidenceRow | None:
    """A file, if it ever came; look at ``deleted`` before its bytes are wanted."""
    return (await files_of(connection, [sha256])).get(sha256)


async def files_of(connection: Connection, digests: Sequence[str]) -> dict[str, EvidenceRow]:
    """Those of some files that came, by their digests."""
    async with connection.cursor(row_factory=class_row(EvidenceRow)) as cursor:
        await cursor.execute(
            f"SELECT {_FILE} FROM evidence WHERE sha256 = ANY(%s)", (list(digests),)
        )
        return {row.sha256: row for row in await cursor.fetchall()}


async def add_file(
    connection: Connection,
    *,
    sha256: str,
    bytes: int,
    media_type: str,
    city: str,
    site: str,
    device: str,
    now: datetime,
) -> bool:
    """Enter a file; False when it is there already."""
    cursor = await connection.execute(
        "INSERT INTO evidence (sha256, bytes, media_type, city, site, device, received) "
        "VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (sha256) DO NOTHING",
        (sha256, bytes, media_type, city, site, device, now),
    )
    return cursor.rowcount == 1


async def add_set(
    connection: Connection,
    *,
    manifest: str,
    signed: SignedManifest,
    path: DevicePath,
    fault: str | None,
    content: str,
    now: datetime,
) -> None:
    """Enter a manifest, and name the device of those of its files that had none.

    Args:
        connection: In a transaction.
        manifest: Its digest; the file is entered already.
        signed: What it says.
        path: The device that it names.
        fault: Why its signature is not trusted.
        content: The file as it came.
        now: The time.
    """
    said = signed.manifest
    await connection.execute(
        "INSERT INTO evidence_set (manifest, city, site, device, rule, act_time, key, fault, "
        "content, checked) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s::jsonb, %s) "
        "ON CONFLICT (manifest) DO NOTHING",
        (manifest, *path, said.rule, said.act_time, key_id(signed.public), fault, content, now),
    )
    if fault is None:
        await connection.execute(
            "UPDATE evidence SET site = %s, device = %s WHERE sha256 = ANY(%s) AND city = %s "
            "AND site IN ('', %s) AND device = ''",
            (path.site, path.device, [file.sha256 for file in said.files], path.city, path.site),
        )


async def sets_of(connection: Connection, manifests: Sequence[str]) -> dict[str, SetRow]:
    """Those of some manifests that have arrived, by their digests."""
    async with connection.cursor(row_factory=class_row(SetRow)) as cursor:
        await cursor.execute(
            f"SELECT {_SET} FROM evidence_set WHERE manifest = ANY(%s)", (list(manifests),)
        )
        return {row.manifest: row for row in await cursor.fetchall()}


async def files_page(connection: Connection, after: str, limit: int) -> list[EvidenceRow]:
    """All files in the order of their digests, a page at a time."""
    async with connection.cursor(row_factory=class_row(EvidenceRow)) as cursor:
        await cursor.execute(
            f"SELECT {_FILE} FROM evidence WHERE sha256 > %s ORDER BY sha256 LIMIT %s",
            (after, limit),
        )
        return await cursor.fetchall()


async def without_audit(connection: Connection, digests: Sequence[str]) -> set[str]:
    """Those of some files of whose arrival the audit says nothing."""
    cursor = await connection.execute(
        "SELECT one FROM unnest(%s::text[]) AS one WHERE NOT EXISTS (SELECT 1 FROM audit "
        "WHERE subject = 'evidence:' || one AND action = 'evidence.received')",
        (list(digests),),
    )
    return {row[0] for row in await cursor.fetchall()}


async def audited_only(connection: Connection) -> list[str]:
    """Files that came, as the audit says, and of which there is no row."""
    cursor = await connection.execute(
        "SELECT substr(a.subject, 10) FROM audit a LEFT JOIN evidence e "
        "ON e.sha256 = substr(a.subject, 10) "
        "WHERE a.action = 'evidence.received' AND e.sha256 IS NULL ORDER BY 1"
    )
    return [row[0] for row in await cursor.fetchall()]


def manifest_of(content: dict[str, Any]) -> Manifest:
    """What a manifest says, from ``SetRow.content``.

    Raises:
        msgspec.ValidationError: The database holds something else.
    """
    return msgspec.convert(content.get("manifest"), Manifest)


# --- judging anew -------------------------------------------------------------------------------

# Exactly the manifests that a change of the keys gives another verdict: nothing has to remember
# when that was, and a change while no console ran is found too.
_CHANGED: Final = """
    (k.public IS NULL AND s.fault IS DISTINCT FROM 'unknown_key')
    OR (k.public IS NOT NULL AND s.fault = 'unknown_key')
    OR (s.fault IS NULL AND k.revoked <= s.act_time)
"""


async def sets_to_judge(connection: Connection, limit: int) -> list[ToJudge]:
    """Manifests whose verdict is no longer that of their keys."""
    cursor = await connection.execute(
        "SELECT s.manifest, s.city, s.site, s.device, s.act_time, s.content->>'key', s.fault "
        "FROM evidence_set s LEFT JOIN device_key k ON k.key = s.key "
        f"WHERE {_CHANGED} LIMIT %s",
        (limit,),
    )
    return [
        ToJudge(row[0], DevicePath(*row[1:4]), row[4], bytes.fromhex(row[5]), row[6])
        for row in await cursor.fetchall()
    ]


async def judge_set(
    connection: Connection, manifest: str, fault: str | None, now: datetime
) -> None:
    """Write down a new verdict."""
    await connection.execute(
        "UPDATE evidence_set SET fault = %s, checked = %s WHERE manifest = %s",
        (fault, now, manifest),
    )


async def violations_to_judge(connection: Connection, limit: int) -> list[tuple[UUID, str | None]]:
    """Violations that lacked a key when they were judged, and whose device has one now."""
    cursor = await connection.execute(
        "SELECT m.violation, m.signature_fault FROM case_violation m "
        "JOIN violation v ON v.id = m.violation WHERE m.signature_fault = 'unknown_key' "
        "AND EXISTS (SELECT 1 FROM device_key k "
        "WHERE (k.city, k.site, k.device) = (v.city, v.site, v.device)) LIMIT %s",
        (limit,),
    )
    return [(row[0], row[1]) for row in await cursor.fetchall()]


async def violations_of_device(
    connection: Connection, path: DevicePath, after: UUID, limit: int
) -> list[tuple[UUID, str | None]]:
    """Violations of a device that belong to a case, by id, a page at a time; and their verdicts."""
    cursor = await connection.execute(
        "SELECT m.violation, m.signature_fault FROM case_violation m "
        "JOIN violation v ON v.id = m.violation "
        "WHERE (v.city, v.site, v.device) = (%s, %s, %s) AND m.violation > %s "
        "ORDER BY m.violation LIMIT %s",
        (*path, after, limit),
    )
    return [(row[0], row[1]) for row in await cursor.fetchall()]


async def judge_violation(connection: Connection, violation: UUID, fault: str | None) -> None:
    """Write down a new verdict on an event's signature."""
    await connection.execute(
        "UPDATE case_violation SET signature_fault = %s WHERE violation = %s", (fault, violation)
    )
