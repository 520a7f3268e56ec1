"""Log in through the identity provider, if one is set."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256
from hmac import compare_digest
from typing import Final

import msgspec
import psycopg
from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from console.auth.oidc import Identity, OidcError, Pending, Provider
from console.context import Context, Ctx
from console.errors import ProblemError
from console.pages.login import address_of, begin, local, with_cookie
from console.render import language_of, page
from console.texts import say
from ioc.console_settings import OidcSettings
from ioc.errors import ConfigError
from ioc.ids import uuid7
from ioc.telemetry import logger
from store import audit, people
from store.people import Connection, Person

router = APIRouter()

ANSWER: Final = "/login/oidc/answer"
PATIENCE: Final = timedelta(minutes=10)
"""How long somebody may take to log in at the provider."""

MOST_QUERY: Final = 8192
MOST_NEXT: Final = 1500
"""Bytes; sealed it must fit into a cookie, which browsers keep up to 4096."""

_log = logger("console.oidc")


@router.get("/login/oidc")
async def leave(request: Request, context: Ctx, next: str = "/") -> Response:
    """Send the visitor to the provider."""
    provider, settings = _provider(request, context)
    address = address_of(request)
    if not provider.known and not context.throttle.allows(address):
        return _failed(request, context, settings, "login_slow", 429)
    going = local(next)
    going = going if len(going.encode()) <= MOST_NEXT else "/"
    pending = Pending.fresh(going, context.clock().timestamp())
    try:
        to = await provider.address(pending)
    except OidcError as error:
        return await _refuse(request, context, settings, error)
    response = RedirectResponse(to, 303)
    response.set_cookie(
        _cookie_name(context),
        context.vault.seal(msgspec.json.encode(pending).decode()),
        max_age=round(PATIENCE.total_seconds()),
        path="/",
        secure=_tls(context),
        httponly=True,
        samesite="lax",  # the provider's answer is a navigation from another site
    )
    return response


@router.get(ANSWER)
async def come_back(request: Request, context: Ctx) -> Response:
    """Take the provider's answer."""
    provider, settings = _provider(request, context)
    address = address_of(request)
    if not context.throttle.allows(address):
        return _failed(request, context, settings, "login_slow", 429)
    try:
        pending = _pending(request, context)
        code = _code(request, pending, settings)
        identity = await provider.redeem(code, pending)
        async with context.pool.connection() as connection, connection.transaction():
            if request.state.visitor is not None:
                await people.end_session(connection, request.state.visitor.token)
            cookie = await _enter(context, connection, identity, address)
    except OidcError as error:
        return _forget(await _refuse(request, context, settings, error), context)
    except psycopg.errors.UniqueViolation:  # entered by another log-in of the same person
        again = OidcError("oidc_fault_again")
        return _forget(await _refuse(request, context, settings, again), context)
    response = with_cookie(RedirectResponse(pending.next, 303), context, cookie)
    return _forget(response, context)


def _provider(request: Request, context: Context) -> tuple[Provider, OidcSettings]:
    """The provider, which remembers what it said of itself; one for each application."""
    settings = context.settings.oidc
    if settings is None:
        raise ProblemError(404, "error_404")
    found = getattr(request.app.state, "oidc", None)
    if found is None:
        found = Provider(settings, context.settings.public_url + ANSWER, context.clock)
        request.app.state.oidc = found
    assert isinstance(found, Provider)
    return found, settings


def _pending(request: Request, context: Context) -> Pending:
    """The log-in that this browser has begun.

    Raises:
        OidcError: There is none, or it was too long ago.
    """
    sealed = request.cookies.get(_cookie_name(context), "")
    try:
        pending = msgspec.json.decode(context.vault.unseal(sealed), type=Pending)
    except (ConfigError, msgspec.DecodeError, ValueError):
        raise OidcError("oidc_fault_state", "no cookie that holds") from None
    age = context.clock().timestamp() - pending.at
    if not 0 <= age <= PATIENCE.total_seconds():
        raise OidcError("oidc_fault_state", f"begun {age:.0f} s ago")
    return pending


def _code(request: Request, pending: Pending, settings: OidcSettings) -> str:
    """The code in the provider's answer, if it is an answer to what this browser has begun.

    Raises:
        OidcError: It is not, or the provider has refused.
    """
    if len(request.url.query) > MOST_QUERY:
        raise OidcError("oidc_fault_state", "a query of that length")
    query = request.query_params
    if not compare_digest(query.get("state", "").encode(), pending.state.encode()):
        raise OidcError("oidc_fault_state", "another state")
    if query.get("iss", settings.issuer) != settings.issuer:  # RFC 9207
        raise OidcError("oidc_fault_state", "another issuer")
    if "error" in query:
        raise OidcError("oidc_fault_refused", repr(query["error"][:100]))
    code = query.get("code", "")
    if not code:
        raise OidcError("oidc_fault_refused", "no code")
    return code


async def _enter(context: Context, connection: Connection, identity: Identity, address: str) -> str:
    """Begin a session for whoever the provider names; returns the cookie's value.

    The provider says at each log-in which role somebody has: who loses it there comes in no more.

    Raises:
        OidcError: The person may not come in.
    """
    person = await people.person_by_subject(connection, identity.subject)
    actor = f"person:{person.login}" if person is not None else "person:?"
    if person is not None and person.disabled:
        raise OidcError("oidc_fault_disabled", actor)
    if identity.role is None:
        raise OidcError("oidc_fault_role", actor)
    if person is None:
        person = await _add(context, connection, identity)
        cookie = await begin(context, connection, person, address, factor_given=True, way="oidc")
        subject = f"person:{person.login}"
        await audit.append(
            connection, "system:oidc", "person.added", subject, role=person.role, way="oidc"
        )
        return cookie
    before = person.role
    if before != identity.role:
        await people.change_person(connection, person.id, role=identity.role)
    cookie = await begin(context, connection, person, address, factor_given=True, way="oidc")
    if before != identity.role:
        await audit.append(
            *(connection, "system:oidc", "person.changed", actor),
            role=identity.role,
            before=before,
            way="oidc",
        )
    return cookie


async def _add(context: Context, connection: Connection, identity: Identity) -> Person:
    """Enter somebody new; a log-in name that is taken is never taken over."""
    login = identity.login
    if not login or await people.person_by_login(connection, login) is not None:
        login = f"oidc-{sha256(identity.subject.encode()).hexdigest()[:16]}"
    assert identity.role is not None
    await people.add_person(
        connection,
        id=uuid7(context.clock()),
        login=login,
        name=identity.name or login,
        role=identity.role,
        must_change=False,
        oidc_subject=identity.subject,
    )
    person = await people.person_by_subject(connection, identity.subject)
    assert person is not None
    return person


async def _refuse(
    request: Request, context: Context, settings: OidcSettings, error: OidcError
) -> Response:
    """Say why, to the visitor, the log and the audit."""
    _log.warning("log-in refused", why=error.text, detail=error.detail)
    named = error.detail if error.detail.startswith("person:") else "person:?"
    async with context.pool.connection() as connection, connection.transaction():
        await audit.append(
            *(connection, named, "session.refused", named),
            address=address_of(request),
            way="oidc",
            why=error.text,
        )
    ours = error.text in ("oidc_fault_away", "oidc_fault_setup")
    what = say(language_of(request, None), error.text)
    status = 502 if ours else 401
    return _failed(request, context, settings, "login_oidc_failed", status, what=what)


def _failed(
    request: Request,
    context: Context,
    settings: OidcSettings,
    fault: str,
    status: int,
    **values: object,
) -> Response:
    """The log-in page with what went wrong."""
    return page(
        *(request, "login.html", status),
        fault=fault,
        values={"name": settings.name, **values},
        next="/",
        oidc=settings.name,
    )


def _forget(response: Response, context: Context) -> Response:
    """The answer, with which the begun log-in is over."""
    response.delete_cookie(
        _cookie_name(context), path="/", secure=_tls(context), httponly=True, samesite="lax"
    )
    return response


def _tls(context: Context) -> bool:
    return context.settings.public_url.startswith("https://")


def _cookie_name(context: Context) -> str:
    return "__Host-ioc-oidc" if _tls(context) else "ioc-oidc"
