"""``ioc accuracy all``: one rendered clip through the camera node, every figure of it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path


def ioc(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ioc.cli", "accuracy", *map(str, words)],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def test_one_rendering_gives_rules_tracking_plates_and_counts(tmp_path: Path) -> None:
    page = tmp_path / "page"

    done = ioc(
        *("all", "--seed", 1, "--seconds", 5, "--place", "vithanh", "--jobs", 1),
        *("--report", page, "--json"),
    )

    assert done.returncode == 0, done.stderr
    figures = {each["name"]: each["value"] for each in json.loads(done.stdout)["figures"]}
    kinds = {name.split(".")[0] for name in figures}
    assert {"rules", "tracking", "plates", "counts"} <= kinds
    # A detector that had learned nothing would have no track at all.
    assert figures["tracking.hota"] > 40
    assert "1 of 1: vithanh/tran-hung-dao/cam-1, seed 1" in done.stderr
    assert "--seed 1 " in (page / "index.html").read_text(encoding="utf-8")


def test_seeds_that_it_learned_from_are_refused() -> None:
    done = ioc("all", "--seed", 100_003)

    assert done.returncode == 2
    assert "set aside for training" in done.stderr
