"""The head of a tile: its title with the unit, the worst of its states, the age of its data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from markupsafe import Markup

from console.screens.answer import Record, shown, state_of, worst
from console.screens.letters import cut, width
from console.screens.markup import CLOCK, element, join, sign
from console.screens.sizes import DETAIL, LADDER, SECOND, TITLE, Box
from console.screens.values import Look, span, unit_word
from dashboards.screen import STATES, State, Tile

SPACE: Final = 18
"""Between title, state and age."""

SIGN: Final = 1.15
"""Width of a sign in letters' sizes."""

_SCALED: Final = ("s", "ms", "h", "d", "B", "level", "%", "ratio")
"""Units that go with the size of a number, or are short: they stand beside each."""


@dataclass(frozen=True, slots=True)
class Badge:
    """What is abnormal in a tile.

    Attributes:
        state: Its sign.
        count: Of how many rows; empty where there is only one.
        word: Of the state, where there is room. It goes when the data is old: that is news then.
    """

    state: State
    count: str
    word: str

    def width(self, size: int, *, worded: bool = True) -> float:
        """How wide it is."""
        word = width(self.word, size, bold=True) + (0.3 * size if self.count else 0.0)
        return (
            SIGN * size
            + width(self.count, size, bold=True)
            + (word if worded and self.word else 0.0)
            + SPACE
        )


@dataclass(frozen=True, slots=True)
class Heading:
    """A head that fits.

    Attributes:
        title: Of the tile, cut where it must be.
        unit: Beside it, or empty.
        badges: What is abnormal.
        size: Of the badges' letters.
        second: Whether there is a second line.
    """

    title: str
    unit: str
    badges: tuple[Badge, ...]
    size: int
    second: bool

    @property
    def height(self) -> float:
        """Of all its lines."""
        return TITLE + (SECOND if self.second else 0)


def unit_of(tile: Tile, look: Look) -> str:
    """The unit that all numbers of a tile have, told once beside its title."""
    unit = tile.unit
    if tile.kind == "bars":
        unit = shown(tile)[1].unit
    elif tile.kind not in ("series", "heat", "map"):
        unit = ""
    if unit == "%" and tile.kind == "series":
        return "%"
    return "" if unit in _SCALED else unit_word(unit, look)


def heading(tile: Tile, records: Sequence[Record], box: Box, look: Look) -> Heading:
    """The head with the largest signs of what is abnormal for which there is room.

    Args:
        tile: The tile.
        records: Its rows.
        box: Room inside its frame.
        look: For whom.
    """
    told = look.word(tile.title)
    unit = unit_of(tile, look)
    beside = width("· " + unit, DETAIL) + 8 if unit else 0.0
    wide = width(told, DETAIL, bold=True) + beside
    worded, counted = _badges(tile, records, look)
    tries = [(worded, size) for size in LADDER if size >= 38]
    if tile.kind == "stat":  # nothing else says the word
        tries += [(worded, size) for size in LADDER[3:]]
    tries += [(counted, size) for size in LADDER if size >= 38]
    tries += [(badges, size) for size in LADDER[3:] for badges in (worded, counted)]
    for badges, size in tries:
        if tile.kind == "stat" and badges is not worded:
            break  # a second line is better
        if wide + _state_and_age(tile, badges, size, look) <= box.width:
            return Heading(told, unit, badges, size, second=False)
    for badges, size in tries:
        if size <= SECOND - 4 and _state_and_age(tile, badges, size, look) <= box.width:
            break
    else:
        badges, size = counted[:1], DETAIL
    return Heading(
        cut(told, DETAIL, box.width - beside, bold=True), unit, badges, size, second=True
    )


def _state_and_age(tile: Tile, badges: Sequence[Badge], size: int, look: Look) -> float:
    """Room for what is abnormal and for the longest age, or for the word that the data is old."""
    longest = look.say("wall_minutes", n=99)
    fresh = 1.3 * DETAIL + width(longest, DETAIL)
    whole = SPACE + fresh + sum(badge.width(size) for badge in badges)
    if tile.fresh_s is None:
        return whole
    old = 0.7 * DETAIL + width(look.say("screens_old", age=longest), DETAIL, bold=True)
    short = SPACE + old + sum(badge.width(size, worded=False) for badge in badges)
    return max(whole, short)


def draw(tile: Tile, made: Heading, at: datetime | None, look: Look, *, href: str | None) -> Markup:
    """The head.

    Args:
        tile: The tile.
        made: What is in it.
        at: When the data was last true; None: never.
        look: For whom.
        href: Where a click on the title leads.
    """
    says = look.word(tile.says)
    title: object = made.title
    if href is not None:
        title = element("a", {"href": href}, made.title)
    name = element(
        "h2", {"id": f"tile-{tile.id}", "title": says}, title,
        element("small", {}, f"· {made.unit}") if made.unit else None,
    )  # fmt: skip
    badges = join(
        element(
            "span",
            {"class": f"badge {one.state} f{made.size}"},
            sign(one.state),
            element("span", {}, one.count) if one.count else None,
            element("span", {"class": "badge-word"}, one.word) if one.word else None,
        )
        for one in made.badges
    )
    told = age(at, look)
    old = element("span", {"class": "old-word"}, look.say("screens_old", age=told))
    shape = element("path", {"d": CLOCK})
    drawing = {"class": "clock-icon", "viewBox": "0 0 10 10", "aria-hidden": "true"}
    icon = element("svg", {**drawing}, shape)
    fresh = element("span", {"class": "age-word"}, icon, told)
    parts = [
        element("span", {"class": "badges"}, badges) if badges else None,
        element("span", {"class": "age"}, old, fresh),
    ]
    if made.second:
        parts = [element("div", {"class": "second"}, *parts)]
    return element("header", {"class": "two" if made.second else None}, name, *parts)


def age(at: datetime | None, look: Look) -> str:
    """How old data is, in words."""
    if at is None:
        return look.say("screens_never")
    return span((look.now - at).total_seconds(), look)


def _badges(
    tile: Tile, records: Sequence[Record], look: Look
) -> tuple[tuple[Badge, ...], tuple[Badge, ...]]:
    """What is abnormal in words, and in short."""
    states = [state_of(record) for record in records]
    if tile.kind == "stat":
        if not states or states[0] is None:
            return (), ()
        word = look.word(STATES[states[0]][1])
        return (Badge(states[0], "", word),), (Badge(states[0], "", ""),)
    counts = worst(states)
    worded = tuple(
        Badge(state, str(count), look.word(STATES[state][1]).lower())
        for state, count in counts.items()
    )
    return worded, tuple(Badge(state, str(count), "") for state, count in counts.items())
