"""The detector's network: plain 3x3 convolutions, anchor-free, three levels."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name that everybody knows it by

from models.contract import InputSize
from models.train.graph import Graph

STRIDES: Final = (8, 16, 32)

PRIOR: Final = 0.01
"""Score that every class starts with. From 0.5 on, the first hundred steps go into learning that
almost every cell is empty (Lin et al. 2017, arXiv 1708.02002, section 4.1)."""


class ConvUnit(nn.Module):
    """Convolution, batch norm and ReLU.

    ReLU, not SiLU: in an int8 graph it is part of the convolution, where SiLU is two more nodes.
    """

    def __init__(self, source: int, target: int, kernel: int = 3, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(source, target, kernel, stride, kernel // 2, bias=False)
        self.norm = nn.BatchNorm2d(target, eps=1e-3, momentum=0.03)
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        """Features [B, C, H, W] to [B, C', H / stride, W / stride]."""
        return F.relu(self.norm(self.conv(x)), inplace=True)

    def emit(self, graph: Graph, source: str, name: str, scale: float = 1.0) -> str:
        """Add this to a graph, the batch norm folded into the kernels.

        Args:
            graph: The graph.
            source: What goes in.
            name: Of the nodes.
            scale: What goes in is multiplied by this first.
        """
        weight, bias = folded(self.conv, self.norm)
        made = graph.conv(source, weight * scale, bias, f"{name}.conv", self.stride)
        return graph.node("Relu", [made], name)


class Residual(nn.Module):
    """Two 3x3 convolutions through half the channels, added to what came in."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.narrow = ConvUnit(channels, channels // 2)
        self.wide = ConvUnit(channels // 2, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Features to features of the same shape."""
        added: Tensor = x + self.wide(self.narrow(x))
        return added

    def emit(self, graph: Graph, source: str, name: str) -> str:
        """Add this to a graph."""
        inner = self.narrow.emit(graph, source, f"{name}.narrow")
        inner = self.wide.emit(graph, inner, f"{name}.wide")
        return graph.node("Add", [source, inner], name)


class Pyramid(nn.Module):
    """Max-pooling three times over, all joined: sees the surroundings of a bus at once."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.narrow = ConvUnit(channels, channels // 2, 1)
        self.wide = ConvUnit(channels * 2, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Features to features of the same shape."""
        layers = [self.narrow(x)]
        for _ in range(3):
            layers.append(F.max_pool2d(layers[-1], 5, 1, 2))
        wide: Tensor = self.wide(torch.cat(layers, 1))
        return wide

    def emit(self, graph: Graph, source: str, name: str) -> str:
        """Add this to a graph."""
        layers = [self.narrow.emit(graph, source, f"{name}.narrow")]
        for turn in range(3):
            layers.append(
                graph.node(
                    *("MaxPool", [layers[-1]], f"{name}.pool{turn}"),
                    kernel_shape=[5, 5],
                    pads=[2] * 4,
                )
            )
        joined = graph.node("Concat", layers, f"{name}.join", axis=1)
        return self.wide.emit(graph, joined, f"{name}.wide")


class Stage(nn.Module):
    """Halves the picture, then thinks about it."""

    def __init__(self, source: int, target: int, depth: int) -> None:
        super().__init__()
        self.down = ConvUnit(source, target, 3, 2)
        self.blocks = nn.ModuleList(Residual(target) for _ in range(depth))

    def forward(self, x: Tensor) -> Tensor:
        """Features [B, C, H, W] to [B, C', H / 2, W / 2]."""
        x = self.down(x)
        for block in self.blocks:
            x = block(x)
        return x

    def emit(self, graph: Graph, source: str, name: str) -> str:
        """Add this to a graph."""
        source = self.down.emit(graph, source, f"{name}.down")
        for number, block in enumerate(self.blocks):
            assert isinstance(block, Residual)
            source = block.emit(graph, source, f"{name}.block{number}")
        return source


class Head(nn.Module):
    """Class scores and boxes of one level, each from convolutions of its own.

    Two for the box and one for the class: what is asked of this model is where, more than what.
    """

    def __init__(self, channels: int, classes: int, stride: int) -> None:
        super().__init__()
        narrow = channels * 3 // 4
        self.look = ConvUnit(channels, channels)
        self.score = nn.Conv2d(channels, classes, 1)
        self.place = nn.ModuleList((ConvUnit(channels, narrow), ConvUnit(narrow, narrow)))
        self.box = nn.Conv2d(narrow, 4, 1)
        assert self.score.bias is not None and self.box.bias is not None
        nn.init.constant_(self.score.bias, math.log(PRIOR / (1 - PRIOR)))
        nn.init.normal_(self.box.weight, std=0.001)
        with torch.no_grad():  # the middle of the cell, three cells wide
            self.box.bias.copy_(torch.tensor([0.5, 0.5, math.log(3.0), math.log(3.0)]))
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        """Features [B, C, H, W] to rows [B, H * W, 4 + classes], raw, float32."""
        place = x
        for unit in self.place:
            place = unit(place)
        look = self.look(x)
        # A bfloat16 has 8 bits: a log size of 2 would be told to within 1 %, two pixels of a bus.
        with torch.autocast(x.device.type, enabled=False):
            rows = torch.cat((self.box(place.float()), self.score(look.float())), 1)
        return rows.flatten(2).transpose(1, 2)

    def emit(self, graph: Graph, source: str, name: str) -> str:
        """Add this to a graph; gives [N, 4 + classes, cells]."""
        place = source
        for number, unit in enumerate(self.place):
            assert isinstance(unit, ConvUnit)
            place = unit.emit(graph, place, f"{name}.place{number}")
        look = self.look.emit(graph, source, f"{name}.look")
        box = graph.conv(place, *_plain(self.box), f"{name}.box")
        score = graph.conv(look, *_plain(self.score), f"{name}.score")
        joined = graph.node("Concat", [box, score], f"{name}.join", axis=1)
        shape = graph.weight(f"{name}.shape", np.array([0, 4 + self.score.out_channels, -1]))
        return graph.node("Reshape", [joined, shape], f"{name}.rows")


LEAST: Final = 1e-9
"""Least score of a cell: below a logit of -104 a float32 has none, and 0 / 0 is not a number."""


class Network(nn.Module):
    """Rows of all cells from a picture.

    A row is centre x, centre y in cells from the cell's corner, log width, log height in cells,
    then a logit for each class. A cell's score already tells how well its box sits (see
    ``models.train.assign``), so that there is no objectness.
    """

    def __init__(self, classes: int, width: int = 64) -> None:
        """Make it, with random weights.

        Args:
            classes: Number of classes.
            width: Channels at stride 8 and in the neck; the others follow. A multiple of 16.
        """
        super().__init__()
        half, wide, deep = width // 2, width * 3 // 2, width * 2
        self.classes, self.width = classes, width
        self.stem = ConvUnit(3, width // 4, 3, 2)
        self.stage4 = Stage(width // 4, half, 1)
        self.stage8 = Stage(half, width, 2)
        self.stage16 = Stage(width, wide, 2)
        self.stage32 = Stage(wide, deep, 1)
        self.pyramid = Pyramid(deep)
        self.side8 = ConvUnit(width, width, 1)
        self.side16 = ConvUnit(wide, width, 1)
        self.side32 = ConvUnit(deep, width, 1)
        self.up16 = ConvUnit(width, width)
        self.up8 = Residual(width)
        self.down16 = ConvUnit(width, width, 3, 2)
        self.out16 = Residual(width)
        self.down32 = ConvUnit(width, width, 3, 2)
        self.out32 = Residual(width)
        self.heads = nn.ModuleList(Head(width, classes, stride) for stride in STRIDES)

    def forward(self, picture: Tensor) -> Tensor:
        """Rows of all cells, finest level first.

        Args:
            picture: BGR, 0 to 1 [B, 3, H, W]; sides are multiples of 32.

        Returns:
            [B, cells, 4 + classes].
        """
        c8 = self.stage8(self.stage4(self.stem(picture)))
        c16 = self.stage16(c8)
        c32 = self.pyramid(self.stage32(c16))
        p32 = self.side32(c32)
        p16 = self.up16(self.side16(c16) + F.interpolate(p32, scale_factor=2.0))
        p8 = self.up8(self.side8(c8) + F.interpolate(p16, scale_factor=2.0))
        n16 = self.out16(p16 + self.down16(p8))
        n32 = self.out32(p32 + self.down32(n16))
        rows = [head(x) for head, x in zip(self.heads, (p8, n16, n32), strict=True)]
        return torch.cat(rows, 1)

    def emit(self, size: InputSize, name: str) -> onnx.ModelProto:
        """The network as a graph that ``vision.detect`` reads with the decoding ``yolox``.

        The input is uint8 [N, H, W, 3] as OpenCV gives it. Objectness is the best class's score
        and the class columns are shares of it, so that their product is the class's score.

        Args:
            size: The picture's, pixels; multiples of 32.
            name: The graph's name.
        """
        graph = Graph()
        wide = graph.node("Cast", ["picture"], "float", to=onnx.TensorProto.FLOAT)
        planes = graph.node("Transpose", [wide], "planes", perm=[0, 3, 1, 2])
        c4 = self.stage4.emit(graph, self.stem.emit(graph, planes, "stem", 1 / 255), "stage4")
        c8 = self.stage8.emit(graph, c4, "stage8")
        c16 = self.stage16.emit(graph, c8, "stage16")
        c32 = self.pyramid.emit(graph, self.stage32.emit(graph, c16, "stage32"), "pyramid")
        p32 = self.side32.emit(graph, c32, "side32")
        p16 = self.side16.emit(graph, c16, "side16")
        p16 = self.up16.emit(graph, _raised(graph, p16, p32, "join16"), "up16")
        p8 = self.side8.emit(graph, c8, "side8")
        p8 = self.up8.emit(graph, _raised(graph, p8, p16, "join8"), "up8")
        down = self.down16.emit(graph, p8, "down16")
        n16 = self.out16.emit(graph, graph.node("Add", [p16, down], "path16"), "out16")
        down = self.down32.emit(graph, n16, "down32")
        n32 = self.out32.emit(graph, graph.node("Add", [p32, down], "path32"), "out32")
        levels = []
        for head, source, stride in zip(self.heads, (p8, n16, n32), STRIDES, strict=True):
            assert isinstance(head, Head)
            levels.append(head.emit(graph, source, f"head{stride}"))
        graph.node("Concat", levels, "cells", axis=2)
        ends = [graph.weight(f"end{at}", np.array([at])) for at in (0, 4, 4 + self.classes)]
        axis = graph.weight("axis", np.array([1]))
        box = graph.node("Slice", ["cells", ends[0], ends[1], axis], "boxes")
        score = graph.node("Slice", ["cells", ends[1], ends[2], axis], "logits")
        score = graph.node("Sigmoid", [score], "scores")
        best = graph.node("ReduceMax", [score], "highest", axes=[1], keepdims=1)
        least = graph.weight("least", np.array([LEAST], np.float32))
        best = graph.node("Max", [best, least], "best")
        share = graph.node("Div", [score, best], "shares")
        joined = graph.node("Concat", [box, best, share], "columns", axis=1)
        graph.node("Transpose", [joined], "output", perm=[0, 2, 1])
        rows = sum((size.height // stride) * (size.width // stride) for stride in STRIDES)
        return graph.finish(
            name,
            ("picture", ("N", size.height, size.width, 3)),
            ("output", ("N", rows, 5 + self.classes)),
        )


def _raised(graph: Graph, fine: str, coarse: str, name: str) -> str:
    """Add a coarse level, every value twice each way, to a fine one."""
    twice = graph.weight(f"{name}.twice", np.array([1, 1, 2, 2], np.float32))
    grown = graph.node(
        *("Resize", [coarse, "", twice], f"{name}.grown"),
        mode="nearest",
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
    )
    return graph.node("Add", [fine, grown], name)


def folded(
    conv: nn.Conv2d, norm: nn.BatchNorm2d
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Kernels and bias of a convolution with its batch norm in them."""
    assert norm.running_var is not None and norm.running_mean is not None
    with torch.no_grad():
        factor = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        weight = conv.weight * factor[:, None, None, None]
        bias = norm.bias - norm.running_mean * factor
    return _numpy(weight), _numpy(bias)


def _plain(conv: nn.Conv2d) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    assert conv.bias is not None
    return _numpy(conv.weight), _numpy(conv.bias)


def _numpy(values: Tensor) -> NDArray[np.float32]:
    return np.asarray(values.detach().to("cpu", torch.float32).numpy(), np.float32)
