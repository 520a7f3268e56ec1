"""From the outputs of a graph to road users and parts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from ioc.errors import ConfigError
from models.contract import Contract, InputSize
from vision.detect.detected import Detected
from vision.detect.detections import CLASS_ID, Detections, FloatArray, IntArray
from vision.detect.letterbox import Fit
from vision.detect.parts import PART_ID, Parts

MOST: Final = 1000
"""So many of the best boxes of a look are kept, which bounds every step after it."""


class Decoder(Protocol):
    """Reads the outputs of one picture."""

    def decode(self, outputs: Sequence[NDArray[Any]], lies: Fit, least: float) -> Detected:
        """What was found in one picture, overlapping boxes included.

        Args:
            outputs: The graph's outputs for this picture, without the batch dimension.
            lies: How the frame lies in the model's picture.
            least: Boxes with a lower score are left out.

        Returns:
            Boxes in pixels of the frame, inside it, in any order.
        """
        ...


class ClassMap:
    """The columns of a model's classes that mean something here."""

    def __init__(self, contract: Contract) -> None:
        # Column → our id; parts are counted from the end of the classes on.
        self._meaning = np.full(contract.class_count, -1, np.int64)
        for column, name in contract.classes.items():
            self._meaning[column] = CLASS_ID[name]
        for column, part in contract.parts.items():
            self._meaning[column] = len(CLASS_ID) + PART_ID[part]
        self.columns: IntArray = np.flatnonzero(self._meaning >= 0)

    def known(self, label: IntArray) -> NDArray[np.bool_]:
        """Which labels mean something; any number may be among them."""
        inside = (label >= 0) & (label < len(self._meaning))
        return np.asarray(inside & (self._meaning[np.where(inside, label, 0)] >= 0))

    def split(self, xyxy: FloatArray, score: FloatArray, column: IntArray, lies: Fit) -> Detected:
        """Boxes of the model's picture as road users and parts of the frame.

        Args:
            xyxy: Boxes in pixels of the model's picture [N, 4].
            score: [N].
            column: Columns that mean something [N].
            lies: How the frame lies in the model's picture.
        """
        if len(score) > MOST:
            best = np.argpartition(-score, MOST)[:MOST]
            xyxy, score, column = xyxy[best], score[best], column[best]
        boxes, whole = lies.to_frame(xyxy)
        meaning = self._meaning[column]
        score = np.minimum(score, 1).astype(np.float32, copy=False)
        users = whole & (meaning < len(CLASS_ID))
        parts = whole & (meaning >= len(CLASS_ID))
        return Detected(
            Detections(boxes[users], score[users], meaning[users]),
            Parts(boxes[parts], score[parts], meaning[parts] - len(CLASS_ID)),
        )


def decoder_of(contract: Contract, size: InputSize) -> Decoder:
    """The decoder that a contract asks for.

    Raises:
        ConfigError: The contract is of no detector.
    """
    from vision.detect.detr import DetrDecoder, DetrLogitsDecoder
    from vision.detect.yolox import YoloxDecoder

    match contract.decoding:
        case "yolox":
            return YoloxDecoder(contract, size)
        case "detr":
            return DetrDecoder(contract)
        case "detr_logits":
            return DetrLogitsDecoder(contract, size)
        case "softmax" | "slots":
            raise ConfigError("this model looks at crops and finds nothing; give a detector")
