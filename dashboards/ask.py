"""Whether a database answers every question of the wall and of its alert rules."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import psycopg
from psycopg import sql

from dashboards import query
from dashboards.alert_rules import RULES
from dashboards.alerts import AlertRule, statement
from dashboards.query import Range
from dashboards.screen import Screen, Tile
from dashboards.screens import SCREENS
from dashboards.targets import filled, names

ROLE: Final = "ioc_wall"
"""The role that Grafana reads as."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A question that the database does not answer.

    Attributes:
        where: ``screen/tile`` or an alert rule's uid.
        query: Name of the query's file.
        what: What is wrong, in one line.
    """

    where: str
    query: str
    what: str


def faults(connection: psycopg.Connection[Any], now: datetime) -> list[Fault]:
    """Everything that is asked, asked once, as the role that Grafana has.

    Args:
        connection: Not in autocommit mode and outside a transaction; nothing is changed through it.
        now: End of the range that is looked at.

    Raises:
        psycopg.Error: The connection broke, or it may not work as ``ioc_wall``.
    """
    found = []
    cities, sites = _places(connection, now)
    for screen in SCREENS:
        for tile in screen.tiles:
            chosen = Range.until(now, timedelta(hours=screen.span_h), cities, sites)
            what = _asked(connection, filled(tile, chosen), names(tile))
            if what is not None:
                found.append(Fault(_where(screen, tile), tile.query, what))
    for rule in RULES:
        what = _judged(connection, rule, now)
        if what is not None:
            found.append(Fault(rule.uid, rule.query, what))
    return found


def alert_statement(rule: AlertRule, now: datetime) -> str:
    """The SQL of a rule with its values in place.

    Raises:
        QueryError: As ``alerts.statement``.
    """
    statement(rule)
    return query.render(rule.query, Range.until(now, timedelta(hours=1), (), ()))


def _places(
    connection: psycopg.Connection[Any], now: datetime
) -> tuple[Sequence[str], Sequence[str]]:
    """What the screens' own variables offer: all cities and all junctions."""
    with _reading(connection) as cursor:
        none = Range.until(now, timedelta(hours=1), (), ())
        cities = [row[1] for row in _rows(cursor, query.render("choose-city", none))]
        chosen = Range.until(now, timedelta(hours=1), cities, ())
        return cities, [row[1] for row in _rows(cursor, query.render("choose-site", chosen))]


def _columns(connection: psycopg.Connection[Any], text: str) -> list[psycopg.Column] | str:
    """The columns of an answer, or why there is none."""
    try:
        with _reading(connection) as cursor:
            _rows(cursor, text)
            return list(cursor.description or ())
    except psycopg.OperationalError:
        if connection.broken:
            raise
        return "took too long"
    except psycopg.Error as error:
        return _line(error)


def _asked(connection: psycopg.Connection[Any], text: str, wanted: Sequence[str]) -> str | None:
    columns = _columns(connection, text)
    if isinstance(columns, str):
        return columns
    given = [column.name for column in columns]
    return None if given == list(wanted) else f"gives {given}, the panel names {list(wanted)}"


def _judged(connection: psycopg.Connection[Any], rule: AlertRule, now: datetime) -> str | None:
    columns = _columns(connection, alert_statement(rule, now))
    if isinstance(columns, str):
        return columns
    numbers = [column.name for column in columns if column.type_code in _NUMBERS]
    texts = [column.name for column in columns if column.type_code == _TEXT]
    if numbers != ["value"] or len(texts) + 1 != len(columns):
        return "an alert's query gives columns of text and one number, value"
    return None


_TEXT: Final = psycopg.adapters.types["text"].oid
_NUMBERS: Final = frozenset(
    psycopg.adapters.types[name].oid for name in ("int4", "int8", "float4", "float8", "numeric")
)


@contextmanager
def _reading(connection: psycopg.Connection[Any]) -> Iterator[psycopg.Cursor[Any]]:
    """A transaction that reads as ``ioc_wall`` and is given up at its end."""
    cursor = connection.cursor()
    try:
        cursor.execute("SET TRANSACTION READ ONLY")
        cursor.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(ROLE)))
        yield cursor
    finally:
        if not connection.broken:
            connection.rollback()


def _rows(cursor: psycopg.Cursor[Any], text: str) -> list[tuple[Any, ...]]:
    # Values are literals in it already, and the text is a file's.
    cursor.execute(text.encode(), prepare=False)
    return cursor.fetchall()


def _line(error: psycopg.Error) -> str:
    return " ".join(str(error).split())


def _where(screen: Screen, tile: Tile) -> str:
    return f"{screen.uid}/{tile.id}"
