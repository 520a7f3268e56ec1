"""A node is killed while it stores evidence: what it offers afterwards is whole."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from edge.evidence_store import EvidenceStore
from ioc.identity import Trust
from tests.servers import ROOT
from tests.vision.evidence.sets import key_of
from vision.evidence.verify import verify

KILLS = 20


@pytest.mark.slow
def test_a_node_killed_while_it_stores_evidence(tmp_path: Path) -> None:
    folder, keys, notes = tmp_path / "store", tmp_path / "keys", tmp_path / "notes"
    key_of(keys)
    trust = Trust.load(keys)
    command = [
        *(sys.executable, "-m", "tests.faults.evidence_process"),
        *(str(folder), str(keys), str(notes)),
    ]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    rng, seen = random.Random(7), 0
    for _ in range(KILLS):
        before = notes.stat().st_size if notes.exists() else 0
        node = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL)
        try:
            deadline = time.monotonic() + 30
            while not notes.exists() or notes.stat().st_size == before:
                assert node.poll() is None, "the node ended by itself"
                assert time.monotonic() < deadline
                time.sleep(0.005)
            time.sleep(rng.uniform(0, 0.3))
        finally:
            node.kill()
            node.wait()
        report = verify(folder, trust)
        assert not report.faults, report.faults[0]
        seen += report.sets
    noted = notes.read_text().split()
    assert len(noted) >= KILLS
    store = EvidenceStore(folder, budget_bytes=2**26)
    try:
        offered = store.manifests()
        members = {path.name for path in (folder / "objects").glob("*/*")}
        assert not list((folder / "tmp").iterdir())
        counts = store.stats().counts
        gone = counts.get("expired", 0) + counts.get("evicted", 0)
        assert counts["stored"] == len(offered) + gone
        pending = set()
        while (file := store.next_pending()) is not None:
            pending.add(file.sha256)
            store.mark_uploaded(file.sha256)
        assert pending <= members
    finally:
        store.close()
    report = verify(folder, trust)
    assert not report.faults
    assert report.sets == len(offered)
    assert seen > 0
