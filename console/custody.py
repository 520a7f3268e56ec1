"""The chain of custody: every original read again and held against all that was written of it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import obstore
from obstore.exceptions import BaseError
from obstore.store import ObjectStore

from console import audit_roots
from console.intake import manifest_in
from console.keeping import DamagedError, StorageError, read
from console.originals import place_of
from console.signatures import manifest_fault
from ioc.identity import key_id
from ioc.manifest import MAX_BYTES
from store import device_keys, evidence_files
from store.evidence_files import EvidenceRow, SetRow
from store.people import Connection

PAGE: Final = 500

UNDER_WAY: Final = timedelta(days=1)
"""A file lies in the store before it is in the database; its sender comes again within this."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it was.

    Attributes:
        sha256: The file.
        what: What is wrong with it.
    """

    sha256: str
    what: str

    def __str__(self) -> str:
        return f"{self.sha256}: {self.what}"


@dataclass(slots=True)
class Custody:
    """What a check of all evidence found.

    Attributes:
        files: Files that were read.
        bytes: Of them all.
        sets: Manifests among them.
        findings: What is wrong, in the order of the digests.
    """

    files: int = 0
    bytes: int = 0
    sets: int = 0
    findings: list[Finding] = field(default_factory=list)


async def verify_file(store: ObjectStore, row: EvidenceRow) -> tuple[str | None, bytes | None]:
    """Read an original again.

    Args:
        store: Of originals.
        row: What the database says of it.

    Returns:
        What is wrong, None for nothing; and its bytes, where it may be a manifest.

    Raises:
        StorageError: The store cannot be reached: nothing is known then.
    """
    size, kept = 0, bytearray()
    try:
        async for piece in read(store, row.sha256):
            size += len(piece)
            if row.bytes <= MAX_BYTES and len(kept) <= MAX_BYTES:
                kept += piece
    except DamagedError as error:
        return str(error).partition(": ")[2], None
    if size != row.bytes:
        return f"has {size} bytes, the database says {row.bytes}", None
    return None, bytes(kept) if row.bytes <= MAX_BYTES else None


def verify_set(
    row: SetRow | None, data: bytes | None, key: device_keys.EnrolledKey | None
) -> str | None:
    """Compare what the database says of a manifest with the manifest itself.

    Args:
        row: The database's words; None when it takes the file for no manifest.
        data: The file, its digest checked; None when it was too large for one.
        key: What is known of the key that signed it.

    Returns:
        What is wrong; None for nothing.
    """
    found = None if data is None else manifest_in(data)
    if row is None:
        return None if found is None else "is a manifest, and the database has none"
    if found is None:
        return "is no manifest, and the database has one"
    said = found.signed.manifest
    told: dict[str, tuple[Any, Any]] = {
        "device": ((row.city, row.site, row.device), tuple(found.path)),
        "rule": (row.rule, said.rule),
        "act_time": (row.act_time, said.act_time),
        "key": (row.key, key_id(found.signed.public)),
        "content": (row.content, _decoded(found.content)),
        "fault": (row.fault, manifest_fault(found.path, said.act_time, key)),
    }
    wrong = [name for name, (database, file) in told.items() if database != file]
    return f"the database says otherwise: {', '.join(wrong)}" if wrong else None


async def verify_all(connection: Connection, store: ObjectStore) -> Custody:
    """Read all originals again; any flipped bit, missing file and changed row is found.

    Takes as long as reading everything does: 250 MB a second of a slow core, or the line to S3.

    Args:
        connection: Not in a transaction; it is let go of between pages.
        store: Of originals.

    Raises:
        StorageError: The store cannot be reached.
    """
    custody = Custody()
    after = ""
    while page := await evidence_files.files_page(connection, after, PAGE):
        after = page[-1].sha256
        digests = [row.sha256 for row in page]
        sets = await evidence_files.sets_of(connection, digests)
        publics = [_public(row) for row in sets.values()]
        keys = await device_keys.keys_by_public(connection, publics)
        listed = {one.manifest: _listed(one) for one in sets.values()}
        arrived = await evidence_files.files_of(connection, list(set().union(*listed.values())))
        silent = await evidence_files.without_audit(connection, digests)
        await connection.commit()
        for row in page:
            stored = sets.get(row.sha256)
            what = await _one(custody, store, row, stored, keys)
            found = [] if what is None else [what]
            found += [
                f"its file {sha256} has never arrived"
                for sha256 in sorted(listed.get(row.sha256, set()) - arrived.keys())
            ]
            if row.sha256 in silent:
                found.append("is in the database, and the audit does not say that it came")
            custody.findings += [Finding(row.sha256, one) for one in found]
    custody.findings += [
        Finding(sha256, "came, as the audit says, and is not in the database")
        for sha256 in await evidence_files.audited_only(connection)
    ]
    await connection.commit()
    custody.findings += [one async for one in _strangers(connection, store)]
    custody.findings.sort(key=lambda one: (one.sha256, one.what))
    return custody


async def _one(
    custody: Custody,
    store: ObjectStore,
    row: EvidenceRow,
    stored: SetRow | None,
    keys: dict[bytes, device_keys.EnrolledKey],
) -> str | None:
    if row.deleted is not None:
        return None  # that its bytes are gone is seen below
    what, data = await verify_file(store, row)
    custody.files += 1
    custody.bytes += row.bytes
    if stored is not None:
        custody.sets += 1
    if what is not None:
        return what
    return verify_set(stored, data, None if stored is None else keys.get(_public(stored)))


async def _strangers(connection: Connection, store: ObjectStore) -> AsyncIterator[Finding]:
    """Files in the store that nothing is known of, or that were to be removed."""
    try:
        async for page in obstore.list(store, chunk_size=PAGE):
            names = [str(one["path"]) for one in page]
            rows = await evidence_files.files_of(connection, [n.rpartition("/")[2] for n in names])
            await connection.commit()
            now = datetime.now(UTC)
            for name, changed in zip(names, (one["last_modified"] for one in page), strict=True):
                if name.startswith(audit_roots.PREFIX):
                    continue  # the audit's signed roots lie there too
                sha256 = name.rpartition("/")[2]
                row = rows.get(sha256)
                if row is None and now - changed < UNDER_WAY:
                    continue
                if row is None or place_of(sha256) != name:
                    yield Finding(sha256, f"{name} is in the store, and nobody has sent it")
                elif row.deleted is not None:
                    yield Finding(sha256, "was deleted, and is still in the store")
    except BaseError as error:
        raise StorageError(" ".join(str(error).split())) from None


def _public(row: SetRow) -> bytes:
    try:
        return bytes.fromhex(row.content["key"])
    except (KeyError, TypeError, ValueError):
        return b""


def _listed(row: SetRow) -> set[str]:
    try:
        return {file.sha256 for file in evidence_files.manifest_of(row.content).files}
    except ValueError:
        return set()


def _decoded(content: str) -> Any:
    return json.loads(content)
