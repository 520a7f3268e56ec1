"""A second look at what a detector marked: crops of the whole picture, judged by a small model.

A detector sees a 1080p picture at a third of its width, where a head 30 pixels wide has 10; the
crop has all 30.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from ioc.errors import ConfigError
from models.crop import Image, squared, window
from models.registry import Model
from vision.detect.detections import FloatArray, IntArray, iou
from vision.detect.parts import PART_ID, Parts
from vision.detect.providers import DetectorSettings, open_session
from vision.source.picture import Picture

LEAST_PX: Final = 8.0
"""Parts with a longer side below this keep the detector's word: there is no more to see."""

MOST: Final = 64
"""Crops of one picture; the surest first. 64 cost 23 ms of one core, 20 cost 6."""

ONE: Final = 0.5
"""Overlap from which two marks are of one part; the surer one stays."""


class SecondLook:
    """Judges the parts that a model knows. Not for several threads at once."""

    def __init__(self, model: Model) -> None:
        """Load the model.

        Raises:
            ConfigError: It is no model that judges crops, or the graph is broken.
        """
        contract = model.contract
        if contract.task != "judge":
            raise ConfigError(f"{model.name}: finds boxes; a second look needs a judge of crops")
        self._session = open_session(model, DetectorSettings(providers=("cpu",), threads=1))
        self._side = model.size.height
        self._context = contract.context
        self._name = model.inputs[0].name
        # Column → part; -1 is none of those that it knows.
        self._part = np.full(contract.class_count, -1, np.int64)
        for column, part in contract.parts.items():
            self._part[column] = PART_ID[part]

    def judge(self, picture: Picture, parts: Parts) -> Parts:
        """The parts as they look from near.

        Those that the model does not know, and those too small, stay as they are. Others get
        what the model takes them for, with its probability as score; what it takes for nothing
        falls, and so does the less sure of two marks that it takes for the same part.

        Args:
            picture: What the parts were found in.
            parts: What was found, best first.
        """
        sides = (parts.xyxy[:, 2:] - parts.xyxy[:, :2]).max(axis=1, initial=0)
        asked = np.flatnonzero(np.isin(parts.part_id, self._part) & (sides >= LEAST_PX))[:MOST]
        if not len(asked):
            return parts
        crops = np.stack([self._crop(picture, parts.xyxy[row]) for row in asked])
        told = np.asarray(self._session.run(None, {self._name: crops})[0], np.float32)
        column = told.argmax(axis=1)
        score, part_id = parts.score.copy(), parts.part_id.copy()
        score[asked], part_id[asked] = told.max(axis=1), self._part[column]
        looked = Parts(parts.xyxy, score, part_id)
        stays = part_id >= 0
        stays[asked[_doubles(parts.xyxy[asked], score[asked], part_id[asked])]] = False
        return looked.select(stays)

    def _crop(self, picture: Picture, box: FloatArray) -> Image:
        at = window(box, self._context)
        right, bottom = at.left + at.side, at.top + at.side
        part = picture.crop(at.left, at.top, right, bottom)
        if not part.size:
            return np.zeros((self._side, self._side, 3), np.uint8)
        over = (right - picture.width, bottom - picture.height)
        lack = (max(0, -at.left), max(0, -at.top), max(0, over[0]), max(0, over[1]))
        return squared(part, lack, self._side)


def _doubles(xyxy: FloatArray, score: FloatArray, part_id: IntArray) -> IntArray:
    """Which marks are a less sure double of another of the same kind."""
    over = np.triu(iou(xyxy, xyxy) > ONE, 1)
    over &= part_id[:, None] == part_id[None, :]
    one, other = np.nonzero(over)
    return np.asarray(np.where(score[one] >= score[other], other, one), np.int64)
