"""Where plates may be: lines of text, found by a DB detector, put together by geometry.

The detector is differentiable binarisation (Liao et al. 2020): a map of how surely each pixel is
inside a shrunk line of text. Its contours are grown back to whole lines; a plate is one long line
or two short ones that lie over each other. Anything else falls, and what remains is only a
proposal: the grammar decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.plate.weights import DETECTOR, open_weights
from vision.source.picture import Image

Quad = NDArray[np.float32]
"""Corners [4, 2]: left top, right top, right bottom, left bottom, in pixels of the picture."""

MULTIPLE: Final = 32
"""Sides of the detector's input are multiples of this."""
LEAST_SIDE: Final = 320
"""A smaller crop is enlarged to this: letters must be about 10 pixels high for the detector."""
MOST_ENLARGED: Final = 3.0
INSIDE: Final = 0.3
SCORE: Final = 0.45
GROWTH: Final = 1.6
"""Threshold of the map, least mean score of a line, and how far a shrunk line is grown back: as
the model's makers run it (0.3, 0.5, 1.6); the score a little lower, for blurred plates."""
MOST_LINES: Final = 24
"""Lines of one picture that are looked at; the surest."""
MOST_PLATES: Final = 24
MOST_AREA: Final = 1 << 20
"""Pixels of one run of the detector: 8 crops of 320x320, or a photo at 960x544 and more."""


@dataclass(frozen=True, slots=True)
class TextLine:
    """A line of text.

    Attributes:
        quad: Its corners.
        score: How sure the detector is, 0-1.
    """

    quad: Quad
    score: float

    @property
    def width(self) -> float:
        """Length of its upper side, pixels."""
        return float(np.linalg.norm(self.quad[1] - self.quad[0]))

    @property
    def height(self) -> float:
        """Length of its left side, pixels."""
        return float(np.linalg.norm(self.quad[3] - self.quad[0]))

    @property
    def centre(self) -> NDArray[np.float32]:
        """Its middle, [2]."""
        return np.asarray(self.quad.mean(axis=0), np.float32)

    def offset(self, other: TextLine) -> tuple[float, float]:
        """Where another line's middle lies, along and across this line, in pixels."""
        along = (self.quad[1] - self.quad[0]) / max(self.width, 1e-6)
        across = np.array([-along[1], along[0]], np.float32)
        delta = other.centre - self.centre
        return float(delta @ along), float(delta @ across)


@dataclass(frozen=True, slots=True)
class Proposal:
    """What may be a plate.

    Attributes:
        rows: Its one or two lines, the upper one first.
        sure: Every line was seen; false where one was only supposed.
    """

    rows: tuple[Quad, ...]
    sure: bool = True


class TextFinder:
    """Finds lines of text. Not for several threads at once."""

    def __init__(self, threads: int = 1) -> None:
        """Load the model.

        Raises:
            ConfigError: The model is missing or broken.
        """
        self._session = open_weights(DETECTOR, threads)
        self._input = self._session.get_inputs()[0].name

    def find(self, images: Sequence[Image], longest: int) -> list[list[TextLine]]:
        """The lines of text in each picture, the surest first.

        Args:
            images: BGR uint8 [h, w, 3]; pictures that scale to the same size share a run.
            longest: A picture's longer side is shrunk to this many pixels.
        """
        found: list[list[TextLine]] = [[] for _ in images]
        sizes: dict[tuple[int, int], list[int]] = {}
        for index, image in enumerate(images):
            if min(image.shape[:2]) >= 4:
                sizes.setdefault(_size(image, longest), []).append(index)
        for (height, width), members in sizes.items():
            at_once = max(1, MOST_AREA // (height * width))
            for start in range(0, len(members), at_once):
                part = members[start : start + at_once]
                batch = np.empty((len(part), 3, height, width), np.float32)
                for row, index in zip(batch, part, strict=True):
                    _fill(row, images[index])
                maps = np.asarray(self._session.run(None, {self._input: batch})[0])[:, 0]
                for index, sure in zip(part, maps, strict=True):
                    rows, columns = images[index].shape[:2]
                    scale = np.array([columns / width, rows / height], np.float32)
                    found[index] = _lines(sure, scale)
        return found


def _size(image: Image, longest: int) -> tuple[int, int]:
    rows, columns = image.shape[:2]
    side = max(rows, columns)
    ratio = min(longest / side, max(1.0, min(LEAST_SIDE / side, MOST_ENLARGED)))
    return (
        max(MULTIPLE, round(rows * ratio / MULTIPLE) * MULTIPLE),
        max(MULTIPLE, round(columns * ratio / MULTIPLE) * MULTIPLE),
    )


def _fill(row: NDArray[np.float32], image: Image) -> None:
    height, width = row.shape[1:]
    shrinks = image.shape[0] > height
    way = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    scaled = cv2.resize(image, (width, height), interpolation=way)
    np.multiply(scaled.transpose(2, 0, 1), 1 / 127.5, out=row)
    row -= 1


def _lines(sure: NDArray[np.float32], scale: NDArray[np.float32]) -> list[TextLine]:
    """Lines in a map of the detector; ``scale`` takes its pixels to the picture's."""
    mask = (sure > INSIDE).astype(np.uint8)
    contours, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    lines = []
    for contour in contours:
        centre, (width, height), angle = cv2.minAreaRect(contour)
        if min(width, height) < 2:
            continue
        left, top, columns, rows = cv2.boundingRect(contour)
        part = sure[top : top + rows, left : left + columns]
        inside = np.zeros(part.shape, np.uint8)
        cv2.fillPoly(inside, [np.asarray(contour - (left, top), np.int32)], 1)
        score = float(part[inside > 0].mean())
        if score < SCORE:
            continue
        grow = GROWTH * width * height / (width + height)
        corners = cv2.boxPoints((centre, (width + grow, height + grow), angle))
        quad = _ordered(np.asarray(corners, np.float32) * scale)
        line = TextLine(quad, score)
        # A line that stands upright is no plate's: frames, poles, shadows of spokes.
        if line.width >= 0.8 * line.height:
            lines.append(line)
    lines.sort(key=lambda line: -line.score)
    return lines[:MOST_LINES]


def _ordered(corners: NDArray[np.float32]) -> Quad:
    """Corners from the left top on, clockwise, so that the first side is the most level one."""
    sides = np.roll(corners, -1, axis=0) - corners
    level = np.abs(sides[:, 0]) - np.abs(sides[:, 1])
    first = int(np.argmax(np.where(sides[:, 0] > 0, level, -np.inf)))
    return np.asarray(np.roll(corners, -first, axis=0), np.float32)


def propose(lines: Sequence[TextLine]) -> list[Proposal]:
    """What may be plates among lines of text.

    Two lines over each other make a two-line plate. A long line alone makes a one-line plate. A
    short one without a partner may have lost it to blur, so the places above and below are tried;
    a nearly square one may be two lines that ran together, so it is cut.

    Args:
        lines: Lines of one picture.
    """
    whole = [*lines, *_joined(lines)]
    plates: list[Proposal] = []
    paired: set[int] = set()
    for upper, top in enumerate(whole):
        for lower, bottom in enumerate(whole):
            if upper != lower and _stacked(top, bottom):
                plates.append(Proposal((top.quad, bottom.quad)))
                paired |= {upper, lower}
    for index, line in enumerate(whole):
        aspect = line.width / max(line.height, 1e-6)
        if 2.6 <= aspect <= 9:
            plates.append(Proposal((line.quad,)))
        if index in paired:
            continue
        if 1.3 <= aspect <= 4.5:
            down = line.quad[3] - line.quad[0]
            plates.append(Proposal((line.quad - down, line.quad), False))
            plates.append(Proposal((line.quad, line.quad + down), False))
        if aspect <= 2.2:
            middle_left = (line.quad[0] + line.quad[3]) / 2
            middle_right = (line.quad[1] + line.quad[2]) / 2
            top_half = np.array([line.quad[0], line.quad[1], middle_right, middle_left])
            low_half = np.array([middle_left, middle_right, line.quad[2], line.quad[3]])
            plates.append(Proposal((top_half, low_half), False))
    return sorted(plates, key=lambda plate: not plate.sure)[:MOST_PLATES]


def _stacked(top: TextLine, bottom: TextLine) -> bool:
    """Whether one line stands over the other as on a plate."""
    height = (top.height + bottom.height) / 2
    if max(top.height, bottom.height) > 1.8 * min(top.height, bottom.height):
        return False
    if top.width > 1.5 * bottom.width or bottom.width > 3 * top.width:
        return False
    along, across = top.offset(bottom)
    return 0.5 * height < across < 1.9 * height and abs(along) < 0.4 * bottom.width


def _joined(lines: Sequence[TextLine]) -> list[TextLine]:
    """Lines made of two that follow each other closely: a dash or a worn letter parted them."""
    made = []
    for index, one in enumerate(lines):
        for other in lines[index + 1 :]:
            height = (one.height + other.height) / 2
            along, across = one.offset(other)
            gap = abs(along) - (one.width + other.width) / 2
            alike = max(one.height, other.height) < 1.8 * min(one.height, other.height)
            if alike and abs(across) < 0.4 * height and gap < 1.2 * height:
                corners = cv2.boxPoints(cv2.minAreaRect(np.concatenate([one.quad, other.quad])))
                quad = _ordered(np.asarray(corners, np.float32))
                made.append(TextLine(quad, min(one.score, other.score)))
    return made[:MOST_LINES]


def straighten(image: Image, quad: Quad, margin: float = 0.0, ends: float = 0.0) -> Image:
    """A line cut out level, in the size that it has in the picture.

    Args:
        image: BGR uint8 [h, w, 3].
        quad: The line's corners.
        margin: Share of the line's height that is added on every side.
        ends: Share of its height that is added at both ends besides.
    """
    width = float(np.linalg.norm(quad[1] - quad[0]))
    height = float(np.linalg.norm(quad[3] - quad[0]))
    # Three times the model's height is enough; a close-up needs no more pixels than that.
    scale = min(1.0, 144 / max(height, 1.0))
    rim = margin * height
    left = rim + ends * height
    columns = max(4, round((width + 2 * left) * scale))
    rows = max(4, round((height + 2 * rim) * scale))
    inner = np.array([[left, rim], [left + width, rim], [left + width, rim + height]], np.float32)
    turn = cv2.getAffineTransform(np.asarray(quad[:3], np.float32), inner * scale)
    way = cv2.INTER_CUBIC if scale == 1.0 else cv2.INTER_AREA
    return np.asarray(
        cv2.warpAffine(image, turn, (columns, rows), flags=way, borderMode=cv2.BORDER_REPLICATE),
        np.uint8,
    )
