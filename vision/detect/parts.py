"""What a model sees on vehicles: heads with and without a helmet, plates, emergency lights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, get_args

import numpy as np

from models.contract import Part
from vision.detect.detections import BoolArray, FloatArray, IntArray

PARTS: Final[tuple[Part, ...]] = get_args(Part)
PART_ID: Final[dict[Part, int]] = {name: index for index, name in enumerate(PARTS)}


@dataclass(frozen=True, slots=True)
class Parts:
    """Boxes of one frame that are no vehicles of their own.

    Attributes:
        xyxy: Left, top, right, bottom in pixels of the frame, float32 [N, 4].
        score: Confidence 0-1, float32 [N].
        part_id: Place in ``PARTS``, int64 [N].
    """

    xyxy: FloatArray
    score: FloatArray
    part_id: IntArray

    @staticmethod
    def empty() -> Parts:
        """No boxes."""
        return Parts(np.empty((0, 4), np.float32), np.empty(0, np.float32), np.empty(0, np.int64))

    def __len__(self) -> int:
        return len(self.score)

    def select(self, which: BoolArray | IntArray) -> Parts:
        """The boxes of a mask or of indices, in their order."""
        return Parts(self.xyxy[which], self.score[which], self.part_id[which])

    def of(self, part: Part) -> Parts:
        """The boxes of one kind."""
        return self.select(self.part_id == PART_ID[part])
