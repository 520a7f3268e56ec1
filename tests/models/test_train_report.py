from __future__ import annotations

import importlib.util
import json
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from typer.testing import CliRunner

from ioc.cli import app
from ioc.errors import ConfigError
from models.contract import InputSize
from models.manifest import Entry
from models.train.augment import example
from models.train.dataset import CLASSES, read_dataset
from models.train.export import difference, quantise, runner, sensitive, session_of
from models.train.graph import Graph
from models.train.report import report_text, spans, write_report
from tests.models.rectangles import make

SIZE = InputSize(64, 96)


def judged(name: str, ap: float, milliseconds: float) -> dict[str, Any]:
    scored = {"ap50": 0.9, "ap": ap, "recall": 0.8, "precision": None, "overlap": 0.91}
    return scored | {
        "file": name,
        "bytes": 4_000_000,
        "sha256": "ab" * 32,
        "milliseconds": milliseconds,
        "difference": {"score": 1e-7, "box": 2e-7},
        "classes": [{"name": each, "objects": 7} | scored for each in CLASSES],
    }


def report(small_ap: float = 0.69, small_ms: float = 5.0) -> dict[str, Any]:
    epoch = {"loss": 3.0, "box": 0.2, "score": 2.0, "ap50": 0.8, "ap": 0.6, "seconds": 99.0}
    return {
        "name": "ioc-sim-v1",
        "classes": list(CLASSES),
        "settings": {"epochs": 2, "seed": 4, "height": 384, "width": 640},
        "dataset": {"digest": "cd" * 32, "train": 90, "val": 10, "seeds": [7, 1, 2, 3]},
        "training": {
            "seconds": 198.0,
            "device": "CPU",
            "parameters": 1_129_696,
            "history": [epoch | {"epoch": 1}, epoch | {"epoch": 2, "ap": 0.7}],
        },
        "working_score": 0.35,
        "files": {
            "float32": judged("a.onnx", 0.7, 10.0),
            "int8": judged("b.onnx", small_ap, small_ms),
        },
        "environment": {"torch": "2.15", "processor": "P", "cores": 2},
    }


def test_the_card_says_what_it_was_trained_on_and_what_to_use_instead(tmp_path: Path) -> None:
    write_report(report(), tmp_path)

    card = (tmp_path / "CARD.md").read_text()

    assert "Trained on rendered scenes" in card
    assert "For real streets\n> pull YOLOX or better" in card
    assert "Được huấn luyện trên cảnh dựng bằng máy tính" in card
    assert "seeds 1–3, 7" in card and "cd" * 32 in card
    assert "| no_helmet | 7 | 0.900 | 0.700 | 0.800 | – | 0.910 |" in card
    assert "{" not in card
    assert json.loads((tmp_path / "report.json").read_text()) == report()


def test_the_report_says_so_when_int8_is_not_worth_it() -> None:
    assert "2.00 times as fast; it is worth it" in report_text(report())
    assert "NOT worth it" in report_text(report(small_ap=0.67))
    assert "NOT worth it" in report_text(report(small_ms=11.0))


def test_the_report_gives_the_entries_of_the_manifest() -> None:
    text = report_text(report())

    entries = tomllib.loads(text.split("```toml")[1].split("```")[0])["models"]

    assert set(entries) == {"ioc-sim-v1", "ioc-sim-v1-int8"}
    assert Entry.model_validate(entries["ioc-sim-v1"]).contract == "sim-v1"


def test_runs_of_seeds_are_told_short() -> None:
    assert spans([3, 1, 2, 9, 11, 12]) == "1–3, 9, 11–12"
    assert spans([]) == ""


def tiny_graph() -> onnx.ModelProto:
    """Input through a convolution to a head, as the network's graph has them."""
    rng = np.random.default_rng(0)
    graph = Graph()
    wide = graph.node("Cast", ["picture"], "float", to=onnx.TensorProto.FLOAT)
    planes = graph.node("Transpose", [wide], "planes", perm=[0, 3, 1, 2])
    kernels = rng.normal(0, 0.02, (8, 3, 3, 3)).astype(np.float32)
    inner = graph.conv(planes, kernels, np.zeros(8, np.float32), "stem.conv", 2)
    inner = graph.node("Relu", [inner], "stem")
    kernels = rng.normal(0, 0.1, (6, 8, 1, 1)).astype(np.float32)
    box = graph.conv(inner, kernels, np.zeros(6, np.float32), "head8.box")
    shape = graph.weight("shape", np.array([0, 6, -1]))
    flat = graph.node("Reshape", [box, shape], "head8.rows")
    graph.node("Transpose", [flat], "output", perm=[0, 2, 1])
    rows = SIZE.height * SIZE.width // 4
    return graph.finish("tiny", ("picture", ("N", *SIZE, 3)), ("output", ("N", rows, 6)))


@pytest.mark.parametrize("averaged", [False, True])
def test_an_int8_file_gives_nearly_the_same_and_keeps_its_last_layers(
    tmp_path: Path, averaged: bool
) -> None:
    samples = read_dataset(make(tmp_path / "data", 4, 1, size=(72, 108))).train
    onnx.save(tiny_graph(), str(tmp_path / "full.onnx"))

    quantise(tmp_path / "full.onnx", tmp_path / "int8.onnx", samples, SIZE, averaged)

    pictures = np.stack([example(sample, SIZE, None).picture for sample in samples])
    full = runner(session_of(tmp_path / "full.onnx", 1))(pictures)
    small = runner(session_of(tmp_path / "int8.onnx", 1))(pictures)
    assert 0 < np.abs(full - small).mean() < 0.02 * np.abs(full).max()
    quantised = onnx.load(str(tmp_path / "int8.onnx")).graph
    inputs = {node.name: node.input for node in quantised.node}
    assert "head8.box.weight" in inputs["head8.box"]
    assert "stem.conv.weight" not in inputs["stem.conv"]
    assert sensitive(tiny_graph()) == ["head8.box", "head8.rows", "output"]


def test_only_boxes_that_are_read_are_compared() -> None:
    ours = np.zeros((1, 2, 6), np.float32)
    theirs = ours.copy()
    ours[0, 0] = [9, 9, 9, 9, 0.01, 1]
    theirs[0, 1] = [0.5, 0, 0, 0, 0.4, 1]

    assert difference(ours, theirs) == pytest.approx({"score": 0.4, "box": 0.5})


@pytest.mark.skipif(importlib.util.find_spec("torch") is not None, reason="torch is here")
def test_without_torch_the_command_says_what_to_install(tmp_path: Path) -> None:
    told = CliRunner().invoke(
        app, ["models", "train", "--data", str(tmp_path), "--out", str(tmp_path / "out")]
    )

    assert isinstance(told.exception, ConfigError)
    assert "pip install 'haugiang-ioc[train]'" in str(told.exception)
    assert not (tmp_path / "out").exists()
