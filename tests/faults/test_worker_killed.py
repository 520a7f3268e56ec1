"""``kill -9`` of the streams worker inside a transaction of the database.

The worker is stopped (SIGSTOP) first, then PostgreSQL is asked what it waits for: while the
worker stands still, its session cannot go on, so a statement that is open at that moment is open
at the kill. A COPY lasts about 2 ms; it is caught by looking a thousand times a second.
"""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from itertools import cycle, islice
from typing import Any

import psycopg
import pytest

from tests.faults.account import Account
from tests.faults.load import Load
from tests.faults.system import WORKER_NAME, System

COPY = "COPY"
LOCKS = ("flow", "flow_minute", "device_boot", "reading")
"""Tables that a kill waits for the worker to be inside of; each is another statement of it."""

_OPEN = (
    "SELECT state, query FROM pg_stat_activity WHERE application_name = %s AND state <> 'idle' "
    "AND xact_start IS NOT NULL AND query LIKE ANY(%s)"
)


def statement(query: str) -> str:
    """A query in few words, for the tally."""
    words = query.replace('"', "").split()
    if words[0] == "INSERT":
        return f"INSERT {words[2]}"
    if words[0] == "WITH":
        return "merge sequences"
    return f"COPY {words[1].rpartition('.')[2]}" if words[0] == COPY else words[0]


def kill_inside(system: System, target: str, within_s: float = 90) -> str:
    """Kill the worker in a transaction; returns the statement that it was killed in.

    Args:
        system: Whose first worker.
        target: ``COPY``, or a table that is locked until the worker waits for it.
        within_s: Longest wait for the moment, seconds.
    """
    pid = system.worker.pid
    assert pid is not None
    system.look()
    deadline = time.monotonic() + within_s
    with system.connection() as watch, system.connection(autocommit=False) as lock:
        if target != COPY:
            # EXCLUSIVE stops writers, not readers. A COPY to the table waits for it, and so does
            # the INSERT that follows a COPY to a temporary table.
            lock.execute(f"LOCK TABLE {target} IN EXCLUSIVE MODE")
        patterns = ["COPY%"]
        if target != COPY:
            patterns = [f'COPY "{target}"%', f"%INSERT INTO {target} %", f'INSERT INTO "{target}"%']
        while True:
            assert time.monotonic() < deadline, f"the worker was never in {target}"
            if not _open(watch, patterns):
                time.sleep(0.0005 if target == COPY else 0.01)
                continue
            os.kill(pid, signal.SIGSTOP)
            found = _open(watch, patterns)
            if found:
                system.worker.kill()
                lock.rollback()
                return statement(found[0][1])
            os.kill(pid, signal.SIGCONT)


def _open(connection: psycopg.Connection[Any], patterns: list[str]) -> list[tuple[Any, ...]]:
    return connection.execute(_OPEN, (WORKER_NAME, patterns)).fetchall()


def check_kills(system: System, kills: int) -> None:
    account = Account(system, f"worker killed x{kills}")
    tally: Counter[str] = Counter()
    starts: list[float] = []
    with Load("worker-kill", system.settings.mqtt, system.folder) as load:
        for target in islice(cycle((COPY, *LOCKS[:2], COPY, *LOCKS[2:])), kills):
            tally[kill_inside(system, target)] += 1
            began = time.monotonic()
            system.worker.start()
            starts.append(time.monotonic() - began)
        inside = ", ".join(f"{count} in {name}" for name, count in sorted(tally.items()))
        account.close(load, note=f"{inside}; start {min(starts):.1f}-{max(starts):.1f} s")
    assert tally.total() == kills
    assert sum(count for name, count in tally.items() if name.startswith(COPY)) >= kills // 3


@pytest.mark.slow
@pytest.mark.parametrize("flavour", ["embedded"], indirect=True, scope="session")
def test_three_kills(system: System) -> None:
    check_kills(system, 3)


@pytest.mark.slow
@pytest.mark.service
@pytest.mark.timeout(600)
@pytest.mark.parametrize("flavour", ["real"], indirect=True, scope="session")
def test_many_kills(system: System) -> None:
    # On the servers of production; on the embedded ones a kill takes 7 to 16 s, for a first join
    # waits there, and three are enough for what a demo needs.
    check_kills(system, 20)
