"""``review.*``: the queue over many cases, and many reviewers at once, through the real console.

One console process serves HTTP on loopback. The limit of an answer is the same session's GET of
``/health``: a request through the same server with one trivial query. What fifty reviewers said is
counted in the database: one decision a case and reviewer, none lost, none doubled.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import httpx
import psycopg

from console.auth.guard import token_of
from ioc.local_process import LOOPBACK
from ioc.settings import Settings
from measure import services
from measure.figures import Figure, against

Progress = Callable[[str], None]
LOOKS = 200


@dataclass(slots=True)
class Tally:
    """What the reviewers of a run saw.

    Attributes:
        decided: Cases whose decision was answered with 200, by every reviewer.
        refused: Answers other than 200.
        waits: Seconds of each request for the next case.
    """

    decided: list[int] = field(default_factory=list)
    refused: int = 0
    waits: list[float] = field(default_factory=list)


def run(
    settings: Settings, env: dict[str, str], folder: Path, progress: Progress, *,
    cases: int, reviewers: int, decisions: int,
) -> list[Figure]:  # fmt: skip
    """Measure on the database that the settings name; it must be migrated and empty.

    Args:
        settings: The database.
        env: The same as variables, for the console's process.
        folder: For its files and log.
        progress: Told what happens.
        cases: Open cases.
        reviewers: How many decide at once.
        decisions: How many decisions they make together.
    """
    progress(f"writing {cases:,} cases")
    _fill(settings.database.url, cases, reviewers)
    console = services.console(folder, {**env, "IOC_CONSOLE__SECOND_FACTOR": "optional"})
    console.start()
    try:
        port = console.port
        return asyncio.run(_measure(settings, port, progress, cases, reviewers, decisions))
    finally:
        console.stop()


async def _measure(
    settings: Settings, port: int, progress: Progress, cases: int, reviewers: int, decisions: int
) -> list[Figure]:
    base = f"http://{LOOPBACK}:{port}"
    figures: list[Figure] = []
    async with _client(base, 0) as client:
        progress(f"the queue and the next case among {cases:,}, {LOOKS} times each")
        floor = await _p95(lambda: client.get("/health"))

        async def next_case() -> None:
            taken = (await client.post("/cases/take")).json()["number"]
            answer = await client.get(f"/cases/{taken}/body")
            assert answer.status_code == 200, answer.text

        async def release() -> None:
            await client.post("/cases/release")

        queue = await _p95(lambda: client.get("/queue"))
        figures.append(against("review.queue.p95", 1000 * queue, 1000 * floor, "ms"))
        following = await _p95(next_case, after=release)
        figures.append(against("review.next_case.p95", 1000 * following, 1000 * floor, "ms"))
    progress(f"{reviewers} reviewers decide {decisions:,} cases at once")
    tally = Tally()
    began = time.perf_counter()
    left = asyncio.Semaphore(decisions)
    await asyncio.gather(*(_review(base, number, left, tally) for number in range(reviewers)))
    seconds = time.perf_counter() - began
    with psycopg.connect(settings.database.url) as connection:
        rows = connection.execute(
            "SELECT count(*), count(DISTINCT (case_id, round, stage)), "
            "count(DISTINCT (case_id, round, person)) FROM review_decision"
        ).fetchone()
        logged = connection.execute(
            "SELECT count(*) FROM audit WHERE action = 'case.decided'"
        ).fetchone()
    assert rows is not None and logged is not None
    stored, stages, people = rows
    answered = len(tally.decided)
    return [
        *figures,
        Figure(name="review.decided", value=answered, unit="1"),
        Figure(name="review.decisions.rate", value=round(answered / seconds, 1), unit="1/s"),
        Figure(name="review.busy.next.p95", value=_of_95(tally.waits) * 1000, unit="ms"),
        Figure(name="review.lost", value=max(0, answered - stored), unit="1"),
        Figure(name="review.double", value=2 * stored - stages - people, unit="1"),
        Figure(name="review.unlogged", value=stored - logged[0], unit="1"),
        Figure(name="review.refused", value=tally.refused, unit="1"),
    ]


async def _review(base: str, number: int, left: asyncio.Semaphore, tally: Tally) -> None:
    async with _client(base, number) as client:
        while not left.locked():
            await left.acquire()
            began = time.perf_counter()
            taken = (await client.post("/cases/take")).json()["number"]
            tally.waits.append(time.perf_counter() - began)
            if taken is None:
                return
            answer = await client.post(
                f"/cases/{taken}/decision", data={"verdict": "confirm", "plate": "65A 123.45"}
            )
            if answer.status_code == 200:
                tally.decided.append(taken)
            else:
                tally.refused += 1


def _client(base: str, number: int) -> httpx.AsyncClient:
    """A reviewer who is logged in: the session was written by ``_fill``."""
    return httpx.AsyncClient(
        base_url=base,
        timeout=60,
        cookies={"ioc": f"cookie-{number}"},
        headers={"x-csrf-token": f"csrf-{number}"},
    )


async def _p95(
    work: Callable[[], Awaitable[object]], after: Callable[[], Awaitable[object]] | None = None
) -> float:
    waits = []
    for _ in range(LOOKS):
        began = time.perf_counter()
        await work()
        waits.append(time.perf_counter() - began)
        if after is not None:
            await after()
    return _of_95(waits)


def _of_95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


def _fill(url: str, cases: int, reviewers: int) -> None:
    now = datetime.now(UTC)
    people = [(uuid4(), n) for n in range(reviewers)]
    with psycopg.connect(url) as connection:
        connection.cursor().executemany(
            "INSERT INTO person (id, login, name, role) VALUES (%s, %s, %s, 'reviewer')",
            [(id, f"reviewer-{n}", f"Reviewer {n}") for id, n in people],
        )
        connection.cursor().executemany(
            "INSERT INTO session (token, person, csrf, factor, expires, address) "
            "VALUES (%s, %s, %s, true, %s, '127.0.0.1')",
            [
                (token_of(f"cookie-{n}"), id, f"csrf-{n}", now + timedelta(hours=10))
                for id, n in people
            ],
        )
        # One boot, one track a case, as a busy week of many cameras leaves them.
        connection.execute(
            """
            WITH flagged AS (
                INSERT INTO violation (id, time, city, site, device, bootid, sequence, replayed,
                    rule, track, vehicle, act_time, confidence, model_name, model_sha256,
                    clock_source, frame_first, frame_last, plate_text, plate_confidence,
                    evidence, reasons)
                SELECT gen_random_uuid(), %(now)s, 'vithanh', 'site-' || n %% 40, 'cam-1',
                    %(boot)s, n, false, 'red_light', n, 'motorcycle',
                    %(now)s - n * interval '7 s', 0.9, 'm', 'x', 'ntp', 1, 2,
                    '65A ' || lpad((n %% 99999)::text, 5, '0'), 0.97, '[]', '[]'
                FROM generate_series(1, %(cases)s) AS n
                RETURNING id, site, bootid, track, act_time, plate_text
            ), made AS (
                INSERT INTO review_case (id, city, site, device, bootid, track, vehicle, rules,
                    act_first, act_last, plate_read, deadline)
                SELECT gen_random_uuid(), 'vithanh', site, 'cam-1', bootid, track, 'motorcycle',
                    ARRAY['red_light'], act_time, act_time, plate_text, act_time + interval '10 d'
                FROM flagged RETURNING id, track
            )
            INSERT INTO case_violation (violation, case_id)
            SELECT f.id, m.id FROM flagged f JOIN made m USING (track)
            """,
            {"now": now - timedelta(minutes=20), "boot": uuid4(), "cases": cases},
        )
        connection.commit()
        connection.autocommit = True
        connection.execute("ANALYZE")
