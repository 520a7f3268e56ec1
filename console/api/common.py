"""What all of the programs' interface shares: its credential, its refusals, its parameters."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Security
from fastapi.security import HTTPBearer
from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

from store.handover import Scope
from store.people import Credential

NAME: Final = r"^[a-z0-9][a-z0-9_-]{0,62}$"
"""Cities and sites; what else a path may hold is none of ours."""

_RFC3339: Final = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)


class Answer(BaseModel):
    """A part of an answer."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Problem(Answer):
    """Why a request was not served."""

    error: str = Field(description="A fixed word for programs, such as `refused_token`.")
    message: str = Field(description="The same for people, Vietnamese.")


def rfc3339(at: datetime) -> str:
    """An instant in UTC, whole milliseconds: ``2026-11-20T03:00:00.250Z``."""
    text = at.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def _asked(given: object) -> object:
    """Refuse what else could be read as an instant, such as a number of seconds."""
    if isinstance(given, str) and not _RFC3339.fullmatch(given):
        raise ValueError("write an instant as 2026-11-20T12:00:00+07:00, with %2B for the plus")
    return given


Instant = Annotated[
    AwareDatetime,
    PlainSerializer(rfc3339, return_type=str, when_used="json"),
    Field(json_schema_extra={"format": "date-time"}),
]
AskedInstant = Annotated[AwareDatetime, BeforeValidator(_asked)]
Since = Annotated[AskedInstant | None, Query(description="At or after this instant.")]
Until = Annotated[AskedInstant | None, Query(description="Before this instant.")]
City = Annotated[str | None, Query(pattern=NAME, description="Only of this city.")]
Site = Annotated[str | None, Query(pattern=NAME, description="Only of this site.")]

AWAY: Final[Mapping[int | str, dict[str, Any]]] = {
    503: {"model": Problem, "description": "The database is away; try again after Retry-After."}
}

REFUSALS: Final[Mapping[int | str, dict[str, Any]]] = {
    401: {"model": Problem, "description": "No bearer token, or one that is not valid (any more)."},
    403: {"model": Problem, "description": "The token is for something else."},
    422: {"model": Problem, "description": "A parameter is not valid; the message says which."},
    **AWAY,
}

NONE_SUCH: Final[Mapping[int | str, dict[str, Any]]] = {
    404: {"model": Problem, "description": "There is none that this token may know of."}
}


def program_router(tag: str) -> APIRouter:
    """A router for programs with a credential of the scope ``handover``.

    The bearer scheme only documents: whoever passes was checked at the door.
    """
    bearer = HTTPBearer(
        scheme_name="handover",
        description="A credential of scope `handover`: `ioc console credential --scope handover`.",
        auto_error=False,
    )
    return APIRouter(
        prefix="/api/v1",
        tags=[tag],
        dependencies=[Security(bearer)],
        responses={**REFUSALS},
        generate_unique_id_function=lambda route: route.name,
    )


def scope_of(program: Credential) -> Scope:
    """What a program may know of."""
    return Scope(program.city, program.site, program.device)


def actor_of(program: Credential) -> str:
    """As the audit names a program."""
    return f"credential:{program.name}"
