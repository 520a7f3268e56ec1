"""Makes the probabilities of an exported network mean what they say.

A network that learned from smoothed labels is never surer than 0.97 of a character, and 0.97 nine
times over is 0.76. One factor on all logits mends that (temperature scaling, Guo et al. 2017, arXiv
1706.04599): the one under which answers that it did not learn from are likeliest.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

FACTORS: Final = np.arange(0.5, 4.01, 0.05)
SCALED: Final = ("told.weight", "told.bias")


def best_factor(told: NDArray[np.float32], answers: NDArray[np.int64]) -> float:
    """The factor on the logits under which some answers are likeliest.

    Args:
        told: Probabilities, [N, answers, symbols].
        answers: What is right, int64 [N, answers].
    """
    logits = np.log(np.maximum(told.astype(np.float64), 1e-12))
    right = np.take_along_axis(logits, answers[..., None], axis=2)[..., 0]

    def likely(factor: float) -> float:
        whole = np.log(np.exp(factor * logits).sum(axis=2))
        return float((factor * right - whole).mean())

    return float(max(FACTORS.tolist(), key=likely))


def sharpen(path: Path, factor: float) -> None:
    """Multiply the logits of an exported ``CropNetwork`` in its file.

    Raises:
        ValueError: The file holds no such network.
    """
    model = onnx.load(str(path))
    weights: list[Any] = [
        each for each in model.graph.initializer if each.name.removesuffix(".half") in SCALED
    ]
    if len(weights) != len(SCALED):
        raise ValueError(f"{path}: no weights {' and '.join(SCALED)}")
    for each in weights:
        values = numpy_helper.to_array(each)
        scaled = (values.astype(np.float32) * factor).astype(values.dtype)
        each.CopyFrom(numpy_helper.from_array(scaled, each.name))
    onnx.save(model, str(path))
