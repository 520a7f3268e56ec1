"""What the review says of the rules, the cameras and the reviewers."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from console.agreement import agreement
from console.context import Ctx
from console.render import page
from ioc.intervals import wilson
from store import review_figures as table

router = APIRouter(include_in_schema=False)


@router.get("/figures")
async def figures(
    request: Request, context: Ctx, days: Annotated[int, Query(ge=1, le=3650)] = 30
) -> Response:
    """Reject rates with their intervals, reasons, agreement."""
    since = context.clock() - timedelta(days=days)
    async with context.pool.connection() as connection:
        rules = await table.by_rule(connection, since)
        cameras = await table.by_camera(connection, since)
        reasons = await table.reasons(connection, since)
        pairs = await table.pairs(connection, since)
        people = await table.by_person(connection, since)
    blind = [(first, second) for stage, first, second in pairs if stage == "blind"]
    return page(
        request,
        "figures.html",
        days=days,
        rules=[(one, wilson(one.rejected, one.decided)) for one in rules],
        cameras=[(one, wilson(one.rejected, one.decided)) for one in cameras],
        reasons=reasons,
        agreed=agreement((first, second) for _, first, second in pairs),
        blind_all=len(blind),
        blind_same=sum(first == second for first, second in blind),
        people=people,
    )
