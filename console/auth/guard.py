"""The one door: every request passes here before its handler, whatever page it is for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from hmac import compare_digest
from typing import Annotated, Final
from urllib.parse import quote, urlsplit
from uuid import UUID

from fastapi import Depends, Request
from starlette.datastructures import UploadFile
from starlette.responses import RedirectResponse, Response

from console.auth.access import ROUTES
from console.context import Context, context_of
from store import audit, people
from store.people import Credential, Role

SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
TOUCH_AFTER: Final = timedelta(seconds=30)
"""A session's last use is written down no more often than this."""

SELF_CARE: Final = frozenset({"/me", "/me/password", "/me/factor", "/me/looks", "/logout"})
"""Open to whoever must still set a password or a second factor."""


WATCHING: Final = frozenset({"/wall/s/{uid}/tiles"})
"""What a screen asks for by itself while nobody touches it. An operator may open nothing else, so
the log-in lives as long as the screen does; that of somebody who may open cases does not."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """A person who is logged in.

    Attributes:
        token: SHA-256 of the cookie.
        csrf: What forms must carry.
        must: What has to be done first: ``password``, ``factor``, or nothing.
    """

    id: UUID
    login: str
    name: str
    role: Role
    language: str
    theme: str
    token: bytes
    csrf: str
    must: str

    @property
    def actor(self) -> str:
        """As the audit names the person."""
        return f"person:{self.login}"


class RefusedError(Exception):
    """A request that is answered at the door.

    Attributes:
        status: HTTP status.
        text: Key of the text that says why.
        to: Where a person is sent instead; empty for an answer.
    """

    def __init__(self, status: int, text: str, to: str = "") -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.to = to

    def redirect(self) -> Response:
        """The way to where the person can go on."""
        return RedirectResponse(self.to, 303)


async def guard(request: Request) -> None:
    """Let a request in, or raise.

    Raises:
        RefusedError: It may not come in.
    """
    context = context_of(request)
    method = "GET" if request.method == "HEAD" else request.method
    path = request.scope["route"].path
    access = ROUTES.get(f"{request.method} {path}", ROUTES.get(f"{method} {path}"))
    if access is None:
        raise RefusedError(403, "refused_role")
    if access in ("evidence", "handover"):
        request.state.program = await _program(context, request, str(access))
        return
    visitor, half = await _visitor(context, request)
    request.state.visitor = visitor
    if access != "anybody" and visitor is None:
        raise RefusedError(401, "refused_login", f"/login?next={quote(_local(request))}")
    if request.method not in SAFE:
        await _check_origin(request, visitor, context.settings.public_url)
    if access in ("anybody", "half"):
        return
    assert visitor is not None
    if half:
        raise RefusedError(401, "refused_code", "/login/code")
    if visitor.must and path not in SELF_CARE:
        raise RefusedError(403, "refused_first", "/me")
    if visitor.role not in access:
        async with context.pool.connection() as connection, connection.transaction():
            await audit.append(
                connection, visitor.actor, "access.refused", f"route:{method} {path}"
            )
        raise RefusedError(403, "refused_role")


def visitor_of(request: Request) -> Visitor:
    """Whoever is logged in; for routes that need that."""
    visitor = request.state.visitor
    assert isinstance(visitor, Visitor)
    return visitor


def program_of(request: Request) -> Credential:
    """The program that called; for its routes."""
    program = request.state.program
    assert isinstance(program, Credential)
    return program


Who = Annotated[Visitor, Depends(visitor_of)]
Program = Annotated[Credential, Depends(program_of)]


def cookie_name(public_url: str) -> str:
    """``__Host-`` makes browsers insist on TLS, this host and the whole path."""
    return "__Host-ioc" if public_url.startswith("https://") else "ioc"


def token_of(secret: str) -> bytes:
    """What is kept of a cookie or bearer token."""
    return sha256(secret.encode()).digest()


async def _visitor(context: Context, request: Request) -> tuple[Visitor | None, bool]:
    """Who is logged in, and whether the second factor is still missing."""
    cookie = request.cookies.get(cookie_name(context.settings.public_url))
    if not cookie:
        return None, False
    now = context.clock()
    idle_since = now - timedelta(minutes=context.settings.idle_minutes)
    token = token_of(cookie)
    async with context.pool.connection() as connection:
        found = await people.session_of(connection, token, now, idle_since)
        if found is None:
            return None, False
        session, person = found
        watching = request.scope["route"].path in WATCHING and person.role != "operator"
        if now - session.last_seen > TOUCH_AFTER and not watching:
            await people.touch_session(connection, token, now)
    needs_factor = context.settings.second_factor == "required" and person.role != "operator"
    must = "password" if person.must_change else ""
    if not must and needs_factor and person.totp_secret is None and person.oidc_subject is None:
        must = "factor"
    visitor = Visitor(
        *(person.id, person.login, person.name, person.role, person.language, person.theme),
        *(token, session.csrf, must),
    )
    return visitor, not session.factor


async def _program(context: Context, request: Request, scope: str) -> Credential:
    kind, _, secret = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer" or not secret.strip():
        raise RefusedError(401, "refused_token")
    async with context.pool.connection() as connection:
        program = await people.credential_of(connection, token_of(secret.strip()), context.clock())
    if program is None:
        raise RefusedError(401, "refused_token")
    if program.scope != scope:
        raise RefusedError(403, "refused_scope")
    return program


async def _check_origin(request: Request, visitor: Visitor | None, public_url: str) -> None:
    """A form of another site must not act in the name of who is logged in here."""
    origin = request.headers.get("origin")
    if origin is not None and origin != public_url:
        host = urlsplit(origin).netloc
        if not host or host != request.headers.get("host"):
            raise RefusedError(403, "refused_origin")
    elif request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise RefusedError(403, "refused_origin")
    if visitor is None:
        return
    given = request.headers.get("x-csrf-token")
    if given is None and request.headers.get("content-type", "").startswith(
        ("application/x-www-form-urlencoded", "multipart/form-data")
    ):
        field = (await request.form()).get("csrf")
        given = None if isinstance(field, UploadFile) else field
    if given is None or not compare_digest(given.encode(), visitor.csrf.encode()):
        raise RefusedError(403, "refused_csrf")


def _local(request: Request) -> str:
    """Where the request was going, within this site."""
    if request.method not in SAFE:
        return "/"
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")
