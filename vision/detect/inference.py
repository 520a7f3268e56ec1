"""Runs a graph over rows of pictures, in buffers that are made once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Protocol

import cv2
import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from models.contract import Contract, Tensor
from models.registry import Model
from vision.source.picture import Image

Outputs = list[NDArray[Any]]

_TYPES: Final[dict[str, type]] = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
}


class Inference(Protocol):
    """Pictures go into ``rows``; ``run`` gives the outputs of the first so many.

    Attributes:
        rows: The pictures, uint8 BGR [largest batch, H, W, 3].
        sizes: Batch sizes that it runs, ascending.
    """

    rows: Image
    sizes: tuple[int, ...]

    def run(self, count: int) -> list[Outputs]:
        """The outputs of each of the first ``count`` rows, without the batch dimension.

        They may lie in buffers that the next run overwrites.
        """
        ...


def padded(count: int, sizes: Sequence[int]) -> int:
    """The batch size that ``count`` pictures run in: the smallest that holds them."""
    return next((size for size in sizes if size >= count), sizes[-1])


def output_names(model: Model) -> list[str]:
    """The outputs that are read, in the order that the decoder wants."""
    return list(model.contract.outputs) or [model.outputs[0].name]


def known_outputs(model: Model) -> list[Tensor] | None:
    """The outputs that are read, if all but the batch of their shapes is known."""
    by_name = {tensor.name: tensor for tensor in model.outputs}
    found = [by_name[name] for name in output_names(model)]
    known = all(
        tensor.dtype in _TYPES and all(isinstance(side, int) for side in tensor.shape[1:])
        for tensor in found
    )
    return found if known else None


class HostInference:
    """Runs from host memory: for a CPU, and for what keeps its own buffers.

    A float32 graph is fed by splitting a row in OpenCV and widening each plane, 0.65 ms at
    640x640 (one strided copy in NumPy takes 1.0, ``cv2.dnn.blobFromImage`` 1.1).
    """

    def __init__(self, session: ort.InferenceSession, model: Model, sizes: tuple[int, ...]) -> None:
        self.sizes = sizes
        self._session = session
        self._contract = contract = model.contract
        height, width = model.size
        self.rows = np.full((sizes[-1], height, width, 3), contract.padding, np.uint8)
        picture = contract.picture_of(model.inputs)
        assert picture is not None
        self._picture = picture.name
        self._names = output_names(model)
        self._as_is = (contract.dtype, contract.layout, contract.colour) == ("uint8", "NHWC", "BGR")
        shape = (3, height, width) if contract.layout == "NCHW" else (height, width, 3)
        kind = np.float32 if contract.dtype == "float32" else np.uint8
        self._tensor = self.rows if self._as_is else np.empty((sizes[-1], *shape), kind)
        self._more: dict[str, NDArray[np.int64]] = {}
        if contract.size_input is not None:
            self._more[contract.size_input] = np.tile(np.array([width, height]), (sizes[-1], 1))
        self._factor, self._offset = _affine(contract)

    def run(self, count: int) -> list[Outputs]:
        """See ``Inference``."""
        size = padded(count, self.sizes)
        if not self._as_is:
            for row in range(count):
                self._convert(self.rows[row], self._tensor[row])
        feed = {self._picture: self._tensor[:size]}
        feed |= {name: values[:size] for name, values in self._more.items()}
        found = self._session.run(self._names, feed)
        return [[np.asarray(each)[row] for each in found] for row in range(count)]

    def _convert(self, row: Image, target: NDArray[Any]) -> None:
        planes = cv2.split(row)
        if self._contract.colour == "RGB":
            planes = planes[::-1]
        for number, plane in enumerate(planes):
            place = target[number] if self._contract.layout == "NCHW" else target[..., number]
            np.copyto(place, plane)
            if not self._contract.plain:
                place *= self._factor[number]
                place += self._offset[number]


class BoundInference:
    """Runs a uint8 NHWC BGR graph from and into buffers whose addresses never change.

    That is what capturing a CUDA graph needs: one is captured for each batch size, by an id of
    its own, in the first runs of that size.
    """

    def __init__(
        self,
        session: ort.InferenceSession,
        model: Model,
        sizes: tuple[int, ...],
        device: str,
        graphs: bool,
    ) -> None:
        """Make the buffers.

        Args:
            session: On a graph that takes uint8 NHWC BGR.
            model: The model, whose outputs the graph has.
            sizes: Batch sizes, ascending.
            device: ``cuda`` or ``cpu``: where the buffers lie.
            graphs: Whether the session captures CUDA graphs.
        """
        self.sizes = sizes
        self._session = session
        height, width = model.size
        self.rows = np.full((sizes[-1], height, width, 3), model.contract.padding, np.uint8)
        picture = model.contract.picture_of(model.inputs)
        assert picture is not None
        known = known_outputs(model)
        self._bound: dict[int, tuple[Any, Any, list[Any]]] = {}
        self._options: dict[int, Any] = {}
        for number, size in enumerate(sizes, start=1):
            binding = session.io_binding()
            value = ort.OrtValue.ortvalue_from_numpy(self.rows[:size], device, 0)
            binding.bind_ortvalue_input(picture.name, value)
            if model.contract.size_input is not None:
                sides = np.tile(np.array([width, height], np.int64), (size, 1))
                binding.bind_ortvalue_input(
                    model.contract.size_input, ort.OrtValue.ortvalue_from_numpy(sides, device, 0)
                )
            results = []
            for tensor in known or ():
                shape = [size, *(int(side) for side in tensor.shape[1:] if side is not None)]
                kind = _TYPES[tensor.dtype]
                results.append(ort.OrtValue.ortvalue_from_shape_and_type(shape, kind, device, 0))
                binding.bind_ortvalue_output(tensor.name, results[-1])
            if known is None:
                for name in output_names(model):
                    binding.bind_output(name, "cpu")
            options = ort.RunOptions()
            if graphs:
                options.add_run_config_entry("gpu_graph_id", str(number))
            self._bound[size] = (binding, value, results)
            self._options[size] = options

    def run(self, count: int) -> list[Outputs]:
        """See ``Inference``."""
        size = padded(count, self.sizes)
        binding, value, results = self._bound[size]
        value.update_inplace(self.rows[:size])
        self._session.run_with_iobinding(binding, self._options[size])
        found = [result.numpy() for result in results] or binding.copy_outputs_to_cpu()
        return [[each[row] for each in found] for row in range(count)]


def _affine(contract: Contract) -> tuple[list[float], list[float]]:
    """Factor and offset of each plane, in the model's order."""
    factor = [contract.scale / std for std in contract.std]
    offset = [-mean / std for mean, std in zip(contract.mean, contract.std, strict=True)]
    return factor, offset
