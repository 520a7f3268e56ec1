"""One's own account: password, second factor, language and looks."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from console.auth import factor, passwords
from console.auth.guard import Visitor, Who
from console.context import Context, Ctx
from console.pages.login import Short, begin, with_cookie
from console.render import page
from ioc.errors import ConfigError
from store import audit, people

router = APIRouter()


@router.get("/me")
async def me(request: Request, context: Ctx, who: Who, done: str = "") -> Response:
    """The page."""
    told = {"password": "me_password_done", "factor": "me_factor_done"}.get(done, "")
    return await _page(request, context, who, told=told)


@router.post("/me/password")
async def change_password(
    request: Request, context: Ctx, who: Who, now: Short, new: Short, again: Short
) -> Response:
    """Set another password; all other log-ins end."""
    async with context.pool.connection() as connection:
        person = await people.person_by_id(connection, who.id)
    assert person is not None
    fault = ""
    if not context.throttle.allows(f"person:{who.login}"):
        fault = "login_slow"
    elif not passwords.fits(now, person.password_hash):
        fault = "password_wrong"
    elif new != again:
        fault = "password_differs"
    else:
        fault = passwords.weakness(new, who.login) or ""
    if fault:
        return await _page(request, context, who, password_fault=fault, status=422)
    kept = passwords.make_hash(new)
    async with context.pool.connection() as connection, connection.transaction():
        await people.change_person(connection, who.id, password_hash=kept, must_change=False)
        await people.end_sessions(connection, who.id, but=who.token)
        await audit.append(connection, who.actor, "person.password_changed", who.actor)
    return RedirectResponse("/me?done=password", 303)


@router.post("/me/factor")
async def set_factor(
    request: Request, context: Ctx, who: Who, sealed: Annotated[str, Form(max_length=400)],
    code: Short,
) -> Response:  # fmt: skip
    """Switch the second factor on, once a first code shows that the app has the secret."""
    try:
        login, _, secret = context.vault.unseal(sealed).partition("\n")
    except ConfigError:  # not what this page has sealed
        login = secret = ""
    now = context.clock()
    step = factor.step_of(secret, code, now, 0) if login == who.login else None
    if step is None or not context.throttle.allows(f"person:{who.login}"):
        return await _page(request, context, who, factor_fault="code_wrong", status=422)
    async with context.pool.connection() as connection, connection.transaction():
        person = await people.person_by_id(connection, who.id)
        assert person is not None
        kept = context.vault.seal(secret)
        await people.change_person(connection, who.id, totp_secret=kept, totp_step=step)
        await people.end_sessions(connection, who.id)
        await audit.append(connection, who.actor, "person.factor_set", who.actor)
        address = request.client.host if request.client else "unknown"
        cookie = await begin(context, connection, person, address, factor_given=True, way="factor")
    return with_cookie(RedirectResponse("/me?done=factor", 303), context, cookie)


@router.post("/me/looks")
async def set_looks(
    request: Request,
    context: Ctx,
    who: Who,
    language: Annotated[Literal["vi", "en"], Form()],
    theme: Annotated[Literal["auto", "light", "dark"], Form()],
) -> Response:
    """Another language or theme."""
    async with context.pool.connection() as connection:
        await people.change_person(connection, who.id, language=language, theme=theme)
    response = RedirectResponse("/me", 303)
    for name, value in (("language", language), ("theme", theme)):  # for the page of the log-in
        response.set_cookie(name, value, max_age=31_536_000, samesite="lax", httponly=True)
    return response


async def _page(
    request: Request,
    context: Context,
    who: Visitor,
    *,
    told: str = "",
    password_fault: str = "",
    factor_fault: str = "",
    status: int = 200,
) -> Response:
    async with context.pool.connection() as connection:
        person = await people.person_by_id(connection, who.id)
    assert person is not None
    secret = factor.new_secret()
    return page(
        request,
        "me.html",
        status,
        person=person,
        told=told,
        password_fault=password_fault,
        factor_fault=factor_fault,
        secret=" ".join(secret[at : at + 4] for at in range(0, len(secret), 4)),
        sealed=context.vault.seal(f"{who.login}\n{secret}"),
        picture=factor.picture(secret, who.login),
    )
