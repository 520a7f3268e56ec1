"""``kill -9`` of the bridge while it holds messages that Kafka has not confirmed."""

from __future__ import annotations

import time

import pytest

from tests.faults.account import Account
from tests.faults.load import Load, await_more
from tests.faults.system import System, eventually


def kill_in_mid_batch(system: System, *, freeze: bool) -> int:
    """Kill the bridge when it has messages in flight; returns how many it had.

    Args:
        system: Whose bridge.
        freeze: Kafka stands still until ten are in flight; else it is killed with what it has.
    """
    least = 10 if freeze else 1

    def in_flight() -> int:
        found = int(system.bridge_metric("ioc_ingest_in_flight"))
        return found if found >= least else 0

    if freeze:
        with system.frozen(system.kafka):
            held = eventually(in_flight, "ten messages in flight", 20, 0.0)
            system.bridge.kill()
    else:
        held = eventually(in_flight, "messages in flight", 20, 0.0)
        system.bridge.kill()
    system.bridge.start()
    return held


def check_kills(system: System, kills: int) -> None:
    account = Account(system, f"bridge killed x{kills}")
    held: list[int] = []
    starts: list[float] = []
    with Load("bridge-kill", system.settings.mqtt, system.folder, rate=150) as load:
        for number in range(kills):
            await_more(load, 50)
            began = time.monotonic()
            held.append(kill_in_mid_batch(system, freeze=number % 2 == 0))
            starts.append(time.monotonic() - began)
        note = f"in flight at the kill: {min(held)}-{max(held)}, {max(starts):.1f} s a kill"
        account.close(load, note=note)
    assert len(held) == kills


@pytest.mark.slow
@pytest.mark.parametrize("flavour", ["embedded"], indirect=True, scope="session")
def test_three_kills(system: System) -> None:
    check_kills(system, 3)


@pytest.mark.slow
@pytest.mark.service
@pytest.mark.timeout(400)
@pytest.mark.parametrize("flavour", ["real"], indirect=True, scope="session")
def test_many_kills(system: System) -> None:
    check_kills(system, 20)
