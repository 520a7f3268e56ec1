"""Evidence that devices send: HEAD tells how much is held, PUT goes on there (docs/evidence.md)."""

from __future__ import annotations

import asyncio
import errno
from typing import Annotated, Final

from fastapi import APIRouter, Path, Request
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from console.auth.guard import Program
from console.context import Context, Ctx
from console.errors import ProblemError
from console.intake import ForeignError, sender_of, take_in
from console.keeping import StorageError
from console.partial_files import PartialFile
from console.upload_headers import HeaderError, Part, check_digest, media_type_of, part_of
from ioc.telemetry import logger
from store import evidence_files
from store.people import Credential

router = APIRouter(include_in_schema=False)

BLOCK: Final = 2**20
"""Bytes are written in pieces of this size, one while the next arrives."""

IDLE_S: Final = 30.0
"""A sender that is silent for so long is gone: half-open connections would hold its files."""

RETRY_S: Final = "5"
MIB: Final = 2**20

Sha256 = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$", min_length=64, max_length=64)]

_log = logger("console.evidence")


@router.head("/evidence/{sha256}")
async def ask(context: Ctx, program: Program, sha256: Sha256) -> Response:
    """How much of a file is held."""
    async with context.pool.connection() as connection:
        row = await evidence_files.file_of(connection, sha256)
    if row is not None:
        return _whole(row.bytes, 200)
    held = context.partial_files.held(program.id, sha256)
    return Response(status_code=200 if held else 404, headers=_offset(held))


@router.put("/evidence/{sha256}")
async def put(request: Request, context: Ctx, program: Program, sha256: Sha256) -> Response:
    """Take a file, or the rest of one."""
    headers = request.headers
    try:
        part = part_of(headers.get("content-range"), headers.get("content-length"))
        check_digest(headers.get("repr-digest"), sha256)
    except HeaderError as error:
        raise ProblemError(400, "upload_header", what=str(error)) from None
    most = int(context.settings.max_file_mb * MIB)
    if part.total > most:
        raise ProblemError(413, "upload_large", bytes=part.total, most=most)
    async with context.pool.connection() as connection:
        row = await evidence_files.file_of(connection, sha256)
    if row is not None:  # also when retention has removed it: what was deleted stays deleted
        return _whole(row.bytes, 200)
    _check_room(context, part)
    if context.partial_files.slots.locked():
        raise ProblemError(503, "upload_busy", _later())
    async with context.partial_files.slots:
        try:
            partial = await asyncio.to_thread(context.partial_files.open, program.id, sha256)
            if partial is None:
                raise ProblemError(423, "upload_locked", _later())
            try:
                return await _take(request, context, program, sha256, part, partial)
            finally:
                # Even of a request that is cancelled: the lock must go, and only after the thread
                # that writes has ended.
                await asyncio.shield(asyncio.to_thread(partial.close))
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise ProblemError(507, "upload_full", _later()) from None
            raise


async def _take(
    request: Request,
    context: Context,
    program: Credential,
    sha256: str,
    part: Part,
    partial: PartialFile,
) -> Response:
    if partial.held > part.total:  # no file of this name is that long
        partial.restart()
    if partial.held != part.start:
        raise ProblemError(
            409, "upload_offset", {**_offset(partial.held), **_closing(part)}, held=partial.held
        )
    await _receive(request, partial, part)
    if partial.held < part.total:
        return Response(status_code=202, headers=_offset(partial.held))
    if await asyncio.to_thread(partial.sha256) != sha256:
        partial.restart()
        _log.warning("evidence with another digest was refused", sha256=sha256, name=program.name)
        raise ProblemError(422, "upload_digest")
    media_type = media_type_of(request.headers.get("content-type"))
    try:
        await take_in(context, program, sha256, media_type, partial)
    except ForeignError as error:
        partial.restart()
        _log.warning("a manifest of another device was refused", sender=sender_of(program),
                     source=str(error), sha256=sha256)  # fmt: skip
        raise ProblemError(403, "upload_foreign", source=str(error)) from None
    except StorageError as error:
        _log.error("the store of originals refuses", error=str(error))
        raise ProblemError(503, "upload_store", _later()) from None
    size = partial.held
    partial.restart()
    return _whole(size, 201)


async def _receive(request: Request, partial: PartialFile, part: Part) -> None:
    """Write what comes to the end of the file, as far as it comes.

    Raises:
        ProblemError: More came than was said, or the sender fell silent.
    """
    writing: asyncio.Task[None] | None = None
    left = part.end - part.start
    block = bytearray()
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(IDLE_S) as idle:
            async for data in request.stream():
                idle.reschedule(loop.time() + IDLE_S)
                left -= len(data)
                if left < 0:
                    raise ProblemError(400, "upload_length")
                block += data
                if len(block) >= BLOCK:
                    if writing is not None:
                        await writing
                    writing = asyncio.create_task(asyncio.to_thread(partial.write, block))
                    block = bytearray()
    except ClientDisconnect:
        pass  # nobody hears the answer; what came is kept
    except TimeoutError:
        raise ProblemError(408, "upload_silent", {"Connection": "close"}) from None
    finally:
        # Two writes at once would mix; and what came counts, whatever ended the request.
        if writing is not None:
            await asyncio.shield(writing)
        if block and left >= 0:
            await asyncio.shield(asyncio.to_thread(partial.write, block))


def _check_room(context: Context, part: Part) -> None:
    """Leave room to others: the file lies on the disk twice for a moment.

    Raises:
        ProblemError: There is not enough.
    """
    need = part.total - part.start + part.total + int(context.settings.min_free_mb * MIB)
    if context.partial_files.free_bytes() < need:
        _log.warning("uploads are put off: the disk is nearly full")
        raise ProblemError(507, "upload_full", {**_later(), **_closing(part)})


def _whole(size: int, status: int) -> Response:
    return Response(status_code=status, headers={**_offset(size), "Upload-Complete": "?1"})


def _offset(held: int) -> dict[str, str]:
    return {"Upload-Offset": str(held)}


def _later() -> dict[str, str]:
    return {"Retry-After": RETRY_S}


def _closing(part: Part) -> dict[str, str]:
    """Spare the line the rest of a long body that nobody will read."""
    return {"Connection": "close"} if part.end - part.start > MIB else {}
