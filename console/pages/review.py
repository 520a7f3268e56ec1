"""The queue and the page of a case."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Final, Literal, get_args

from fastapi import APIRouter, Form, Path, Query, Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from console import review
from console.auth.guard import Visitor, Who
from console.cases import (
    REASONS,
    WAITING,
    Decision,
    DecisionError,
    Reason,
    Verdict,
    masked,
    plate_of,
)
from console.context import Context, Ctx
from console.dossier import Dossier, load, time_left
from console.errors import ProblemError
from console.render import page
from ioc.events import Rule
from store import audit, case_file, cases

router = APIRouter(include_in_schema=False)

SHOWN: Final = 60
LISTS: Final = {
    "waiting": tuple(sorted(WAITING)),
    "disputed": ("disputed",),
    "needs_more": ("needs_more",),
    "decided": ("confirmed", "rejected"),
}
Number = Annotated[int, Path(ge=1, le=2**53)]
Words = Annotated[str, Form(max_length=2000)]


@router.get("/queue")
async def queue(
    request: Request,
    context: Ctx,
    who: Who,
    state: Literal["waiting", "disputed", "needs_more", "decided"] = "waiting",
    site: Annotated[str, Query(max_length=130, pattern=r"^$|^[a-z0-9_-]+/[a-z0-9_-]+$")] = "",
    rule: Annotated[str, Query(max_length=40, pattern=r"^[a-z_]*$")] = "",
) -> Response:
    """Open cases, the most urgent first; plates are masked until a case is opened."""
    now = context.clock()
    async with context.pool.connection() as connection:
        rows = await cases.queue(
            connection,
            who.id,
            now=now,
            states=LISTS[state],
            site=site or None,
            rule=rule or None,
            limit=SHOWN,
        )
        counted = await cases.counts(connection, who.id, now)
        places = await case_file.places(connection)
    waiting = sum(counted.get(one, 0) for one in WAITING)
    tiles = [("waiting", waiting), ("late", counted["late"]), ("mine", counted["mine"])]
    tiles[1:1] = [(one, counted.get(one, 0)) for one in ("disputed", "needs_more")]
    shown = []
    for row in rows:
        late, left = time_left(row.deadline, now, who.language)
        done = row.state in LISTS["decided"]
        shown.append(
            {
                "row": row,
                "late": late and not done,
                "left": "" if done else left,
                "plate": masked(row.plate),
                "state": "waiting" if row.state in WAITING else row.state,
            }
        )
    return page(
        request,
        "queue.html",
        rows=shown,
        tiles=tiles,
        states=tuple(LISTS),
        state=state,
        places=places,
        site=site,
        rules=get_args(Rule),
        rule=rule,
        limit=SHOWN,
        may_review=who.role in ("reviewer", "supervisor"),
    )


@router.post("/cases/next")
async def open_next(request: Request, context: Ctx, who: Who) -> Response:
    """Reserve the most urgent case and go there."""
    number = await _next(context, who, None)
    return RedirectResponse("/queue" if number is None else f"/cases/{number}", 303)


@router.post("/cases/take")
async def take_ahead(
    context: Ctx, who: Who, after: Annotated[int, Form(ge=0, le=2**53)] = 0
) -> JSONResponse:
    """Reserve the case after the one that is open: ``{"number": 12}``, or null."""
    return JSONResponse({"number": await _next(context, who, after or None)})


@router.post("/cases/release")
async def release(
    context: Ctx, who: Who, number: Annotated[int, Form(ge=0, le=2**53)] = 0
) -> JSONResponse:
    """Let go of one case, or of all that this person has."""
    async with context.pool.connection() as connection:
        count = await cases.release(connection, who.id, number or None)
    return JSONResponse({"released": count})


@router.get("/cases/{number}")
async def case_page(request: Request, context: Ctx, who: Who, number: Number) -> Response:
    """A case; to look is logged."""
    file = await _file(context, who, number, ahead=False)
    return page(request, "case.html", file=file, reasons=REASONS)


@router.get("/cases/{number}/body")
async def case_body(
    request: Request, context: Ctx, who: Who, number: Number, ahead: bool = False
) -> Response:
    """The changing part of the page, to be there before it is wanted."""
    return page(request, "case_body.html", file=await _file(context, who, number, ahead=ahead))


@router.post("/cases/{number}/view")
async def viewed(context: Ctx, who: Who, number: Number) -> JSONResponse:
    """A case that was fetched ahead is shown now."""
    await review.note_view(context, who, number)
    return JSONResponse({"viewed": number})


@router.post("/cases/{number}/keep")
async def keep(context: Ctx, who: Who, number: Number) -> JSONResponse:
    """The case is still looked at: it stays reserved."""
    now = context.clock()
    until = now + timedelta(minutes=context.settings.lock_minutes)
    async with context.pool.connection() as connection:
        case = await cases.find_case(connection, number)
        kept = case is not None and case.locked_by == who.id
        if kept:
            kept = await cases.take(connection, number, who.id, now, until)
    return JSONResponse({"kept": kept})


@router.post("/cases/{number}/decision")
async def decide(
    context: Ctx,
    who: Who,
    number: Number,
    verdict: Annotated[Verdict, Form()],
    reason: Annotated[Reason | Literal[""], Form()] = "",
    note: Words = "",
    plate: Annotated[str, Form(max_length=40)] = "",
    seconds: Annotated[float, Form(ge=0, le=86_400)] = 0,
) -> JSONResponse:
    """Say what the case is."""
    try:
        seen = plate_of(plate)
    except DecisionError as error:
        raise ProblemError(422, str(error)) from None
    decision = Decision(verdict, reason or None, note, seen)
    await review.decide(context, who, number, decision, seconds or None)
    return JSONResponse({"decided": number, "verdict": verdict})


@router.post("/cases/{number}/note")
async def note(context: Ctx, who: Who, number: Number, text: Words) -> JSONResponse:
    """Add a remark."""
    await review.write_note(context, who, number, text)
    return JSONResponse({"noted": number})


@router.post("/cases/{number}/reopen")
async def reopen(context: Ctx, who: Who, number: Number, why: Words) -> JSONResponse:
    """Let a case that needed more come back to the queue."""
    await review.reopen(context, who, number, why)
    return JSONResponse({"reopened": number})


async def _next(context: Context, who: Visitor, after: int | None) -> int | None:
    now = context.clock()
    until = now + timedelta(minutes=context.settings.lock_minutes)
    async with context.pool.connection() as connection, connection.transaction():
        number = await cases.take_next(connection, who.id, now, until, after)
        if number is not None:
            await audit.append(connection, who.actor, "case.taken", f"case:{number}")
    return number


async def _file(context: Context, who: Visitor, number: int, *, ahead: bool) -> Dossier:
    opened = await review.open_case(context, who, number, ahead=ahead)
    async with context.pool.connection() as connection:
        return await load(connection, context, who, opened)
