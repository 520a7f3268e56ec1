"""Decided cases for the traffic command centre and the province's data-sharing platform."""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import sha256
from typing import Annotated, Final

from fastapi import Header, Path, Query
from starlette.responses import Response

from console.api.case import Case, CasePage, case_of, line_of
from console.api.common import (
    NONE_SUCH,
    City,
    Since,
    Site,
    Until,
    actor_of,
    program_router,
    scope_of,
)
from console.api.cursor import Cursor, cursor_of, place_of
from console.auth.guard import Program
from console.context import Ctx
from console.errors import ProblemError
from ioc.law import catalogue
from store import audit, handover
from store.handover import Outcome, Place

router = program_router("cases")

SETTLED: Final = timedelta(seconds=60)
"""A decision is dated at its begin and seen at its commit. A list that ran ahead of a slow commit
would leave that case out for ever; no transaction lives this long (statements end after 30 s)."""

MOST_CASES: Final = 200
MOST_TAG: Final = 1000

State = Annotated[
    Outcome, Query(description="Rejected cases are told without the plate, and only if asked for.")
]


@router.get("/cases")
async def list_cases(
    context: Ctx,
    program: Program,
    state: State = "confirmed",
    since: Since = None,
    until: Until = None,
    city: City = None,
    site: Site = None,
    cursor: Cursor | None = None,
    limit: Annotated[int, Query(ge=1, le=MOST_CASES)] = 50,
) -> CasePage:
    """List decided cases in the order of their decisions, a minute after each at the latest.

    `since` and `until` speak of the time of the decision.
    """
    settled = context.clock() - SETTLED
    before = settled if until is None else min(until, settled)
    async with context.pool.connection() as connection, connection.transaction():
        found = await handover.decided_cases(
            connection,
            scope_of(program),
            state=state,
            before=before,
            since=since,
            after=None if cursor is None else place_of(cursor),
            city=city,
            site=site,
            limit=limit + 1,
        )
        told = found[:limit]
        await audit.append(
            *(connection, actor_of(program), "cases.listed", "cases"),
            state=state,
            since=_text(since),
            until=_text(until),
            city=city,
            site=site,
            cases=[case.number for case in told],
        )
    last = cursor if not told else cursor_of(Place(told[-1].decided, told[-1].id))
    return CasePage(cases=[line_of(case) for case in told], cursor=last, more=len(found) > limit)


@router.get(
    "/cases/{number}",
    response_model=Case,
    responses={
        **NONE_SUCH,
        200: {"headers": {"ETag": {"schema": {"type": "string"}}}},
        304: {"description": "As it was when the tag in If-None-Match was given."},
    },
)
async def one_case(
    context: Ctx,
    program: Program,
    number: Annotated[int, Path(ge=1, le=2**63 - 1)],
    state: State = "confirmed",
    if_none_match: Annotated[str | None, Header(max_length=MOST_TAG)] = None,
) -> Response:
    """Fetch one decided case. Each fetch is written into the audit."""
    async with context.pool.connection() as connection, connection.transaction():
        case = await handover.decided_case(connection, scope_of(program), number, state)
        if case is None:
            raise ProblemError(404, "handover_none", number=number)
        acts = await handover.acts_of(connection, case.id)
        verdicts = await handover.verdicts_of(connection, case.id)
        digests = [one["sha256"] for act in acts for one in act.evidence]
        held = await handover.held_of(connection, digests)
        answer = case_of(case, acts, verdicts, held, context.settings, catalogue())
        body = answer.model_dump_json().encode()
        tag = f'"{sha256(body).hexdigest()[:32]}"'
        known = _matches(if_none_match, tag)
        await audit.append(
            *(connection, actor_of(program), "case.handed_over", f"case:{number}"),
            state=state,
            unchanged=known,
        )
    if known:
        return Response(status_code=304, headers={"ETag": tag})
    return Response(body, media_type="application/json", headers={"ETag": tag})


def _matches(given: str | None, tag: str) -> bool:
    """Whether one of the tags in If-None-Match is this one; weak ones count (RFC 9110, 13.1.2)."""
    tags = [one.strip().removeprefix("W/") for one in (given or "").split(",")]
    return tag in tags or tags == ["*"]


def _text(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
