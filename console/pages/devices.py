"""The administrator's page of programs: keys that sign, tokens that let in."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Annotated, Any, Literal

import psycopg
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from console import judging
from console.auth.guard import Who, token_of
from console.context import Context, Ctx
from console.errors import ProblemError
from console.render import answered
from ioc.ids import uuid7
from ioc.topics import TopicError, device_path
from store import audit, device_keys, people

router = APIRouter(include_in_schema=False)


@router.get("/devices")
async def devices(request: Request, context: Ctx) -> Response:
    """All keys and tokens."""
    return await _page(request, context)


@router.post("/devices/keys")
async def enrol(
    request: Request,
    context: Ctx,
    who: Who,
    pem: Annotated[str, Form(max_length=4000)],
    device: Annotated[str, Form(max_length=200)],
) -> Response:
    """Let a key sign for a device."""
    public = public_of(pem)
    if public is None:
        return await _page(request, context, fault="devices_bad_pem", status=422)
    try:
        path = device_path(*device.strip().strip("/").split("/"))
    except (TopicError, TypeError) as error:
        return await _page(request, context, fault="devices_bad_path", status=422, what=str(error))
    try:
        async with context.pool.connection() as connection, connection.transaction():
            await device_keys.add_key(connection, public, path, context.clock())
            await judging.recheck_device(connection, path)
            await audit.append(
                connection, who.actor, "key.enrolled", f"device:{path.source}", public=public.hex()
            )
    except psycopg.errors.UniqueViolation:
        return await _page(request, context, fault="devices_known", status=409)
    return await _page(request, context)


@router.post("/devices/keys/{key}/revoke")
async def revoke_key(request: Request, context: Ctx, who: Who, key: str) -> Response:
    """Believe a key no more from now on."""
    async with context.pool.connection() as connection, connection.transaction():
        gone = await device_keys.revoke_key(connection, key, context.clock())
        if gone is None:
            raise ProblemError(404, "error_404")
        await judging.recheck_device(connection, gone.path)
        await audit.append(
            connection, who.actor, "key.revoked", f"device:{gone.path.source}", key=key
        )
    return await _page(request, context)


@router.post("/devices/tokens")
async def make_token(
    request: Request,
    context: Ctx,
    who: Who,
    name: Annotated[str, Form(min_length=1, max_length=120)],
    scope: Annotated[Literal["evidence", "handover"], Form()],
    area: Annotated[str, Form(max_length=200)] = "",
    days: Annotated[int, Form(ge=1, le=3650)] = 365,
) -> Response:
    """Make a token; it is shown once and kept as a digest."""
    parts = [part for part in area.strip().strip("/").split("/") if part]
    if scope == "evidence" and not parts:
        return await _page(request, context, fault="devices_area_missing", status=422)
    try:
        device_path(*(*parts, "x", "x", "x")[:3])
        if len(parts) > 3:
            raise TopicError(area)
    except TopicError as error:
        return await _page(request, context, fault="devices_bad_path", status=422, what=str(error))
    token = secrets.token_urlsafe(32)
    now = context.clock()
    city, site, device = (*parts, None, None, None)[:3]
    try:
        async with context.pool.connection() as connection, connection.transaction():
            await people.add_credential(
                connection,
                id=uuid7(now),
                name=name,
                token=token_of(token),
                scope=scope,
                city=city,
                site=site,
                device=device,
                expires=now + timedelta(days=days),
            )
            await audit.append(
                *(connection, who.actor, "credential.added", f"credential:{name}"), scope=scope
            )
    except psycopg.errors.UniqueViolation:
        fault = "devices_token_taken"
        return await _page(request, context, fault=fault, status=409, name=name)
    return await _page(request, context, told="devices_token_shown", name=name, once=token)


@router.post("/devices/tokens/revoke")
async def revoke_token(
    request: Request, context: Ctx, who: Who, name: Annotated[str, Form(max_length=120)]
) -> Response:
    """Let a program come no more."""
    async with context.pool.connection() as connection, connection.transaction():
        if not await people.revoke_credential(connection, name, context.clock()):
            raise ProblemError(404, "error_404")
        await audit.append(connection, who.actor, "credential.revoked", f"credential:{name}")
    return await _page(request, context)


def public_of(pem: str) -> bytes | None:
    """The 32 raw bytes of an Ed25519 public key in PEM; None for anything else."""
    try:
        key = load_pem_public_key(pem.strip().encode())
    except (ValueError, UnsupportedAlgorithm):
        return None
    return key.public_bytes_raw() if isinstance(key, Ed25519PublicKey) else None


async def _page(request: Request, context: Context, **answer: Any) -> Response:
    async with context.pool.connection() as connection:
        keys = await device_keys.keys(connection)
        tokens = await people.credentials(connection)
    shown = {"keys": keys, "tokens": tokens, "now": context.clock()}
    return answered(request, "devices.html", shown, **answer)
