"""Reads boxes out of the outputs of DETR-style graphs: RT-DETR, D-FINE, RF-DETR.

They give a set of boxes without doubles (Carion et al. 2020, arXiv 2005.12872), so that there is
nothing to suppress within one look; only the best ones are kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.contract import Contract, InputSize
from vision.detect.decoder import ClassMap
from vision.detect.detected import Detected
from vision.detect.letterbox import Fit


class DetrDecoder:
    """Decodes labels [Q], boxes [Q, 4] and scores [Q] of a graph with a post-processor.

    Boxes are left, top, right, bottom in pixels of the size that the graph was told, which is
    that of its own picture.
    """

    def __init__(self, contract: Contract) -> None:
        self._classes = ClassMap(contract)

    def decode(self, outputs: Sequence[NDArray[Any]], lies: Fit, least: float) -> Detected:
        """See ``Decoder``."""
        label, xyxy, score = outputs
        # NaN fails the comparison. A label may come as a float; NaN is no whole number then.
        keep = np.flatnonzero(score >= least)
        label = np.nan_to_num(label[keep], nan=-1, posinf=-1, neginf=-1).astype(np.int64)
        known = self._classes.known(label)
        keep = keep[known]
        return self._classes.split(
            xyxy[keep].astype(np.float32), score[keep].astype(np.float32), label[known], lies
        )


class DetrLogitsDecoder:
    """Decodes boxes [Q, 4] and logits [Q, classes] of a graph without a post-processor.

    Boxes are centre, width and height in shares of the picture; a class's score is the sigmoid
    of its logit. A query is one object: it gets the best of the classes that mean something.
    """

    def __init__(self, contract: Contract, size: InputSize) -> None:
        self._classes = ClassMap(contract)
        self._scale = np.array([size.width, size.height], np.float32)

    def decode(self, outputs: Sequence[NDArray[Any]], lies: Fit, least: float) -> Detected:
        """See ``Decoder``."""
        shares, logits = (np.asarray(each, np.float32) for each in outputs)
        # The best class is that of the best logit: the sigmoid, which keeps the order, is then
        # taken of one number a query. NaN compares as lowest here.
        taken = np.nan_to_num(logits[:, self._classes.columns], nan=-np.inf, posinf=80, neginf=-80)
        best = taken.argmax(axis=1)
        # exp(80) is still a float32; the sigmoid of ±80 is 0 or 1 to its last digit.
        score = 1 / (1 + np.exp(-taken[np.arange(len(taken)), best].clip(-80, 80)))
        keep = np.flatnonzero(score >= least)
        centre, half = shares[keep, :2] * self._scale, shares[keep, 2:] * self._scale / 2
        xyxy = np.concatenate((centre - half, centre + half), axis=1).astype(np.float32)
        return self._classes.split(
            xyxy, score[keep].astype(np.float32), self._classes.columns[best[keep]], lies
        )
