"""Rows as HTML: names with their signs, cells, titles, widths, and what is left out."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from console.screens.answer import Record, state_of, worst
from console.screens.fitting import SIGN, Plan, gone
from console.screens.letters import cut, width, wrap
from console.screens.markup import element, in_lines, join, sign
from console.screens.rows import Head, Row, age
from console.screens.sizes import DETAIL
from console.screens.values import Look


def attributes(row: Row) -> dict[str, object]:
    """What the page's script needs to see a row grow old."""
    classes = " ".join(filter(None, (row.state or "", "aged" if row.old else "")))
    since = None if row.at is None else f"{row.at.timestamp():.3f}"
    return {"class": classes or None, "data-as-of": since}


def name(
    row: Row, room: float, size: int, look: Look, *, signed: bool = True, aging: bool = True,
    wraps: int = 1, columns: int | None = None,
) -> Markup:  # fmt: skip
    """The name of a row.

    Args:
        row: Its row.
        room: Width.
        size: Of its letters.
        look: For whom.
        signed: Whether the sign of the row's state stands here; not where a column has it.
        aging: Whether it is told here that the row is old; not where a column tells it.
        wraps: Lines it may have.
        columns: How many columns it covers.
    """
    mark = sign(row.state) if signed and row.state else None
    left = room - (SIGN * size if mark else 0.0)
    word = None
    if aging and row.at is not None:
        said = look.say("screens_old_word")
        word = element("span", {"class": "row-old"}, said)
        left -= width(said, DETAIL, bold=True) + DETAIL if row.old else 0.0
    told = row.cells[0].text
    if wraps > 1:
        lines = wrap(told, size, left, wraps, bold=True)
        text: object = element("span", {"class": "lines"}, in_lines(lines))
    else:
        text = cut_name(told, size, left)
    return element("th", {"scope": "row", "colspan": columns, "title": told}, word, mark, text)


def cut_name(told: str, size: int, room: float) -> str:
    """A name that fits; of "Junction · lane" the end is kept, which tells one from the other."""
    if width(told, size, bold=True) <= room or " · " not in told:
        return cut(told, size, room, bold=True)
    head, _, tail = told.rpartition(" · ")
    end = " · " + tail
    left = room - width(end, size, bold=True)
    if left > 2 * size:
        return cut(head, size, left, bold=True) + end
    return cut(tail, size, room, bold=True)


def further(
    row: Row, place: int, head: Head, room: float, size: int, look: Look, *, wraps: int = 1
) -> Markup:
    """Any other cell."""
    cell = row.cells[place]
    if head.kind == "age":
        said = element("span", {"class": "row-age"}, cell.text)
        if row.at is None:
            return element("td", {"class": "age"}, said)
        old = element(
            "span", {"class": "row-old told"}, look.say("screens_old", age=age(row.at, look))
        )
        return element("td", {"class": "age"}, old, said)
    if cell.state is not None:
        word = element("span", {}, cut(cell.text, size, room - SIGN * size, bold=True))
        return element("td", {"class": f"state {cell.state}"}, sign(cell.state), word)
    if head.kind == "text" and wraps > 1:
        lines = wrap(cell.text, size, room, wraps)
        return element("td", {"class": "text"}, in_lines(lines))
    title = cell.text if head.kind == "text" else None
    return element("td", {"class": head.kind, "title": title}, cut(cell.text, size, room))


def titles(heads: Sequence[Head], chosen: Plan, *, bare: int | None) -> Markup:
    """Titles above columns.

    Args:
        heads: All columns.
        chosen: Which of them are shown.
        bare: Over how many cells in front there are none instead of the names' title: over bars,
            and over names beside them. None: the names have their title.
    """
    shown = list(zip(chosen.columns, chosen.widths, strict=True))[0 if bare is None else 1 :]
    cells = [
        element(
            "th",
            {"scope": "col", "class": "number" if heads[place].kind == "number" else None},
            in_lines(wrap(heads[place].title, DETAIL, wide, chosen.heading)),
        )
        for place, wide in shown
    ]
    empty = element("td", {"colspan": bare}) if bare else None
    return element("thead", {}, element("tr", {}, empty, *cells))


def columns_of(widths: Sequence[float]) -> Markup:
    """Widths of columns in parts of the whole: style attributes are refused by the policy."""
    full = sum(widths)
    parts = (Markup('<col width="{}%">').format(f"{100 * wide / full:.2f}") for wide in widths)
    return element("colgroup", {}, *parts)


def more(
    records: Sequence[Record], heads: Sequence[Head], columns: Sequence[int], count: int,
    look: Look, *, cut_off: bool,
) -> Markup | None:  # fmt: skip
    """What is left out, and how much of it is abnormal; None where nothing is.

    Args:
        records: All rows.
        heads: All columns.
        columns: Those that are shown.
        count: Rows that are shown.
        look: For whom.
        cut_off: Whether there were more rows than were fetched.
    """
    parts: list[Markup | str] = []
    hidden = records[count:]
    if hidden:
        many = f"{len(hidden)}+" if cut_off else str(len(hidden))
        parts.append(look.say("screens_more_rows", n=many))
        for state, times in worst(map(state_of, hidden)).items():
            parts.append(join([sign(state), Markup(str(times))]))
    elif cut_off:
        parts.append(look.say("screens_cut", n=len(records)))
    if left := gone(heads, columns):
        parts.append(look.say("screens_more_columns", names=", ".join(left)))
    if not parts:
        return None
    told: list[object] = [parts[0]]
    for part in parts[1:]:
        told += [" · ", part]
    return element("p", {"class": "more"}, *told)
