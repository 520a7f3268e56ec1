"""PostgreSQL dies, is restarted, and is away for a while, under load."""

from __future__ import annotations

import time

import pytest

from tests.faults.account import Account
from tests.faults.load import Load, await_more
from tests.faults.system import System, eventually


@pytest.mark.slow
def test_killed_restarted_and_away(system: System) -> None:
    account = Account(system, "PostgreSQL")
    pids = (system.worker.pid, system.bridge.pid)
    with Load("database", system.settings.mqtt, system.folder) as load:
        await_more(load, 200)
        for _ in range(3):
            system.database.kill()
            system.database.start()
            await_more(load, 100)
        system.database.restart()
        system.database.kill()
        down = time.monotonic()
        eventually(lambda: time.monotonic() - down > 11, "eleven seconds without a database", 20)
        assert system.worker_metric("ioc_sink_blocked") > 0
        system.database.start()
        account.close(load, note="4 kills, 1 restart, 11 s away")
    assert (system.worker.pid, system.bridge.pid) == pids, "a service was restarted"
