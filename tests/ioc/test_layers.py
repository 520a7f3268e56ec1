"""The import rules of the packages hold, and the check of them can fail."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import ROOT

PACKAGES = ("edge", "ingest", "ioc", "measure", "models", "simulator", "store", "streams", "vision")
LINT = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]


def _lint(root: Path) -> subprocess.CompletedProcess[str]:
    # The tree under test first: the environment has our packages installed from the checkout.
    env = {**os.environ, "PYTHONPATH": str(root)}
    return subprocess.run(LINT, cwd=root, env=env, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("layers")
    shutil.copy(ROOT / "pyproject.toml", root)
    for package in PACKAGES:
        target = root / package
        shutil.copytree(
            ROOT / package,
            target,
            ignore=lambda folder, names: [
                name for name in names if not (Path(folder, name).is_dir() or name.endswith(".py"))
            ],
        )
    return root


def test_the_rules_hold(copy: Path) -> None:
    result = _lint(copy)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    ("module", "imports", "contract"),
    [
        ("ioc/broken.py", "edge", "ioc imports nothing of ours"),
        ("ingest/broken.py", "streams", "edge, ingest, models and store import only ioc"),
        ("edge/broken.py", "store", "edge, ingest, models and store do not know each other"),
        ("vision/broken.py", "store", "vision imports only ioc, edge and models"),
        ("streams/broken.py", "ingest", "streams imports only ioc and store"),
        ("simulator/broken.py", "vision", "simulator imports only ioc and edge"),
    ],
)
def test_a_broken_rule_is_named(copy: Path, module: str, imports: str, contract: str) -> None:
    broken = copy / module
    broken.write_text(f"import {imports}\n")
    try:
        result = _lint(copy)
    finally:
        broken.unlink()
    assert result.returncode == 1
    assert f"{contract} BROKEN" in result.stdout


def test_the_command_line_loads_no_package_of_ours_until_it_is_needed() -> None:
    others = [package for package in PACKAGES if package != "ioc"]
    code = (
        "import sys, ioc.cli, ioc.local\n"
        f"print(*[name for name in {others} if name in sys.modules])"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert loaded.stdout.split() == []
