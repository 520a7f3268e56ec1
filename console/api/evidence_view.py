"""What people see of evidence: viewing copies, in parts as players want them. Never an original."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from starlette.responses import Response, StreamingResponse

from console.api.evidence import Sha256
from console.auth.guard import Visitor, Who
from console.byte_ranges import Span, UnsatisfiableError, is_known, span_of, wanted
from console.context import Context, Ctx
from console.errors import ProblemError
from console.viewing import FailedError, NotReadyError
from console.views import SUFFIX, NoViewError, View, file_in, view_of
from store import audit, evidence

router = APIRouter(include_in_schema=False)

BLOCK: Final = 256 * 1024
WAIT_S: Final = 2.0
"""A still is made in less; a clip takes longer, and its page comes again."""

SOON: Final = "2"
LATER: Final = "30"
TOUCH_AFTER_S: Final = 86_400.0

_TYPE_OF: Final = {suffix: media_type for media_type, suffix in SUFFIX.items()}


@router.api_route("/evidence/{sha256}/view", methods=["GET", "HEAD"])
async def view_file(
    request: Request,
    context: Ctx,
    who: Who,
    sha256: Sha256,
    case: Annotated[int, Query(ge=1, le=2**53)],
) -> Response:
    """The viewing copy of a file, as a part of the case that it is looked at in."""
    view = await _find(context, sha256, case)
    await _log(context, who, case)
    try:
        path = await context.views.get(context, view, WAIT_S)
    except NotReadyError as error:
        raise ProblemError(202, str(error), {"Retry-After": SOON}) from None
    except FailedError as error:
        raise ProblemError(422, error.text, None, why=error.why) from None
    return await _answer(request, path)


async def _find(context: Context, sha256: str, number: int) -> View:
    """Which copy it is.

    Raises:
        ProblemError: There is none, or not yet.
    """
    async with context.pool.connection() as connection:
        found = await evidence.case_of(connection, number)
        if found is None:
            raise ProblemError(404, "view_unknown")
        case, expunged = found
        if expunged:
            raise ProblemError(410, "view_expunged")
        sets = await evidence.sets_of_case(connection, case)
    named = file_in(sets, sha256)
    if named is None:
        raise ProblemError(404, "view_unknown")
    try:
        return view_of(*named)
    except NoViewError as error:
        status = 410 if str(error) == "view_expunged" else 404
        headers = {"Retry-After": LATER} if str(error) == "view_not_received" else {}
        raise ProblemError(status, str(error), headers) from None


async def _log(context: Context, who: Visitor, number: int) -> None:
    if not context.seen_cases.is_new(who.login, number, time.monotonic()):
        return
    async with context.pool.connection() as connection, connection.transaction():
        await audit.append(connection, who.actor, "evidence.viewed", f"case:{number}")


async def _answer(request: Request, path: Path) -> Response:
    try:
        state = await asyncio.to_thread(path.stat)
    except FileNotFoundError:  # swept a moment ago
        raise ProblemError(202, "view_making", {"Retry-After": SOON}) from None
    if time.time() - state.st_mtime > TOUCH_AFTER_S:
        await asyncio.to_thread(os.utime, path)
    etag = f'"{path.stem}-{state.st_size:x}"'
    headers = {"Accept-Ranges": "bytes", "ETag": etag, "Content-Type": _TYPE_OF[path.suffix]}
    if is_known(request.headers.get("if-none-match"), etag):
        return Response(status_code=304, headers={"ETag": etag})
    asked = wanted(request.headers.get("range"), request.headers.get("if-range"), etag)
    try:
        span = span_of(asked, state.st_size)
    except UnsatisfiableError:
        return Response(status_code=416, headers={"Content-Range": f"bytes */{state.st_size}"})
    status = 200 if span is None else 206
    if span is None:
        span = Span(0, state.st_size)
    else:
        headers["Content-Range"] = f"bytes {span.start}-{span.end - 1}/{state.st_size}"
    headers["Content-Length"] = str(span.end - span.start)
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers)
    return StreamingResponse(_bytes(path, span), status, headers)


async def _bytes(path: Path, span: Span) -> AsyncIterator[bytes]:
    file = await asyncio.to_thread(path.open, "rb")
    try:
        await asyncio.to_thread(file.seek, span.start)
        left = span.end - span.start
        while left and (data := await asyncio.to_thread(file.read, min(BLOCK, left))):
            left -= len(data)
            yield data
    finally:
        file.close()
