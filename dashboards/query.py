"""The SQL of a tile: one file for Grafana, the preview, the tests and the benchmark alike.

A file is SQL as Grafana sends it, with Grafana's own macros, of which these are allowed:

========================  =========================================================
``$__timeFrom()``         beginning of the range that is looked at, a quoted literal
``$__timeTo()``           its end, which is *now* on a wall; a query never says ``now()``
``${city:sqlstring}``     the chosen cities, quoted, with commas: ``IN (${city:sqlstring})``
``${site:sqlstring}``     the chosen junctions likewise
========================  =========================================================

So a query gives the same rows for the same range wherever it is asked.

What several queries have in common lies in ``queries/parts``. The line
``-- part: NAME key=value …`` stands for all of that file but its first line, with ``<key>``
replaced by the value.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from importlib import resources
from typing import Final

from psycopg import sql

MACROS: Final = ("$__timeFrom()", "$__timeTo()", "${city:sqlstring}", "${site:sqlstring}")
_ANY: Final = re.compile(r"\$__\w+(?:\([^)]*\))?|\$\{[^}]*\}|\$[A-Za-z_]\w*")
_PART: Final = re.compile(r"^-- part: ([a-z0-9-]+)((?: \w+=\w+)*)\n", re.MULTILINE)
_GAP: Final = re.compile(r"<(\w+)>")


class QueryError(Exception):
    """A query file is missing, or holds what only one of its users would understand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """What is looked at.

    Attributes:
        start: Beginning, timezone-aware.
        end: End; *now* for whoever looks at the wall.
        cities: Names of the chosen cities; none chooses nothing.
        sites: Names of the chosen junctions.
    """

    start: datetime
    end: datetime
    cities: Sequence[str]
    sites: Sequence[str]

    @classmethod
    def until(
        cls, now: datetime, span: timedelta, cities: Sequence[str], sites: Sequence[str]
    ) -> Range:
        """The time up to now."""
        return cls(start=now - span, end=now, cities=cities, sites=sites)


@cache
def names() -> tuple[str, ...]:
    """All queries, by the names of their files."""
    folder = resources.files("dashboards") / "queries"
    return tuple(sorted(one.name[:-4] for one in folder.iterdir() if one.name.endswith(".sql")))


@cache
def text(name: str) -> str:
    """The SQL of a query, as Grafana gets it.

    Raises:
        QueryError: There is none of this name, it names a part that is not there or leaves a gap
            of one open, or it holds an unknown macro.
    """
    found = _PART.sub(_part, _read(f"{name}.sql"))
    for macro in _ANY.findall(found):
        if macro not in MACROS:
            raise QueryError(
                f"dashboards/queries/{name}.sql: {macro} is not one of {', '.join(MACROS)}"
            )
    return found.strip()


def _read(path: str) -> str:
    try:
        return (resources.files("dashboards") / "queries" / path).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise QueryError(f"dashboards/queries/{path} is missing") from None


def _part(found: re.Match[str]) -> str:
    path = f"parts/{found[1]}.sql"
    content = _read(path).partition("\n")[2]
    values = dict(pair.split("=") for pair in found[2].split())
    if values.keys() != (gaps := set(_GAP.findall(content))):
        raise QueryError(
            f"dashboards/queries/{path}: has the gaps {sorted(gaps)}, filled are {sorted(values)}"
        )
    return _GAP.sub(lambda gap: values[gap[1]], content)


def render(name: str, chosen: Range) -> str:
    """A query with its values in place, as Grafana's data source would send it.

    Values go in as quoted literals, so that no name of a city can be more than a name.

    Args:
        name: Of the query.
        chosen: What is looked at.

    Raises:
        QueryError: As ``text``.
    """
    values = dict(
        zip(
            MACROS,
            (
                _literal(chosen.start.isoformat()),
                _literal(chosen.end.isoformat()),
                _literals(chosen.cities),
                _literals(chosen.sites),
            ),
            strict=True,
        )
    )
    return _ANY.sub(lambda found: values[found.group()], text(name))


def _literal(value: str) -> str:
    return sql.Literal(value).as_string()


def _literals(values: Sequence[str]) -> str:
    # IN () is no SQL; IN (NULL) is true of nothing, as whoever chose nothing expects.
    return ", ".join(map(_literal, values)) or "NULL"
