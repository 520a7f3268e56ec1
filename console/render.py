"""Pages from templates: words in the visitor's language, everything escaped."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from fastapi import Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from console.auth.access import ROUTES
from console.auth.guard import Visitor
from console.texts import LANGUAGES, say
from ioc.clock import VIETNAM

FOLDER: Final = Path(__file__).parent
STATIC: Final = FOLDER / "static"

MENU: Final = (
    ("/queue", "nav_queue"),
    ("/figures", "nav_figures"),
    ("/wall", "nav_wall"),
    ("/audit", "nav_audit"),
    ("/people", "nav_people"),
    ("/devices", "nav_devices"),
)
"""Shown to whoever may open them."""


def page(request: Request, template: str, status: int = 200, /, **values: Any) -> HTMLResponse:
    """A page.

    Args:
        request: For whom: language, theme and menu come from the visitor, or the cookies.
        template: File in ``console/templates``.
        status: HTTP status.
        values: What the template names.
    """
    visitor = getattr(request.state, "visitor", None)
    language = language_of(request, visitor)
    theme = visitor.theme if visitor else request.cookies.get("theme", "auto")

    def t(key: str, /, **more: object) -> str:
        return say(language, key, **more)

    html = (
        _environment()
        .get_template(template)
        .render(
            **values,
            visitor=visitor,
            language=language,
            theme=theme if theme in ("light", "dark") else "auto",
            path=request.url.path,
            menu=[] if visitor is None else [item for item in MENU if _open_to(visitor, item[0])],
            t=t,
        )
    )
    return HTMLResponse(html, status)


def answered(
    request: Request,
    template: str,
    shown: Mapping[str, Any],
    *,
    told: str = "",
    once: str = "",
    fault: str = "",
    status: int = 200,
    **values: object,
) -> HTMLResponse:
    """A page with the answer to what was just done on it.

    Args:
        request: As ``page``.
        template: As ``page``.
        shown: What the template names.
        told: Key of the words that say what was done.
        once: A secret that is shown this once.
        fault: Key of the words that say what was wrong.
        status: HTTP status.
        values: What those words name.
    """
    answer = {"told": told, "once": once, "fault": fault, "values": values}
    return page(request, template, status, **shown, **answer)


def language_of(request: Request, visitor: Visitor | None) -> str:
    """What the visitor has chosen, else the cookie, else Vietnamese."""
    chosen = visitor.language if visitor else request.cookies.get("language", "vi")
    return chosen if chosen in LANGUAGES else "vi"


def local_time(at: datetime | None, form: str = "%d/%m/%Y %H:%M:%S") -> str:
    """An instant as people in Vietnam read it."""
    return "" if at is None else at.astimezone(VIETNAM).strftime(form)


@cache
def asset(name: str) -> str:
    """Address of a static file; changes with its content, so that browsers may keep it."""
    digest = sha256((STATIC / name).read_bytes()).hexdigest()[:12]
    return f"/static/{name}?{digest}"


def _open_to(visitor: Visitor, path: str) -> bool:
    access = ROUTES.get(f"GET {path}", "")
    return isinstance(access, frozenset) and visitor.role in access and not visitor.must


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["asset"] = asset
    environment.filters["local"] = local_time
    return environment
