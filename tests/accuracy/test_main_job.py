"""The main job on real input: a clip of a real street, from the file to the database and back.

Frames → detector → tracker → counts and violations → spool → MQTT → bridge → Kafka → Faust →
PostgreSQL → receipts. What the database then holds is held against counts made by eye. One
carriageway of the site file is turned round, so that everybody on it drives the wrong way.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from measure.bench.servers import prepared
from tests.accuracy.data import ROOT

SITE = ROOT / "tests" / "accuracy" / "sites" / "six_lane_topdown.yaml"
CLIP = "six_lane_topdown"


def edge_run(env: dict[str, str], spool: Path, site: Path, data_folder: Path) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "ioc.cli", "edge", "run", str(site)),
            *("--source", str(data_folder / "videos" / f"{CLIP}.mp4")),
            *("--model", str(data_folder / "models" / "yolox_nano_640.onnx")),
        ],
        env={
            "PATH": "/usr/bin:/bin",
            **env,
            "IOC_EDGE__SPOOL_DIR": str(spool),
            "IOC_EVIDENCE__DIR": str(spool.parent / "evidence"),
            "IOC_EVIDENCE__KEYS_DIR": str(spool.parent / "keys"),
        },
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    # Exit code 0 says that every event has its receipt.
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.timeout(700)  # 70 s on two free cores
def test_a_real_clip_ends_in_the_database_as_it_was_counted_by_eye(data_folder: Path) -> None:
    truth = json.loads((data_folder / "groundtruth" / f"{CLIP}.json").read_text())
    with prepared(external=False) as servers, servers.core():
        turned = servers.folder / "turned.yaml"
        text = SITE.read_text(encoding="utf-8")
        right, wrong = "direction: [[600, 70], [10, 70]]", "direction: [[10, 70], [600, 70]]"
        assert right in text
        turned.write_text(text.replace(right, wrong), encoding="utf-8")
        edge_run(servers.env, servers.folder / "spool", turned, data_folder)

        with psycopg.connect(servers.settings.database.url) as connection:
            lanes: dict[str, int] = dict(
                connection.execute("SELECT lane, sum(total) FROM flow GROUP BY 1").fetchall()
            )
            minutes: dict[str, int] = dict(
                connection.execute("SELECT lane, sum(total) FROM flow_minute GROUP BY 1").fetchall()
            )
            violations = connection.execute(
                "SELECT lane, rule, count(*), count(DISTINCT track) FROM violation GROUP BY 1, 2"
            ).fetchall()
            gaps = connection.execute("SELECT count(*) FROM sequence_gap").fetchone()

    print()
    for line in truth["lines"]:
        counted = int(lanes.get(line["id"], 0))
        print(
            f"{CLIP} {line['id']:>5}: database {counted}, by eye {line['count_total']} "
            f"± {line['tolerance']}"
        )
        assert abs(counted - line["count_total"]) <= line["tolerance"]
    assert minutes == lanes
    assert gaps == (0,)
    # The site file says that the far carriageway runs the other way: all on it are against it.
    ((lane, rule, count, tracks),) = violations
    print(f"{CLIP}   far, turned round: {count} times {rule}, by eye 6 that cross and 1 arriving")
    assert (lane, rule) == ("far", "wrong_way")
    assert count == tracks
    assert 6 <= count <= 7
