"""A whole tile: its head, its body, and what went wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from markupsafe import Markup

from console.screens import bars, heading, heat, maps, series, stat, table
from console.screens.answer import Answer, as_of, old
from console.screens.letters import cut, wrap
from console.screens.markup import element, in_lines, sign
from console.screens.sizes import DETAIL, Box, inside
from console.screens.values import Look
from dashboards.screen import Tile

STRIP: Final = 84
"""Height of the strip that says what failed, above what was read before."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a tile has no new data.

    Attributes:
        key: Text that says what failed.
        values: What is put into it.
    """

    key: str
    values: tuple[tuple[str, str], ...] = ()

    def told(self, look: Look) -> str:
        """In words."""
        return look.say(self.key, **dict(self.values))


def draw(
    tile: Tile,
    place: tuple[int, int],
    answer: Answer | None,
    fault: Fault | None,
    look: Look,
    start: datetime,
    *,
    href: str | None = None,
) -> Markup:
    """The tile.

    Args:
        tile: What it shows.
        place: Column and row on the screen.
        answer: Its rows, or those that were read last; None if there never were any.
        fault: Why there are no new ones.
        look: For whom, and the end of the range.
        start: The range's beginning.
        href: Where a click on its title leads.
    """
    if answer is not None and (lacking := answer.missing(tile)):
        fault = Fault(
            "screens_fault_columns", (("query", tile.query), ("names", ", ".join(lacking)))
        )
        answer = None
    room = inside(tile.size)
    records = answer.records if answer is not None else []
    made = heading.heading(tile, records, room, look)
    at = None if answer is None else as_of(tile, answer, look.now)
    body = room.less(made.height)
    parts: list[object] = [heading.draw(tile, made, at, look, href=href)]
    if fault is not None and answer is not None:
        parts.append(_strip(fault, body, look))
        body = body.less(STRIP)
    if answer is None:
        parts.append(_failed(fault, body, look))
    else:
        drawn = _body(tile, answer, body, look, start) if answer.rows else None
        parts.append(element("div", {"class": f"body of-{tile.kind}"}, drawn or _empty(look)))
    column, row = place
    width, height = tile.size
    classes = ["tile", f"x{column}", f"y{row}", f"w{width}", f"h{height}"]
    if old(at, tile, look.now):
        classes.append("stale")
    if fault is not None:
        classes.append("failed")
    attributes: dict[str, object] = {
        "class": " ".join(classes),
        "data-tile": tile.id,
        "data-as-of": None if at is None else f"{at.timestamp():.3f}",
        "data-fresh": None if tile.fresh_s is None else f"{tile.fresh_s:g}",
        "aria-labelledby": f"tile-{tile.id}",
    }
    return element("section", attributes, *parts)


def _body(tile: Tile, answer: Answer, box: Box, look: Look, start: datetime) -> Markup | None:
    match tile.kind:
        case "stat":
            return stat.draw(tile, answer, box, look)
        case "series":
            return series.draw(tile, answer, box, look, start)
        case "bars":
            return bars.draw(tile, answer, box, look)
        case "heat":
            return heat.draw(tile, answer, box, look)
        case "table":
            return table.draw(tile, answer, box, look)
        case "map":
            return maps.draw(tile, answer, box, look)


def _empty(look: Look) -> Markup:
    return element("p", {"class": "empty"}, sign("none"), look.say("wall_none"))


def _failed(fault: Fault | None, box: Box, look: Look) -> Markup:
    """Nothing was ever read: what failed, and how to mend it."""
    told = "" if fault is None else fault.told(look)
    most = max(1, int((box.height - 60) // (DETAIL * 1.2)))
    lines = wrap(told, DETAIL, box.width, most)
    return element(
        "div",
        {"class": "body failed-body"},
        element("p", {"class": "fault-word"}, sign("warn"), look.say("screens_failed")),
        element("p", {"class": "fault-text", "title": told}, in_lines(lines)),
    )


def _strip(fault: Fault, box: Box, look: Look) -> Markup:
    """What failed, above what was read before."""
    told = fault.told(look)
    word = cut(look.say("screens_failed_old"), DETAIL, box.width - 60, bold=True)
    return element(
        "div",
        {"class": "strip", "role": "status", "title": told},
        element("p", {"class": "fault-word"}, sign("warn"), word),
        element("p", {}, cut(told, DETAIL, box.width - 20)),
    )
