"""The reader of small plates: a detector finds the plate, one network reads all of it at once.

It knows the plates of the rendered junctions only, letters from 6 pixels on; real streets are read
by ``vision.plate.reader``, whose models come from real writing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from ioc.errors import ConfigError
from ioc.events import Plate
from models.crop import stretched
from models.plate_slots import SLOTS, decode
from models.registry import Model
from vision.detect.detections import FloatArray
from vision.detect.providers import DetectorSettings, open_session
from vision.detect.session import Detector
from vision.plate.colour import ground_colour
from vision.plate.grammar import understand
from vision.plate.reading import Candidate, PlateReading, why_not
from vision.plate.slot_vote import vote_slots
from vision.source.picture import Image, Picture

MOST_CANDIDATES: Final = 6

CANVAS: Final = (768, 1280)
"""Rows and columns of what the detector is shown: half of this it sees, so that plates of 20 pixels
have 10, as in the pictures that it learned from. Of 210 plates of 14 to 40 pixels it found 206
there, and 95 on a canvas of its own size."""

GREY: Final = 114


@dataclass(frozen=True, slots=True)
class SlotSettings:
    """When a reading stands.

    Attributes:
        least_confidence: Probability of the best text, at least.
        least_height_px: Height of a line in the picture, pixels, at least.
        least_score: The detector's confidence in a plate, at least.
    """

    least_confidence: float = 0.85
    least_height_px: float = 6.0
    least_score: float = 0.15


class SlotReader:
    """Reads plates. Not for several threads at once: its buffers are shared."""

    def __init__(
        self, detector: Model, model: Model, threads: int = 1, settings: SlotSettings | None = None
    ) -> None:
        """Load both models.

        Args:
            detector: Marks plates.
            model: Reads them.
            threads: Threads of inference; the reader is not alone on its machine.
            settings: When a reading stands.

        Raises:
            ConfigError: A graph is broken, or is no such model.
        """
        if "plate" not in detector.contract.parts.values():
            raise ConfigError(f"{detector.name}: marks no plates; the reader needs one that does")
        if model.contract.decoding != "slots":
            raise ConfigError(f"{model.name}: reads no plates")
        self.settings = settings or SlotSettings()
        self._detector = Detector(
            detector, DetectorSettings(threads=threads, least_score=self.settings.least_score)
        )
        self._session = open_session(model, DetectorSettings(providers=("cpu",), threads=threads))
        self._size, self._context = model.size, model.contract.context
        self._input = model.inputs[0].name

    def read(self, crops: Sequence[Image]) -> list[PlateReading | None]:
        """The plate in each crop of a vehicle.

        Args:
            crops: BGR uint8 [h, w, 3] of any size; an empty one has no plate.

        Returns:
            Of each crop its best reading, which may be one that does not stand; None where no
            plate was found.
        """
        boxes = [self._find(crop) for crop in crops]
        seen = [number for number, box in enumerate(boxes) if box is not None]
        readings: list[PlateReading | None] = [None] * len(crops)
        if not seen:
            return readings
        batch = np.stack([self._cut(crops[number], boxes[number]) for number in seen])
        told = np.asarray(self._session.run(None, {self._input: batch})[0], np.float32)
        for number, slots in zip(seen, told.reshape(len(seen), SLOTS, -1), strict=True):
            readings[number] = self._reading(crops[number], boxes[number], slots)
        return readings

    def decide(self, readings: Sequence[PlateReading | None]) -> Plate | None:
        """The plate of a vehicle from looks at it (``vision.plate.slot_vote``)."""
        return vote_slots(readings)

    def _find(self, crop: Image) -> FloatArray | None:
        """The likeliest plate of a crop, pixels of it."""
        if not crop.size:
            return None
        rows, columns = crop.shape[:2]
        factor = min(1.0, CANVAS[0] / rows, CANVAS[1] / columns)
        canvas = np.full((*CANVAS, 3), GREY, np.uint8)
        small = (max(1, round(columns * factor)), max(1, round(rows * factor)))
        x, y = (CANVAS[1] - small[0]) // 2, (CANVAS[0] - small[1]) // 2
        Picture(bgr=crop).resize_into(canvas[y : y + small[1], x : x + small[0]])
        plates = self._detector.detect([Picture(bgr=canvas)])[0].parts.of("plate")
        if not len(plates):
            return None
        boxes = (plates.xyxy - np.array([x, y, x, y])) / factor
        # Vehicles stand close, so a crop shows the neighbours' plates at its edges.
        off = np.abs((boxes[:, 0] + boxes[:, 2]) / 2 / columns - 0.5) * 2
        best = int((plates.score * (1 - 0.5 * np.minimum(off, 1))).argmax())
        return np.asarray(boxes[best], np.float32)

    def _cut(self, crop: Image, box: FloatArray | None) -> Image:
        assert box is not None
        rows, columns = crop.shape[:2]
        middle, half = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]) / 2 * self._context
        left, top = np.maximum(np.floor(middle - half), 0).astype(int)
        right, bottom = np.minimum(np.ceil(middle + half), (columns, rows)).astype(int)
        return stretched(crop[top : max(bottom, top + 1), left : max(right, left + 1)], self._size)

    def _reading(
        self, crop: Image, box: FloatArray | None, slots: FloatArray
    ) -> PlateReading | None:
        assert box is not None
        candidates = []
        for lines, share in decode(slots):
            meaning = understand(lines)
            if meaning is not None:
                candidates.append(Candidate(meaning, min(share, 1.0)))
        if not candidates:
            return None
        count = 2 if slots[0].argmax() == 2 else 1
        rows = _rows(box, count)
        colour = ground_colour([_level(crop, row) for row in rows])
        height = float(box[3] - box[1]) / count
        reason = why_not(
            *(candidates[0], height, colour),
            least_height_px=self.settings.least_height_px,
            least_confidence=self.settings.least_confidence,
        )
        return PlateReading(
            tuple(candidates[:MOST_CANDIDATES]), rows, height, colour, reason, slots
        )


def _rows(box: FloatArray, count: int) -> tuple[FloatArray, ...]:
    """The lines of a plate as corners, each [4, 2]: as high as each other."""
    left, top, right, bottom = box.tolist()
    edges = np.linspace(top, bottom, count + 1)
    return tuple(
        np.array([(left, above), (right, above), (right, below), (left, below)], np.float32)
        for above, below in pairwise(edges.tolist())
    )


def _level(crop: Image, row: FloatArray) -> Image:
    (left, top), (right, bottom) = row[0], row[2]
    height, width = crop.shape[:2]
    return crop[
        max(0, int(top)) : min(height, int(np.ceil(bottom))),
        max(0, int(left)) : min(width, int(np.ceil(right))),
    ]
