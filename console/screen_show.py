"""The screens of the wall as a viewer gets them: places chosen, tiles asked for, drawn, kept."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from markupsafe import Markup

from console.context import Context
from console.errors import ProblemError
from console.screen_answers import Answers, Kept, Key, Selection
from console.screens.sizes import places
from console.screens.tile import Fault, draw
from console.screens.values import Look
from dashboards.screen import Screen, Tile
from dashboards.screens import SCREENS
from ioc.telemetry import logger
from store import wall as store
from store.wall_rows import SiteName

PLACES_S: Final = 30.0
"""How long the list of junctions is kept."""

MOST_DRAWN: Final = 1000
"""Drawings that are kept, some 10 kB each."""

_log = logger("console.screens")
_DrawingKey = tuple[str, str, Key, int, datetime, str, str | None]


@dataclass(frozen=True, slots=True)
class Choice:
    """What a viewer chose to look at.

    Attributes:
        selection: As queries get it.
        cities: The cities that were named; none means all.
        sites: The junctions that were named; none means all of those cities.
        names: What people call those that were named.
    """

    selection: Selection
    cities: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


@dataclass(slots=True)
class Screens:
    """All screens; one in each process.

    Attributes:
        context: The console's.
        screens: In the order in which they are shown.
        answers: Of their queries.
    """

    context: Context
    screens: Sequence[Screen] = SCREENS
    answers: Answers = field(init=False)
    _places: tuple[float, list[SiteName]] = field(default=(-PLACES_S, []), init=False)
    _drawn: OrderedDict[_DrawingKey, Markup] = field(default_factory=OrderedDict, init=False)

    def __post_init__(self) -> None:
        self.answers = Answers(self.context)

    def find(self, uid: str) -> Screen:
        """A screen by its uid.

        Raises:
            ProblemError: There is none.
        """
        for screen in self.screens:
            if screen.uid == uid:
                return screen
        known = ", ".join(screen.uid for screen in self.screens)
        raise ProblemError(404, "screens_unknown", uid=uid, known=known)

    def around(self, screen: Screen) -> tuple[int, Screen, Screen]:
        """The number of a screen, counted from 1, the one before it and the one after it."""
        number = [one.uid for one in self.screens].index(screen.uid)
        count = len(self.screens)
        return number + 1, self.screens[number - 1], self.screens[(number + 1) % count]

    async def places(self) -> list[SiteName]:
        """All junctions, as they were some seconds ago."""
        read_at, known = self._places
        if time.monotonic() - read_at >= PLACES_S or not known:
            async with self.context.pool.connection(timeout=3) as connection:
                known = await store.sites(connection)
            self._places = (time.monotonic(), known)
        return known

    async def choose(self, cities: Sequence[str], sites: Sequence[str], language: str) -> Choice:
        """What is looked at.

        Args:
            cities: Named ones; none for all.
            sites: Named ones; none for all of those cities.
            language: Of the names.

        Raises:
            ProblemError: A city or junction is not there.
        """
        known = await self.places()
        english = language == "en"
        towns = {one.city: one.city_en if english else one.city_vi for one in known}
        for city in cities:
            if city not in towns:
                raise ProblemError(
                    422, "screens_unknown_city", name=city, known=", ".join(sorted(towns))
                )
        within = [one for one in known if not cities or one.city in cities]
        there = {one.site: one.name_en if english else one.name_vi for one in within}
        for site in sites:
            if site not in there:
                raise ProblemError(
                    422, "screens_unknown_site", name=site, known=", ".join(sorted(there))
                )
        selection = Selection(
            tuple(sorted(set(cities) or towns)), tuple(sorted(set(sites) or there))
        )
        named = (*dict.fromkeys(cities), *dict.fromkeys(sites))
        names = (*(towns[one] for one in dict.fromkeys(cities)),
                 *(there[one] for one in dict.fromkeys(sites)))  # fmt: skip
        assert len(names) == len(named)
        return Choice(selection, tuple(dict.fromkeys(cities)), tuple(dict.fromkeys(sites)), names)

    async def tiles(
        self,
        screen: Screen,
        choice: Choice,
        language: str,
        link: Callable[[Tile], str | None],
    ) -> list[Markup]:
        """The tiles of a screen, each with what it knows or with what went wrong.

        Args:
            screen: The screen.
            choice: Where is looked at.
            language: Of its words.
            link: Where a click on a tile leads this viewer.
        """
        keys = [Key(tile.query, screen.span_h, choice.selection) for tile in screen.tiles]
        kept = await asyncio.gather(*map(self.answers.get, keys))
        look = Look(language, self.answers.now())
        spots = places([tile.size for tile in screen.tiles])
        return [
            self._tile(screen, tile, spot, key, answer, look, link(tile))
            for tile, spot, key, answer in zip(screen.tiles, spots, keys, kept, strict=True)
        ]

    async def close(self) -> None:
        """Ask nothing more."""
        await self.answers.close()

    def _tile(
        self,
        screen: Screen,
        tile: Tile,
        spot: tuple[int, int],
        key: Key,
        kept: Kept,
        look: Look,
        href: str | None,
    ) -> Markup:
        """A tile's drawing: one for all who see the same."""
        name = (screen.uid, tile.id, key, kept.number, look.now, look.language, href)
        if (drawn := self._drawn.get(name)) is not None:
            return drawn
        start = look.now - timedelta(hours=screen.span_h)
        try:
            drawn = draw(tile, spot, kept.answer, kept.fault, look, start, href=href)
        except Exception:
            # One row that nobody thought of must not take the other tiles away.
            _log.exception("a tile could not be drawn", screen=screen.uid, tile=tile.id)
            drawn = draw(tile, spot, None, Fault("screens_fault_drawing"), look, start, href=href)
        self._drawn[name] = drawn
        while len(self._drawn) > MOST_DRAWN:
            self._drawn.popitem(last=False)
        return drawn
