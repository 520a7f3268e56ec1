"""Flow, readings and alerts for other cities' and the province's context brokers (NGSI-LD)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, NamedTuple
from urllib.parse import urlencode
from uuid import UUID

from fastapi import Query
from pydantic import TypeAdapter
from starlette.responses import JSONResponse, Response

from console.api.common import Since, Until, program_router, scope_of
from console.api.cursor import Cursor, cursor_of, place_of
from console.api.entities import (
    ALERTS,
    READINGS,
    AirQualityObserved,
    Alert,
    Entity,
    FloodMonitoring,
    Name,
    TrafficFlowObserved,
    WaterQualityObserved,
    WeatherObserved,
    alert_entity,
    flow_entity,
)
from console.auth.guard import Program
from console.context import Ctx
from ioc.clock import minute_of
from store import observations
from store.handover import Connection, Place, Scope
from store.observations import Observed

router = program_router("fiware")

MOST_ENTITIES: Final = 1000
ONE_PAGE: Final = timedelta(days=1)
"""Longest time that one answer goes through: it bounds the work of one request."""

BY_DEFAULT: Final = timedelta(hours=1)
_FIRST: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LAST: Final = datetime(9999, 1, 1, tzinfo=UTC)
_NIL: Final = UUID(int=0)

Entities = (
    list[TrafficFlowObserved]
    | list[AirQualityObserved]
    | list[FloodMonitoring]
    | list[WeatherObserved]
    | list[WaterQualityObserved]
    | list[Alert]
)
_encoder: Final = TypeAdapter(Sequence[Any])


class JsonLd(JSONResponse):
    """An answer in JSON-LD."""

    media_type = "application/ld+json"


class Span(NamedTuple):
    """A span of time.

    Attributes:
        since: Its begin, which belongs to it.
        until: Its end, which does not.
    """

    since: datetime
    until: datetime


def span_of(since: datetime | None, until: datetime | None, now: datetime) -> Span:
    """What is asked for: by default the last hour, or the hour before ``until``."""
    end = min(_LAST, max(_FIRST, now if until is None else until))
    if since is not None:
        return Span(min(_LAST, max(_FIRST, since)), end)
    return Span(end - BY_DEFAULT if end - _FIRST > BY_DEFAULT else _FIRST, end)


def page_of(asked: Span, after: Place | None) -> Span:
    """What one answer goes through: from where the last one ended, at most ``ONE_PAGE``."""
    begin = asked.since if after is None else max(asked.since, after.at)
    long = asked.until - begin > ONE_PAGE
    return Span(begin, begin + ONE_PAGE if long else asked.until)


@router.get(
    "/fiware/{type}",
    response_class=JsonLd,
    response_model=Entities,
    responses={
        200: {
            "headers": {
                "Link": {
                    "schema": {"type": "string"},
                    "description": 'Where to go on (rel="next"); missing at the end.',
                }
            }
        }
    },
)
async def entities(
    context: Ctx,
    program: Program,
    type: Name,
    since: Since = None,
    until: Until = None,
    cursor: Cursor | None = None,
    limit: Annotated[int, Query(ge=1, le=MOST_ENTITIES)] = 500,
) -> Response:
    """List entities of one type by time: by default those of the last hour.

    An answer goes through one day at most and may be empty; follow `Link` until it is missing.
    Minutes of flow are told when they are over; later they may change a little as late events
    come in, under the same id.
    """
    now = context.clock()
    asked = span_of(since, until, minute_of(now) if type == "TrafficFlowObserved" else now)
    if type == "TrafficFlowObserved":
        asked = asked._replace(until=min(asked.until, minute_of(now)))
    after = None if cursor is None else place_of(cursor)
    span = page_of(asked, after)
    async with context.pool.connection() as connection:
        found = await _found(connection, type, scope_of(program), span, after, limit + 1)
    answer = [entity for _, entity in found[:limit]]
    headers: dict[str, str] = {}
    following: Place | None = None
    if len(found) > limit:
        last = found[limit - 1][0]
        following = Place(last.at, last.key)
    elif span.until < asked.until:
        following = Place(span.until, _NIL)
    if following is not None:
        query = {
            "since": asked.since.isoformat(),
            "until": asked.until.isoformat(),
            "cursor": cursor_of(following),
            "limit": limit,
        }
        headers["Link"] = f'</api/v1/fiware/{type}?{urlencode(query)}>; rel="next"'
    body = _encoder.dump_json(answer, by_alias=True, exclude_none=True)
    return Response(body, headers=headers, media_type=JsonLd.media_type)


async def _found(
    connection: Connection, type: Name, scope: Scope, span: Span, after: Place | None, limit: int
) -> list[tuple[Observed, Entity]]:
    if type == "TrafficFlowObserved":
        minutes = await observations.lane_minutes(connection, scope, *span, after, limit)
        return [(minute, flow_entity(minute)) for minute in minutes]
    if type == "Alert":
        alerts = await observations.raised_alerts(
            connection, list(ALERTS), scope, *span, after, limit
        )
        return [(alert, alert_entity(alert)) for alert in alerts]
    quantity, unit, make = READINGS[type]
    readings = await observations.good_readings(
        connection, quantity, unit, scope, *span, after, limit
    )
    return [(reading, make(reading)) for reading in readings]
