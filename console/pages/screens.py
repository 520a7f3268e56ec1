"""The seven screens of the wall in the browser, for operators without Grafana. No plate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from console.auth.access import ROUTES
from console.auth.guard import Visitor, Who
from console.render import asset, language_of, page
from console.screen_show import Choice, Screens
from console.screens.markup import sign
from console.texts import say, texts
from dashboards.screen import STATES, Screen, Tile, Word

router = APIRouter()

MOST_NAMES: Final = 200
"""Cities or junctions that one address may name."""

REFRESH_S: Final = 10
"""A screen asks so often for what is new."""

Names = Annotated[list[Annotated[str, Query(max_length=64)]], Query(max_length=MOST_NAMES)]
Play = Annotated[int | None, Query(ge=5, le=3600)]


@router.get("/wall/screens")
async def index(request: Request, who: Who, city: Names = [], site: Names = []) -> Response:  # noqa: B006
    """All screens, and the choice of places."""
    screens = screens_of(request)
    language = language_of(request, who)
    choice = await screens.choose(city, site, language)
    return page(
        request,
        "screens.html",
        screens=screens.screens,
        towns=await _towns(screens, language),
        choice=choice,
        query=query_of(choice),
        word=_words(language),
    )


@router.get("/wall/s/{uid}")
async def show(
    request: Request,
    who: Who,
    uid: str,
    city: Names = [],  # noqa: B006
    site: Names = [],  # noqa: B006
    play: Play = None,
    kiosk: bool = False,
) -> Response:
    """One screen; ``kiosk=1`` leaves the bar at the top out, ``play=30`` shows all in turn."""
    screens = screens_of(request)
    language = language_of(request, who)
    choice = await screens.choose(city, site, language)
    values = await _values(screens, screens.find(uid), choice, who, language)
    words = {key: say(language, key) for key in texts() if key.startswith(("screens_", "wall_"))}
    return page(
        request,
        "screen.html",
        **values,
        play=play,
        kiosk=kiosk or play is not None,
        refresh=REFRESH_S,
        words=words,
        build=build(),
    )


@router.get("/wall/s/{uid}/tiles")
async def tiles(
    request: Request,
    who: Who,
    uid: str,
    city: Names = [],  # noqa: B006
    site: Names = [],  # noqa: B006
) -> Response:
    """The same without what stands around it, to be put in the place of what is there."""
    screens = screens_of(request)
    language = language_of(request, who)
    choice = await screens.choose(city, site, language)
    values = await _values(screens, screens.find(uid), choice, who, language)
    return page(request, "screen_tiles.html", **values, build=build())


def screens_of(request: Request) -> Screens:
    """The screens of the application that a request came to."""
    screens = request.app.state.screens
    assert isinstance(screens, Screens)
    return screens


def query_of(choice: Choice) -> str:
    """The choice as the end of an address, with its question mark."""
    pairs = [*(("city", one) for one in choice.cities), *(("site", one) for one in choice.sites)]
    return "?" + urlencode(pairs) if pairs else ""


def build() -> str:
    """Changes with the page's own files: a wall that hangs for months loads itself anew then."""
    return "-".join(asset(name).rpartition("?")[2] for name in ("screens.css", "screens.js"))


async def _values(
    screens: Screens, screen: Screen, choice: Choice, who: Visitor, language: str
) -> dict[str, Any]:
    """What both forms of a screen show."""
    query = query_of(choice)

    def link(tile: Tile) -> str | None:
        return href(tile, who, query)

    number, before, after = screens.around(screen)
    return {
        "screen": screen,
        "tiles": await screens.tiles(screen, choice, language, link),
        "number": number,
        "total": len(screens.screens),
        "before": before.uid,
        "after": after.uid,
        "uids": [one.uid for one in screens.screens],
        "choice": choice,
        "query": query,
        "clock": screens.context.clock(),
        "word": _words(language),
        "signs": STATES,
        "sign": sign,
    }


def _words(language: str) -> Callable[[Word], str]:
    """Says a word of the model."""
    return lambda word: word.en if language == "en" else word.vi


def href(tile: Tile, who: Visitor, query: str) -> str | None:
    """Where a tile leads this visitor; None where they may not go."""
    if tile.link is None:
        return None
    if not tile.link.startswith("/"):
        return f"/wall/s/{tile.link}{query}"
    access = ROUTES.get(f"GET {tile.link}")
    return tile.link if isinstance(access, frozenset) and who.role in access else None


async def _towns(screens: Screens, language: str) -> dict[tuple[str, str], list[tuple[str, str]]]:
    """Cities with their junctions, each with its name."""
    english = language == "en"
    found: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for one in await screens.places():
        town = (one.city, one.city_en if english else one.city_vi)
        found.setdefault(town, []).append((one.site, one.name_en if english else one.name_vi))
    return found
