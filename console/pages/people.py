"""The administrator's page of people: who may come, as what."""

from __future__ import annotations

import re
import secrets
from typing import Annotated, Any, Final, Literal

import psycopg
from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from console.auth import passwords
from console.auth.guard import Visitor, Who
from console.context import Context, Ctx
from console.errors import ProblemError
from console.render import answered
from ioc.ids import uuid7
from store import audit, cases, people
from store.people import ROLES, Connection, Person, Role

router = APIRouter(include_in_schema=False)

LOGIN: Final = re.compile(r"[a-z0-9][a-z0-9._@-]{1,63}")
"""As the table has it."""

Deed = Literal["disable", "enable", "unlock", "password", "factor", "role"]


@router.get("/people")
async def people_page(request: Request, context: Ctx) -> Response:
    """Everybody."""
    return await _page(request, context)


@router.post("/people")
async def add(
    request: Request,
    context: Ctx,
    who: Who,
    login: Annotated[str, Form(max_length=64)],
    name: Annotated[str, Form(min_length=1, max_length=120)],
    role: Annotated[Role, Form()],
    unit: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """Enter somebody; the first password is shown once and must be changed."""
    typed = login.strip().lower()
    if not LOGIN.fullmatch(typed):
        return await _page(request, context, fault="people_shape", status=422)
    password = first_password()
    try:
        async with context.pool.connection() as connection, connection.transaction():
            await people.add_person(
                connection,
                id=uuid7(context.clock()),
                login=typed,
                name=name.strip() or typed,
                role=role,
                unit=unit.strip(),
                password_hash=passwords.make_hash(password),
            )
            await audit.append(connection, who.actor, "person.added", f"person:{typed}", role=role)
    except psycopg.errors.UniqueViolation:
        return await _page(request, context, fault="people_taken", status=409, login=typed)
    return await _page(request, context, told="people_first", login=typed, once=password)


@router.post("/people/{login}")
async def change(
    request: Request,
    context: Ctx,
    who: Who,
    login: str,
    deed: Annotated[Deed, Form()],
    role: Annotated[Role | Literal[""], Form()] = "",
) -> Response:
    """Change what somebody may do; whoever loses rights is logged out at once."""
    password = first_password()
    async with context.pool.connection() as connection, connection.transaction():
        person = await people.person_by_login(connection, login)
        if person is None:
            raise ProblemError(404, "people_none", login=login[:64])
        if person.id == who.id and deed in ("disable", "role"):
            raise ProblemError(409, "people_self")
        await _do(connection, who, person, deed, role, password)
    if deed == "password":
        return await _page(request, context, told="people_first", login=login, once=password)
    return await _page(request, context, told="people_done", login=login)


def first_password() -> str:
    """A password for the first log-in: 120 random bits."""
    return secrets.token_urlsafe(15)


async def _do(
    connection: Connection, who: Visitor, person: Person, deed: Deed, role: str, password: str
) -> None:
    columns: dict[str, Any] = {}
    if deed in ("disable", "enable"):
        columns = {"disabled": deed == "disable"}
    elif deed == "unlock":
        columns = {"failures": 0, "locked_until": None}
    elif deed == "factor":
        columns = {"totp_secret": None}
    elif deed == "password":
        columns = {
            "password_hash": passwords.make_hash(password),
            "must_change": True,
            "failures": 0,
            "locked_until": None,
        }
    elif role in ROLES:
        columns = {"role": role}
    else:
        raise ProblemError(422, "error_input", what="role")
    await people.change_person(connection, person.id, **columns)
    if deed not in ("enable", "unlock"):
        await people.end_sessions(connection, person.id)
        await cases.release(connection, person.id)
    await audit.append(
        connection, who.actor, f"person.{deed}", f"person:{person.login}", role=role or person.role
    )


async def _page(request: Request, context: Context, **answer: Any) -> Response:
    async with context.pool.connection() as connection:
        everybody = await people.people(connection)
    shown = {"people": everybody, "roles": ROLES, "now": context.clock()}
    return answered(request, "people.html", shown, **answer)
