"""The files that we ship."""

from __future__ import annotations

from models.manifest import load_manifest
from models.registry import OWN_WEIGHTS, resolve
from models.verify import trial

MOST_BYTES = 8_000_000


def test_all_that_is_shipped_is_in_the_manifest_whole_and_runs() -> None:
    files = {entry.file: name for name, entry in load_manifest().models.items()}

    for path in OWN_WEIGHTS.glob("*.onnx"):
        assert trial(resolve(files[path.name])) == []


def test_it_stays_small_enough_to_be_committed() -> None:
    assert sum(path.stat().st_size for path in OWN_WEIGHTS.glob("*.onnx")) <= MOST_BYTES
