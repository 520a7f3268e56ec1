"""A graph that takes pictures as they are: bytes, rows first, BGR.

A float32 picture is four times the bytes of the same as uint8 (4.9 MB at 640x640 against 1.2), and
all of them cross the bus to a GPU; so widening, colour order and normalisation are put into the
graph there. On a CPU nothing crosses a bus, and both ways take the same time (YOLOX-nano at 640,
two cores: 26.0 ms prepared outside, 25.8 in the graph), so that a model's own file is run there.
"""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from ioc.errors import ConfigError
from models.contract import Contract
from models.registry import Model
from vision.detect.providers import make_folder

VERSION = 1
"""Goes up with every change of what is put in front, for the result is kept on the disk."""


def as_uint8(model: Model, folder: Path) -> Path:
    """The model's graph with a uint8 NHWC BGR input of the same name, made once and kept.

    Args:
        model: The model; its own file is given back when its input is of that kind already.
        folder: The cache.

    Raises:
        ConfigError: The folder cannot be written, or the graph cannot be read.
    """
    contract = model.contract
    if (contract.dtype, contract.layout, contract.colour) == ("uint8", "NHWC", "BGR"):
        return model.path
    kept = folder / "graphs" / f"{model.sha256[:32]}-{_of(contract)}-uint8-v{VERSION}.onnx"
    if kept.is_file():
        return kept
    make_folder(kept.parent)
    import onnx

    try:
        graph = onnx.load(str(model.path))
        _prepend(graph, model)
        onnx.checker.check_model(graph)
        with tempfile.TemporaryDirectory(dir=kept.parent) as scratch:
            part = Path(scratch) / kept.name
            part.write_bytes(graph.SerializeToString())
            part.replace(kept)
    except OSError as error:
        raise ConfigError(
            f"{kept}: {error.strerror}; graphs made for a GPU are kept there"
        ) from None
    except (onnx.checker.ValidationError, ValueError) as error:
        line = str(error).strip().splitlines()[0][:200]
        raise ConfigError(f"{model.path}: cannot be made ready for a GPU: {line}") from None
    return kept


def _of(contract: Contract) -> str:
    """What of a contract shapes the nodes that are put in front."""
    parts = (
        contract.dtype,
        contract.layout,
        contract.colour,
        contract.scale,
        contract.mean,
        contract.std,
    )
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:8]


def _prepend(proto: object, model: Model) -> None:
    from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

    assert isinstance(proto, ModelProto)
    graph, contract = proto.graph, model.contract
    picture = contract.picture_of(model.inputs)
    assert picture is not None
    name = picture.name
    inner = f"{name}.prepared"
    for node in graph.node:
        for place, source in enumerate(node.input):
            if source == name:
                node.input[place] = inner
    nodes: list[NodeProto] = []
    steps = f"{name}.step"

    def step(kind: str, *more: str, **attributes: Any) -> None:
        source = name if not nodes else f"{steps}{len(nodes) - 1}"
        nodes.append(
            helper.make_node(kind, [source, *more], [f"{steps}{len(nodes)}"], **attributes)
        )

    def constant(label: str, values: np.ndarray) -> str:
        graph.initializer.append(numpy_helper.from_array(values, f"{name}.{label}"))
        return f"{name}.{label}"

    if contract.colour == "RGB":
        step("Gather", constant("order", np.array([2, 1, 0], np.int64)), axis=3)
    if contract.dtype == "float32":
        step("Cast", to=TensorProto.FLOAT)
    if not contract.plain:
        # (v * scale - mean) / std as one product and one sum.
        std = np.array(contract.std, np.float32)
        step("Mul", constant("factor", np.float32(contract.scale) / std))
        if any(contract.mean):
            step("Add", constant("offset", -np.array(contract.mean, np.float32) / std))
    if contract.layout == "NCHW":
        step("Transpose", perm=[0, 3, 1, 2])
    nodes[-1].output[0] = inner
    for node in reversed(nodes):
        graph.node.insert(0, node)
    old = next(value for value in graph.input if value.name == name)
    batch = old.type.tensor_type.shape.dim[0]
    first = batch.dim_param or "N" if model.batch is None else model.batch
    old.CopyFrom(helper.make_tensor_value_info(name, TensorProto.UINT8, [first, *model.size, 3]))
