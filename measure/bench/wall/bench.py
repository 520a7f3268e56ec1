"""``wall.*``: the wall's queries over years of data, and its refresh while events are written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from psycopg import Connection
from psycopg.conninfo import make_conninfo

from dashboards.screens import SCREENS
from ioc.clock import utc_now
from ioc.settings import DatabaseSettings
from measure.bench.wall.asking import Answered, ask, quantile, questions
from measure.bench.wall.load import load
from measure.bench.wall.place import Province, Spread
from measure.bench.wall.watching import Watched, watch
from measure.bench.wall.writing import Written, writer
from measure.figures import Figure
from store.migrate import connect, migrate
from store.schema import Flavour

Progress = Callable[[str], None]

DATABASE: Final = "ioc_bench_wall"
"""Of its own: the rows of no real system are touched."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is measured.

    Attributes:
        runs: Of each query.
        raw_runs: Of each query on raw rows; 0: none.
        viewers: Who look at once; 0: no refresh is measured.
        every_s: Seconds between two refreshes of a viewer.
        seconds: How long they look.
        rate: Events a second that are written meanwhile.
    """

    runs: int = 40
    raw_runs: int = 3
    viewers: int = 30
    every_s: float = 10.0
    seconds: float = 60.0
    rate: int = 500


def run(
    url: str, province: Province, spread: Spread, wanted: Wanted, progress: Progress
) -> tuple[list[Figure], dict[str, Any]]:
    """Load what is missing, then measure.

    Args:
        url: A server on which a database of our own may be made.
        province: Who sends.
        spread: How the years are filled.
        wanted: What is measured.
        progress: Told what happens.

    Returns:
        The figures, and what is to be known of the database.

    Raises:
        ConfigError: The server cannot be reached, or its database holds another load.
    """
    settings = DatabaseSettings(url=make_conninfo(url, dbname=DATABASE), statement_timeout_s=60)
    outcome = migrate(settings)
    timescale = outcome.flavour is Flavour.TIMESCALE
    with connect(settings, "ioc-bench-load") as connection:
        # Both limits are for services; here minutes pass between two statements.
        connection.execute("SET statement_timeout = 0")
        connection.execute("SET idle_in_transaction_session_timeout = 0")
        progress(f"loading {DATABASE}: what is there stays")
        loaded = load(connection, province, spread, utc_now(), progress, timescale=timescale)
        about = _about(connection, timescale)
        size = _size(connection)
    asked = questions(SCREENS)
    progress(f"{len(asked)} queries, {wanted.runs} runs each")
    raw_runs = wanted.raw_runs if timescale else 0
    answers = ask(
        *(settings, province, asked, loaded.until, progress), runs=wanted.runs, raw_runs=raw_runs
    )
    figures = [*figures_of(answers), *size]
    if wanted.viewers:
        progress(f"{wanted.viewers} viewers for {wanted.seconds:g} s, {wanted.rate} events/s")
        with writer(settings, province, wanted.rate) as written:
            seen = watch(
                *(settings, province, SCREENS),
                viewers=wanted.viewers,
                every_s=wanted.every_s,
                seconds=wanted.seconds,
            )
        figures += _refresh_figures(seen, written)
    return figures, about


def figures_of(answers: Sequence[Answered]) -> list[Figure]:
    """The worst query first, then each by name; of one that is asked with two ranges the worse."""
    worst: dict[str, Answered] = {}
    for one in answers:
        known = worst.get(one.query)
        if known is None or one.p95 > known.p95:
            worst[one.query] = one
    figures = [Figure(name="wall.p95", value=max(one.p95 for one in answers), unit="ms")]
    speedups = [one.speedup for one in answers if one.speedup is not None]
    if speedups:
        figures.append(Figure(name="wall.speedup", value=min(speedups), unit="1"))
        different = sum(one.same is False for one in answers)
        figures.append(Figure(name="wall.different", value=different, unit="1"))
    return [*figures, *(figure for one in worst.values() for figure in _of_query(one))]


def _of_query(one: Answered) -> Iterator[Figure]:
    name = f"wall.{one.query}"
    yield Figure(name=f"{name}.p50", value=one.p50, unit="ms")
    yield Figure(name=f"{name}.p95", value=one.p95, unit="ms")
    if one.raw_p50 is not None and one.speedup is not None:
        yield Figure(name=f"{name}.raw.p50", value=one.raw_p50, unit="ms")
        yield Figure(name=f"{name}.speedup", value=one.speedup, unit="1")


def _refresh_figures(seen: Watched, written: Written) -> list[Figure]:
    return [
        Figure(name="wall.refresh.p50", value=quantile(seen.queries, 0.5), unit="ms"),
        Figure(name="wall.refresh.p95", value=quantile(seen.queries, 0.95), unit="ms"),
        Figure(name="wall.refresh.screen.p95", value=quantile(seen.screens, 0.95), unit="ms"),
        Figure(name="wall.refresh.queries", value=len(seen.queries), unit="1"),
        Figure(name="wall.refresh.late", value=seen.late, unit="1"),
        Figure(name="wall.refresh.writes", value=written.rate, unit="rows/s"),
    ]


def _about(connection: Connection[Any], timescale: bool) -> dict[str, Any]:
    row = connection.execute(
        "SELECT current_setting('server_version'), "
        "(SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'), content "
        "FROM bench.plan"
    ).fetchone()
    assert row is not None
    server, extension, plan = row
    if not timescale:
        extension = "none: the aggregates are plain views, so nothing is compared with raw rows"
    return {"postgresql": server, "timescaledb": extension, "load": plan}


def _size(connection: Connection[Any]) -> list[Figure]:
    row = connection.execute(
        "SELECT (SELECT count(*) FROM flow), (SELECT count(*) FROM reading), "
        "(SELECT count(*) FROM health), pg_database_size(current_database())"
    ).fetchone()
    assert row is not None
    names = (("rows.flow", "1"), ("rows.reading", "1"), ("rows.health", "1"), ("bytes", "B"))
    return [
        Figure(name=f"wall.{name}", value=value, unit=unit)
        for (name, unit), value in zip(names, row, strict=True)
    ]
