"""How long each query of the wall takes, of the aggregates and of the raw rows."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import psycopg
from psycopg import Connection

from dashboards.query import Range, render, text
from dashboards.screen import Screen
from ioc.settings import DatabaseSettings
from measure.bench.wall import raw
from measure.bench.wall.place import CITIES, Province
from store.pool import conninfo

Progress = Callable[[str], None]
Rows = list[tuple[Any, ...]]

ROLE: Final = "ioc_wall"
WARM_RUNS: Final = 3
SHIFT: Final = timedelta(seconds=7)
"""The ends of two ranges are so far apart, so that no plan and no page is asked for twice alike."""
RAW_LIMIT_S: Final = 120
"""A raw answer that takes longer is given up; the figure is then a lower bound."""


@dataclass(frozen=True, slots=True)
class Question:
    """A query and how far back it looks."""

    query: str
    span: timedelta


@dataclass(frozen=True, slots=True)
class Answered:
    """What a question took, in milliseconds.

    Attributes:
        query: Its name.
        times: Of each run.
        raw: Of each run on raw rows; empty: it asks no aggregate.
        given_up: The raw answer did not come within ``RAW_LIMIT_S``.
        same: Whether both gave the same rows; None where there is nothing to compare.
    """

    query: str
    times: Sequence[float]
    raw: Sequence[float] = ()
    given_up: bool = False
    same: bool | None = None

    @property
    def p50(self) -> float:
        """Median."""
        return quantile(self.times, 0.5)

    @property
    def p95(self) -> float:
        """Only one run in twenty takes longer."""
        return quantile(self.times, 0.95)

    @property
    def raw_p50(self) -> float | None:
        """Median on raw rows."""
        return quantile(self.raw, 0.5) if self.raw else None

    @property
    def speedup(self) -> float | None:
        """How many times faster the aggregates are: median by median."""
        return None if self.raw_p50 is None else self.raw_p50 / self.p50


def questions(screens: Iterable[Screen]) -> tuple[Question, ...]:
    """Each query once for each range that a screen asks it with."""
    asked = {
        Question(tile.query, timedelta(hours=screen.span_h))
        for screen in screens
        for tile in screen.tiles
    }
    return tuple(sorted(asked, key=lambda one: (one.query, one.span)))


def quantile(values: Sequence[float], share: float) -> float:
    """The value that so large a share of all is not above: the nearest rank, one that was measured.

    Raises:
        ValueError: There are no values.
    """
    if not values:
        raise ValueError("no values, no quantile")
    return sorted(values)[max(math.ceil(share * len(values)) - 1, 0)]


def ask(
    settings: DatabaseSettings, province: Province, asked: Sequence[Question], until: datetime,
    progress: Progress, *, runs: int, raw_runs: int,
) -> list[Answered]:  # fmt: skip
    """Put every question, as the role that Grafana has, one after another.

    Args:
        settings: The database.
        province: All its junctions are chosen.
        asked: What.
        until: The present instant: ranges end here and a little before.
        progress: Told what happens.
        runs: How often each, after ``WARM_RUNS`` that do not count.
        raw_runs: How often of the raw rows; 0: not at all.
    """
    answered = []
    with closing(connect(settings)) as connection, closing(connect(settings, raw=True)) as other:
        for question in asked:
            texts = [
                render_for(province, question, until - number * SHIFT)
                for number in range(runs + WARM_RUNS)
            ]
            times = [_timed(connection, one)[0] for one in texts][WARM_RUNS:]
            found = Answered(question.query, times)
            if raw_runs and raw.aggregates(text(question.query)):
                found = _beside_raw(connection, other, found, texts[:raw_runs])
            progress("  " + described(found))
            answered.append(found)
    return answered


def described(found: Answered) -> str:
    """One line for people."""
    line = f"{found.query:<28} p50 {found.p50:7.1f}  p95 {found.p95:7.1f} ms"
    if found.raw_p50 is None or found.speedup is None:
        return line + "   asks no aggregate"
    least = ">" if found.given_up else " "
    line += f"   raw {least}{found.raw_p50:9.1f} ms  {least}{found.speedup:7.1f} x"
    return line + ("" if found.same is not False else "   THE ANSWERS DIFFER")


def render_for(province: Province, question: Question, now: datetime) -> str:
    """The SQL of a question that is asked at an instant, with everything chosen."""
    sites = [site for _, site in province.sites]
    return render(question.query, Range.until(now, question.span, list(CITIES), sites))


def connect(settings: DatabaseSettings, *, raw: bool = False) -> Connection[Any]:
    """A session like Grafana's; or one for which the aggregates' names mean raw rows."""
    connection = psycopg.connect(
        conninfo(settings, "ioc-bench-wall", role=ROLE), autocommit=True, prepare_threshold=None
    )
    if raw:
        _look_at_raw(connection)
    return connection


def _look_at_raw(connection: Connection[Any]) -> None:
    connection.execute(f"SET search_path = {raw.SEARCH_PATH}".encode())
    connection.execute(f"SET statement_timeout = '{RAW_LIMIT_S}s'".encode())


def _beside_raw(
    connection: Connection[Any], other: Connection[Any], found: Answered, texts: Sequence[str]
) -> Answered:
    times: list[float] = []
    same = None
    for statement in texts:
        try:
            seconds, rows = _timed(other, statement)
        except psycopg.errors.QueryCanceled:
            limit = [*times, RAW_LIMIT_S * 1000.0]
            return Answered(found.query, found.times, limit, given_up=True, same=same)
        times.append(seconds)
        # Asked again at once: a policy may refresh between two questions, nobody writes.
        same = same is not False and alike(_timed(connection, statement)[1], rows)
    return Answered(found.query, found.times, times, same=same)


def alike(ours: Rows, theirs: Rows) -> bool:
    """Whether two answers say the same; sums of floats may differ in their last digits."""
    if len(ours) != len(theirs):
        return False
    pairs = zip(ours, theirs, strict=True)
    return all(len(a) == len(b) and all(map(_equal, a, b)) for a, b in pairs)


def _equal(ours: object, theirs: object) -> bool:
    if isinstance(ours, float) and isinstance(theirs, float):
        return math.isclose(ours, theirs, rel_tol=1e-9, abs_tol=1e-9)
    return ours == theirs


def _timed(connection: Connection[Any], statement: str) -> tuple[float, Rows]:
    """Milliseconds from the question to the last row, and the rows."""
    began = time.perf_counter()
    rows = connection.execute(statement.encode()).fetchall()
    return 1000 * (time.perf_counter() - began), rows
