"""Small real graphs: DETR-style ones, whose boxes say which picture they were given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

SIDE = 32


def _save(path: Path, nodes: list[Any], inputs: list[Any], outputs: list[Any], fixed: Any) -> Path:
    weights = [numpy_helper.from_array(values, name) for name, values in fixed.items()]
    graph = helper.make_graph(nodes, "small", inputs, outputs, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 9
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())
    return path


def _redness() -> list[Any]:
    """Mean of the first colour plane of each picture [N, 1, 1]."""
    return [
        helper.make_node("Gather", ["picture", "zero"], ["first"], axis=1),
        helper.make_node("ReduceMean", ["first"], ["mean"], axes=[1, 2], keepdims=0),
        helper.make_node("Reshape", ["mean", "column"], ["redness"]),
    ]


FIXED: dict[str, NDArray[Any]] = {
    "zero": np.array(0, np.int64),
    "column": np.array([-1, 1, 1], np.int64),
    "centre": np.array([[[0.5, 0.5, 0, 0]]], np.float32),
    "sides": np.array([[[0, 0, 1, 1]]], np.float32),
}


def logits_model(
    path: Path,
    column: int,
    classes: int,
    batch: int | str = "N",
    names: tuple[str, str] = ("dets", "labels"),
) -> Path:
    """One box of a class in the middle, whose sides are the picture's mean red, as a share."""
    logits = np.full((1, 1, classes), -9, np.float32)
    logits[0, 0, column] = 2
    nodes = [
        *_redness(),
        helper.make_node("Mul", ["redness", "sides"], ["grown"]),
        helper.make_node("Add", ["grown", "centre"], [names[0]]),
        helper.make_node("Mul", ["redness", "nothing"], ["none"]),
        helper.make_node("Add", ["none", "row"], [names[1]]),
    ]
    picture = helper.make_tensor_value_info("picture", TensorProto.FLOAT, [batch, 3, SIDE, SIDE])
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [batch, 1, columns])
        for name, columns in ((names[0], 4), (names[1], classes))
    ]
    fixed = FIXED | {"row": logits, "nothing": np.zeros((1, 1, 1), np.float32)}
    return _save(path, nodes, [picture], outputs, fixed)


def detr_model(path: Path, label: int, batch: int | str = "N") -> Path:
    """One box over the left half of the picture, in pixels of the size that it is told."""
    nodes = [
        helper.make_node("Cast", ["orig_target_sizes"], ["told"], to=TensorProto.FLOAT),
        helper.make_node("Concat", ["told", "told"], ["four"], axis=1),
        helper.make_node("Mul", ["four", "half"], ["flat"]),
        helper.make_node("Unsqueeze", ["flat", "one"], ["boxes"]),
        *_redness(),
        helper.make_node("Squeeze", ["redness", "one"], ["scores"]),
        helper.make_node("Cast", ["scores"], ["whole"], to=TensorProto.INT64),
        helper.make_node("Mul", ["whole", "no"], ["none"]),
        helper.make_node("Add", ["none", "label"], ["labels"]),
    ]
    inputs = [
        helper.make_tensor_value_info("picture", TensorProto.FLOAT, [batch, 3, SIDE, SIDE]),
        helper.make_tensor_value_info("orig_target_sizes", TensorProto.INT64, [batch, 2]),
    ]
    outputs = [
        helper.make_tensor_value_info("labels", TensorProto.INT64, [batch, 1]),
        helper.make_tensor_value_info("boxes", TensorProto.FLOAT, [batch, 1, 4]),
        helper.make_tensor_value_info("scores", TensorProto.FLOAT, [batch, 1]),
    ]
    fixed = FIXED | {
        "half": np.array([0, 0, 0.5, 1], np.float32),
        "one": np.array([1], np.int64),
        "no": np.array(0, np.int64),
        "label": np.array(label, np.int64),
    }
    return _save(path, nodes, inputs, outputs, fixed)
