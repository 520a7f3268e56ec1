"""What makes a model file one that must not be relied on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.lock import Taken, record
from models.manifest import Manifest, load_manifest
from models.registry import resolve, sha256_of
from models.verify import check, trial
from tests.models.graphs import detr_model
from tests.models.onnx_file import constant_model

PICTURE = (1, 3, 32, 32)


def boxes(value: float = 0.0, rows: int = 21) -> np.ndarray:
    return np.full((1, rows, 85), value, np.float32)


def manifest_of(sha256: str | None, **more: Any) -> Manifest:
    entry = {"contract": "yolox-coco", "file": "m.onnx", "licence": "Apache-2.0", "origin": "test"}
    contracts = load_manifest().model_dump()["contracts"]
    models = {"m": entry | {"sha256": sha256} | more}
    return Manifest.model_validate({"contracts": contracts, "models": models})


def test_a_right_file_is_ready(tmp_path: Path) -> None:
    path = constant_model(tmp_path / "m.onnx", PICTURE, boxes())

    (found,) = check("m", manifest_of(sha256_of(path)), [tmp_path])

    assert (found.state, found.path, found.detail) == ("ready", path, "")


@pytest.mark.parametrize(
    ("output", "said"),
    [
        (boxes(rows=20), "does not fit contract yolox-coco: output output tensor(float) 1x20x85"),
        (boxes(float("nan")), "output output has values that are no numbers"),
    ],
)
def test_a_file_that_is_what_the_manifest_says_can_still_be_no_such_model(
    tmp_path: Path, output: np.ndarray, said: str
) -> None:
    path = constant_model(tmp_path / "m.onnx", PICTURE, output)

    (found,) = check("m", manifest_of(sha256_of(path)), [tmp_path])

    assert found.state == "misfit"
    assert said in found.detail


def test_each_file_of_a_model_is_checked(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    first.mkdir()
    second.mkdir()
    (first / "m.onnx").write_bytes(b"other")
    path = constant_model(second / "m.onnx", PICTURE, boxes())

    found = check("m", manifest_of(sha256_of(path)), [first, second])

    assert [each.state for each in found] == ["altered", "ready"]


def test_a_file_without_a_digest_to_hold_it_against_is_unproven(tmp_path: Path) -> None:
    path = constant_model(tmp_path / "m.onnx", PICTURE, boxes())
    manifest = manifest_of(None)
    (before,) = check("m", manifest, [tmp_path])
    taken = Taken(
        sha256=sha256_of(path),
        size=path.stat().st_size,
        how="given",
        source="https://example.org/m",
        time="2026-11-22T07:30:00Z",
    )
    record(tmp_path, "m", taken)
    (after,) = check("m", manifest, [tmp_path])

    assert (before.state, after.state) == ("unproven", "ready")


def test_a_missing_file_says_how_to_get_it(tmp_path: Path) -> None:
    (found,) = check("m", manifest_of(None, sources=["https://example.org/m"]), [tmp_path])

    assert (found.state, found.detail) == ("missing", "ioc models pull m")


def test_labels_beyond_the_classes_are_seen(tmp_path: Path) -> None:
    assert trial(resolve(str(detr_model(tmp_path / "good.onnx", 7)))) == []
    bad = resolve(str(detr_model(tmp_path / "bad.onnx", 200)))

    assert trial(bad) == ["labels reach 200, the contract has 80 classes"]
