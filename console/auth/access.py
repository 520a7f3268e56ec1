"""Who may call what: one table of all routes, held against those that exist at every start."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, Literal

from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts

from store.people import Role

Access = frozenset[Role] | Literal["anybody", "half", "evidence", "handover"]
"""Roles; or who is not logged in by a role: ``half`` has given a password but no second factor,
``evidence`` and ``handover`` are programs with a credential of that scope."""

ALL: Final[frozenset[Role]] = frozenset({"operator", "reviewer", "supervisor", "auditor", "admin"})
REVIEW: Final[frozenset[Role]] = frozenset({"reviewer", "supervisor"})
ADMIN: Final[frozenset[Role]] = frozenset({"admin"})
READ: Final[frozenset[Role]] = REVIEW | {"auditor"}
"""Who may look at a case."""

AUDIT: Final[frozenset[Role]] = frozenset({"auditor", "admin"})
"""Who may read the audit."""

ROUTES: Final[Mapping[str, Access]] = {
    "GET /health": "anybody",
    "GET /login": "anybody",
    "POST /login": "anybody",
    "GET /login/oidc": "anybody",
    "GET /login/oidc/answer": "anybody",
    "GET /login/code": "half",
    "POST /login/code": "half",
    "POST /logout": "half",
    "GET /": ALL,
    "GET /me": ALL,
    "POST /me/password": ALL,
    "POST /me/factor": ALL,
    "POST /me/looks": ALL,
    "GET /people": ADMIN,
    "POST /people": ADMIN,
    "POST /people/{login}": ADMIN,
    "GET /devices": ADMIN,
    "POST /devices/keys": ADMIN,
    "POST /devices/keys/{key}/revoke": ADMIN,
    "POST /devices/tokens": ADMIN,
    "POST /devices/tokens/revoke": ADMIN,
    "GET /figures": READ,
    "GET /queue": READ,
    "POST /cases/next": REVIEW,
    "POST /cases/take": REVIEW,
    "POST /cases/release": REVIEW,
    "GET /cases/{number}": READ,
    "GET /cases/{number}/body": READ,
    "POST /cases/{number}/view": READ,
    "POST /cases/{number}/keep": REVIEW,
    "POST /cases/{number}/decision": REVIEW,
    "POST /cases/{number}/note": REVIEW,
    "POST /cases/{number}/reopen": REVIEW,
    "POST /cases/{number}/export": READ,
    "POST /cases/{number}/hold": frozenset({"supervisor"}),
    "GET /audit": AUDIT,
    "GET /audit/lines.jsonl": AUDIT,
    "GET /audit/lines.csv": AUDIT,
    "GET /audit/roots/{day}": AUDIT,
    "GET /wall": ALL,
    "GET /wall/stream": ALL,
    "GET /wall/data": ALL,
    "GET /wall/screens": ALL,
    "GET /wall/s/{uid}": ALL,
    "GET /wall/s/{uid}/tiles": ALL,
    "HEAD /evidence/{sha256}": "evidence",
    "PUT /evidence/{sha256}": "evidence",
    "GET /evidence/{sha256}/view": READ,
    "GET /api/openapi.json": "anybody",
    "GET /api/v1/cases": "handover",
    "GET /api/v1/cases/{number}": "handover",
    "GET /api/v1/fiware/{type}": "handover",
}
"""``METHOD path`` → who may. HEAD goes with GET, unless it stands here itself."""


def routes_of(app: FastAPI) -> Iterator[str]:
    """All routes of an application, as keys of ``ROUTES``."""
    for route in iter_route_contexts(app.routes):
        if isinstance(route.original_route, APIRoute):
            methods = route.methods or set()
            for method in sorted(methods - {"HEAD", "OPTIONS"}) or sorted(methods):
                yield f"{method} {route.path}"


def check(app: FastAPI) -> None:
    """Refuse to start with a route that nobody decided upon, or a decision without a route.

    Raises:
        RuntimeError: Table and application differ.
    """
    there = set(routes_of(app))
    if there != ROUTES.keys():
        undecided, unknown = sorted(there - ROUTES.keys()), sorted(ROUTES.keys() - there)
        raise RuntimeError(f"console.auth.access: not in ROUTES: {undecided}; no route: {unknown}")
