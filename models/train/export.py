"""From trained weights to the two ONNX files: float32, and int8 for a CPU."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)

from models.contract import InputSize
from models.train.augment import Image, example
from models.train.dataset import FloatArray, Sample

CALIBRATED: Final = 96
"""Pictures that the ranges of the int8 file are measured on."""

KINDS: Final = ["Conv", "Add", "MaxPool", "Concat", "Resize"]
"""Operators that run in int8."""

FLOAT_FROM: Final = ("cells", "boxes", "logits", "scores", "best", "shares", "columns", "output")
"""Nodes after the heads, which stay in float."""


class _Pictures(CalibrationDataReader):  # type: ignore[misc]
    """Gives the calibration one picture after another."""

    def __init__(self, samples: Sequence[Sample], size: InputSize) -> None:
        self._examples = (example(sample, size, None).picture[None] for sample in samples)

    def get_next(self) -> dict[str, Image] | None:
        """The next picture, or None."""
        picture = next(self._examples, None)
        return None if picture is None else {"picture": picture}


def sensitive(model: onnx.ModelProto) -> list[str]:
    """Nodes that stay in float: the last convolutions of the heads, and all after them.

    A box's log size in 8 bits goes in steps of 3 %, which alone costs an overlap of 0.03.
    """
    names = [node.name for node in model.graph.node]
    heads = (".box", ".score", ".join", ".rows")
    return [
        name
        for name in names
        if name in FLOAT_FROM or (name.startswith("head") and name.endswith(heads))
    ]


def quantise(
    source: Path, target: Path, samples: Sequence[Sample], size: InputSize, averaged: bool
) -> None:
    """Write the int8 file of a float32 one.

    Args:
        source: The float32 file.
        target: Where the int8 file goes.
        samples: Pictures that the ranges are measured on; ``CALIBRATED`` of them, evenly taken.
        size: The input.
        averaged: Ranges are the means of the pictures' extremes, so that one glare does not
            coarsen all other values; else the extremes of all, so that nothing is cut off.
    """
    step = max(1, len(samples) // CALIBRATED)
    level = logging.getLogger().level
    logging.getLogger().setLevel(logging.ERROR)  # it advises a step that changes nothing here
    try:
        quantize_static(
            str(source),
            str(target),
            _Pictures(samples[::step][:CALIBRATED], size),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=KINDS,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=sensitive(onnx.load(str(source))),
            calibrate_method=CalibrationMethod.MinMax,
            extra_options={"CalibMovingAverage": averaged},
        )
    finally:
        logging.getLogger().setLevel(level)


def session_of(path: Path, threads: int) -> ort.InferenceSession:
    """A session on the CPU."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def runner(session: ort.InferenceSession) -> Callable[[Image], FloatArray]:
    """Pictures uint8 [B, H, W, 3] to rows [B, cells, 5 + classes]."""

    def run(pictures: Image) -> FloatArray:
        return np.asarray(session.run(None, {"picture": pictures})[0], np.float32)

    return run


def difference(ours: NDArray[Any], theirs: NDArray[Any], least: float = 0.05) -> dict[str, float]:
    """How far two outputs [B, cells, 5 + classes] lie apart at most.

    Args:
        ours: One.
        theirs: The other.
        least: The box of a cell that scores less in both is never read, and not compared.

    Returns:
        ``score``: of the scores of all cells; ``box``: of centres and log sizes, in cells.
    """
    told = np.maximum(ours[..., 4], theirs[..., 4]) >= least
    boxes = np.abs(ours[..., :4] - theirs[..., :4])[told]
    scores = np.abs(ours[..., 5:] * ours[..., 4:5] - theirs[..., 5:] * theirs[..., 4:5])
    return {"score": float(scores.max()), "box": float(boxes.max(initial=0))}
