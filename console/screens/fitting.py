"""How rows fit into a tile: the largest letters with which nothing is left out, or else what is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from console.screens.letters import width, wrap
from console.screens.rows import Head, Row
from console.screens.sizes import DETAIL, LADDER, Box

PAD: Final = 20
"""Between two columns."""

ROW: Final = 1.2
"""Height of a line of a row in parts of its letters' size: Vietnamese capitals have marks."""

HEAD: Final = 1.16
"""The same of the titles above columns."""

MORE: Final = 36
"""Height of the line that says what is left out."""

BAR: Final = 0.15
"""Least part of the width that bars have."""

SHORTEST: Final = 6
"""A text that must be cut keeps room for so many of its letters' sizes."""

NAME: Final = 9
"""And a name for so many, if that is not too much of the width."""

SIGN: Final = 1.2
"""Width of a sign, in letters' sizes."""

NARROWEST: Final = 1.6
"""The least width of a column, likewise."""

Form = Literal["table", "bars"]


@dataclass(frozen=True, slots=True)
class Plan:
    """How rows are set.

    Attributes:
        size: Of their letters.
        columns: Places of the columns that are shown.
        widths: Their widths.
        count: Rows that are shown.
        heading: Lines of the titles above; 0 where there are none.
        wraps: Lines that a text may have.
        stacked: Whether names stand above the rest of their rows.
    """

    size: int
    columns: tuple[int, ...]
    widths: tuple[float, ...]
    count: int
    heading: int
    wraps: int = 1
    stacked: bool = False


def plan(
    heads: Sequence[Head],
    rows: Sequence[Row],
    box: Box,
    total: int,
    form: Form = "table",
    *,
    noted: bool = False,
) -> Plan:
    """The largest letters with which all rows and columns fit; else as much as fits.

    Args:
        heads: All columns that could be shown.
        rows: Those that are looked at.
        box: Room for all of it.
        total: Rows that there are.
        form: Bars have no titles where there is one number only.
        noted: Whether something is left out already, and is told below.
    """
    fit = _Fit(heads, rows, box.less(MORE) if noted else box, total, form)
    return fit.whole() or fit.part(noted=noted)


def gone(heads: Sequence[Head], columns: Sequence[int]) -> list[str]:
    """Titles of columns there is no room for; ages and words of states are in the tile's head."""
    return [
        head.title
        for place, head in enumerate(heads)
        if place not in columns and head.kind not in ("age", "state")
    ]


@dataclass(frozen=True, slots=True)
class _Fit:
    heads: Sequence[Head]
    rows: Sequence[Row]
    box: Box
    total: int
    form: Form

    @property
    def titled(self) -> bool:
        return self.form == "table" or len(self.heads) > 2

    def room(self) -> float:
        """Width that columns may take together."""
        if self.form == "bars":
            return self.box.width * (1 - BAR) - PAD
        return self.box.width

    def sets(self) -> Iterator[tuple[int, ...]]:
        """All columns; then without ages; then without the words of states."""
        places = tuple(range(len(self.heads)))
        yield places
        for kinds in (("age",), ("age", "state")):
            left = tuple(
                place for place in places if place == 0 or self.heads[place].kind not in kinds
            )
            if len(left) < len(places) and len(left) > 1:
                yield left

    def whole(self) -> Plan | None:
        """A way in which everything fits."""
        headings = (1, 2) if self.titled else (0,)
        wraps = 1 if self.form == "bars" else 2
        forms = ((1, False), (wraps, False), (1, True))
        for columns in self.sets():
            for size in LADDER:
                for heading in headings:
                    for lines, stacked in forms:
                        made = self.fits(columns, size, heading, lines, stacked=stacked)
                        if made is not None:
                            return made
        return None

    def fits(
        self, columns: tuple[int, ...], size: int, heading: int, wraps: int, *, stacked: bool
    ) -> Plan | None:
        """One way, if nothing is cut and no row left out."""
        high = heading * DETAIL * HEAD
        if high + self.total * size * ROW * (2 if stacked else 1) > self.box.height:
            return None
        widths = self.natural(columns, size, heading, wraps)
        if stacked:
            if widths[0] > self.box.width or _sum(widths[1:]) > self.room():
                return None
            widths = (widths[0], *self.spread(columns[1:], widths[1:]))
            return Plan(size, columns, widths, len(self.rows), heading, wraps, stacked=True)
        if _sum(widths) > self.room():
            return None
        widths = self.spread(columns, widths)
        lines = sum(self.lines(row, columns, widths, size, wraps) for row in self.rows)
        lines += (self.total - len(self.rows)) * wraps
        if high + lines * size * ROW > self.box.height:
            return None
        return Plan(size, columns, widths, len(self.rows), heading, wraps)

    def part(self, *, noted: bool) -> Plan:
        """The smallest letters, with rows left out, then texts cut, then columns left out."""
        made = self.above(noted=noted)
        if made is not None:
            return made
        columns, widths, heading = self.narrow()
        room = self.rest(heading, columns, noted=noted)
        count = max(1, min(int(room // (DETAIL * ROW)), len(self.rows)))
        return Plan(DETAIL, columns, self.spread(columns, widths), count, heading)

    def rest(self, heading: int, columns: Sequence[int], *, noted: bool) -> float:
        """Height for rows: without the line below that says what is left out, if it is needed."""
        high = self.box.height - heading * DETAIL * HEAD
        whole = not gone(self.heads, columns) and self.total * DETAIL * ROW <= high
        return high if noted or whole else high - MORE

    def above(self, *, noted: bool) -> Plan | None:
        """Names, cut, above the rest of their rows, if all rows have room so."""
        sets = list(self.sets())
        sets += [sets[-1][:count] for count in range(len(sets[-1]) - 1, 1, -1)]
        for columns in sets:
            for heading in (1, 2) if self.titled else (0,):
                widths = self.natural(columns[1:], DETAIL, heading, 1)
                if not widths or _sum(widths) > self.room():
                    continue
                if self.total * 2 * DETAIL * ROW > self.rest(heading, columns, noted=noted):
                    continue
                whole = (self.box.width, *self.spread(columns[1:], widths))
                return Plan(DETAIL, columns, whole, len(self.rows), heading, stacked=True)
        return None

    def narrow(self) -> tuple[tuple[int, ...], tuple[float, ...], int]:
        """Columns, their widths, and lines of titles, in the smallest letters."""
        headings = (1, 2) if self.titled else (0,)
        for columns in self.sets():
            for heading in headings:
                widths = self.natural(columns, DETAIL, heading, 1)
                if _sum(widths) <= self.room():
                    return columns, widths, heading
        heading = headings[-1]
        while True:
            natural = self.natural(columns, DETAIL, heading, 1)
            cut = self.squeezed(columns, natural)
            if cut is not None:
                return columns, cut, heading
            if len(columns) <= (2 if self.form == "bars" else 1):
                break
            columns = columns[:-1]
        # A name and its number stay together, however narrow.
        number = min(natural[1], self.room() / 2) if len(columns) > 1 else 0.0
        name = max(1.0, self.room() - (number + PAD if number else 0.0))
        return columns, (name, number) if number else (name,), heading

    def natural(
        self, columns: Sequence[int], size: int, heading: int, wraps: int
    ) -> tuple[float, ...]:
        """What each column wants."""
        found = []
        for place in columns:
            head = self.heads[place]
            wanted = NARROWEST * size
            for row in self.rows:
                cell = row.cells[place]
                bold = place == 0 or cell.state is not None
                marked = cell.state is not None or (place == 0 and row.state is not None)
                most = wraps if head.kind == "text" else 1
                wanted = max(
                    wanted,
                    least_width(cell.text, size, most, bold=bold) + (SIGN * size if marked else 0),
                    width(cell.longest, size, bold=True),
                )
            if heading and not (self.form == "bars" and place == 0):
                wanted = max(wanted, least_width(head.title, DETAIL, heading))
            found.append(wanted)
        return tuple(found)

    def lines(
        self, row: Row, columns: Sequence[int], widths: Sequence[float], size: int, wraps: int
    ) -> int:
        """Lines of the longest text of a row."""
        if wraps == 1:
            return 1
        return max(
            len(wrap(row.cells[place].text, size, wide - self.mark(row, place, size), wraps,
                     bold=place == 0))
            if self.heads[place].kind == "text"
            else 1
            for place, wide in zip(columns, widths, strict=True)
        )  # fmt: skip

    def mark(self, row: Row, place: int, size: int) -> float:
        """Room that the sign of a row takes from its name."""
        return SIGN * size if place == 0 and row.state is not None else 0.0

    def spread(self, columns: Sequence[int], widths: Sequence[float]) -> tuple[float, ...]:
        """What is left over goes to all columns; beside bars it goes to the bars."""
        spare = self.room() - _sum(widths)
        if self.form == "bars" or spare <= 0:
            return tuple(widths)
        return tuple(wide * (1 + spare / sum(widths)) for wide in widths)

    def squeezed(self, columns: Sequence[int], widths: Sequence[float]) -> tuple[float, ...] | None:
        """With texts cut, the longest first, until all columns fit; None if that is not enough."""
        wanted = list(widths)
        texts = [i for i, place in enumerate(columns) if self.heads[place].kind == "text"]
        least = dict.fromkeys(texts, float(SHORTEST * DETAIL))
        if columns[0] == 0 and 0 in least:
            least[0] = max(least[0], min(NAME * DETAIL, 0.35 * self.box.width))
        while (over := _sum(wanted) - self.room()) > 0:
            long = [i for i in texts if wanted[i] > least[i]]
            if not long:
                return None
            ranked = sorted({wanted[i] for i in long}, reverse=True)
            longest = [i for i in long if wanted[i] == ranked[0]]
            down_to = max(ranked[1] if len(ranked) > 1 else 0.0, *(least[i] for i in longest))
            step = min(ranked[0] - down_to, over / len(longest))
            for i in longest:
                wanted[i] -= max(step, 0.01)
        return tuple(wanted)


def least_width(told: str, size: float, most: int, *, bold: bool = False) -> float:
    """The narrowest room in which a text has no more than so many lines, 1 or 2."""
    whole = width(told, size, bold=bold)
    if most < 2 or " " not in told:
        return whole
    words = told.split(" ")
    return min(
        max(
            width(" ".join(words[:at]), size, bold=bold),
            width(" ".join(words[at:]), size, bold=bold),
        )
        for at in range(1, len(words))
    )


def _sum(widths: Sequence[float]) -> float:
    return sum(widths) + PAD * (len(widths) - 1)
