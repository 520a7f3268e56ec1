"""A small network that judges crops: some answers for each, each one of several symbols."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from models.contract import InputSize
from models.train.graph import Graph
from models.train.network import ConvUnit

NARROW: Final = 24
"""Channels that all places are told with: each costs a weight for every symbol of every answer."""


class CropNetwork(nn.Module):
    """3x3 convolutions that halve the crop, then one linear layer.

    Attributes:
        size: Of a crop, pixels.
        answers: Answers that it gives.
        symbols: What each may be.
        pooled: Whether the place of what is seen says nothing.
    """

    def __init__(
        self,
        size: InputSize,
        channels: Sequence[int],
        answers: int,
        symbols: int,
        *,
        pooled: bool,
        dropout: float = 0.2,
    ) -> None:
        """Make it, with random weights.

        Args:
            size: Of a crop; divisible by two to the number of halvings.
            channels: Of the first layer, then of each size, each of them half the one before.
            answers: Answers that it gives.
            symbols: What each may be.
            pooled: Take the mean over the places of the last features, instead of all of them.
            dropout: Share of features that is hidden from the last layer while it learns.
        """
        super().__init__()
        self.frozen = False
        self.size, self.answers, self.symbols, self.pooled = size, answers, symbols, pooled
        first, *rest = channels
        units = [ConvUnit(3, first)]
        for source, target in zip(channels, rest, strict=False):
            units += [ConvUnit(source, target, 3, 2), ConvUnit(target, target)]
        if not pooled:
            units.append(ConvUnit(channels[-1], NARROW, 1))
        self.units = nn.ModuleList(units)
        self.dropout = nn.Dropout(dropout)
        shrunk = 2 ** len(rest)
        places = 1 if pooled else (size.height // shrunk) * (size.width // shrunk)
        last = channels[-1] if pooled else NARROW
        self.told = nn.Linear(last * places, answers * symbols)

    def forward(self, x: Tensor) -> Tensor:
        """Crops [B, 3, H, W], BGR from 0 to 1, to logits [B, answers, symbols]."""
        for unit in self.units:
            x = unit(x)
        x = x.mean((2, 3)) if self.pooled else x.flatten(1)
        told: Tensor = self.told(self.dropout(x))
        return told.unflatten(1, (self.answers, self.symbols))

    def load(self, path: Path) -> None:
        """Take the weights of an exported file, to learn on.

        Raises:
            ValueError: It holds another network.
        """
        stored = {
            each.name.removesuffix(".half"): numpy_helper.to_array(each).astype(np.float32)
            for each in onnx.load(str(path)).graph.initializer
        }
        pairs: list[tuple[Tensor, str, float]] = [
            (self.told.weight, "told.weight", 1.0),
            (self.told.bias, "told.bias", 1.0),
        ]
        for number, unit in enumerate(self.units):
            assert isinstance(unit, ConvUnit)
            # The first kernels take values from 0 to 255; the norms begin as nothing.
            scale = 1.0 if number else 255.0
            pairs.append((unit.conv.weight, f"unit{number}.conv.weight", scale))
            pairs.append((unit.norm.bias, f"unit{number}.conv.bias", 1.0))
        with torch.no_grad():
            for target, name, scale in pairs:
                if name not in stored or stored[name].shape != tuple(target.shape):
                    raise ValueError(f"{path}: no {name} of shape {tuple(target.shape)}")
                target.copy_(torch.from_numpy(stored[name] * np.float32(scale)))
            for unit in self.units:
                assert isinstance(unit, ConvUnit)
                assert unit.norm.running_mean is not None and unit.norm.running_var is not None
                unit.norm.running_mean.zero_()
                unit.norm.running_var.fill_(1.0 - unit.norm.eps)
        self.frozen = True

    def train(self, mode: bool = True) -> CropNetwork:
        """Begin or end to learn; norms that came folded into the kernels stay as they are."""
        super().train(mode)
        if self.frozen:
            for unit in self.units:
                assert isinstance(unit, ConvUnit)
                unit.norm.eval()
        return self

    def emit(self, name: str) -> onnx.ModelProto:
        """The network as a graph: uint8 [N, H, W, 3] BGR to probabilities [N, answers, symbols].

        With one answer the output is [N, symbols].

        Args:
            name: The graph's name.
        """
        graph = Graph(half=True)
        wide = graph.node("Cast", ["crop"], "float", to=onnx.TensorProto.FLOAT)
        at = graph.node("Transpose", [wide], "planes", perm=[0, 3, 1, 2])
        for number, unit in enumerate(self.units):
            assert isinstance(unit, ConvUnit)
            at = unit.emit(graph, at, f"unit{number}", 1.0 if number else 1 / 255)
        if self.pooled:
            at = graph.node("GlobalAveragePool", [at], "mean")
        at = graph.node("Flatten", [at], "features")
        weights = [
            graph.weight(f"told.{part}", np.asarray(values.detach().numpy(), np.float32))
            for part, values in (("weight", self.told.weight), ("bias", self.told.bias))
        ]
        at = graph.node("Gemm", [at, *weights], "logits", transB=1)
        shape: tuple[int, ...] = (self.symbols,)
        if self.answers > 1:
            shape = (self.answers, self.symbols)
            at = graph.node("Reshape", [at, graph.weight("shape", np.array([-1, *shape]))], "rows")
        graph.node("Softmax", [at], "output", axis=-1)
        size = self.size
        return graph.finish(
            name, ("crop", ("N", size.height, size.width, 3)), ("output", ("N", *shape))
        )


def probabilities(network: CropNetwork, crops: Sequence[Tensor]) -> Tensor:
    """What a network says of batches of crops, without learning: [N, answers, symbols]."""
    network.eval()
    with torch.no_grad():
        return torch.cat([network(batch).softmax(-1) for batch in crops])
