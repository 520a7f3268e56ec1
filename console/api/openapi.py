"""The description of the programs' interface."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from fastapi import APIRouter, FastAPI, Request
from fastapi.openapi.utils import get_openapi
from starlette.responses import JSONResponse

from console.api.common import AWAY
from console.context import Ctx

router = APIRouter()

_ABOUT: Final = """\
Decided cases for the traffic command centre, and observations for the data-sharing platform.

All instants are RFC 3339. A list answers with a `cursor` or a `Link`: hand it back for what comes
next. Webhooks tell of each decided case at once (Standard Webhooks 1.0: `webhook-id`,
`webhook-timestamp`, `webhook-signature`); they name the case, and the case is fetched here.
"""


@router.get(
    "/api/openapi.json",
    tags=["description"],
    responses={
        200: {"content": {"application/json": {"schema": {"type": "object"}}}},
        **AWAY,
    },
    operation_id="openapi",
)
async def openapi(request: Request, context: Ctx) -> JSONResponse:
    """Describe this interface. It holds no secret, so anybody may read it."""
    return JSONResponse(description(request.app, context.settings.public_url))


def description(app: FastAPI, url: str) -> dict[str, Any]:
    """The OpenAPI document of an application's routes that are in the schema.

    Args:
        app: The application.
        url: What people type.
    """
    if app.openapi_schema is None:
        made = get_openapi(
            title=app.title,
            version=app.version,
            description=_ABOUT,
            routes=app.routes,
            servers=[{"url": url}],
        )
        for operation in _operations(made):
            for parameter in operation.get("parameters", ()):
                _mend_parameter(parameter)
            for status, response in operation["responses"].items():
                if status >= "4":
                    _mend_refusal(response)
        app.openapi_schema = made
    return app.openapi_schema


def _operations(made: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path in made["paths"].values():
        yield from path.values()


def _mend_parameter(parameter: dict[str, Any]) -> None:
    """What may be left out is not null: an address has no null."""
    schema = parameter["schema"]
    kinds = [kind for kind in schema.pop("anyOf", ()) if kind != {"type": "null"}]
    for kind in kinds:
        schema.update(kind)
    if "description" in schema:
        parameter.setdefault("description", schema.pop("description"))


def _mend_refusal(response: dict[str, Any]) -> None:
    """Refusals are JSON; FastAPI describes them in the media type of the answer itself."""
    found = list(response.get("content", {}).values())
    if found:
        response["content"] = {"application/json": found[0]}
