"""The work of a graph is counted right, and its figures stand beside a limit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from ioc.errors import ConfigError
from measure.bench.models import run, work_of
from models.registry import Model, resolve

GRID = 16 + 4 + 1


def conv_model(folder: Path, more: list[Any] | None = None) -> Model:
    """A 3x3 convolution of a 32x32 picture to 8 planes, beside the boxes that yolox wants."""
    weights = numpy_helper.from_array(np.ones((8, 3, 3, 3), np.float32), "w")
    fixed = numpy_helper.from_array(np.zeros((1, GRID, 85), np.float32), "boxes")
    axes = numpy_helper.from_array(np.zeros(1, np.float32), "zero")
    nodes = [
        helper.make_node("Conv", ["images", "w"], ["planes"], pads=[1, 1, 1, 1]),
        helper.make_node("ReduceMean", ["planes"], ["mean"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Mul", ["mean", "zero"], ["none"]),
        helper.make_node("Add", ["boxes", "none"], ["output"]),
        *(more or []),
    ]
    picture = helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, 32, 32])
    output = helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, GRID, 85])
    graph = helper.make_graph(nodes, "conv", [picture], [output], [weights, fixed, axes])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 9
    onnx.checker.check_model(model)
    path = folder / "conv.onnx"
    path.write_bytes(model.SerializeToString())
    return resolve(str(path))


def test_a_convolution_is_counted(tmp_path: Path) -> None:
    work, why = work_of(conv_model(tmp_path))

    assert work == 2 * (8 * 32 * 32) * (3 * 3 * 3)
    assert why == ""


def test_a_quantised_graph_has_no_such_limit(tmp_path: Path) -> None:
    scale = helper.make_node("DynamicQuantizeLinear", ["mean"], ["q", "s", "z"])
    back = helper.make_node("DequantizeLinear", ["q", "s", "z"], ["unused"])

    work, why = work_of(conv_model(tmp_path, [scale, back]))

    assert work is None
    assert "quantised (DequantizeLinear)" in why


def test_the_figures_stand_beside_what_the_machine_could_do(tmp_path: Path) -> None:
    told: list[str] = []

    figures = {each.name: each for each in run([conv_model(tmp_path)], told.append, seconds=0.2)}

    rate, work = figures["models.conv.rate"], figures["models.conv.work"].value
    assert figures["models.peak"].value > 1
    assert rate.limit == pytest.approx(figures["models.peak"].value / work)
    assert rate.ratio is not None
    assert 0 < rate.ratio < 1
    assert figures["models.conv.p50"].value <= figures["models.conv.p95"].value


def test_a_provider_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--provider cuda"):
        run([conv_model(tmp_path)], lambda line: None, provider="cuda")
