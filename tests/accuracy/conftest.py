"""Decides whether the tests on real clips are in this run, and says so in the header.

Where the data is missing they are left out, except in CI, where they then fail.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.accuracy.data import FOLDER, HERE, REQUIRED, VARIABLE

collect_ignore_glob = [] if HERE or REQUIRED else ["test_*.py"]


def pytest_report_header(config: pytest.Config) -> str:
    if HERE:
        return f"accuracy: on the clips of {FOLDER}"
    what = "FAIL" if REQUIRED else "are left out"
    return f"accuracy: no clips in {FOLDER}; these tests {what}; {VARIABLE} names their folder"


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of the real clips and weights."""
    assert HERE, f"no videos/ and models/ in {FOLDER}; set {VARIABLE}"
    return FOLDER
