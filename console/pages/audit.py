"""The auditor's page: who did what, whether the chain is whole, its signed roots, downloads."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import Response, StreamingResponse

from console import audit_check
from console.auth.guard import Visitor, Who
from console.context import Context, Ctx
from console.errors import ProblemError
from console.render import page
from store import audit, roots
from store.audit import Filter
from store.chain import Line, spelt, text_of

router = APIRouter(include_in_schema=False)

SHOWN: Final = 100
ROOTS_SHOWN: Final = 31
BATCH: Final = 2000
STALE: Final = timedelta(minutes=20)
"""A check that is older is not the newest any more: they come every five minutes."""

_BOM: Final = b"\xef\xbb\xbf"
_COLUMNS: Final = ("seq", "at", "actor", "action", "subject", "detail", "hash")
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")

_FIRST_DAY, _LAST_DAY = date(2020, 1, 1), date(2999, 12, 31)

Words = Annotated[str, Query(max_length=200, pattern=r"^[^\x00-\x1f]*$")]
Day = Annotated[str, Query(pattern=r"^$|^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
Seq = Annotated[int | None, Query(ge=0, le=2**63 - 1)]


@dataclass(frozen=True, slots=True)
class Asked:
    """The lines that somebody asks for, as typed."""

    actor: str
    action: str
    subject: str
    day: str

    def filter(self) -> Filter:
        """The same for the database.

        Raises:
            ProblemError: There is no such day.
        """
        try:
            wanted = date.fromisoformat(self.day) if self.day else None
        except ValueError:
            raise ProblemError(422, "audit_day", day=self.day) from None
        if wanted is not None and not _FIRST_DAY <= wanted <= _LAST_DAY:
            raise ProblemError(422, "audit_day", day=self.day)
        return Filter(
            actor=self.actor.strip() or None,
            action=self.action.strip() or None,
            subject=self.subject.strip() or None,
            day=wanted,
        )


def _asked(actor: Words = "", action: Words = "", subject: Words = "", day: Day = "") -> Asked:
    return Asked(actor, action, subject, day)


Lines = Annotated[Asked, Depends(_asked)]


async def _download_of(
    context: Ctx, who: Who, request: Request, asked: Lines, first: Seq = None, last: Seq = None
) -> Filter:
    """What a download gives, with an end that does not move while it runs; it is noted."""
    async with context.pool.connection() as connection:
        end = await audit.head(connection)
    last = end.seq if last is None else min(last, end.seq)
    wanted = replace(asked.filter(), first=first, last=last)
    form = request.url.path.rpartition(".")[2]
    await _note(context, who, "audit.exported", wanted, form=form)
    return wanted


Wanted = Annotated[Filter, Depends(_download_of)]


@router.get("/audit")
async def lines(
    request: Request,
    context: Ctx,
    who: Who,
    asked: Lines,
    before: Seq = None,
) -> Response:
    """Lines, newest first; looking at them is a line too."""
    wanted = asked.filter()
    async with context.pool.connection() as connection:
        found = await audit.newest(connection, wanted, before=before, most=SHOWN + 1)
        end = await audit.head(connection)
        signed = await roots.roots(connection, newest=ROOTS_SHOWN)
    await _note(context, who, "audit.viewed", wanted, before=before)
    more = len(found) > SHOWN
    found = found[:SHOWN]
    checked = audit_check.read(context.settings.work_dir / audit_check.FILE)
    return page(
        request,
        "audit.html",
        asked=asdict(asked),
        query=_query(asdict(asked)),
        rows=[(line, _told(line.detail)) for line in found],
        older=_query({**asdict(asked), "before": found[-1].seq}) if more else None,
        before=before,
        end=end,
        checked=checked,
        stale=checked is not None and context.clock() - checked.at > STALE,
        roots=signed[::-1],
        key=context.vault.signing.id,
    )


@router.get("/audit/roots/{day}")
async def root_file(context: Ctx, who: Who, day: Annotated[date, Path()]) -> Response:
    """A signed root, to be kept where nobody of this house can change it."""
    async with context.pool.connection() as connection:
        root = await roots.root_of(connection, day)
    if root is None:
        raise ProblemError(404, "audit_no_root")
    await _note(context, who, "audit.exported", Filter(), root=day.isoformat())
    name = f'attachment; filename="audit-root-{root.name}"'
    return Response(root.file(), 200, {"Content-Disposition": name}, "application/json")


@router.get("/audit/lines.jsonl")
async def lines_jsonl(context: Ctx, wanted: Wanted) -> Response:
    """Lines with their hashes, oldest first, one JSON object a line: as exports have them."""

    async def whole() -> AsyncIterator[bytes]:
        async for batch in _batches(context, wanted):
            yield b"".join(spelt(line) + b"\n" for line in batch)

    return _download(whole(), "audit.jsonl", "application/x-ndjson")


@router.get("/audit/lines.csv")
async def lines_csv(context: Ctx, wanted: Wanted) -> Response:
    """The same as a table."""

    async def whole() -> AsyncIterator[bytes]:
        yield _BOM + _csv([_COLUMNS])
        async for batch in _batches(context, wanted):
            yield _csv(_row(line) for line in batch)

    return _download(whole(), "audit.csv", "text/csv; charset=utf-8")


async def _batches(context: Context, wanted: Filter) -> AsyncIterator[list[Line]]:
    after: int | None = None
    while True:
        async with context.pool.connection() as connection:
            batch = await audit.oldest(connection, wanted, after=after, most=BATCH)
        if batch:
            yield batch
        if len(batch) < BATCH:
            return
        after = batch[-1].seq


async def _note(
    context: Context, who: Visitor, action: str, wanted: Filter, **more: object
) -> None:
    told = {**asdict(wanted), **more}
    detail = {name: str(value) for name, value in told.items() if value not in (None, "")}
    async with context.pool.connection() as connection, connection.transaction():
        await audit.append(connection, who.actor, action, "audit", **detail)


def _query(values: Mapping[str, object]) -> str:
    return urlencode({name: value for name, value in values.items() if value not in (None, "")})


def _told(detail: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        (name, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
        for name, value in detail.items()
    ]


def _row(line: Line) -> tuple[object, ...]:
    detail = json.dumps(line.detail, ensure_ascii=False)
    return (
        *(line.seq, text_of(line.at), line.actor, line.action, line.subject),
        *(detail, line.hash.hex()),
    )


def _csv(rows: Iterable[tuple[object, ...]]) -> bytes:
    """Rows as a spreadsheet opens them; nothing that somebody typed becomes a formula."""
    text = io.StringIO()
    writer = csv.writer(text)
    for row in rows:
        cells = [str(cell) for cell in row]
        writer.writerow(["'" + cell if cell.startswith(_FORMULA) else cell for cell in cells])
    return text.getvalue().encode()


def _download(body: AsyncIterator[bytes], name: str, kind: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(body, 200, headers, kind)
