"""The plate reader: pictures in, readings out, each with its confidence or the reason why not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Final

import numpy as np

from ioc.events import Plate
from vision.plate.colour import ground_colour
from vision.plate.decode import Line, decode
from vision.plate.find import Proposal, TextFinder, propose, straighten
from vision.plate.grammar import Meaning, Row, automaton, understand
from vision.plate.looks import LOOKS, Look, plain
from vision.plate.pool import FLOOR, pool
from vision.plate.reading import Candidate, PlateReading, why_not
from vision.plate.recognise import Recogniser
from vision.plate.vote import vote
from vision.source.picture import Image

ROWS: Final[dict[int, tuple[Row, ...]]] = {1: ("whole",), 2: ("top", "bottom")}
WORTH: Final = 0.02
"""A proposal whose best text is less probable is no plate at all, only other writing."""
MOST_CANDIDATES: Final = 6


@dataclass(frozen=True, slots=True)
class ReaderSettings:
    """When a reading stands.

    Attributes:
        least_confidence: Probability of the best text, at least.
        least_height_px: Height of a line in the picture, pixels, at least.
        second_look: Below this confidence a plate is cut and read again in other ways.
        crop_side: Longer side that a vehicle's crop is shrunk to for finding lines, pixels.
        photo_side: The same for a whole photo.
    """

    least_confidence: float = 0.85
    least_height_px: float = 9.0
    second_look: float = 0.97
    crop_side: int = 480
    photo_side: int = 960


class PlateReader:
    """Reads plates. Not for several threads at once: its buffers are shared."""

    def __init__(self, threads: int = 1, settings: ReaderSettings | None = None) -> None:
        """Load the models, which come in the wheel of rapidocr.

        Args:
            threads: Threads of inference; the reader is not alone on its machine.
            settings: When a reading stands.

        Raises:
            ConfigError: A model is missing or broken.
        """
        self.settings = settings or ReaderSettings()
        self._finder = TextFinder(threads)
        self._recogniser = Recogniser(threads)

    def read(self, crops: Sequence[Image]) -> list[PlateReading | None]:
        """The plate in each crop of a vehicle, or of a plate with some rim.

        Args:
            crops: BGR uint8 [h, w, 3] of any size; an empty one has no plate.

        Returns:
            Of each crop its best reading, which may be one that does not stand (``text`` is None):
            the vote over a vehicle's frames uses these too. None where no plate was found.
        """
        found = self._look(crops, self.settings.crop_side, thorough=False)
        return [
            max(readings, key=partial(_prominence, crop=crop), default=None)
            for readings, crop in zip(found, crops, strict=True)
        ]

    def decide(self, readings: Sequence[PlateReading | None]) -> Plate | None:
        """The plate of a vehicle from looks at it (``vision.plate.vote``)."""
        return vote(readings)

    def read_photos(self, photos: Sequence[Image]) -> list[list[PlateReading]]:
        """All plates in whole photos, from left to right, those that do not stand included.

        Args:
            photos: BGR uint8 [h, w, 3].
        """
        found = self._look(photos, self.settings.photo_side, thorough=True)
        return [sorted(readings, key=lambda reading: reading.box[0]) for readings in found]

    def _look(
        self, images: Sequence[Image], longest: int, thorough: bool
    ) -> list[list[PlateReading]]:
        proposals = [propose(lines) for lines in self._finder.find(images, longest)]
        first = self._judge(images, [[one for one in part if one.sure] for part in proposals])
        rest = [
            [
                one
                for one in part
                if not one.sure
                and (thorough or not any(not reading.reason for reading in readings))
                and not any(not reading.reason and _meet(reading, one) for reading in readings)
            ]
            for part, readings in zip(proposals, first, strict=True)
        ]
        second = self._judge(images, rest)
        return [_apart([*one, *two]) for one, two in zip(first, second, strict=True)]

    def _judge(
        self, images: Sequence[Image], proposals: Sequence[Sequence[Proposal]]
    ) -> list[list[PlateReading]]:
        asked = [(index, one) for index, part in enumerate(proposals) for one in part]
        texts = self._texts([(images[index], one) for index, one in asked], (plain,))
        again = [
            place
            for place, candidates in enumerate(texts)
            if candidates and candidates[0].probability >= WORTH and self._doubted(candidates[0])
        ]
        closer = self._texts([(images[asked[place][0]], asked[place][1]) for place in again], LOOKS)
        for place, candidates in zip(again, closer, strict=True):
            texts[place] = candidates
        readings: list[list[PlateReading]] = [[] for _ in images]
        for (index, proposal), candidates in zip(asked, texts, strict=True):
            if candidates and candidates[0].probability >= WORTH:
                readings[index].append(self._reading(images[index], proposal, candidates))
        return [_apart(part) for part in readings]

    def _doubted(self, best: Candidate) -> bool:
        """Whether a plate is worth a second look: an unsure one, or one with a short number.

        A number of four digits is rare by now, and what is left of five when an end is cut off.
        """
        short = "." not in best.text and best.meaning.kind in ("car", "motorcycle")
        return best.probability < self.settings.second_look or short

    def _texts(
        self, asked: Sequence[tuple[Image, Proposal]], looks: Sequence[Look]
    ) -> list[tuple[Candidate, ...]]:
        """What each proposal may say, pooled over the ways of looking at it."""
        cut: dict[tuple[int, bytes, int], int] = {}
        rows: list[Image] = []
        for image, proposal in asked:
            for quad in proposal.rows:
                for number, look in enumerate(looks):
                    key = (id(image), quad.tobytes(), number)
                    if key not in cut:
                        cut[key] = len(rows)
                        rows.append(look(image, quad))
        seen = self._recogniser.read(rows)
        told: dict[tuple[int, Row], list[Line]] = {}
        results = []
        for image, proposal in asked:
            kinds = ROWS[len(proposal.rows)]
            views: list[dict[Meaning, float]] = []
            for number in range(len(looks)):
                lines = []
                for quad, kind in zip(proposal.rows, kinds, strict=True):
                    place = cut[id(image), quad.tobytes(), number]
                    if (place, kind) not in told:
                        told[place, kind] = decode(seen[place], automaton(kind))
                    lines.append(told[place, kind])
                views.append(dict(_meanings(lines)))
            pooled = pool(views, [1.0] * len(views))[:MOST_CANDIDATES]
            results.append(tuple(Candidate(meaning, share) for meaning, share in pooled))
        return results

    def _reading(
        self, image: Image, proposal: Proposal, candidates: tuple[Candidate, ...]
    ) -> PlateReading:
        colour = ground_colour([straighten(image, quad) for quad in proposal.rows])
        lowest = proposal.rows[-1]
        height = float(np.linalg.norm(lowest[3] - lowest[0]))
        reason = why_not(
            *(candidates[0], height, colour),
            least_height_px=self.settings.least_height_px,
            least_confidence=self.settings.least_confidence,
        )
        return PlateReading(candidates, proposal.rows, height, colour, reason)


def _meanings(lines: Sequence[Sequence[Line]]) -> list[tuple[Meaning, float]]:
    """What the lines may say together, with the product of their probabilities."""
    told = []
    for chosen in product(*lines):
        meaning = understand(tuple(line.text for line in chosen))
        share = float(np.prod([line.probability for line in chosen]))
        if meaning is not None and share > FLOOR:  # less would be lifted to it when pooled
            told.append((meaning, share))
    return told


def _apart(readings: Sequence[PlateReading]) -> list[PlateReading]:
    """Of readings of one place the best: those that stand first, then the most probable."""
    kept: list[PlateReading] = []
    ranked = sorted(readings, key=lambda one: (bool(one.reason), -one.confidence))
    for reading in ranked:
        if not any(_share(reading.box, other.box) > 0.2 for other in kept):
            kept.append(reading)
    return kept


def _share(one: tuple[int, int, int, int], other: tuple[int, int, int, int]) -> float:
    """Common area over the smaller of two boxes."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    smaller = min((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return width * height / max(smaller, 1)


def _meet(reading: PlateReading, proposal: Proposal) -> bool:
    left, top, right, bottom = reading.box
    for row in proposal.rows:
        x, y = row.mean(axis=0).tolist()
        if left <= x <= right and top <= y <= bottom:
            return True
    return False


def _prominence(reading: PlateReading, crop: Image) -> float:
    """How likely a reading is the crop's own plate: sure, and near the middle.

    Vehicles stand close, so a crop shows the neighbours' plates at its edges.
    """
    left, _, right, _ = reading.box
    off: float = abs((left + right) / 2 / crop.shape[1] - 0.5) * 2
    return (0.0 if reading.reason else 1.0) + reading.confidence * (1 - 0.5 * off)
