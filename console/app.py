"""The console as one application: routes, door, headers, background work."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from fastapi import Depends, FastAPI
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles

from console import errors
from console.api import evidence, evidence_view, fiware, handover, openapi
from console.api.common import AWAY
from console.auth.access import check
from console.auth.guard import Who, guard
from console.auth.throttle import AddressThrottle
from console.auth.vault import Vault
from console.context import Context, Ctx
from console.headers import BoundedForms, Headers
from console.originals import open_store
from console.pages import (
    audit,
    devices,
    export,
    figures,
    login,
    me,
    oidc,
    people,
    review,
    screens,
    wall,
)
from console.partial_files import PartialFiles
from console.render import STATIC
from console.screen_show import Screens
from console.upkeep import keep_up
from console.viewing import SeenCases, Views
from console.wall import Wall
from ioc import __version__
from ioc.clock import Clock, utc_now
from ioc.settings import Settings
from store.pool import open_pool

ROLE = "ioc_console"
HOME = {"operator": "/wall", "auditor": "/audit", "admin": "/people"}
"""First page of a role; of the others the queue."""


def build(settings: Settings, clock: Clock = utc_now) -> FastAPI:
    """The application.

    Args:
        settings: Of this installation; the database must be migrated.
        clock: The time.

    Raises:
        ConfigError: A key or a folder cannot be used.
        RuntimeError: A route is missing in ``console.auth.access``.
    """
    console = settings.console
    vault = Vault.open(console.keys_dir)
    originals = open_store(console.evidence_url)
    partial_files = PartialFiles(console.work_dir / "uploads")

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            pool = await stack.enter_async_context(
                open_pool(settings.database, "ioc-console", size=console.pool_size, role=ROLE)
            )
            views = Views(console.work_dir / "views")
            stack.push_async_callback(views.close)
            context = Context(
                *(console, pool, originals, vault, clock, AddressThrottle(), partial_files),
                *(views, SeenCases()),
            )
            app.state.context = context
            app.state.wall = Wall(context)
            app.state.screens = Screens(context)
            stack.push_async_callback(app.state.screens.close)
            tasks = (
                asyncio.create_task(keep_up(context)),
                asyncio.create_task(context.refusals.keep_telling(context)),
            )
            yield
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    app = FastAPI(
        title="IOC Hậu Giang",
        version=__version__,
        dependencies=[Depends(guard)],
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        lifespan=lifespan,
    )
    for module in (login, me, review, wall, screens, audit, oidc, figures, people, devices, export):
        app.include_router(module.router, include_in_schema=False)
    for programs in (handover, fiware, openapi, evidence, evidence_view):
        app.include_router(programs.router)
    app.add_api_route("/", home, methods=["GET"], include_in_schema=False)
    app.add_api_route("/health", health, methods=["GET"], responses={**AWAY}, operation_id="health")
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    errors.install(app)
    app.add_middleware(BoundedForms)
    app.add_middleware(Headers, tls=console.public_url.startswith("https://"))
    check(app)
    return app


async def home(who: Who) -> Response:
    """The first page of whoever is there."""
    return RedirectResponse("/me" if who.must else HOME.get(who.role, "/queue"), 303)


async def health(context: Ctx) -> JSONResponse:
    """Whether the console can work: 200, or 503 without its database."""
    async with context.pool.connection(timeout=2) as connection:
        await connection.execute("SELECT 1")
    return JSONResponse({"status": "ok", "version": __version__})
