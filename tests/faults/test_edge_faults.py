"""The edge: its process is killed, its network is cut."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from uuid import UUID

from measure.ledger import Number
from simulator.devices.network import Cut, CuttableRelay
from tests.faults.account import Account
from tests.faults.load import Load, fresh_path
from tests.faults.system import System, eventually
from tests.servers import ROOT

KILLS = 10
CUT_EVENTS = 60
"""Events that a cut device must have in its spool before the network is mended."""


def noted(notes: Path) -> set[Number]:
    """The numbers that a device noted; a last line without its end was cut off by the kill."""
    lines = notes.read_text().splitlines(keepends=True) if notes.exists() else []
    numbers = set()
    for line in lines:
        if line.endswith("\n"):
            bootid, sequence = line.split()
            numbers.add(Number(UUID(bootid), int(sequence)))
    return numbers


def test_edge_process_killed(system: System) -> None:
    account = Account(system, f"edge killed x{KILLS}")
    path = fresh_path("edge-kill", "cam-1")
    notes = system.folder / f"{path.site}.notes"
    spool = system.folder / f"spool-{path.site}"
    command = [
        *(sys.executable, "-m", "tests.faults.edge_process", str(system.mqtt.port)),
        *(str(spool), path.site, path.device, str(notes)),
    ]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    for _ in range(KILLS):
        wanted = len(noted(notes)) + 40
        device = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL)
        try:
            eventually(lambda at=wanted: len(noted(notes)) >= at, "forty more events")  # type: ignore[misc]
        finally:
            device.kill()
            device.wait()
    minted = noted(notes)
    assert len({number.bootid for number in minted}) == KILLS
    last = subprocess.run([*command, "drain"], env=env, stdout=subprocess.DEVNULL, timeout=90)
    assert last.returncode == 0, "the spool is not empty"
    # A kill between the spool and the note leaves one event of a boot without its note.
    counts = {boot: sum(n.bootid == boot for n in minted) for boot in {n.bootid for n in minted}}
    ends = system.rows(
        "SELECT bootid, upper(received) FROM device_boot WHERE bootid = ANY(%s)", (list(counts),)
    )
    for bootid, end in ends:
        assert end - counts[bootid] in (0, 1)
        minted.add(Number(bootid, end - 1))
    account.close(None, good=minted, note="one spool over all boots")


def test_edge_cut_off(system: System) -> None:
    account = Account(system, "edge cut off")
    with CuttableRelay(system.mqtt.port) as relay:
        behind = system.settings.mqtt.model_copy(update={"port": relay.port, "keepalive_s": 5})
        with Load(
            "cut-off",
            system.settings.mqtt,
            system.folder,
            mqtt_of=lambda number: behind if number < 2 else None,
        ) as load:
            cut = load.publishers[:2]
            eventually(lambda: all(p.stats().connected for p in load.publishers), "connected")
            for mode in (Cut.REFUSE, Cut.BLACK_HOLE):
                eventually(lambda: all(p.stats().receipted > 0 for p in cut), "receipts")
                relay.cut(mode)
                eventually(
                    lambda: all(
                        not p.stats().connected and p.stats().depth >= CUT_EVENTS for p in cut
                    ),
                    f"{mode.value}: cut devices keep their events",
                )
                relay.mend()
                eventually(
                    lambda: all(p.stats().connected for p in cut), f"{mode.value}: connected again"
                )
            account.close(load, note="2 of 6 devices: refused, then a black hole")
            assert all(p.stats().reconnects >= 2 for p in cut)
