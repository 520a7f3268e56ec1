"""The program ``ioc`` as a process of its own, and the services on the embedded servers."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

Ioc = Callable[..., "subprocess.CompletedProcess[bytes]"]


@pytest.fixture
def ioc(tmp_path: Path) -> Ioc:
    """Runs ``ioc`` in an empty folder with the given settings."""

    def run(
        *arguments: str, env: Mapping[str, str] | None = None, timeout_s: float = 60
    ) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [sys.executable, "-m", "ioc.cli", *arguments],
            env={**os.environ, **(env or {}), "COLUMNS": "100"},
            cwd=tmp_path,
            capture_output=True,
            timeout=timeout_s,
            check=False,
        )

    return run
