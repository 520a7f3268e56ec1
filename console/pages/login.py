"""Log in, second factor, log out."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from console.auth import factor, passwords
from console.auth.guard import Visitor, cookie_name, token_of
from console.auth.throttle import lock_after
from console.context import Context, Ctx
from console.render import page
from store import audit, people
from store.people import Connection, Person

router = APIRouter()

Short = Annotated[str, Form(max_length=200)]


@router.get("/login")
async def login_page(request: Request, context: Ctx, next: str = "/") -> Response:
    """The form."""
    if request.state.visitor is not None:
        return RedirectResponse(local(next), 303)
    return _form(request, context, next)


@router.post("/login")
async def login(
    request: Request, context: Ctx, name: Short, password: Short, next: Short = "/"
) -> Response:
    """Try to log in."""
    address = address_of(request)
    if not context.throttle.allows(address):
        return _form(request, context, next, "login_slow", 429)
    typed = name.strip().lower()
    now = context.clock()
    async with context.pool.connection() as connection:
        person = await people.person_by_login(connection, typed)
    if person is not None and person.locked_until is not None and person.locked_until > now:
        minutes = int((person.locked_until - now) / timedelta(minutes=1)) + 1
        return _form(request, context, next, "login_locked", 429, minutes=minutes)
    kept = None if person is None or person.disabled else person.password_hash
    good = passwords.fits(password, kept)  # as long for whoever does not exist
    async with context.pool.connection() as connection, connection.transaction():
        if person is None or not good:
            await _note_failure(context, connection, person, typed, address)
            failed = True
        else:
            failed = False
            cookie = await begin(context, connection, person, address, factor_given=False)
    if failed:
        return _form(request, context, next, "login_wrong", 401)
    assert person is not None
    to = "/login/code" if person.totp_secret else "/me" if person.must_change else local(next)
    return with_cookie(RedirectResponse(to, 303), context, cookie)


@router.get("/login/code")
async def code_page(request: Request) -> Response:
    """The form of the second factor."""
    return page(request, "code.html", fault="")


@router.post("/login/code")
async def code(request: Request, context: Ctx, code: Short) -> Response:
    """Try a code."""
    visitor: Visitor = request.state.visitor
    address = address_of(request)
    if not context.throttle.allows(address):
        return page(request, "code.html", 429, fault="login_slow")
    now = context.clock()
    async with context.pool.connection() as connection, connection.transaction():
        person = await people.person_by_id(connection, visitor.id)
        if person is None or person.totp_secret is None:
            return RedirectResponse("/", 303)
        if person.locked_until is not None and person.locked_until > now:
            await people.end_session(connection, visitor.token)
            return RedirectResponse("/login", 303)
        secret = context.vault.unseal(person.totp_secret)
        step = factor.step_of(secret, code, now, person.totp_step)
        good = step is not None and await people.use_step(connection, person.id, step)
        if not good:
            await _note_failure(context, connection, person, person.login, address)
        else:
            await people.end_session(connection, visitor.token)  # a new cookie for more rights
            cookie = await begin(context, connection, person, address, factor_given=True)
    if not good:
        return page(request, "code.html", 401, fault="code_wrong")
    return with_cookie(RedirectResponse("/", 303), context, cookie)


@router.post("/logout")
async def logout(request: Request, context: Ctx) -> Response:
    """End this log-in, and let go of the cases that it holds."""
    visitor: Visitor = request.state.visitor
    async with context.pool.connection() as connection, connection.transaction():
        await people.end_session(connection, visitor.token)
        await audit.append(connection, visitor.actor, "session.ended", visitor.actor)
    response = RedirectResponse("/login", 303)
    url = context.settings.public_url
    response.delete_cookie(
        cookie_name(url),
        secure=url.startswith("https://"),  # else browsers keep a __Host- cookie
        httponly=True,
        samesite="lax",
    )
    return response


async def begin(
    context: Context,
    connection: Connection,
    person: Person,
    address: str,
    *,
    factor_given: bool,
    way: str = "password",
) -> str:
    """Enter a log-in; returns the cookie's value.

    Args:
        context: The console's.
        connection: Inside a transaction.
        person: Who.
        address: From where.
        factor_given: Whether the second factor was given, or is given by the identity provider.
        way: How the person proved who it is.
    """
    cookie = secrets.token_urlsafe(32)
    done = factor_given or person.totp_secret is None
    now = context.clock()
    await people.begin_session(
        connection,
        token=token_of(cookie),
        person=person.id,
        csrf=secrets.token_urlsafe(24),
        factor=done,
        now=now,
        expires=now + timedelta(hours=context.settings.session_hours),
        address=address,
    )
    if done:
        await people.change_person(connection, person.id, failures=0, locked_until=None)
        await audit.append(
            connection,
            f"person:{person.login}",
            "session.begun",
            f"person:{person.login}",
            address=address,
            way=way,
        )
    return cookie


def with_cookie(response: Response, context: Context, cookie: str) -> Response:
    """The answer with the session's cookie; it ends with the browser."""
    url = context.settings.public_url
    response.set_cookie(
        cookie_name(url),
        cookie,
        path="/",
        secure=url.startswith("https://"),
        httponly=True,
        samesite="lax",
    )
    return response


def local(to: str) -> str:
    """A way within this site, whatever was asked for: no open redirect."""
    fine = to.startswith("/") and not to.startswith(("//", "/\\")) and to.isprintable()
    return to if fine and "\\" not in to else "/"


def address_of(request: Request) -> str:
    """Where a request comes from; uvicorn has put the proxy's word for it there."""
    return request.client.host if request.client else "unknown"


async def _note_failure(
    context: Context, connection: Connection, person: Person | None, typed: str, address: str
) -> None:
    if person is not None:
        failures = await people.count_failure(connection, person.id)
        lock = lock_after(failures)
        if lock is not None:
            until = context.clock() + lock
            await people.change_person(connection, person.id, locked_until=until)
    # A log-in that nobody has may be a password typed into the wrong field: it is not kept.
    subject = f"person:{typed}" if person is not None else "person:?"
    await audit.append(connection, subject, "session.refused", subject, address=address)


def _form(
    request: Request,
    context: Context,
    next: str,
    fault: str = "",
    status: int = 200,
    **values: object,
) -> Response:
    oidc = context.settings.oidc
    return page(
        request,
        "login.html",
        status,
        fault=fault,
        values=values,
        next=local(next),
        oidc=None if oidc is None else oidc.name,
    )
