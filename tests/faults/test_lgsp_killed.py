"""The LGSP adapter killed at every step between an answer and its receipt, on the whole system."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import timedelta
from typing import Any

import pytest

from ioc.clock import utc_now
from ioc.topics import device_path
from tests.edge.lgsp_server import Platform
from tests.edge.test_lgsp_adapter import write_config
from tests.faults.lgsp_process import PLACES
from tests.faults.system import System, eventually
from tests.servers import ROOT

PATH = device_path("vithanh", "hanh-chinh", "lgsp")
_ROWS = (
    "SELECT quantity, time, value, unit FROM reading WHERE (city, site, device) = (%s, %s, %s) "
    "AND time >= %s ORDER BY time, quantity"
)


@pytest.mark.slow
def test_lgsp_adapter_killed(system: System) -> None:
    folder = system.folder / "lgsp"
    folder.mkdir()
    env = {
        **os.environ,
        **system.env,
        "PYTHONPATH": str(ROOT),
        "IOC_EDGE__SPOOL_DIR": str(folder / "spool"),
        "IOC_EDGE__RESEND_AFTER_S": "3",
    }
    began = utc_now()
    expected: list[tuple[Any, ...]] = []
    with Platform() as platform:
        config = write_config(folder, platform)

        def rows() -> tuple[tuple[Any, ...], ...]:
            return tuple(system.rows(_ROWS, (*PATH, began)))

        for number, place in enumerate(PLACES):
            at = began + timedelta(seconds=number)
            platform.answer = {"t": at.isoformat(), "happy": 90 + number, "late": number}
            expected += [
                ("gov.late_files", at, float(number), "1"),
                ("gov.satisfaction", at, 90.0 + number, "%"),
            ]
            doomed = subprocess.run(
                [sys.executable, "-m", "tests.faults.lgsp_process", str(config), place],
                env=env,
                stderr=subprocess.PIPE,
                timeout=60,
                check=False,
            )
            assert doomed.returncode == -signal.SIGKILL, doomed.stderr.decode()
            answered = len(platform.statuses)
            alive = subprocess.Popen(
                [sys.executable, "-m", "ioc.cli", "lgsp", "run", str(config)],
                env=env,
                cwd=folder,
                stderr=subprocess.DEVNULL,
            )
            try:
                eventually(
                    lambda before=answered: len(platform.statuses) > before,  # type: ignore[misc]
                    "the adapter is back",
                )
                eventually(
                    lambda wanted=tuple(expected): rows() == wanted,  # type: ignore[misc]
                    f"killed when {place}: every figure once",
                    60,
                )
            finally:
                alive.terminate()
                alive.wait(20)
            assert alive.returncode == 0
    assert rows() == tuple(expected)
    # Its last word, for which nobody waits.
    query = "SELECT state FROM device WHERE (city, site, device) = (%s, %s, %s)"
    eventually(lambda: system.rows(query, PATH) == [("offline",)], "the adapter went offline")
    whole = system.rows(
        "SELECT count(*), bool_and(gap_since IS NULL), sum(sequence_count(received)) "
        "FROM device_boot WHERE (city, site, device) = (%s, %s, %s)",
        PATH,
    )
    ((boots, gapless, numbers),) = whole
    assert boots >= len(PLACES)
    assert gapless, "receipts and gaps are counted as of any device"
    healths = system.rows(
        "SELECT count(*) FROM health WHERE (city, site, device) = (%s, %s, %s)", PATH
    )[0][0]
    assert numbers > len(expected) + healths, "some were told twice, and stored once"
    assert not system.rows(
        "SELECT reason FROM dead_letter WHERE (city, site, device) = (%s, %s, %s)", PATH
    )
    # What the wall compares the figures with: the worker has written it at its start.
    targets = system.rows(
        "SELECT DISTINCT quantity FROM reading JOIN indicator USING (quantity, unit) "
        "WHERE (city, site, device) = (%s, %s, %s) ORDER BY 1",
        PATH,
    )
    assert targets == [("gov.late_files",), ("gov.satisfaction",)]
    assert system.rows("SELECT count(*) > 10 FROM sensor") == [(True,)]
