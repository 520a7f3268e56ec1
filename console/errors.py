"""What a request gets that cannot be served: a page for people, JSON for programs."""

from __future__ import annotations

from typing import Any

import psycopg
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from psycopg_pool import PoolTimeout
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from console.auth.guard import RefusedError
from console.context import context_of
from console.render import language_of, page
from console.texts import say
from ioc.telemetry import logger

_log = logger("console")


class ProblemError(Exception):
    """A request that is understood and cannot be served.

    Attributes:
        status: HTTP status.
        text: Key of the text for people.
        values: What is put into it.
        headers: More headers of the answer.
    """

    def __init__(
        self, status: int, text: str, /, headers: dict[str, str] | None = None, **values: object
    ) -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.values = values
        self.headers = headers or {}


def wants_page(request: Request) -> bool:
    """Whether a person asks by a browser's address bar or form, and not a program or script."""
    path = request.url.path
    if path.startswith(("/api/", "/evidence/")):
        return False
    return "text/html" in request.headers.get("accept", "")


def answer(
    request: Request, status: int, text: str, headers: dict[str, str] | None = None, **values: Any
) -> Response:
    """The same refusal as a page or as JSON: ``{"error": key, "message": text}``."""
    visitor = getattr(request.state, "visitor", None)
    message = say(language_of(request, visitor), text, **values)
    response: Response
    if wants_page(request):
        response = page(request, "error.html", status, message=message)
    else:
        response = JSONResponse({"error": text, "message": message}, status)
    response.headers.update(headers or {})
    return response


def install(app: FastAPI) -> None:
    """Let every error end in an answer that says what, and how to go on."""

    async def on_refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, RefusedError)
        context_of(request).refusals.note(error.text)
        if error.to and wants_page(request):
            return error.redirect()
        headers = {"WWW-Authenticate": "Bearer"} if error.text == "refused_token" else None
        return answer(request, error.status, error.text, headers)

    async def on_problem(request: Request, error: Exception) -> Response:
        assert isinstance(error, ProblemError)
        context_of(request).refusals.note(error.text)
        return answer(request, error.status, error.text, error.headers, **error.values)

    async def on_input(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"][1:]) or str(first["loc"][0])
        return answer(request, 422, "error_input", what=f"{where}: {first['msg']}")

    async def on_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if error.status_code == 404:
            return answer(request, 404, "error_404")
        headers = dict(error.headers or {})
        return answer(request, error.status_code, "error_input", headers, what=str(error.detail))

    async def on_database(request: Request, error: Exception) -> Response:
        _log.warning("the database is away", error=" ".join(str(error).split()))
        return answer(request, 503, "error_503", {"Retry-After": "5"})

    async def on_data(request: Request, error: Exception) -> Response:
        # Values are checked before; what the database alone refuses is a character of theirs (NUL).
        return answer(request, 422, "error_character")

    async def on_fault(request: Request, error: Exception) -> Response:
        return answer(request, 500, "error_500")

    app.add_exception_handler(RefusedError, on_refused)
    app.add_exception_handler(ProblemError, on_problem)
    app.add_exception_handler(RequestValidationError, on_input)
    app.add_exception_handler(HTTPException, on_http)
    for kind in (psycopg.OperationalError, PoolTimeout):
        app.add_exception_handler(kind, on_database)
    app.add_exception_handler(psycopg.DataError, on_data)
    app.add_exception_handler(Exception, on_fault)
