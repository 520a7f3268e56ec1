"""From a file that has arrived whole to evidence: stored, entered, judged, logged."""

from __future__ import annotations

import asyncio
from typing import Final, NamedTuple

from console.context import Context
from console.keeping import keep
from console.partial_files import PartialFile
from console.signatures import manifest_fault
from ioc.manifest import MAX_BYTES, ManifestError, SignedManifest, read_manifest
from ioc.topics import DevicePath, TopicError, parse_key
from store import audit, device_keys, evidence_files
from store.people import Connection, Credential

MANIFEST_BEGINS: Final = b'{"key":"'
"""Canonical JSON has its keys sorted: every manifest begins so."""


class ForeignError(Exception):
    """A manifest speaks of a device that its sender may not send for."""


class Arrived(NamedTuple):
    """A manifest among the files.

    Attributes:
        signed: What it says, its signature checked against its own key.
        path: The device that it names.
        content: The file as it came.
    """

    signed: SignedManifest
    path: DevicePath
    content: str


def reaches(program: Credential, path: DevicePath) -> bool:
    """Whether a program may send for a device."""
    limits = (program.city, program.site, program.device)
    return program.city is not None and all(
        limit is None or limit == part for limit, part in zip(limits, path, strict=True)
    )


def sender_of(program: Credential) -> str:
    """A program that sends evidence, as the audit names it."""
    limits = (program.city, program.site, program.device)
    return "device:/" + "/".join(part for part in limits if part is not None)


def manifest_in(data: bytes) -> Arrived | None:
    """A file as a manifest, if it is one.

    What is none is evidence like any other file; that a set lacks its manifest is told where the
    set is looked at.
    """
    # PostgreSQL's JSON cannot hold the character NUL, and no name or reason of ours has it.
    if not data.startswith(MANIFEST_BEGINS) or b"\\u0000" in data:
        return None
    try:
        signed = read_manifest(data)
        path = parse_key(signed.manifest.source.removeprefix("/"))
    except (ManifestError, TopicError):
        return None
    return Arrived(signed, path, data.decode()) if path.source == signed.manifest.source else None


async def take_in(
    context: Context, program: Credential, sha256: str, media_type: str, partial: PartialFile
) -> None:
    """Make a file evidence whose digest was checked. A kill at any moment leaves it to be sent.

    Args:
        context: Of the console.
        program: Who sent it.
        sha256: Its digest.
        media_type: As the sender states it.
        partial: The file, whole.

    Raises:
        ForeignError: It is a manifest of a device that this sender may not send for.
        StorageError: The store of originals refuses.
    """
    size = partial.held
    found: Arrived | None = None
    if size <= MAX_BYTES:
        found = await asyncio.to_thread(lambda: manifest_in(partial.head(size)))
    if found is not None and not reaches(program, found.path):
        raise ForeignError(found.path.source)
    await keep(context.originals, sha256, partial.path)
    async with context.pool.connection() as connection, connection.transaction():
        new = await evidence_files.add_file(
            connection,
            sha256=sha256,
            bytes=size,
            media_type=media_type,
            city=program.city or "",
            site=program.site or (found.path.site if found else ""),
            device=program.device or (found.path.device if found else ""),
            now=context.clock(),
        )
        if new:
            detail = {} if found is None else await _enter_set(context, connection, sha256, found)
            await audit.append(
                *(connection, sender_of(program), "evidence.received", f"evidence:{sha256}"),
                bytes=size,
                media_type=media_type,
                credential=program.name,
                **detail,
            )


async def _enter_set(
    context: Context, connection: Connection, sha256: str, found: Arrived
) -> dict[str, str | None]:
    said = found.signed.manifest
    key = await device_keys.key_of(connection, found.signed.public)
    fault = manifest_fault(found.path, said.act_time, key)
    await evidence_files.add_set(
        connection,
        manifest=sha256,
        signed=found.signed,
        path=found.path,
        fault=fault,
        content=found.content,
        now=context.clock(),
    )
    return {"rule": said.rule, "source": said.source, "fault": fault}
