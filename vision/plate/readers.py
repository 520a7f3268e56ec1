"""Which reader of plates goes with a detector."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ioc.events import Plate
from models.registry import Model, resolve
from vision.plate.reader import PlateReader
from vision.plate.reading import PlateReading
from vision.plate.slots import SlotReader
from vision.source.picture import Image


class CropReader(Protocol):
    """Reads the plates on crops of vehicles. Not for several threads at once."""

    def read(self, crops: Sequence[Image]) -> list[PlateReading | None]:
        """The plate on each crop, BGR uint8 [h, w, 3]; None where none was found."""
        ...

    def decide(self, readings: Sequence[PlateReading | None]) -> Plate | None:
        """The plate of one vehicle from looks at it; None where they do not agree."""
        ...


def reader_for(detector: Model, threads: int = 1) -> CropReader:
    """The reader that a detector's manifest entry names, else the one for real streets.

    Raises:
        ConfigError: A model is missing or broken.
    """
    if detector.plates is None:
        return PlateReader(threads)
    return SlotReader(detector, resolve(detector.plates), threads)
