"""Writes an ONNX graph node by node, so that an export holds what it needs and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

OPSET: Final = 17
"""Any onnxruntime since 1.12 reads it; nothing newer is needed."""

IR_VERSION: Final = 9


class Graph:
    """A graph that grows by one node a call; a call returns the name of what the node gives."""

    def __init__(self, half: bool = False) -> None:
        """Begin with nothing.

        Args:
            half: Store float weights in 16 bits, which halves the file; onnxruntime widens them
                once, when it loads it.
        """
        self._half = half
        self._nodes: list[onnx.NodeProto] = []
        self._weights: dict[str, NDArray[Any]] = {}

    def node(self, kind: str, inputs: Sequence[str], name: str, **attributes: Any) -> str:
        """Add a node with one output, which has the node's name.

        Args:
            kind: The operator.
            inputs: Names of other nodes, weights or the graph's inputs.
            name: Its name, once in the graph.
            attributes: The operator's.
        """
        self._nodes.append(helper.make_node(kind, list(inputs), [name], name=name, **attributes))
        return name

    def weight(self, name: str, values: NDArray[Any]) -> str:
        """Add a constant."""
        values = np.ascontiguousarray(values)
        if not self._half or values.dtype != np.float32:
            self._weights[name] = values
            return name
        self._weights[f"{name}.half"] = values.astype(np.float16)
        return self.node("Cast", [f"{name}.half"], name, to=TensorProto.FLOAT)

    def conv(
        self,
        source: str,
        weight: NDArray[np.float32],
        bias: NDArray[np.float32],
        name: str,
        stride: int = 1,
    ) -> str:
        """Add a convolution that keeps the size, divided by the stride.

        Args:
            source: What is convolved.
            weight: Kernels [out, in, k, k], k odd.
            bias: [out].
            name: Of the node.
            stride: 1 or 2.
        """
        edge = weight.shape[-1] // 2
        return self.node(
            "Conv",
            [
                source,
                self.weight(f"{name}.weight", weight.astype(np.float32)),
                self.weight(f"{name}.bias", bias.astype(np.float32)),
            ],
            name,
            kernel_shape=list(weight.shape[-2:]),
            strides=[stride, stride],
            pads=[edge] * 4,
        )

    def finish(
        self, name: str, picture: tuple[str, Sequence[int | str]], output: tuple[str, Sequence[Any]]
    ) -> onnx.ModelProto:
        """The model: one uint8 input, one float32 output.

        Args:
            name: The graph's name.
            picture: Name and shape of the input.
            output: Name and shape of the output, which is a node's name.
        """
        graph = helper.make_graph(
            self._nodes,
            name,
            [helper.make_tensor_value_info(picture[0], TensorProto.UINT8, list(picture[1]))],
            [helper.make_tensor_value_info(output[0], TensorProto.FLOAT, list(output[1]))],
            [numpy_helper.from_array(values, key) for key, values in self._weights.items()],
        )
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            producer_name="haugiang-ioc",
        )
        model.ir_version = IR_VERSION
        onnx.checker.check_model(model, full_check=True)
        return model
