"""A second worker joins and leaves under load, in good order and by ``kill -9``."""

from __future__ import annotations

import pytest

from tests.faults.account import Account
from tests.faults.load import Load, await_more
from tests.faults.system import System, eventually

CHANGES = (
    ("start", 1),
    ("stop", 1),
    ("start", 1),
    ("kill", 1),
    ("start", 1),
    ("kill", 0),
    ("start", 0),
    ("stop", 0),
    ("start", 0),
    ("stop", 1),
)


@pytest.mark.slow
@pytest.mark.service
@pytest.mark.timeout(400)
@pytest.mark.parametrize("flavour", ["real"], indirect=True, scope="session")
def test_two_workers(system: System) -> None:
    account = Account(system, f"workers, {len(CHANGES)} changes")
    with Load("two-workers", system.settings.mqtt, system.folder) as load:
        for action, number in CHANGES:
            worker = system.workers[number]
            if action == "start":
                worker.start()
            elif action == "stop":
                system.look()
                worker.stop()
            else:
                system.kill(worker)
            await_more(load, 150)
            left = next(w for w in range(2) if system.workers[w].running)
            stored = system.worker_metric("ioc_sink_batches_total", left)
            eventually(
                lambda w=left, at=stored: system.worker_metric("ioc_sink_batches_total", w) > at,  # type: ignore[misc]
                f"a batch after {action} of worker {number}",
                60,
                0.1,
            )
        account.close(load, note=" ".join(f"{action}-{number}" for action, number in CHANGES))
