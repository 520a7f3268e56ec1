"""A case as a ZIP for others, and the hold that keeps a case from retention."""

from __future__ import annotations

import os
import shutil
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path as FilePath
from typing import Annotated, BinaryIO, Final, Literal
from uuid import UUID

from anyio import to_thread
from fastapi import APIRouter, Form, Path
from starlette.responses import RedirectResponse, Response, StreamingResponse

from console.auth.guard import Visitor, Who
from console.cases import WAITING
from console.context import Context, Ctx
from console.errors import ProblemError
from console.export import bundle
from console.export.bundle import Bundle
from console.export.contents import Contents, load
from console.keeping import StorageError
from ioc.ids import uuid7
from store import audit, cases, export, people, retention
from store.cases import CaseRow

router = APIRouter(include_in_schema=False)

MOST_AT_ONCE: Final = 2
"""Each takes a core and twice the size of its files on our disk."""

LITTER_S: Final = 3600
BLOCK: Final = 2**20
MIB: Final = 2**20
_slots = threading.BoundedSemaphore(MOST_AT_ONCE)

Number = Annotated[int, Path(ge=1, le=2**53)]
Why = Annotated[str, Form(max_length=500)]


@router.post("/cases/{number}/export")
async def export_case(context: Ctx, who: Who, number: Number, why: Why = "") -> Response:
    """Make the ZIP, write down who got it and why, and send it."""
    reason = _reason(why)
    case = await _case(context, number)
    if case.state in WAITING and who.role != "auditor":
        # Whoever may still speak about it must not read what others have said.
        raise ProblemError(409, "export_waiting")
    if case.expunged is not None:
        raise ProblemError(410, "export_expunged")
    if not _slots.acquire(blocking=False):
        raise ProblemError(503, "export_busy", {"Retry-After": "10"})
    try:
        opened, made = await _make(context, who, case, reason)
    finally:
        _slots.release()
    name = bundle.file_name(case.number, context.clock())
    digest = b64encode(bytes.fromhex(made.sha256)).decode()
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Content-Length": str(made.bytes),
        "Repr-Digest": f"sha-256=:{digest}:",
    }
    return StreamingResponse(_blocks(opened), 200, headers, "application/zip")


@router.post("/cases/{number}/hold")
async def hold(
    context: Ctx, who: Who, number: Number, do: Annotated[Literal["set", "lift"], Form()],
    why: Why = "",
) -> Response:  # fmt: skip
    """Keep a case from retention, or no longer."""
    reason = _reason(why)
    async with context.pool.connection() as connection, connection.transaction():
        case = await cases.lock_row(connection, number)
        if case is None:
            raise ProblemError(404, "error_404")
        if case.expunged is not None:
            raise ProblemError(410, "export_expunged")
        if (do == "set") == (case.hold is not None):
            raise ProblemError(409, "hold_set" if do == "set" else "hold_none")
        await retention.set_hold(connection, case.id, reason if do == "set" else None)
        action = "case.held" if do == "set" else "case.hold_lifted"
        await audit.append(connection, who.actor, action, case.subject, why=reason)
    return RedirectResponse(f"/cases/{number}", 303)


async def _make(context: Context, who: Visitor, case: CaseRow, why: str) -> tuple[BinaryIO, Bundle]:
    """The ZIP, open and without a name: it is gone as soon as nobody reads it any more."""
    now = context.clock()
    id = uuid7(now)
    async with context.pool.connection() as connection, connection.transaction():
        person = await people.person_by_id(connection, who.id)
        assert person is not None
        contents = await load(connection, case, person, id=id, why=why, now=now)
    folder = await to_thread.run_sync(_folder, context, contents, id)
    try:
        made = await bundle.make(context, contents, folder)
        opened = made.path.open("rb")
    except StorageError as error:
        raise ProblemError(503, "export_store", what=str(error)) from None
    except OSError as error:
        raise ProblemError(503, "export_store", what=error.strerror) from None
    finally:
        await to_thread.run_sync(lambda: shutil.rmtree(folder, ignore_errors=True))
    try:
        await _note(context, who, case, contents, made)
    except BaseException:
        opened.close()
        raise
    return opened, made


async def _note(
    context: Context, who: Visitor, case: CaseRow, contents: Contents, made: Bundle
) -> None:
    async with context.pool.connection() as connection, connection.transaction():
        await export.add_export(
            connection,
            id=contents.id,
            case=case.id,
            person=who.id,
            why=contents.why,
            sha256=made.sha256,
            bytes=made.bytes,
            now=contents.made,
        )
        for digest in made.damaged:
            await audit.append(
                *(connection, "system:export", "evidence.damaged", f"evidence:{digest}"),
                export=str(contents.id),
            )
        await audit.append(
            *(connection, who.actor, "case.exported", case.subject),
            why=contents.why,
            export=str(contents.id),
            sha256=made.sha256,
            bytes=made.bytes,
            missing=len(made.missing),
        )


def _folder(context: Context, contents: Contents, id: UUID) -> FilePath:
    """A new folder; what a kill has left of others is removed.

    Raises:
        ProblemError: There is no room.
    """
    whole = context.settings.work_dir / bundle.FOLDER
    try:
        whole.mkdir(parents=True, exist_ok=True, mode=0o700)
        for old in whole.iterdir():
            if time.time() - old.stat().st_mtime > LITTER_S:
                shutil.rmtree(old, ignore_errors=True)
        free = shutil.disk_usage(whole).free - context.settings.min_free_mb * MIB
        if free < bundle.needed_bytes(contents):
            raise ProblemError(507, "export_full")
        folder = whole / str(id)
        folder.mkdir(mode=0o700)
    except OSError as error:
        raise ProblemError(503, "export_store", what=os.strerror(error.errno or 0)) from None
    return folder


def _blocks(opened: BinaryIO) -> Iterator[bytes]:
    with opened:
        yield from iter(lambda: opened.read(BLOCK), b"")


def _reason(why: str) -> str:
    reason = " ".join(why.split())
    if not reason or not reason.isprintable():
        raise ProblemError(422, "why_missing")
    return reason


async def _case(context: Context, number: int) -> CaseRow:
    async with context.pool.connection() as connection:
        case = await cases.find_case(connection, number)
    if case is None:
        raise ProblemError(404, "error_404")
    return case
