"""The SQL that Grafana sends for a tile: its own query, its columns in order, its age in words.

The query stands inside unchanged, so that Grafana and the preview show the same rows. An outer
``SELECT`` without a join, a sort or a group keeps the order of the inner one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from grafana_foundation_sdk.cog import builder as cogbuilder
from grafana_foundation_sdk.cog import variants
from grafana_foundation_sdk.models.common import DataSourceRef
from psycopg import sql

from dashboards import query
from dashboards.formats import FRESH_SIGN, STALE_SIGN
from dashboards.query import Range
from dashboards.screen import STATES, Tile, Word

DATASOURCE_TYPE: Final = "grafana-postgresql-datasource"
DATASOURCE: Final = DataSourceRef(type_val=DATASOURCE_TYPE, uid="${datasource}")

_MOST_NAMES: Final = 12
"""So many names of one map are told apart, of two towns 40 km from one another too."""

LIMIT_MARK: Final = "┄ "
"""Begins the name of a limit or a comparison, as dashed as its line."""

_NOW: Final = "$__timeTo()"
_ZONE: Final = "'Asia/Ho_Chi_Minh'"


class PostgresQuery(cogbuilder.Builder[variants.Dataquery], variants.Dataquery):
    """A query of Grafana's PostgreSQL data source, which the SDK has no class for.

    Attributes:
        text: SQL with Grafana's macros.
        format: ``table``, or ``time_series`` for columns time, metric and value.
        ref: Name of the query in its panel.
    """

    def __init__(self, text: str, format_: str, ref: str = "A") -> None:
        self.text = text
        self.format = format_
        self.ref = ref

    def build(self) -> variants.Dataquery:
        """Itself: it is its own builder."""
        return self

    def to_json(self) -> dict[str, object]:
        """As Grafana stores it."""
        return {
            "datasource": DATASOURCE,
            "editorMode": "code",
            "format": self.format,
            "rawQuery": True,
            "rawSql": self.text,
            "refId": self.ref,
        }


def target(tile: Tile) -> PostgresQuery:
    """The query of a tile.

    Raises:
        QueryError: Its file is missing or holds an unknown macro.
    """
    text = _wrapped(tile, query.text(tile.query), _NOW)
    return PostgresQuery(text, "time_series" if tile.kind == "series" else "table")


def filled(tile: Tile, chosen: Range) -> str:
    """The same with its values in place, to be asked without Grafana.

    Raises:
        QueryError: As ``target``.
    """
    now = _literal(chosen.end.isoformat())
    return _wrapped(tile, query.render(tile.query, chosen), now)


def _wrapped(tile: Tile, inner: str, now: str) -> str:
    shown = _series if tile.kind == "series" else _rows
    return shown(tile, inner, f"{now}::timestamptz")


def names(tile: Tile) -> list[str]:
    """Columns of the result that ``target`` asks for, in their order."""
    if tile.kind == "series":
        return ["time", "metric", "value"]
    found = [column.name for column in tile.columns]
    if tile.kind == "heat":
        cells = [f"h{hour:02}" for hour in range(24)]
        rest = [name for name in found[1:] if name not in cells]
        return [found[0], *cells, *rest]
    return [*found, "label"] if tile.kind == "map" else found


def _rows(tile: Tile, inner: str, now: str) -> str:
    given = {"as_of": _age(tile.fresh_s, now), "label": _label()}
    if tile.kind == "heat":
        given[tile.columns[0].name] = _marked(tile.columns[0].name, tile.fresh_s, now)
    lines = [
        f"{given[name]} AS {name}" if name in given else _identifier(name) for name in names(tile)
    ]
    return f"SELECT {f',{chr(10)}       '.join(lines)}\nFROM (\n{inner}\n) AS tile"


def _age(fresh_s: float | None, now: str) -> str:
    """SQL of a time as people read it, with a sign, and a word when it is too old.

    Grafana's own "5 minutes ago" is English whatever the language of its user, and no threshold can
    be set on it: a threshold compares with a number, and this one would have to be *now*.
    """
    local = f"as_of AT TIME ZONE {_ZONE}"
    same_day = f"({local})::date = ({now} AT TIME ZONE {_ZONE})::date"
    told = f"to_char({local}, CASE WHEN {same_day} THEN 'HH24:MI:SS' ELSE 'HH24:MI DD/MM' END)"
    sign, word = STATES["none"]
    stale = ""
    if fresh_s is not None:
        stale = (
            f"\n            WHEN as_of < {now} - INTERVAL '{fresh_s:g} seconds'"
            f" THEN '{STALE_SIGN} Cũ ' || {told}"
        )
    return (
        f"CASE WHEN as_of IS NULL THEN '{sign} {word.vi}'{stale}\n"
        f"            ELSE '{FRESH_SIGN} ' || {told} END"
    )


def _marked(name: str, fresh_s: float | None, now: str) -> str:
    """SQL of a row's name, behind a sign where its data is too old or not there.

    Beside the 24 cells of a heat map Grafana has no room for an age.
    """
    stale = ""
    if fresh_s is not None:
        old = f"as_of < {now} - INTERVAL '{fresh_s:g} seconds'"
        stale = f" WHEN {old} THEN '{STALE_SIGN} '"
    none = STATES["none"][0]
    return f"CASE WHEN as_of IS NULL THEN '{none} '{stale} ELSE '' END || {_identifier(name)}::text"


def _label() -> str:
    """SQL of a place's name behind the sign of its state.

    Grafana's markers of one layer all have one shape, so the shape that tells the state stands in
    the letters. Of many places only those that need somebody are named: more would lie over one
    another.
    """
    cases = " ".join(f"WHEN '{name}' THEN '{sign}'" for name, (sign, _) in STATES.items())
    named = f"state IN ('warn', 'alarm') OR count(*) OVER () <= {_MOST_NAMES}"
    return f"CASE state {cases} END || CASE WHEN {named} THEN ' ' || name ELSE '' END"


def _series(tile: Tile, inner: str, now: str) -> str:
    """Points by name, and one more whose name says whether the newest of them is too old."""
    named = next((column.words for column in tile.columns if column.name == "metric"), {})
    stale = f"'{FRESH_SIGN} Dữ liệu lúc'"
    if tile.fresh_s is not None:
        stale = (
            f"CASE WHEN max(time) < {now} - INTERVAL '{tile.fresh_s:g} seconds'"
            f" THEN '{STALE_SIGN} Số liệu cũ, lúc' ELSE {stale} END"
        )
    return f"""\
WITH tile AS MATERIALIZED (
{inner}
)
SELECT time, {_metric(named)} AS metric, value::double precision AS value
FROM tile
UNION ALL
SELECT max(time), {stale}, extract(epoch FROM max(time))::double precision * 1000
FROM tile
WHERE left(metric, 1) <> '~' AND value IS NOT NULL AND time <= {now}
HAVING max(time) IS NOT NULL
ORDER BY 1"""


def _metric(named: Mapping[str, Word]) -> str:
    plain = (
        f"CASE WHEN left(metric, 1) = '~' THEN '{LIMIT_MARK}' || substr(metric, 2) ELSE metric END"
    )
    if not named:
        return plain
    cases = "\n            ".join(
        f"WHEN {_literal(name)} THEN {_literal(_shown(name, word))}" for name, word in named.items()
    )
    return f"CASE metric {cases}\n            ELSE {plain} END"


def _shown(name: str, word: Word) -> str:
    return LIMIT_MARK + word.vi if name.startswith("~") else word.vi


def _identifier(name: str) -> str:
    return sql.Identifier(name).as_string()


def _literal(value: str) -> str:
    return sql.Literal(value).as_string()
